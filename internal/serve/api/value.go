package api

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// exactInteger is the largest whole number that every JSON reader keeps exact.
const exactInteger = 1 << 53

// valueWriter writes cells of Arrow columns as JSON. Whole numbers beyond 2^53
// and decimals are strings, for most JSON readers would round them; times are RFC
// 3339 in the query's zone.
type valueWriter struct {
	location *time.Location
	scratch  []byte
	parts    map[string][]string // of nested types, by their spelling
}

// appendJSON appends the cell at row i of a column whose SQL type is sqlType.
func (w *valueWriter) appendJSON(out []byte, column arrow.Array, i int, sqlType string) []byte {
	if column.IsNull(i) {
		return append(out, "null"...)
	}
	switch c := column.(type) {
	case *array.Boolean:
		return strconv.AppendBool(out, c.Value(i))
	case *array.Int64:
		return appendInteger(out, c.Value(i))
	case *array.Uint64:
		if v := c.Value(i); v > math.MaxInt64 {
			return append(strconv.AppendUint(append(out, '"'), v, 10), '"')
		}
		return appendInteger(out, int64(c.Value(i)))
	case *array.Float64:
		return appendFloat(out, c.Value(i), 64)
	case *array.Float32:
		return appendFloat(out, float64(c.Value(i)), 32)
	case *array.Decimal128:
		return w.appendDecimal(out, c, i, sqlType)
	case *array.Map:
		return w.appendMap(out, c, i, sqlType)
	case array.ListLike:
		start, end := c.ValueOffsets(i)
		return w.appendList(out, c.ListValues(), int(start), int(end), w.part(sqlType, 0))
	case *array.Struct:
		return w.appendStruct(out, c, i, sqlType)
	case array.Union:
		return w.appendUnion(out, c, i)
	case *array.Dictionary:
		return w.appendJSON(out, c.Dictionary(), c.GetValueIndex(i), sqlType)
	case *array.Int8, *array.Int16, *array.Int32, *array.Uint8, *array.Uint16, *array.Uint32:
		return append(out, c.ValueStr(i)...)
	case *array.String:
		if sqlType == "JSON" {
			if text := c.Value(i); json.Valid([]byte(text)) {
				return append(out, text...)
			}
		}
		return appendString(out, w.text(c, i, sqlType))
	}
	return appendString(out, w.text(column, i, sqlType))
}

// text is the cell as CSV and tables show it; a null has none. It may lie in the
// column's memory and is good as long as that is.
func (w *valueWriter) text(column arrow.Array, i int, sqlType string) string {
	if column.IsNull(i) {
		return ""
	}
	switch c := column.(type) {
	case *array.String:
		if sqlType == "INTERVAL" {
			return intervalText(c.Value(i))
		}
		return c.Value(i)
	case *array.LargeString:
		return c.Value(i)
	case *array.Binary:
		return byteText(c.Value(i))
	case *array.LargeBinary:
		return byteText(c.Value(i))
	case *array.Timestamp:
		return timestampText(c, i, w.location)
	case *array.Date32:
		return dateText(c.Value(i))
	case *array.Decimal128:
		return decimalText(c, i)
	case *array.Time64:
		return clockText(int64(c.Value(i)), c.DataType().(*arrow.Time64Type).Unit)
	case array.ListLike, *array.Struct, array.Union:
		w.scratch = w.appendJSON(w.scratch[:0], column, i, sqlType)
		return string(w.scratch)
	case *array.Float64:
		return string(appendFloatText(nil, c.Value(i), 64))
	case *array.Float32:
		return string(appendFloatText(nil, float64(c.Value(i)), 32))
	case *array.Dictionary:
		return w.text(c.Dictionary(), c.GetValueIndex(i), sqlType)
	}
	return column.ValueStr(i)
}

func (w *valueWriter) appendDecimal(out []byte, c *array.Decimal128, i int, sqlType string) []byte {
	v := c.Value(i)
	if sqlType == "HUGEINT" { // what sum() of whole numbers gives: a whole number to its reader
		if low := int64(v.LowBits()); v.HighBits() == low>>63 {
			return appendInteger(out, low)
		}
	}
	return append(append(append(out, '"'), decimalText(c, i)...), '"')
}

// part is the type of a part of a nested type: of a list's elements, a map's key (0)
// and value (1), a struct's field. It is "" where the type does not say.
func (w *valueWriter) part(sqlType string, n int) string {
	parts, known := w.parts[sqlType]
	if !known {
		parts = partTypes(sqlType)
		if w.parts == nil {
			w.parts = map[string][]string{}
		}
		w.parts[sqlType] = parts
	}
	if n < len(parts) {
		return parts[n]
	}
	return ""
}

func (w *valueWriter) appendList(out []byte, values arrow.Array, start, end int, sqlType string) []byte {
	out = append(out, '[')
	for i := start; i < end; i++ {
		if i > start {
			out = append(out, ',')
		}
		out = w.appendJSON(out, values, i, sqlType)
	}
	return append(out, ']')
}

// appendStruct writes an object. The fields of row(1, 2) have no names; they get
// those that PostgreSQL gives them, for an object cannot tell them apart.
func (w *valueWriter) appendStruct(out []byte, c *array.Struct, i int, sqlType string) []byte {
	out = append(out, '{')
	for f, field := range c.DataType().(*arrow.StructType).Fields() {
		if f > 0 {
			out = append(out, ',')
		}
		name := field.Name
		if name == "" {
			name = "f" + strconv.Itoa(f+1)
		}
		out = append(appendString(out, name), ':')
		out = w.appendJSON(out, c.Field(f), i, w.part(sqlType, f))
	}
	return append(out, '}')
}

func (w *valueWriter) appendMap(out []byte, c *array.Map, i int, sqlType string) []byte {
	start, end := c.ValueOffsets(i)
	out = append(out, '{')
	for k := int(start); k < int(end); k++ {
		if k > int(start) {
			out = append(out, ',')
		}
		out = append(appendString(out, w.text(c.Keys(), k, w.part(sqlType, 0))), ':')
		out = w.appendJSON(out, c.Items(), k, w.part(sqlType, 1))
	}
	return append(out, '}')
}

// appendUnion writes {"tag": value}, as DuckDB's to_json does.
func (w *valueWriter) appendUnion(out []byte, c array.Union, i int) []byte {
	child, at := c.ChildID(i), i
	if dense, ok := c.(*array.DenseUnion); ok {
		at = int(dense.ValueOffset(i))
	}
	if c.Field(child).IsNull(at) {
		return append(out, "null"...)
	}
	name := c.DataType().(arrow.UnionType).Fields()[child].Name
	out = append(appendString(append(out, '{'), name), ':')
	return append(w.appendJSON(out, c.Field(child), at, ""), '}')
}

func appendInteger(out []byte, v int64) []byte {
	if v > exactInteger || v < -exactInteger {
		return append(strconv.AppendInt(append(out, '"'), v, 10), '"')
	}
	return strconv.AppendInt(out, v, 10)
}

// appendFloat writes what JSON has no number for as a string.
func appendFloat(out []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(appendFloatText(append(out, '"'), v, bits), '"')
	}
	return appendFloatText(out, v, bits)
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			out = append(out, s[start:i]...)
			switch c {
			case '"', '\\':
				out = append(out, '\\', c)
			case '\n':
				out = append(out, '\\', 'n')
			case '\t':
				out = append(out, '\\', 't')
			case '\r':
				out = append(out, '\\', 'r')
			default:
				out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			out = append(append(out, s[start:i]...), "\uFFFD"...)
			start = i + 1
		}
		i += size
	}
	return append(append(out, s[start:]...), '"')
}

// RowJSON is a row of a batch as a JSON object, times in UTC.
func RowJSON(columns []Column, batch arrow.RecordBatch, i int) []byte {
	w := valueWriter{location: time.UTC}
	out := []byte{'{'}
	for c, column := range batch.Columns() {
		if c > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, columns[c].Name), ':')
		out = w.appendJSON(out, column, i, columns[c].Type)
	}
	return append(out, '}')
}

// RowText is a row of a batch as tables show it, times in a zone; null says which
// cells are null.
func RowText(columns []Column, batch arrow.RecordBatch, i int, location *time.Location) (cells []string, null []bool) {
	w := valueWriter{location: location}
	for c, column := range batch.Columns() {
		cells = append(cells, strings.Clone(w.text(column, i, columns[c].Type))) // the batch's memory goes with it
		null = append(null, column.IsNull(i))
	}
	return cells, null
}
