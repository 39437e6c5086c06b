package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"

	"github.com/biwa-data/biwa/internal/record"
)

// headBytes is how much is kept of a line that is too long.
const headBytes = 4 << 10

// line is one line of a file.
type line struct {
	number int
	raw    []byte // as it stands in the file, with its end; its head if it is too long
	text   []byte // the same in UTF-8; what is not text where code says so
	code   string // "" or why it is no text
	reason string
	open   bool // the line goes on in the next piece
}

// content is the line's text without its end.
func (l line) content() []byte {
	return bytes.TrimRight(l.text, "\r\n")
}

// rejected is the line as a piece of the file that gives no record.
func (l line) rejected(code, format string, args ...any) *Rejected {
	return &Rejected{Line: l.number, Code: code, Message: fmt.Sprintf("line %d: ", l.number) + fmt.Sprintf(format, args...), Original: bytes.TrimRight(l.raw, "\r\n")}
}

// lineReader cuts a file into lines before it decodes them, so that what does
// not decode is still there as it was.
type lineReader struct {
	from     *bufio.Reader
	encoding encoding.Encoding // nil is UTF-8
	end      byte              // '\n', or '\r' in files that have no other
	pieces   bool              // UTF-8 that somebody else judges; long lines come in pieces
	within   bool              // the line before goes on
	wide     int               // 0, or where in a unit of UTF-16 the '\n' stands: 1 first, 2 last
	number   int
	pending  []line // read and given back
	taken    int64  // bytes that were read, without those that are pending
	ended    bool   // the file's end was seen, or what ended it before
	failure  error  // what ended the file before its end
}

// next gives the next line; at the end io.EOF. A line before any other error is
// given first.
func (r *lineReader) next() (line, error) {
	if len(r.pending) > 0 {
		l := r.pending[0]
		r.pending = r.pending[1:]
		r.taken += int64(len(l.raw))
		return l, nil
	}
	if r.failure != nil {
		return line{}, r.failure
	}
	raw, length, err := r.cut()
	open := r.pieces && errors.Is(err, bufio.ErrBufferFull)
	if open {
		err = nil
	}
	r.ended = r.ended || err != nil
	if err != nil && !errors.Is(err, io.EOF) {
		r.failure = r.breaksOff(err)
	}
	switch {
	case length == 0 && r.failure != nil:
		return line{}, r.failure
	case length == 0:
		return line{}, err
	}
	r.taken += int64(len(raw))
	if !r.within {
		r.number++
	}
	r.within = open
	l := line{number: r.number, raw: raw, open: open}
	if r.pieces { // what breaks off goes on, and then does not
		l.text, l.open = raw, open || r.failure != nil
		return l, nil
	}
	if r.failure != nil {
		l.code, l.reason = record.CodeInvalidRow, "the file breaks off in it"
		return l, nil //nolint:nilerr // failure is given after it
	}
	if length > record.MaxRecordBytes+2 {
		l.raw = bytes.Clone(raw[:headBytes])
		l.code, l.reason = record.CodeTooLarge, fmt.Sprintf("it has %d bytes, the limit is %d; its first %d are kept", length, record.MaxRecordBytes, headBytes)
		return l, nil
	}
	l.text, l.code, l.reason = r.decode(raw)
	return l, nil
}

func (r *lineReader) breaksOff(err error) error {
	return fmt.Errorf("the file breaks off after %d %s: %w", r.number, plural(r.number, "line", "lines"), err)
}

// back gives lines back that were looked at and not taken.
func (r *lineReader) back(lines []line) {
	for _, l := range lines {
		r.taken -= int64(len(l.raw))
	}
	r.pending = append(lines, r.pending...)
}

func (r *lineReader) at() int64 { return r.taken }

// cut reads up to the next line end; of a line that is too long it keeps the
// beginning.
func (r *lineReader) cut() (raw []byte, length int, err error) {
	var last byte
	for {
		piece, err := r.from.ReadSlice(r.end)
		if len(piece) > 1 {
			last = piece[len(piece)-2]
		}
		length += len(piece)
		if len(raw) <= record.MaxRecordBytes+2 {
			raw = append(raw, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && !r.pieces:
			last = piece[len(piece)-1]
			continue
		case err != nil:
			return raw, length, err
		case r.wide == 1 && length%2 == 1:
			c, err := r.from.ReadByte()
			if err != nil {
				return raw, length, err
			}
			raw, length, last = append(raw, c), length+1, c
			if c != 0 {
				continue
			}
		case r.wide == 1, r.wide == 2 && (length%2 == 1 || last != 0):
			last = r.end
			continue
		}
		return raw, length, nil
	}
}

func (r *lineReader) decode(raw []byte) (text []byte, code, reason string) {
	if r.encoding == nil {
		if at := firstInvalid(raw); at >= 0 {
			return raw, record.CodeInvalidEncoding, fmt.Sprintf("byte %d: 0x%02x is not UTF-8; name the file's encoding with --encoding", at+1, raw[at])
		}
		return raw, "", ""
	}
	text, err := r.encoding.NewDecoder().Bytes(raw)
	at := bytes.IndexRune(text, utf8.RuneError)
	if err == nil && at < 0 {
		return text, "", ""
	}
	// The character itself may stand in the file: then it goes back to the same bytes.
	if again, failed := r.encoding.NewEncoder().Bytes(text); err == nil && failed == nil && bytes.Equal(again, raw) {
		return text, "", ""
	}
	return raw, record.CodeInvalidEncoding, fmt.Sprintf("character %d is not of the file's encoding", utf8.RuneCount(text[:max(at, 0)])+1)
}

func firstInvalid(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}
