package collect

import (
	"bytes"
	"fmt"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/source"
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

// addLine puts one record's text, trimmed of white space, into the last part. If
// it stands with its line break in the body whole is both, and stays as it is; else nil.
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

// Split takes a request body apart as biwa send does a file of JSON with the same
// bytes: JSON lines, arrays, objects after one another or over several lines.
// Blank lines are not records. An array that does not end is an error, for then no
// one can say what was meant to be in it.
// The parts may be pieces of the body: it must not change while they are used.
func Split(body []byte) (*Lines, error) {
	l := &Lines{left: len(body) + 1}
	if err := source.CutJSON(body, l); err != nil {
		return nil, err
	}
	return l, l.some(body)
}

// RecordType is the content type of records that somebody has cut already: each
// line is one, whatever it looks like.
const RecordType = "application/vnd.biwa.record+ndjson"

// splitRecords takes a body of them apart.
func splitRecords(body []byte) (*Lines, error) {
	l := &Lines{left: len(body) + 1}
	for line := range bytes.Lines(body) {
		text := jsontext.Trim(line)
		if whole := line; len(text) > 0 {
			if len(text)+1 != len(line) || line[len(line)-1] != '\n' {
				whole = nil
			}
			l.addLine(text, whole)
		}
	}
	return l, l.some(body)
}

// some is an error if there are no records in a body.
func (l *Lines) some(body []byte) error {
	switch {
	case l.Records > 0:
		return nil
	case len(jsontext.Trim(body)) > 0:
		return record.Errorf(record.Invalid, "the array is empty: the body has no records")
	}
	return record.Errorf(record.Invalid, "the body is empty: send JSON lines, a JSON array of objects, or one JSON object")
}

// Line takes a record that is right, and the line of the body that it is.
func (l *Lines) Line(text, line []byte) { l.put(text, line, "", "") }

// Record takes a record that may be wrong, and the line of the body that it is.
func (l *Lines) Record(text, line []byte) { l.addLine(text, line) }

// Reject takes a piece of the body that is no record.
func (l *Lines) Reject(r *source.Rejected) { l.put(r.Original, nil, r.Code, r.Message) }
