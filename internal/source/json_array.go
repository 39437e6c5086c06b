package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

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
		if a.length == 0 && a.code == "" {
			if text := r.whole(); text != nil {
				return text, nil, nil
			}
		}
		text := r.rest.text
		for i := 0; i < len(text); i++ {
			c := text[i]
			switch {
			case a.quoted && c == '\n':
				// No string goes on over a line's end: the element is broken, and ends here.
				a.keep(text[:i], r.rest.number)
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
				if len(a.within) < maxOpen {
					a.within = append(a.within, c)
				}
			case c == ']' || c == '}':
				n := bytes.LastIndexByte(a.within, c-2)
				if n == 0 {
					a.keep(text[:i], r.rest.number)
					r.array, r.rest.text, r.line = nil, text[i+1:], false
					return a.take(true)
				}
				if n > 0 {
					a.within = a.within[:n]
				}
			case c == ',' && len(a.within) == 1:
				a.keep(text[:i], r.rest.number)
				r.rest.text = text[i+1:]
				return a.take(false)
			}
		}
		a.keep(text, r.rest.number)
		r.begun = false
	}
}

// maxOpen bounds what is remembered of brackets that are open.
const maxOpen = 1 << 20

// whole takes an element that is right and all in this line, nil if it is not:
// then element finds out where it ends.
func (r *jsonReader) whole() []byte {
	a, text := r.array, r.rest.text
	start := blanks(text)
	if start == len(text) || text[start] != '{' {
		return nil
	}
	n, ok := jsontext.ValueEnd(text[start:])
	if !ok || n > record.MaxRecordBytes || bytes.IndexByte(text[start:start+n], '\n') >= 0 {
		return nil
	}
	end := start + n
	end += blanks(text[end:])
	if end == len(text) || text[end] != ',' && text[end] != ']' {
		return nil
	}
	if r.rest.text = text[end+1:]; text[end] == ']' {
		r.array, r.line = nil, false
	}
	a.elements++
	a.mended = false
	return text[start : start+n]
}

// blanks is how much white space a text begins with.
func blanks(text []byte) (n int) {
	for n < len(text) && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r' || text[n] == '\n') {
		n++
	}
	return n
}

// keep adds to the element, as far as it may go.
func (a *array) keep(text []byte, number int) {
	if a.length == 0 {
		if text = text[blanks(text):]; len(text) == 0 {
			return
		}
		a.from = number
	}
	a.length += len(text)
	a.element = append(a.element, text[:min(len(text), max(0, record.MaxRecordBytes+1-len(a.element)))]...)
}

// take gives the element that has been read; last is the array's last, which may
// be nothing.
func (a *array) take(last bool) ([]byte, *Rejected, error) {
	text, length, code, mended := jsontext.Trim(a.element), a.length, a.code, a.mended
	if length <= record.MaxRecordBytes+1 { // else its end is not there to be trimmed
		length = len(text)
	}
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
	return whole(l.raw, l.number)
}

// unended is the end of a file within an array: what was read of an element is
// rejected, then comes the error.
func (r *jsonReader) unended(err error) ([]byte, *Rejected, error) {
	a := r.array
	if errors.Is(err, io.EOF) {
		err = record.Errorf(record.Invalid, "the array that begins in line %d does not end: it breaks off after %d of its elements", a.line, a.elements)
	}
	r.after, r.array = err, nil
	if len(a.element) == 0 {
		return nil, nil, err
	}
	l := line{number: a.from, raw: bytes.Clone(a.element[:min(len(a.element), record.MaxRecordBytes)])}
	return nil, l.rejected(record.CodeInvalidJSON, "element %d of the array breaks off", a.elements+1), nil
}
