package source

import (
	"bytes"
	"errors"
	"io"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// liner gives lines, long ones in pieces.
type liner interface {
	next() (line, error)
	// back gives lines back that were looked at, the latest that were given.
	back([]line)
	// at is how many bytes were given, without those given back.
	at() int64
}

// jsonReader reads JSON: lines, arrays, and objects after one another or over
// several lines. Whether a record is right is for the door to say, which keeps it
// either way; here only its bounds are found.
type jsonReader struct {
	lines  liner
	rest   line // what is left of the line that is being read
	begun  bool // rest is in use
	line   bool // a line was read that is not an array's: one that begins with [ is a record
	array  *array
	after  error // comes after a last record
	wasted int64 // bytes that were looked at for objects over several lines, and were none
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
		text, rejected, err := r.step()
		if err != nil || rejected != nil || text != nil {
			return text, rejected, err
		}
	}
}

// step reads on; it may come to nothing yet.
func (r *jsonReader) step() ([]byte, *Rejected, error) {
	if r.array != nil {
		return r.element()
	}
	if err := r.fill(); err != nil {
		return nil, nil, err
	}
	l := r.rest
	text := jsontext.Trim(l.text)
	switch {
	case l.code == "" && len(text) == 0:
		r.begun = false
		return nil, nil, nil
	case len(text) > 0 && text[0] == '[' && !r.line:
		r.array = &array{line: l.number, within: []byte{'['}}
		r.rest.text = l.text[bytes.IndexByte(l.text, '[')+1:]
		return nil, nil, nil
	case l.code != "":
		r.begun, r.line = false, true
		return nil, l.rejected(l.code, "%s", l.reason), nil
	}
	r.line = true
	return r.record(text)
}

// record takes one record from the line: all of it, or one of several objects,
// or an object that goes on over the lines that follow.
func (r *jsonReader) record(text []byte) ([]byte, *Rejected, error) {
	l := r.rest
	if end := jsontext.NextObject(text); end > 0 {
		r.rest.text = l.text[bytes.IndexByte(l.text, '{')+end:]
		r.rest.raw = r.rest.text
		if end > record.MaxRecordBytes {
			return nil, l.tooLarge(text[:headBytes], end), nil
		}
		return text[:end], nil, nil
	}
	if l.open || len(text) > record.MaxRecordBytes {
		return r.long(text)
	}
	r.begun = false
	if text[0] != '{' {
		return text, nil, nil
	}
	if code, _ := jsontext.Check(text); code == "" {
		return text, nil, nil
	}
	var c jsontext.Cutter
	if end, broken := c.Feed(l.text); broken || end > 0 || r.wasted > maxWaste+r.lines.at() {
		return text, nil, nil
	}
	return r.spread(&c, l)
}

// long reads on in a line that is longer than what is read at once. The object at
// its beginning may end in a later piece; else all of the line is one record.
func (r *jsonReader) long(text []byte) ([]byte, *Rejected, error) {
	if r.rest.open && len(text) <= record.MaxRecordBytes {
		return nil, nil, r.more()
	}
	l, head, length := r.rest, bytes.Clone(text[:headBytes]), len(text)
	var c jsontext.Cutter
	end, broken := c.Feed(text)
	r.begun = false
	for l.open && end == 0 {
		next, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.after = err
			break
		}
		l.open = next.open
		if !broken {
			if end, broken = c.Feed(next.raw); end > 0 {
				r.rest = line{number: l.number, raw: next.raw[end:], text: next.raw[end:], open: next.open}
				r.begun = true
				return nil, l.tooLarge(head, length+end), nil
			}
		}
		length += len(next.raw)
		if !next.open {
			length -= len(next.raw) - len(bytes.TrimRight(next.raw, "\r\n"))
		}
	}
	return nil, l.tooLarge(head, length), nil
}

// more adds the next piece of a line to the rest.
func (r *jsonReader) more() error {
	l, err := r.lines.next()
	switch {
	case errors.Is(err, io.EOF): // the file ends with the piece before
		r.rest.open = false
		return nil
	case err != nil:
		r.rest.open, r.rest.code, r.rest.reason = false, record.CodeInvalidRow, "the file breaks off in it"
		r.after = err
		return nil //nolint:nilerr // it comes after the piece
	}
	r.rest.text = append(bytes.Clone(r.rest.text), l.raw...)
	r.rest.raw, r.rest.open = r.rest.text, l.open
	r.rest.code, r.rest.reason = l.code, l.reason
	return nil
}

// maxWaste is how much may be looked at in vain, besides once each byte of the file.
const maxWaste = 4 << 20

// spread takes the lines over which an object goes on; if they do not make one,
// the first line is a record by itself, and the others are read as others are.
func (r *jsonReader) spread(c *jsontext.Cutter, first line) ([]byte, *Rejected, error) {
	all, taken := bytes.Clone(first.text), []line(nil)
	for len(all) <= record.MaxRecordBytes {
		l, err := r.lines.next()
		if err != nil {
			break
		}
		taken = append(taken, l)
		r.wasted += int64(len(l.raw))
		if l.code != "" || l.open {
			break
		}
		text := l.text
		if text == nil {
			text = l.raw
		}
		end, broken := c.Feed(text)
		if broken {
			break
		}
		if end == 0 {
			all = append(all, text...)
			continue
		}
		all = append(all, text[:end]...)
		if len(all) > record.MaxRecordBytes+len("\r\n") {
			break
		}
		r.rest, r.begun = line{number: l.number, raw: text[end:], text: text[end:]}, true
		for _, l := range taken { // not in vain
			r.wasted -= int64(len(l.raw))
		}
		return whole(jsontext.Trim(all), first.number)
	}
	r.lines.back(taken)
	return jsontext.Trim(first.text), nil, nil //nolint:nilerr // lines gives its error again, after those
}

// whole gives a text of several lines as a record in one. One that is no JSON
// cannot be, for its line breaks may be part of what it says.
func whole(text []byte, number int) ([]byte, *Rejected, error) {
	if bytes.IndexByte(text, '\n') < 0 {
		return text, nil, nil
	}
	switch code, reason := jsontext.Check(text); code {
	case record.CodeInvalidJSON, record.CodeInvalidUTF8:
		return nil, line{number: number, raw: text}.rejected(code, "%s", reason), nil
	}
	return bytes.ReplaceAll(text, []byte{'\n'}, []byte{' '}), nil, nil
}

func (l line) tooLarge(head []byte, length int) *Rejected {
	return line{number: l.number, raw: bytes.Clone(head)}.rejected(record.CodeTooLarge, "a record has %d bytes, the limit is %d; its first %d are kept", length, record.MaxRecordBytes, headBytes)
}
