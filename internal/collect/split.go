package collect

import (
	"bytes"
	"fmt"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// headBytes is how much is kept of a record that is too large.
const headBytes = 4 << 10

// Lines are the records of a request, checked, cut into parts that each fit one
// envelope. Where the records stand in the body as they are stored, one a line,
// the parts are pieces of the body and not copies.
type Lines struct {
	Parts   []Part
	Records int
	Flawed  int
	// Unreadable is how many records are not JSON at all.
	Unreadable int

	left int // about how many bytes are still to come
}

// Part is a run of records that goes into one envelope.
type Part struct {
	First int // index in the request of the first record
	Count int
	Lines []byte
	Flaws []record.Flaw // Index counts within the part

	borrowed bool // Lines is a piece of the body: it is not ours to append to
}

// add puts one record's text, trimmed of white space, into the last part.
func (l *Lines) add(text []byte) { l.addLine(text, nil) }

// addLine is add for a text that stands with its line break in the body: whole is
// both, and stays as it is. nil is a text that does not.
func (l *Lines) addLine(text, whole []byte) {
	var code, message string
	switch {
	case len(text) > record.MaxRecordBytes:
		code = record.CodeTooLarge
		message = fmt.Sprintf("the record has %d bytes, the limit is %d; its first %d are kept", len(text), record.MaxRecordBytes, headBytes)
		text, whole = text[:headBytes], nil
	default:
		code, message = jsontext.Check(text)
	}
	l.put(text, whole, code, message)
}

// addFlawed puts a record into the last part, with what is wrong with it.
func (l *Lines) addFlawed(text []byte, code, message string) { l.put(text, nil, code, message) }

// put takes a record, its line of the body or nil, and what is wrong with it; an
// empty code is nothing.
func (l *Lines) put(text, whole []byte, code, message string) {
	n := len(l.Parts)
	if n == 0 || l.Parts[n-1].Count == record.MaxRecords || len(l.Parts[n-1].Lines)+len(text)+1 > record.MaxEnvelopeBytes {
		l.Parts = append(l.Parts, Part{First: l.Records})
		n++
	}
	p := &l.Parts[n-1]
	if code != "" {
		p.Flaws = append(p.Flaws, record.Flaw{Index: p.Count, Code: code, Message: message})
		l.Flawed++
		if code == record.CodeInvalidJSON || code == record.CodeInvalidUTF8 {
			l.Unreadable++
		}
		// Valid JSON has line breaks as white space only; anything else is kept to the byte.
		if code != record.CodeNotObject && code != record.CodeTooDeep {
			if kept := asLine(text); len(kept) != len(text) {
				text, whole = kept, nil
			}
		}
	}
	if !p.borrow(whole) {
		p.copy(text, l.left)
	}
	p.Count++
	l.Records++
	l.left -= len(text) + 1
}

// borrow takes a line of the body over without copying it: the part's first, or
// the one right after the part's last.
func (p *Part) borrow(whole []byte) bool {
	end := len(p.Lines)
	switch {
	case whole == nil:
		return false
	case end == 0:
		p.Lines, p.borrowed = whole, true
		return true
	case p.borrowed && cap(p.Lines) > end && &p.Lines[:end+1][end] == &whole[0]:
		p.Lines = p.Lines[:end+len(whole)]
		return true
	}
	return false
}

// copy adds a text and a line break; left is about how many bytes will follow.
func (p *Part) copy(text []byte, left int) {
	if p.borrowed || p.Lines == nil {
		room := len(p.Lines) + max(left, len(text)) + 1
		p.Lines, p.borrowed = append(make([]byte, 0, min(record.MaxEnvelopeBytes, room)), p.Lines...), false
	}
	start := len(p.Lines)
	p.Lines = append(p.Lines, text...)
	flatten(p.Lines[start:])
	p.Lines = append(p.Lines, '\n')
}

// flatten makes the record one line. In valid JSON a line break can only be
// white space, so nothing changes; a broken record comes as asLine has it.
func flatten(text []byte) {
	for i := bytes.IndexByte(text, '\n'); i >= 0; {
		text[i] = ' '
		next := bytes.IndexByte(text[i+1:], '\n')
		if next < 0 {
			return
		}
		i += 1 + next
	}
}

// Split takes a request body apart: JSON lines, one array, or one object that
// may be spread over lines. Blank lines are not records. An array that does not
// end properly is an error, for then no one can say what was meant to be in it.
// The parts may be pieces of the body: it must not change while they are used.
func Split(body []byte) (*Lines, error) {
	l := &Lines{left: len(body) + 1}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	text := trim(body)
	switch {
	case len(text) == 0:
		return nil, record.Errorf(record.Invalid, "the body is empty: send JSON lines, a JSON array of objects, or one JSON object")
	case text[0] == '[':
		return l, l.array(text)
	case isSpread(text):
		l.add(text)
	default:
		l.lines(body)
	}
	return l, nil
}

// isSpread says whether the text is one JSON object over several lines.
func isSpread(text []byte) bool {
	end := bytes.IndexByte(text, '\n')
	if end < 0 || text[0] != '{' {
		return false
	}
	if code, _ := jsontext.Check(trim(text[:end])); code == "" {
		return false
	}
	code, _ := jsontext.Check(text)
	return code == "" || code == record.CodeTooDeep
}

func (l *Lines) lines(text []byte) {
	for len(text) > 0 {
		var line, whole []byte
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			line, whole, text = text[:end], text[:end+1], text[end+1:]
		} else {
			line, text = text, nil
		}
		trimmed := trim(line)
		if len(trimmed) < len(line) {
			whole = nil
		}
		if len(trimmed) > 0 {
			l.addLine(trimmed, whole)
		}
	}
}

// array adds the elements of a JSON array. It looks only for what separates
// them; whether an element is JSON is decided one by one.
func (l *Lines) array(text []byte) error {
	depth, start, quoted := 0, 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return l.endArray(text, start, i)
			}
		case c == ',' && depth == 1:
			l.add(trim(text[start:i]))
			start = i + 1
		}
	}
	return record.Errorf(record.Invalid, "the body begins with [ but its array does not end: it breaks off after %d bytes and %d whole elements", len(text), l.Records)
}

func (l *Lines) endArray(text []byte, start, end int) error {
	if last := trim(text[start:end]); len(last) > 0 {
		l.add(last)
	}
	if rest := trim(text[end+1:]); len(rest) > 0 {
		if rest[0] == '[' {
			return l.array(rest)
		}
		l.lines(rest)
	}
	if l.Records == 0 {
		return record.Errorf(record.Invalid, "the array is empty")
	}
	return nil
}

// trim removes JSON's white space from both ends.
func trim(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
