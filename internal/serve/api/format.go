package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/biwa-data/biwa/internal/record"
)

// format is a way to send a result.
type format struct {
	name, mediaType string
	open            func(w io.Writer, rows Rows, location *time.Location) (encoder, error)
}

// encoder writes a result's batches as they come; nothing is kept.
type encoder interface {
	write(batch arrow.RecordBatch) error
	// end is called once, with the error that cut the result short or nil.
	end(stats Stats, cause error) error
}

var formats = []format{
	{"json", "application/json", openJSON},
	{"ndjson", "application/x-ndjson", openLines},
	{"csv", "text/csv", openCSV(csvStyle{})},
	{"parquet", "application/vnd.apache.parquet", openParquet},
	{"arrow", "application/vnd.apache.arrow.stream", openArrow},
}

// chooseFormat follows ?format=, else the first type in Accept that is known. ?bom=1
// and ?excel=1 say how CSV is written.
func chooseFormat(r *http.Request) (format, error) {
	f, err := namedFormat(r)
	if err != nil {
		return f, err
	}
	var style csvStyle
	for name, on := range map[string]*bool{"bom": &style.bom, "excel": &style.excel} {
		switch value := r.URL.Query().Get(name); value {
		case "", "0", "false":
		case "1", "true":
			*on = true
		default:
			return f, record.Errorf(record.Invalid, "%s=%s: it is 1 or 0", name, value)
		}
	}
	if f.name == "csv" {
		f.open = openCSV(style)
	}
	return f, nil
}

func namedFormat(r *http.Request) (format, error) {
	if name := r.URL.Query().Get("format"); name != "" {
		for _, f := range formats {
			if f.name == name {
				return f, nil
			}
		}
		return format{}, record.Errorf(record.Invalid, "format=%s: there are json, ndjson, csv, parquet and arrow", name)
	}
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		mediaType, _, err := mime.ParseMediaType(accepted)
		if err != nil {
			continue
		}
		for _, f := range formats {
			if f.mediaType == mediaType {
				return f, nil
			}
		}
	}
	return formats[0], nil
}

// send streams a result and says whether it was sent whole.
func send(ctx context.Context, w io.Writer, f format, rows Rows) error {
	location, err := rows.Zone(ctx)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(w, 64<<10)
	e, err := f.open(buffer, rows, location)
	if err != nil {
		return err
	}
	for {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return errors.Join(e.end(rows.Stats(), nil), buffer.Flush())
		}
		if err != nil {
			return errors.Join(err, e.end(rows.Stats(), err), buffer.Flush())
		}
		err = e.write(batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
}

type jsonEncoder struct {
	w      io.Writer
	values valueWriter
	types  []string
	line   []byte
	rows   int64
}

func openJSON(w io.Writer, rows Rows, location *time.Location) (encoder, error) {
	columns, err := json.Marshal(numbered(rows.Columns()))
	if err != nil {
		return nil, err
	}
	e := &jsonEncoder{w: w, values: valueWriter{location: location}, types: sqlTypes(rows)}
	_, err = w.Write(append(append([]byte(`{"columns":`), columns...), `,"rows":[`...))
	return e, err
}

// numbered are columns whose names are all different, as readers need that look values
// up by name: a second a is a_1, as DuckDB names the columns of a subquery. It never
// takes a name that another column has.
func numbered(columns []Column) []Column {
	taken := map[string]bool{}
	for _, c := range columns {
		taken[c.Name] = true
	}
	named, seen := make([]Column, len(columns)), map[string]bool{}
	for i, c := range columns {
		name := c.Name
		for n := 1; seen[name]; n++ {
			if other := c.Name + "_" + strconv.Itoa(n); !taken[other] {
				name = other
			}
		}
		seen[name], taken[name] = true, true
		named[i] = Column{Name: name, Type: c.Type}
	}
	return named
}

func sqlTypes(rows Rows) []string {
	var types []string
	for _, c := range rows.Columns() {
		types = append(types, c.Type)
	}
	return types
}

func (e *jsonEncoder) write(batch arrow.RecordBatch) error {
	for i := range int(batch.NumRows()) {
		e.line = e.line[:0]
		if e.rows > 0 {
			e.line = append(e.line, ',')
		}
		e.line = append(e.line, '\n', '[')
		for c, column := range batch.Columns() {
			if c > 0 {
				e.line = append(e.line, ',')
			}
			e.line = e.values.appendJSON(e.line, column, i, e.types[c])
		}
		e.line = append(e.line, ']')
		if _, err := e.w.Write(e.line); err != nil {
			return err
		}
		e.rows++
	}
	return nil
}

func (e *jsonEncoder) end(stats Stats, cause error) error {
	stats.Rows = e.rows
	tail := map[string]any{"stats": stats}
	if cause != nil {
		tail["error"] = cause.Error()
	}
	text, err := json.Marshal(tail)
	if err != nil {
		return err
	}
	_, err = e.w.Write(append(append([]byte("],"), text[1:]...), '\n'))
	return err
}

type linesEncoder struct {
	w      io.Writer
	values valueWriter
	types  []string
	names  [][]byte // as JSON, with the colon
	line   []byte
}

func openLines(w io.Writer, rows Rows, location *time.Location) (encoder, error) {
	e := &linesEncoder{w: w, values: valueWriter{location: location}, types: sqlTypes(rows)}
	for _, c := range numbered(rows.Columns()) {
		e.names = append(e.names, append(appendString(nil, c.Name), ':'))
	}
	return e, nil
}

func (e *linesEncoder) write(batch arrow.RecordBatch) error {
	for i := range int(batch.NumRows()) {
		e.line = append(e.line[:0], '{')
		for c, column := range batch.Columns() {
			if c > 0 {
				e.line = append(e.line, ',')
			}
			e.line = append(e.line, e.names[c]...)
			e.line = e.values.appendJSON(e.line, column, i, e.types[c])
		}
		if _, err := e.w.Write(append(e.line, '}', '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (e *linesEncoder) end(_ Stats, cause error) error { return cause }

type parquetEncoder struct {
	w      *pqarrow.FileWriter
	schema *arrow.Schema
	forms  []form
}

func openParquet(w io.Writer, rows Rows, location *time.Location) (encoder, error) {
	schema, forms, err := fileColumns(rows, location)
	if err != nil {
		return nil, err
	}
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
	file, err := pqarrow.NewFileWriter(schema, w, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, record.Errorf(record.Invalid, "the result has no Parquet form: %w", err)
	}
	return &parquetEncoder{file, schema, forms}, nil
}

func (e *parquetEncoder) write(batch arrow.RecordBatch) error {
	changed, err := fileBatch(e.schema, e.forms, batch)
	if err != nil {
		return err
	}
	return e.w.WriteBuffered(changed)
}

func (e *parquetEncoder) end(_ Stats, cause error) error {
	if cause != nil {
		return cause // without its footer the file cannot be mistaken for a whole one
	}
	return e.w.Close()
}

type arrowEncoder struct {
	w      *ipc.Writer
	schema *arrow.Schema
	forms  []form
}

func openArrow(w io.Writer, rows Rows, location *time.Location) (encoder, error) {
	schema, forms, err := fileColumns(rows, location)
	if err != nil {
		return nil, err
	}
	return &arrowEncoder{ipc.NewWriter(w, ipc.WithSchema(schema)), schema, forms}, nil
}

func (e *arrowEncoder) write(batch arrow.RecordBatch) error {
	changed, err := fileBatch(e.schema, e.forms, batch)
	if err != nil {
		return err
	}
	return e.w.Write(changed)
}

func (e *arrowEncoder) end(_ Stats, cause error) error {
	if cause != nil {
		return cause
	}
	return e.w.Close()
}
