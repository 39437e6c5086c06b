package console

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// codeLine is a line of a text that is shown with its number and, where something is
// wrong in it, the place.
type codeLine struct {
	Number                int // from 1; 0 is not shown
	Before, Marked, After string
	Hit                   bool
}

// linesOf are the lines from first to last of a text, counted from 1.
func linesOf(text string, first, last int) (lines []codeLine) {
	for i, line := range strings.Split(text, "\n") {
		if number := i + 1; number >= first && number <= last {
			lines = append(lines, codeLine{Number: number, Before: strings.TrimSuffix(line, "\r")})
		}
	}
	return lines
}

// mark marks so many characters of a line from a column on, counted from 1.
func (l *codeLine) mark(column, length int) {
	runes := []rune(l.Before)
	from := min(max(column-1, 0), len(runes))
	to := min(from+max(length, 1), len(runes))
	l.Before, l.Marked, l.After, l.Hit = string(runes[:from]), string(runes[from:to]), string(runes[to:]), true
	if l.Marked == "" { // at the end of a line there is nothing to underline
		l.Marked = "\u00a0"
	}
}

// faultLines is a statement with its mistake marked, and the statement as it is with
// the suggestion in its place, "" without one.
func faultLines(sql string, f *Fault) (lines []codeLine, mended string) {
	lines = linesOf(sql, 1, strings.Count(sql, "\n")+1)
	if f.Line > len(lines) {
		return lines, ""
	}
	line := &lines[f.Line-1]
	runes := []rune(line.Before)
	from := min(f.Column-1, len(runes))
	to := from
	for to < len(runes) && (unicode.IsLetter(runes[to]) || unicode.IsDigit(runes[to]) || runes[to] == '_') {
		to++
	}
	if f.Suggestion != "" && to > from {
		all := strings.Split(sql, "\n")
		all[f.Line-1] = string(runes[:from]) + f.Suggestion + string(runes[to:])
		mended = strings.Join(all, "\n")
	}
	line.mark(f.Column, to-from)
	return lines, mended
}

// linesAround is how many lines of a file stand before and after the one that is
// marked.
const linesAround = 3

// ruleLines are the lines of a definition around a rule, with the rule marked.
func ruleLines(r Rule) []codeLine {
	if r.File == "" || r.Line == 0 {
		return nil
	}
	lines := linesOf(r.Text, max(1, r.Line-linesAround), r.Line+linesAround)
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1].Before) == "" && lines[len(lines)-1].Number > r.Line {
		lines = lines[:len(lines)-1]
	}
	for i := range lines {
		if lines[i].Number == r.Line {
			lines[i].mark(r.Column, entryLength(lines[i].Before, r.Column))
		}
	}
	return lines
}

// entryLength is how many characters a YAML entry takes on its line from a column on:
// to the comma or bracket that ends it in a flow, else to the end of the line.
func entryLength(line string, column int) int {
	runes := []rune(line)
	from := min(max(column-1, 0), len(runes))
	depth, quote, end := 0, rune(0), len(runes)
	for i := from; i < len(runes); i++ {
		switch r := runes[i]; {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '[' || r == '{':
			depth++
		case (r == ']' || r == '}') && depth > 0:
			depth--
		case depth == 0 && (r == ',' || r == ']' || r == '}'), r == '#' && i > 0 && runes[i-1] == ' ':
			end = i
			i = len(runes)
		}
	}
	for end > from+1 && unicode.IsSpace(runes[end-1]) {
		end--
	}
	return end - from
}

// lineShown is how many bytes of a record are shown; its own page has all.
const lineShown = 4000

var atByte = regexp.MustCompile(`byte (\d+): `)

// recordLines are a record's members, one on each line, as they were sent, with the
// value of a field marked. What is no JSON object stands as it is, marked at the byte
// that the message names.
func recordLines(text, field, message string) []codeLine {
	text = strings.ToValidUTF8(text, "\uFFFD")
	members, ok := membersOf(text)
	if !ok {
		line := codeLine{Before: cut(text)}
		if m := atByte.FindStringSubmatch(message); m != nil {
			at, _ := strconv.Atoi(m[1]) // digits
			line.mark(utf8.RuneCountInString(text[:min(max(at-1, 0), len(text))])+1, 1)
		}
		return []codeLine{line}
	}
	field, _, _ = strings.Cut(strings.Trim(field, `"`), ".")
	field, _, _ = strings.Cut(field, "[")
	var lines []codeLine
	for i, m := range members {
		line := codeLine{Before: "  " + m.key + ": " + cut(m.value)}
		if i == 0 {
			line.Before = "{ " + line.Before[2:]
		}
		if i == len(members)-1 {
			line.Before += " }"
		} else {
			line.Before += ","
		}
		if m.name == field {
			line.mark(utf8.RuneCountInString(m.key)+5, utf8.RuneCountInString(cut(m.value)))
		}
		lines = append(lines, line)
	}
	return lines
}

func cut(text string) string {
	if len(text) <= lineShown {
		return text
	}
	return strings.ToValidUTF8(text[:lineShown], "") + "…"
}

// member is a field of a JSON object: its name, and name and value as they were sent.
type member struct{ name, key, value string }

// membersOf takes a JSON object apart.
func membersOf(text string) (members []member, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		before := d.InputOffset()
		t, err := d.Token()
		name, isText := t.(string)
		if err != nil || !isText {
			return nil, false
		}
		key := strings.Trim(text[before:d.InputOffset()], " \t\r\n,")
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, false
		}
		members = append(members, member{name, key, string(value)})
	}
	_, err := d.Token()
	return members, err == nil && len(members) > 0
}
