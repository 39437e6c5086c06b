package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// sampleRows is how many rows are read before a table begins: they set the widths of
// its columns.
const sampleRows = 1000

// tableWriter writes rows as a table while they come. What it holds does not grow
// with the rows: a cell that comes after the sample and is wider than its column is
// written whole, and moves the rest of its own line only.
type tableWriter struct {
	out      *bufio.Writer
	markdown bool
	dim      bool // NULL, on a terminal
	names    []string
	aligns   []text.Align
	widths   []int
	rows     int
}

// copyTable writes an answer as a table and says how many rows it had.
func (q *querier) copyTable(a *rowReader) (int, error) {
	t := &tableWriter{out: bufio.NewWriterSize(q.out, 64<<10), markdown: q.format == "markdown", dim: isTerminal(q.out) && os.Getenv("NO_COLOR") == ""}
	for _, c := range a.columns {
		align := text.AlignDefault
		if isNumeric(c.Type) {
			align = text.AlignRight
		}
		name := cellOf(c.Name)
		t.names, t.aligns, t.widths = append(t.names, name), append(t.aligns, align), append(t.widths, widthOf(name))
	}
	err := t.copyRows(a)
	return t.rows, errors.Join(err, t.out.Flush())
}

func (t *tableWriter) copyRows(a *rowReader) error {
	sample, err := t.sample(a)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t.head()
	for _, row := range sample {
		t.row(row)
	}
	if err == nil {
		if err := t.out.Flush(); err != nil {
			return err
		}
	}
	cells := make([]tableCell, len(t.names))
	for err == nil {
		var row []json.RawMessage
		if row, err = a.next(); err == nil {
			t.row(cellsOf(cells, row))
		}
	}
	t.rule("└", "┴", "┘")
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("after %d rows: %w", t.rows, err)
	}
	return nil
}

// sample reads the first rows and makes the columns as wide as they are.
func (t *tableWriter) sample(a *rowReader) (sample [][]tableCell, err error) {
	for len(sample) < sampleRows {
		row, err := a.next()
		if err != nil {
			return sample, err
		}
		cells := cellsOf(make([]tableCell, len(t.names)), row)
		for i, c := range cells {
			t.widths[i] = max(t.widths[i], widthOf(c.text))
		}
		sample = append(sample, cells)
	}
	return sample, nil
}

func (t *tableWriter) head() {
	names := make([]tableCell, len(t.names))
	for i, name := range t.names {
		names[i].text = name
	}
	t.rule("┌", "┬", "┐")
	t.line(names)
	if t.markdown && len(names) > 0 {
		for _, align := range t.aligns {
			t.write("|", align.MarkdownProperty())
		}
		t.write("|\n")
	}
	t.rule("├", "┼", "┤")
}

func (t *tableWriter) row(cells []tableCell) {
	t.line(cells)
	t.rows++
}

func (t *tableWriter) line(cells []tableCell) {
	if len(cells) == 0 {
		return
	}
	bar := "│"
	if t.markdown {
		bar = "|"
	}
	for i, c := range cells {
		t.write(bar, " ")
		t.cell(c, i)
		t.write(" ")
	}
	t.write(bar, "\n")
}

func (t *tableWriter) cell(c tableCell, column int) {
	if t.markdown {
		t.write(strings.ReplaceAll(c.text, "|", `\|`))
		return
	}
	pad := strings.Repeat(" ", max(0, t.widths[column]-widthOf(c.text)))
	shown := c.text
	if c.null && t.dim {
		shown = text.Faint.Sprint(shown)
	}
	if t.aligns[column] == text.AlignRight {
		t.write(pad, shown)
	} else {
		t.write(shown, pad)
	}
}

// rule draws a line across the table, which Markdown has none of.
func (t *tableWriter) rule(left, middle, right string) {
	if t.markdown || len(t.widths) == 0 {
		return
	}
	t.write(left)
	for i, width := range t.widths {
		if i > 0 {
			t.write(middle)
		}
		t.write(strings.Repeat("─", width+2))
	}
	t.write(right, "\n")
}

// write leaves the error to the flush: a bufio.Writer keeps its first.
func (t *tableWriter) write(texts ...string) {
	for _, s := range texts {
		_, _ = t.out.WriteString(s)
	}
}

// tableCell is a cell as a table shows it.
type tableCell struct {
	text string
	null bool
}

func cellsOf(cells []tableCell, row []json.RawMessage) []tableCell {
	for i := range cells {
		cells[i] = tableCell{}
		if i < len(row) {
			cells[i] = tableCell{cellText(row[i]), string(row[i]) == "null"}
		}
	}
	return cells
}

// nullMark stands for NULL in a table, where an empty text is an empty cell.
const nullMark = "NULL"

// cellText shows strings without quotes, null as its mark, the rest as JSON.
func cellText(raw json.RawMessage) string {
	switch {
	case string(raw) == "null":
		return nullMark
	case len(raw) > 1 && raw[0] == '"':
		var s string
		if bytes.IndexByte(raw, '\\') < 0 {
			return cellOf(string(raw[1 : len(raw)-1]))
		}
		if json.Unmarshal(raw, &s) == nil {
			return cellOf(s)
		}
	}
	return string(raw)
}

// widthOf is how many columns of a terminal a text takes: most have ASCII only.
func widthOf(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return text.StringWidthWithoutEscSequences(s)
		}
	}
	return len(s)
}

// cellOf makes a text fit for a cell: one line, and nothing that a terminal obeys.
func cellOf(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return '⇥'
		case r == '\r':
			return -1
		case r < 0x20:
			return '␀' + r
		case isControl(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
