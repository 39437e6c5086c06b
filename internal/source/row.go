package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A quoted cell may go on over this many lines and bytes. A quote that has not
// ended by then was none: the line it stands in is rejected, those after it are
// read as rows of their own.
const (
	cellLines = 1000
	cellBytes = 1 << 20
)

// rowReader reads CSV row by row. A row that does not fit costs itself.
type rowReader struct {
	text    *bufio.Reader
	comma   byte
	names   [][]byte
	pending [][]byte // lines that were looked at and not taken
}

// rows reads CSV with a header; each row becomes an object of strings, empty
// cells left out, for a stream's columns know how to read text. A row that does
// not have the header's cells is given as it stands in the file: it is no JSON
// object, and the door keeps it in quarantine.
func rows(text *bufio.Reader, comma byte) (func() ([]byte, error), error) {
	r := &rowReader{text: text, comma: comma}
	line, err := r.line()
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	header, whole := cells(line, comma, false)
	if !whole {
		return nil, errors.New("read the header: a quote in it does not end")
	}
	for _, name := range header {
		quoted, err := json.Marshal(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		r.names = append(r.names, quoted)
	}
	return r.next, nil
}

// line gives the next line that is not blank, without its end.
func (r *rowReader) line() ([]byte, error) {
	for {
		line, err := r.raw()
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *rowReader) raw() ([]byte, error) {
	if len(r.pending) > 0 {
		line := r.pending[0]
		r.pending = r.pending[1:]
		return line, nil
	}
	return r.text.ReadBytes('\n')
}

func (r *rowReader) next() ([]byte, error) {
	first, err := r.raw()
	for len(bytes.TrimRight(first, "\r\n")) == 0 {
		if err != nil {
			return nil, err
		}
		first, err = r.raw()
	}
	row, whole := cells(bytes.TrimRight(first, "\r\n"), r.comma, false)
	if !whole {
		if row, whole, err = r.goOn(first); err != nil {
			return nil, err
		}
	}
	if !whole || len(row) != len(r.names) {
		return bytes.TrimRight(first, "\r\n"), nil
	}
	return r.object(row)
}

// goOn takes further lines until the cell that is open has ended and the row
// has the header's cells; else it takes none of them.
func (r *rowReader) goOn(first []byte) ([]string, bool, error) {
	all, taken := bytes.Clone(first), [][]byte(nil)
	for len(taken) < cellLines && len(all) < cellBytes {
		line, err := r.raw()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, err
		}
		if len(line) > 0 {
			taken, all = append(taken, line), append(all, line...)
		}
		if bytes.IndexByte(line, '"') >= 0 {
			row, whole := cells(bytes.TrimRight(all, "\r\n"), r.comma, true)
			if whole && len(row) == len(r.names) {
				return row, true, nil
			}
		}
		if len(line) == 0 {
			break
		}
	}
	r.pending = append(taken, r.pending...)
	return nil, false, nil
}

// cells cuts a row. A quote opens a cell at its beginning only, and ends it
// before a comma or the row's end only; any other is a literal. Over several lines
// (strict) it is none: there it shows that the cell began by mistake.
func cells(row []byte, comma byte, strict bool) (out []string, whole bool) {
	for {
		var cell []byte
		if len(row) > 0 && row[0] == '"' {
			i := 1
			for ; ; i++ {
				if i >= len(row) {
					return out, false
				}
				if row[i] == '"' {
					if i+1 < len(row) && row[i+1] == '"' {
						i++
					} else if i+1 == len(row) || row[i+1] == comma {
						break
					} else if strict {
						return out, false
					}
				}
				cell = append(cell, row[i])
			}
			row = row[i+1:]
		} else {
			end := bytes.IndexByte(row, comma)
			if end < 0 {
				end = len(row)
			}
			cell, row = row[:end], row[end:]
		}
		out = append(out, string(cell))
		if len(row) == 0 {
			return out, true
		}
		row = row[1:]
	}
}

func (r *rowReader) object(row []string) ([]byte, error) {
	out := []byte{'{'}
	for i, cell := range row {
		if cell == "" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		value, err := json.Marshal(cell)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, r.names[i]...), ':'), value...)
	}
	return append(out, '}'), nil
}
