package source

import "bytes"

// cut is a row being cut into cells.
type cut struct {
	cells  []string
	cell   []byte // that which is open
	open   int    // where its quote stands, counted from 1; 0 for none
	broken bool   // it cannot end: a quote stands in it that is none at its end
}

// cells cuts a row of one line. open is where a quote stands that does not end,
// else 0.
func (d dialect) cells(row []byte) (cells []string, open int) {
	var c cut
	d.feed(&c, row, len(row), false)
	return c.cells, c.open
}

// feed goes on with a row: with its first line, or with one that follows in the
// cell that is open. The line's content ends before its break, which belongs to a
// cell that stays open. A quote opens a cell at its beginning only, and ends it
// before a comma or the row's end only; any other is a literal. Over several lines
// (strict) it is none: there it shows that the cell was opened by mistake.
func (d dialect) feed(c *cut, line []byte, content int, strict bool) {
	at := 0
	if c.open > 0 {
		if at = d.quoted(c, line, at, content, strict); c.open > 0 || at >= content {
			return
		}
		at++
	}
	for ; ; at++ {
		if d.quote != 0 && at < content && line[at] == d.quote {
			c.open, c.cell = at+1, c.cell[:0]
			if at = d.quoted(c, line, at+1, content, strict); c.open > 0 {
				return
			}
		} else {
			var cell []byte
			if cell, at = d.bare(line[:content], at); d.null != nil && string(cell) == *d.null {
				cell = nil
			}
			c.cells = append(c.cells, string(cell))
		}
		if at >= content {
			return
		}
	}
}

// quoted reads on in the cell that is open; end is after the quote that ends it.
func (d dialect) quoted(c *cut, line []byte, at, content int, strict bool) (end int) {
	for ; at < len(line); at++ {
		ch, follows, last := line[at], byte(0), at+1 == content
		if at+1 < len(line) {
			follows = line[at+1]
		}
		switch {
		case ch == d.escape && !last && (follows == d.quote || follows == d.escape):
			c.cell, at = append(c.cell, follows), at+1
			continue
		case ch == d.quote && (last || follows == d.comma):
			c.cells, c.open = append(c.cells, string(c.cell)), 0
			return at + 1
		case ch == d.quote && strict:
			c.broken = true
			return at
		}
		c.cell = append(c.cell, ch)
	}
	return at
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
