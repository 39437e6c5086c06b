package source

import (
	"bytes"
	"errors"
	"io"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// Sink takes what a text of JSON consists of.
type Sink interface {
	// Line takes a record that is right, and, where it is all of a line, that line
	// with its break; nil where it is not. Both are pieces of the text.
	Line(record, line []byte)
	// Record takes one that may be wrong, and its line as Line does. It has no line breaks.
	Record(record, line []byte)
	Reject(*Rejected)
}

// CutJSON cuts a text in memory as Reader cuts a file with the same bytes. The
// error is that of an array that does not end.
func CutJSON(text []byte, into Sink) error {
	lines := &memory{text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))}
	r := &jsonReader{lines: lines}
	for {
		if r.between() {
			r.line = lines.right(into) || r.line
		}
		start := lines.offset
		text, rejected, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case rejected != nil:
			into.Reject(rejected)
		default:
			into.Record(text, lines.lineOf(text, start))
		}
	}
}

// between says whether the next thing to read is a line's beginning.
func (r *jsonReader) between() bool {
	return r.array == nil && r.after == nil && (!r.begun || len(r.rest.text) == 0 && r.rest.code == "")
}

// memory gives the lines of a text as lineReader does those of a file.
type memory struct {
	text   []byte
	offset int
	number int
	within bool // the line before goes on
}

// lineOf is the line at start with its break if a record is all of it, else nil.
func (m *memory) lineOf(record []byte, start int) []byte {
	end := start + len(record)
	if end+1 != m.offset || m.text[end] != '\n' || &m.text[start] != &record[0] {
		return nil
	}
	return m.text[start:m.offset]
}

func (m *memory) at() int64 { return int64(m.offset) }

func (m *memory) next() (line, error) {
	rest := m.text[m.offset:]
	if len(rest) == 0 {
		return line{}, io.EOF
	}
	if !m.within {
		m.number++
	}
	l := line{number: m.number}
	end := bytes.IndexByte(rest[:min(len(rest), readBytes)], '\n') + 1
	switch {
	case end > 0:
	case len(rest) >= readBytes:
		end, l.open = readBytes, true
	default:
		end = len(rest)
	}
	l.raw = rest[:end:end]
	l.text = l.raw
	m.offset += end
	m.within = l.open
	return l, nil
}

func (m *memory) back(lines []line) {
	for _, l := range lines {
		m.offset -= len(l.raw)
	}
	if len(lines) > 0 {
		m.number, m.within = lines[0].number-1, false
	}
}

// right gives the lines that are records, up to the first that is to be looked at
// more closely; that is most often none. It says whether there were any.
func (m *memory) right(into Sink) (any bool) {
	for !m.within {
		rest := m.text[m.offset:]
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		text := jsontext.Trim(rest[:end])
		switch {
		case end == 0 || end > record.MaxRecordBytes:
			return any
		case len(text) == 0:
		case text[0] != '{':
			return any
		default:
			if code, _ := jsontext.Check(text); code != "" {
				return any
			}
			whole := rest[:end]
			if len(text)+1 != end || whole[end-1] != '\n' {
				whole = nil
			}
			into.Line(text, whole)
			any = true
		}
		m.offset += end
		m.number++
	}
	return any
}
