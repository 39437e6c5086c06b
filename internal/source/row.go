package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// A quoted cell may go on over this many lines and bytes. A quote that has not
// ended by then was none: the line it stands in is rejected, those after it are
// read as rows of their own.
const (
	cellLines = 1000
	cellBytes = record.MaxRecordBytes
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
	cells, open := r.dialect.cells(l.content(), false)
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
	row, open := r.dialect.cells(first.content(), false)
	if open > 0 {
		row, rejected, err := r.goOn(first, open)
		if err != nil || rejected != nil {
			return nil, rejected, err
		}
		return r.object(row), nil, nil
	}
	if len(row) != len(r.names) {
		return nil, first.rejected(record.CodeInvalidRow, "the row has %d %s, the header has %d", len(row), plural(len(row), "cell", "cells"), len(r.names)), nil
	}
	return r.object(row), nil, nil
}

// goOn takes further lines until the cell that is open has ended and the row
// has the header's cells; else it takes none of them.
func (r *rowReader) goOn(first line, open int) ([]string, *Rejected, error) {
	all, taken := bytes.Clone(first.text), []line(nil)
	for len(taken) < cellLines && len(all) < cellBytes {
		l, err := r.lines.next()
		if err != nil {
			if errors.Is(err, io.EOF) || len(taken) == 0 {
				break
			}
			r.lines.back(taken)
			return nil, nil, err
		}
		taken = append(taken, l)
		if l.code != "" {
			break
		}
		all = append(all, l.text...)
		if bytes.IndexByte(l.text, r.dialect.quote) >= 0 {
			row, open := r.dialect.cells(bytes.TrimRight(all, "\r\n"), true)
			if open == 0 && len(row) == len(r.names) {
				return row, nil, nil
			}
		}
	}
	r.lines.back(taken)
	hint := ""
	if r.dialect.escape == r.dialect.quote && bytes.Contains(first.text, []byte{'\\', r.dialect.quote}) {
		hint = fmt.Sprintf(`; if \%c stands for a quote here, say --escape '\'`, r.dialect.quote)
	}
	return nil, first.rejected(record.CodeInvalidRow, "column %d: the quote that opens here does not end%s", open, hint), nil
}

// cells cuts a row. A quote opens a cell at its beginning only, and ends it
// before a comma or the row's end only; any other is a literal. Over several
// lines (strict) it is none: there it shows that the cell began by mistake.
// open is where the quote stands that does not end, counted from 1; else 0.
func (d dialect) cells(row []byte, strict bool) (out []string, open int) {
	for at := 0; ; at++ {
		var cell []byte
		if d.quote != 0 && at < len(row) && row[at] == d.quote {
			start := at + 1
			var ended bool
			if cell, at, ended = d.quoted(row, start, strict); !ended {
				return out, start
			}
			out = append(out, string(cell))
		} else {
			cell, at = d.bare(row, at)
			if d.null == nil || string(cell) != *d.null {
				out = append(out, string(cell))
			} else {
				out = append(out, "")
			}
		}
		if at >= len(row) {
			return out, 0
		}
	}
}

// quoted reads the cell from at, after its quote; end is after the quote that
// ends it.
func (d dialect) quoted(row []byte, at int, strict bool) (cell []byte, end int, ended bool) {
	for ; at < len(row); at++ {
		c, follows := row[at], byte(0)
		last := at+1 == len(row)
		if !last {
			follows = row[at+1]
		}
		switch {
		case c == d.escape && !last && (follows == d.quote || follows == d.escape):
			cell, at = append(cell, follows), at+1
			continue
		case c == d.quote && (last || follows == d.comma):
			return cell, at + 1, true
		case c == d.quote && strict:
			return nil, at, false
		}
		cell = append(cell, c)
	}
	return nil, at, false
}

// bare reads the cell from at, without quotes, up to the comma or the row's end.
func (d dialect) bare(row []byte, at int) (cell []byte, end int) {
	if d.escape == d.quote || bytes.IndexByte(row[at:], d.escape) < 0 {
		end := bytes.IndexByte(row[at:], d.comma)
		if end < 0 {
			return row[at:], len(row)
		}
		return row[at : at+end], at + end
	}
	for ; at < len(row) && row[at] != d.comma; at++ {
		if row[at] == d.escape && at+1 < len(row) && (row[at+1] == d.comma || row[at+1] == d.quote || row[at+1] == d.escape) {
			at++
		}
		cell = append(cell, row[at])
	}
	return cell, at
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
