package source

import (
	"bytes"
	"fmt"

	"github.com/biwa-data/biwa/internal/record"
)

// A quoted cell may go on over this many lines and bytes.
const (
	cellLines = 10_000
	cellBytes = record.MaxRecordBytes
)

// figures says of a cell whether it begins with a digit, or a sign and a digit: 1
// yes, -1 no, 0 if it is empty.
func figures(cell string) int {
	if len(cell) > 1 && (cell[0] == '-' || cell[0] == '+') {
		cell = cell[1:]
	}
	switch {
	case cell == "":
		return 0
	case cell[0] >= '0' && cell[0] <= '9':
		return 1
	}
	return -1
}

// learn takes in which columns of a row have figures.
func (r *rowReader) learn(row []string) {
	if r.figures == nil {
		r.figures = make([]int, len(r.names))
	}
	for i, cell := range row {
		r.figures[i] += figures(cell)
	}
}

// goOn takes further lines until the cell that is open has ended and the row has
// the header's cells. A quote that opens a cell by mistake must not take rows with
// it: lines in the cell that are rows by themselves show the mistake. Then the
// first line alone is rejected, and those after it are read as rows of their own.
func (r *rowReader) goOn(first line, c *cut) ([]string, *Rejected, error) {
	open, before := c.open, c.cells
	var taken []line
	looked, rows, row, sure := 0, 0, 0, false
	for size := len(first.text); !c.broken && !sure && len(taken) < cellLines && size < cellBytes; {
		l, err := r.lines.next()
		if err != nil { // it comes again
			break
		}
		taken = append(taken, l)
		size += len(l.text)
		if l.code != "" {
			break
		}
		r.dialect.feed(c, l.text, len(l.content()), true)
		// The line in which the first cell ends has the row's other cells by nature.
		if c.open > 0 || len(before) > 0 {
			looked++
			var is bool
			if is, sure = r.isRow(l, before); is {
				rows++
				row = l.number
			}
		}
		if c.open > 0 || sure {
			continue
		}
		if len(c.cells) == len(r.names) && (rows < 2 || rows < looked || len(r.names) < 3) {
			return c.cells, nil, nil
		}
		break
	}
	r.lines.back(taken)
	hint := ""
	if d := r.dialect; d.escape == d.quote && bytes.Contains(first.text, []byte{'\\', d.quote}) {
		hint = fmt.Sprintf(`; if \%c stands for a quote here, say --escape '\'`, d.quote)
	}
	if rows > 0 {
		hint = fmt.Sprintf(" before line %d, which is a row by itself", row) + hint
	}
	return nil, first.rejected(record.CodeInvalidRow, "column %d: the quote that opens here does not end%s", open, hint), nil
}

// isRow says whether a line within a cell is a row by itself: it has the header's
// cells, and figures where most rows so far, this one among them, have some. Such
// figures make it sure.
func (r *rowReader) isRow(l line, before []string) (is, sure bool) {
	cells, open := r.dialect.cells(l.content())
	if open > 0 || len(cells) != len(r.names) {
		return false, false
	}
	for i, cell := range cells {
		most := 0
		if r.figures != nil {
			most = r.figures[i]
		}
		if i < len(before) {
			most += figures(before[i])
		}
		if most <= 0 {
			continue
		}
		switch figures(cell) {
		case -1:
			return false, false
		case 1:
			sure = true
		}
	}
	return true, sure
}
