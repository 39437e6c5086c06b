package api

import (
	"io"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// csvEncoder writes RFC 4180 with lines that end in LF. NULL is an empty cell, a text
// without characters is "".
type csvEncoder struct {
	w      io.Writer
	values valueWriter
	types  []string
	excel  bool
	line   []byte
}

// csvStyle is what a spreadsheet wants of a CSV file.
type csvStyle struct {
	bom   bool // the first character says that the file is UTF-8
	excel bool // no cell is a formula; implies bom
}

func openCSV(style csvStyle) func(io.Writer, Rows, *time.Location) (encoder, error) {
	return func(w io.Writer, rows Rows, location *time.Location) (encoder, error) {
		e := &csvEncoder{w: w, values: valueWriter{location: location}, types: sqlTypes(rows), excel: style.excel}
		if style.bom || style.excel {
			e.line = append(e.line, "\uFEFF"...)
		}
		for i, c := range rows.Columns() {
			e.separate(i)
			e.appendCell(c.Name, e.excel)
		}
		return e, e.endLine()
	}
}

func (e *csvEncoder) write(batch arrow.RecordBatch) error {
	for i := range int(batch.NumRows()) {
		for c, column := range batch.Columns() {
			e.separate(c)
			if !column.IsNull(i) {
				e.appendCell(e.values.text(column, i, e.types[c]), e.excel && isText(column, e.types[c]))
			}
		}
		if err := e.endLine(); err != nil {
			return err
		}
	}
	return nil
}

func (e *csvEncoder) separate(cell int) {
	if cell > 0 {
		e.line = append(e.line, ',')
	}
}

func (e *csvEncoder) endLine() error {
	_, err := e.w.Write(append(e.line, '\n'))
	e.line = e.line[:0]
	return err
}

// appendCell quotes what has to be; a harmless cell does not begin as a formula.
func (e *csvEncoder) appendCell(text string, harmless bool) {
	if harmless && isFormula(text) {
		text = "'" + text
	}
	if text != "" && text[0] != ' ' && !strings.ContainsAny(text, ",\"\r\n") {
		e.line = append(e.line, text...)
		return
	}
	e.line = append(e.line, '"')
	for part := range strings.SplitAfterSeq(text, `"`) {
		e.line = append(e.line, part...)
		if strings.HasSuffix(part, `"`) {
			e.line = append(e.line, '"')
		}
	}
	e.line = append(e.line, '"')
}

// isFormula says whether a spreadsheet may take a text for a formula: OWASP's list,
// the wide forms of East Asian keyboards among them, also behind blanks and quotes.
func isFormula(text string) bool {
	text = strings.TrimLeft(text, " \u00a0\u3000\"'")
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// isText says whether a column's cells are what somebody wrote, and not numbers or
// times, of which a minus is a part.
func isText(column arrow.Array, sqlType string) bool {
	switch column.(type) {
	case *array.String, *array.LargeString, *array.Dictionary:
		return sqlType != "UHUGEINT" && sqlType != "BIGNUM" && sqlType != "UUID"
	}
	return false
}

func (e *csvEncoder) end(_ Stats, cause error) error { return cause }
