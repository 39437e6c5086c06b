package jsonata

import (
	"math"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

var matchFunctions = map[string]*builtin{
	"contains": define("<s-(sf):b>", 2, given(func(r *run, args []any) any {
		s := args[0].(string)
		if token, ok := argument(args, 1).(string); ok {
			r.work(len(s) / 16)
			return strings.Contains(s, token)
		}
		return r.firstMatch(argument(args, 1), r.subject(s)) != nil
	})),
	"match":   define("<s-f<s:o>n?:a<o>>", 3, given(matches)),
	"replace": define("<s-(sf)(sf)n?:s>", 4, given(replace)),
	"split":   define("<s-(sf)n?:a<s>>", 3, given(split)),
}

// limit is an argument that says how often to do something, without a bound if it is not given.
func limit(args []any, i int, code string) float64 {
	n, ok := optional(args, i)
	if !ok {
		return math.Inf(1)
	}
	if n < 0 {
		panic(mistake(code, 0).withValue(n).with("index", float64(i+1)))
	}
	return n
}

// eachMatch visits matches up to the limit. found is false if there is none at all.
func (r *run) eachMatch(function any, s *subject, limit float64, visit func(*match)) (found bool) {
	m := r.firstMatch(function, s)
	found = m != nil
	for count := 0.0; m != nil && count < limit; count++ {
		visit(m)
		m = r.followingMatch(m)
	}
	return found
}

func matches(r *run, args []any) any {
	result := newSequence()
	most := limit(args, 2, "D3040")
	if most > 0 {
		r.eachMatch(argument(args, 1), r.subject(args[0]), most, func(m *match) {
			r.charge(3 * bytesMember)
			result.items = append(result.items, objectOf("match", m.text, "index", m.start, "groups", m.groups))
		})
	}
	return result
}

// objectOf makes an object of those of its members that are not undefined.
func objectOf(pairs ...any) *value.Object {
	o := value.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != undefined {
			o.Set(pairs[i].(string), pairs[i+1])
		}
	}
	return o
}

func split(r *run, args []any) any {
	s := args[0].(string)
	most := limit(args, 2, "D3020")
	result := &array{}
	if most <= 0 {
		return result
	}
	add := func(part string) {
		r.step()
		r.charge(bytesItem)
		result.items = append(result.items, part)
	}
	if between, ok := argument(args, 1).(string); ok {
		splitText(r, s, between, math.Trunc(most), add)
		return result
	}
	subject := r.subject(s)
	start, count := 0, 0.0
	r.eachMatch(argument(args, 1), subject, most, func(m *match) {
		add(subject.cut(start, index(m.start)))
		start = index(m.end)
		count++
	})
	if count < most {
		add(subject.cut(start, len(subject.units)))
	}
	return result
}

// splitText cuts s at a text, or between all its UTF-16 code units if that is empty.
func splitText(r *run, s, between string, most float64, add func(string)) {
	if between == "" {
		subject := r.subject(s)
		for i := range subject.units {
			if float64(i) >= most {
				return
			}
			add(subject.cut(i, i+1))
		}
		return
	}
	r.work(len(s) / 16)
	for count := 0.0; count < most; count++ {
		part, rest, found := strings.Cut(s, between)
		add(part)
		if !found {
			return
		}
		s = rest
	}
}

func replace(r *run, args []any) any {
	s := args[0].(string)
	if argument(args, 1) == "" {
		panic(mistake("D3010", 0).withValue("").with("index", 2.0))
	}
	most := limit(args, 3, "D3011")
	if most <= 0 {
		return s
	}
	var out strings.Builder
	add := func(part string) {
		r.charge(len(part))
		out.WriteString(part)
	}
	replacement, isText := argument(args, 2).(string)
	if token, ok := argument(args, 1).(string); ok {
		r.work(len(s) / 16)
		for count := 0.0; count < most; count++ {
			before, after, found := strings.Cut(s, token)
			if !found {
				break
			}
			r.step()
			add(before)
			add(replacement)
			s = after
		}
		add(s)
		return mended(out.String())
	}
	subject := r.subject(s)
	position := 0
	r.eachMatch(argument(args, 1), subject, most, func(m *match) {
		start := index(m.start)
		add(subject.cut(position, start))
		if isText {
			add(r.substitute(replacement, m))
		} else {
			with := r.call(argument(args, 2), m.object())
			text, ok := with.(string)
			if !ok {
				panic(mistake("D3012", 0).withValue(with))
			}
			add(text)
		}
		matched, _ := m.text.(string)
		position = start + len(textUnits(matched))
	})
	add(subject.cut(position, len(subject.units)))
	return mended(out.String())
}

// substitute fills the groups of a match into $1, $2 … of a replacement; $0 is all of the match and $$ a dollar sign.
func (r *run) substitute(replacement string, m *match) string {
	groups := r.list(m.groups)
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(replacement, "$")
		out.WriteString(before)
		if !found {
			break
		}
		r.step()
		r.charge(len(before))
		replacement = rest
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			replacement = rest[1:]
		case strings.HasPrefix(rest, "0"):
			text, _ := m.text.(string)
			out.WriteString(r.text(text))
			replacement = rest[1:]
		default:
			number, digits := groupNumber(rest, len(groups))
			if digits == 0 {
				out.WriteByte('$')
				break
			}
			if number >= 1 && number <= len(groups) {
				text, _ := groups[number-1].(string)
				out.WriteString(r.text(text))
			}
			replacement = rest[digits:]
		}
	}
	return out.String()
}

// groupNumber reads the number of a group, with no more digits than the number of groups has. digits is how many its text takes.
func groupNumber(s string, groups int) (number, digits int) {
	longest := len(numberText(float64(max(groups, 1))))
	read := func(longest int) (n, digits int) {
		for digits < longest && digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			n = n*10 + int(s[digits]-'0')
			digits++
		}
		return n, digits
	}
	number, digits = read(longest)
	if longest > 1 && number > groups {
		number, digits = read(longest - 1)
	}
	if digits > 0 {
		digits = len(numberText(float64(number)))
	}
	return number, digits
}
