package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// dialect is how the cells of a row are written.
type dialect struct {
	comma  byte
	quote  byte // 0 for none
	escape byte // equal to quote where a quote is written twice
	null   *string
}

// rowReader reads CSV row by row. A row that does not fit costs itself.
type rowReader struct {
	lines   *lineReader
	dialect dialect
	names   [][]byte // of the columns, as JSON
	own     []string // those of the file's header, if it was used
	figures []int    // of each column: how many cells have figures, less those that have none
}

// rows reads CSV; each row becomes an object of strings, empty cells left out,
// for a stream's columns know how to read text.
func rows(lines *lineReader, d dialect, o Options) (*rowReader, error) {
	r := &rowReader{lines: lines, dialect: d}
	for i := range o.Skip {
		if _, err := lines.next(); err != nil {
			return nil, fmt.Errorf("--skip %d: the file has %d lines: %w", o.Skip, i, err)
		}
	}
	names := o.Columns
	if o.Header != HeaderNo && (len(names) == 0 || o.Header == HeaderYes) {
		header, err := r.header()
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			names, r.own = header, header
		}
	}
	if len(names) == 0 {
		return nil, record.Errorf(record.Invalid, "without a header the columns have no names: name them with --columns a,b,c")
	}
	return r, r.name(names)
}

func (r *rowReader) header() ([]string, error) {
	l, err := r.filled()
	if errors.Is(err, io.EOF) {
		return nil, record.Errorf(record.Invalid, "there is no header: the file has no line that is not blank")
	}
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	if l.code != "" {
		return nil, record.Errorf(record.Invalid, "the header, line %d: %s", l.number, l.reason)
	}
	cells, open := r.dialect.cells(l.content())
	if open > 0 {
		return nil, record.Errorf(record.Invalid, "the header, line %d, column %d: the quote that opens here does not end", l.number, open)
	}
	return cells, nil
}

// name takes the columns' names over, if each is one and no two are equal.
func (r *rowReader) name(names []string) error {
	const wayOut = "name the columns with --columns a,b,c; with --header as well where the file's own header is to be left out"
	seen := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if name == "" {
			return record.Errorf(record.Invalid, "the header %q has no name for column %d of %d: %s", clip(strings.Join(names, string(r.dialect.comma))), i+1, len(names), wayOut)
		}
		if first, again := seen[name]; again {
			return record.Errorf(record.Invalid, "the header has the name %q twice, for columns %d and %d: %s", name, first, i+1, wayOut)
		}
		seen[name] = i + 1
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		r.names = append(r.names, quoted)
	}
	return nil
}

// found says what was there besides rows.
func (r *rowReader) found() string {
	return fmt.Sprintf("a header of %d %s", len(r.names), plural(len(r.names), "column", "columns"))
}

// filled gives the next line that is not blank.
func (r *rowReader) filled() (line, error) {
	for {
		l, err := r.lines.next()
		if err != nil || l.code != "" || len(l.content()) > 0 {
			return l, err
		}
	}
}

func (r *rowReader) next() ([]byte, *Rejected, error) {
	first, err := r.filled()
	if err != nil {
		return nil, nil, err
	}
	if first.code != "" {
		return nil, first.rejected(first.code, "%s", first.reason), nil
	}
	var c cut
	r.dialect.feed(&c, first.text, len(first.content()), false)
	row := c.cells
	if c.open > 0 {
		var rejected *Rejected
		if row, rejected, err = r.goOn(first, &c); err != nil || rejected != nil {
			return nil, rejected, err
		}
	}
	if len(row) != len(r.names) {
		return nil, first.rejected(record.CodeInvalidRow, "the row has %d %s, the header has %d", len(row), plural(len(row), "cell", "cells"), len(r.names)), nil
	}
	r.learn(row)
	return r.object(row), nil, nil
}

func (r *rowReader) object(row []string) []byte {
	out := []byte{'{'}
	for i, cell := range row {
		if cell == "" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, r.names[i]...), ':')
		out = jsontext.AppendString(out, cell)
	}
	return append(out, '}')
}

func clip(text string) string {
	if len(text) > 200 {
		return strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
