package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// jsonReader reads JSON: lines, arrays, and objects after one another or over
// several lines. Whether a record is right is for the door to say, which keeps it
// either way; here only its bounds are found.
type jsonReader struct {
	lines *lineReader
	rest  line // what is left of the line that is being read
	begun bool // rest is in use
	line  bool // a line was read that is not an array's: one that begins with [ is a record
	array *array
	after error // comes after a last record
}

// array is what is known within an array.
type array struct {
	line     int    // where it begins
	elements int    // that were given
	within   []byte // the brackets that are open, the array's own first
	quoted   bool
	escaped  bool
	mended   bool // the element before was cut off at a line's end
	element  []byte
	length   int // of the element, also where not all is kept
	from     int // the line it begins in
	code     string
}

func (r *jsonReader) found() string { return "blank lines or empty arrays" }

// fill makes sure that rest has something to read.
func (r *jsonReader) fill() error {
	for !r.begun || len(r.rest.text) == 0 && r.rest.code == "" {
		l, err := r.lines.next()
		if err != nil {
			return err
		}
		if l.text == nil {
			l.text = l.raw
		}
		r.rest, r.begun = l, true
	}
	return nil
}

func (r *jsonReader) next() ([]byte, *Rejected, error) {
	if r.after != nil {
		return nil, nil, r.after
	}
	for {
		if r.array != nil {
			text, rejected, err := r.element()
			if err != nil || rejected != nil || text != nil {
				return text, rejected, err
			}
			continue
		}
		if err := r.fill(); err != nil {
			return nil, nil, err
		}
		l := r.rest
		text := bytes.TrimSpace(l.text)
		switch {
		case l.code == "" && len(text) == 0:
			r.begun = false
		case len(text) > 0 && text[0] == '[' && !r.line:
			r.array = &array{line: l.number, within: []byte{'['}}
			r.rest.text = l.text[bytes.IndexByte(l.text, '[')+1:]
		case l.code != "":
			r.begun, r.line = false, true
			return nil, l.rejected(l.code, "%s", l.reason), nil
		default:
			r.line = true
			text, rejected, err := r.record(text)
			if err != nil || rejected != nil || text != nil {
				return text, rejected, err
			}
		}
	}
}

// more reads the next piece of a line that is too long to be read at once.
func (r *jsonReader) more() error {
	l, err := r.lines.next()
	if err != nil {
		return err
	}
	r.rest.text = append(bytes.Clone(r.rest.text), l.raw...)
	r.rest.raw, r.rest.open = r.rest.text, l.open
	r.rest.code, r.rest.reason = l.code, l.reason
	return nil
}

// record takes one record from the line: all of it, or one of several objects,
// or an object that goes on over the lines that follow.
func (r *jsonReader) record(text []byte) ([]byte, *Rejected, error) {
	l := r.rest
	if end := jsontext.NextObject(text); end > 0 {
		r.rest.text, r.rest.raw = text[end:], text[end:]
		if l.open { // its end is still to come, and white space may be part of it
			r.rest.text = l.text[bytes.IndexByte(l.text, '{')+end:]
			r.rest.raw = r.rest.text
		}
		return text[:end], nil, nil
	}
	if l.open || len(text) > record.MaxRecordBytes {
		return r.long()
	}
	r.begun = false
	if text[0] != '{' {
		return text, nil, nil
	}
	if code, _ := jsontext.Check(text); code == "" {
		return text, nil, nil
	}
	var c jsontext.Cutter
	if end, broken := c.Feed(text); broken || end > 0 {
		return text, nil, nil
	}
	return r.spread(&c, text)
}

// long reads on in a line that is longer than what is read at once: the object at
// its beginning may end in the next piece.
func (r *jsonReader) long() ([]byte, *Rejected, error) {
	if len(r.rest.text) <= record.MaxRecordBytes {
		err := r.more()
		if err == nil {
			return nil, nil, nil
		}
		r.begun, r.after = false, err
		return nil, r.rest.rejected(record.CodeInvalidRow, "the file breaks off in it"), nil
	}
	l, length := r.rest, len(r.rest.text)
	for l.open {
		next, err := r.lines.next()
		if err != nil {
			r.after = err
			break
		}
		length, l.open = length+len(next.raw), next.open
	}
	l.raw, r.begun = l.text[:headBytes], false
	return nil, l.rejected(record.CodeTooLarge, "a record has %d bytes, the limit is %d; its first %d are kept", length, record.MaxRecordBytes, headBytes), nil
}

// spread takes the lines over which an object goes on; if they do not make one,
// the first line is a record by itself, and the others are read as others are.
func (r *jsonReader) spread(c *jsontext.Cutter, first []byte) ([]byte, *Rejected, error) {
	all, taken := bytes.Clone(first), []line(nil)
	for len(all) <= record.MaxRecordBytes {
		l, err := r.lines.next()
		if err != nil {
			break
		}
		taken = append(taken, l)
		if l.code != "" || l.open {
			break
		}
		end, broken := c.Feed(l.text)
		if broken {
			break
		}
		if end > 0 {
			all = append(append(all, ' '), bytes.TrimSpace(l.text[:end])...)
			if after := bytes.TrimSpace(l.text[end:]); len(after) > 0 {
				r.rest, r.begun = line{number: l.number, raw: after, text: after}, true
			}
			return all, nil, nil
		}
		all = append(append(all, ' '), bytes.TrimSpace(l.text)...)
	}
	r.lines.back(taken)
	return first, nil, nil
}

// element reads the array's next element; nothing at all where the array ended.
func (r *jsonReader) element() ([]byte, *Rejected, error) {
	a := r.array
	for {
		if err := r.fill(); err != nil {
			return r.unended(err)
		}
		if r.rest.code != "" {
			a.code = r.rest.code
		}
		text := r.rest.text
		for i := 0; i < len(text); i++ {
			c := text[i]
			switch {
			case a.quoted && c == '\n':
				// No string goes on over a line's end: the element is broken, and ends here.
				r.rest.text = text[i+1:]
				a.within, a.quoted, a.escaped = a.within[:1], false, false
				text, rejected, err := a.take(false)
				a.mended = true
				return text, rejected, err
			case a.escaped:
				a.escaped = false
			case a.quoted && c == '\\':
				a.escaped = true
			case c == '"':
				a.quoted = !a.quoted
			case a.quoted:
			case c == '[' || c == '{':
				a.within = append(a.within, c)
			case c == ']' || c == '}':
				n := bytes.LastIndexByte(a.within, c-2)
				if n == 0 {
					r.array, r.rest.text, r.line = nil, text[i+1:], false
					return a.take(true)
				}
				if n > 0 {
					a.within = a.within[:n]
				}
			case c == ',' && len(a.within) == 1:
				r.rest.text = text[i+1:]
				return a.take(false)
			}
			a.keep(text[i:i+1], r.rest.number)
		}
		r.begun = false
	}
}

// keep adds a byte to the element, as far as it may go.
func (a *array) keep(c []byte, number int) {
	if a.length == 0 {
		if c[0] == ' ' || c[0] == '\t' || c[0] == '\r' || c[0] == '\n' {
			return
		}
		a.from = number
	}
	a.length++
	if a.length <= record.MaxRecordBytes+1 {
		if c[0] == '\n' && a.code == "" {
			c = []byte{' '}
		}
		a.element = append(a.element, c...)
	}
}

// take gives the element that has been read; last is the array's last, which may
// be nothing.
func (a *array) take(last bool) ([]byte, *Rejected, error) {
	text, length, code, mended := bytes.TrimSpace(a.element), a.length, a.code, a.mended
	l := line{number: a.from, raw: bytes.Clone(text)}
	a.element, a.length, a.code, a.mended = a.element[:0], 0, "", false
	a.elements++
	switch {
	case len(text) == 0 && (last || mended):
		return nil, nil, nil
	case len(text) == 0:
		return nil, &Rejected{Code: record.CodeInvalidJSON, Message: fmt.Sprintf("element %d of the array that begins in line %d is empty", a.elements, a.line), Original: []byte{','}}, nil
	case length > record.MaxRecordBytes:
		l.raw = l.raw[:headBytes]
		return nil, l.rejected(record.CodeTooLarge, "element %d of the array has %d bytes, the limit is %d; its first %d are kept", a.elements, length, record.MaxRecordBytes, headBytes), nil
	case code != "":
		return nil, l.rejected(code, "element %d of the array is not of the file's encoding", a.elements), nil
	}
	return l.raw, nil, nil
}

// unended is the end of a file within an array: what was read of an element is
// rejected, then comes the error.
func (r *jsonReader) unended(err error) ([]byte, *Rejected, error) {
	a := r.array
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the array that begins in line %d does not end: the file breaks off after %d of its elements", a.line, a.elements)
	}
	r.after, r.array = err, nil
	if len(a.element) == 0 {
		return nil, nil, err
	}
	l := line{number: a.from, raw: a.element[:min(len(a.element), record.MaxRecordBytes)]}
	return nil, l.rejected(record.CodeInvalidJSON, "element %d of the array breaks off", a.elements+1), nil
}
