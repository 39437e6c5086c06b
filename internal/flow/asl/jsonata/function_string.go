package jsonata

import (
	"math"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

var stringFunctions = map[string]*builtin{
	"string": define("<x-b?:s>", 1, given(func(r *run, args []any) any {
		pretty, _ := argument(args, 1).(bool)
		return r.stringify(args[0], pretty)
	})),
	"substring": define("<s-nn?:s>", 3, given(substring)),
	"substringBefore": define("<s-s:s>", 2, given(func(r *run, args []any) any {
		r.work(len(args[0].(string)) / 16)
		before, _, _ := strings.Cut(args[0].(string), separator(args, 1))
		return before
	})),
	"substringAfter": define("<s-s:s>", 2, given(func(r *run, args []any) any {
		r.work(len(args[0].(string)) / 16)
		if _, after, found := strings.Cut(args[0].(string), separator(args, 1)); found {
			return after
		}
		return args[0]
	})),
	"lowercase": define("<s-:s>", 1, onText(func(s string) any { return lowercase(s) })),
	"uppercase": define("<s-:s>", 1, onText(func(s string) any { return uppercase(s) })),
	"length":    define("<s-:n>", 1, onText(func(s string) any { return float64(textLength(s)) })),
	"trim":      define("<s-:s>", 1, onText(trim)),
	"pad":       define("<s-ns?:s>", 3, given(pad)),
	"join":      define("<a<s>s?:s>", 2, given(join)),
}

// separator is a text to look for; one that is not given is the text that ECMAScript makes of undefined.
func separator(args []any, i int) string {
	if s, ok := argument(args, i).(string); ok {
		return s
	}
	return "undefined"
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func lowercase(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func uppercase(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

// trim makes every run of blanks one space and removes those at the ends.
func trim(s string) any {
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }), " ")
}

// substring counts characters; a negative start counts from the end.
func substring(r *run, args []any) any {
	s := args[0].(string)
	r.work(len(s) / 16)
	size := float64(textLength(s))
	start, _ := optional(args, 1)
	if size+start < 0 {
		start = 0
	}
	end := size
	if length, ok := optional(args, 2); ok {
		if length <= 0 {
			return ""
		}
		end = start + length
		if start < 0 {
			end += size
		}
	}
	return cutText(s, relative(start, size), relative(end, size))
}

// relative is a position as ECMAScript's slice takes it.
func relative(f, size float64) int {
	f = math.Trunc(f)
	switch {
	case math.IsNaN(f):
		return 0
	case f < 0:
		return int(max(0, f+size))
	}
	return int(min(f, size))
}

// pad widens a text to the right, or to the left if the width is negative.
func pad(r *run, args []any) any {
	s := args[0].(string)
	width, _ := optional(args, 1)
	fill := textOf(args, 2)
	if fill == "" {
		fill = " "
	}
	missing := math.Abs(width) - float64(textLength(s))
	if !(missing > 0) {
		return s
	}
	if missing != math.Trunc(missing) {
		panic(mistake(codeNative, 0).withValue(width))
	}
	size := textLength(fill)
	times := math.Ceil(missing / float64(size))
	r.charge(int(min(times*float64(len(fill)), 1<<40)))
	padding := strings.Repeat(fill, int(times))
	if size > 1 {
		padding = cutText(padding, 0, int(missing))
	}
	if width > 0 {
		return joinText(s, padding)
	}
	return joinText(padding, s)
}

func join(r *run, args []any) any {
	items := r.list(args[0])
	between := textOf(args, 1)
	parts := make([]string, len(items))
	for i, item := range items {
		r.step()
		if item != nil && item != undefined {
			parts[i] = r.stringify(item, false)
		}
		r.charge(len(parts[i]) + len(between))
	}
	return mended(strings.Join(parts, between))
}
