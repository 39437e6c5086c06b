package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/record"
)

// WriteParquet writes batches as one file, in any order of rows, and makes its
// content durable; the caller makes its folder so. path is relative to Options.Root.
// timeColumn is the event time, "" for none.
func (e *Engine) WriteParquet(ctx context.Context, path string, schema record.Schema, timeColumn string, list []arrow.RecordBatch) (record.File, error) {
	reader, err := newBatches(schema, list)
	if err != nil {
		return record.File{}, fmt.Errorf("write %s: %w", path, err)
	}
	defer reader.Release()
	f, err := e.copyTo(ctx, e.writer, path, schema, timeColumn, reader, e.young())
	if err != nil {
		return record.File{}, fmt.Errorf("write %s: %w", path, err)
	}
	return f, nil
}

// layout is how a file is written: COPY's options.
type layout string

// young is a flush's file, which compaction will write again: a Bloom filter would
// cost more than the few reads before then could gain. To keep the order of rows
// DuckDB would write with one thread, and set 256 KiB aside for each batch, of which
// a stream of small requests has thousands. Row groups are cut by their bytes, for
// they would else need many times the rows' own memory.
func (e *Engine) young() layout {
	return layout("PRESERVE_ORDER false, WRITE_BLOOM_FILTER false, ROW_GROUP_SIZE_BYTES " + strconv.FormatInt(min(16<<20, e.share("writer")/16), 10))
}

// settled is a file that stays: sorted as its reader gives it, in row groups that fit
// into memory, of not more than DuckDB's usual 122,880 rows.
func (e *Engine) settled(schema record.Schema, rowBytes int64) layout {
	rows := min(max(2048, e.share("rewriter")/8/rowBytes/2048*2048), 122_880)
	return layout("PRESERVE_ORDER true, ROW_GROUP_SIZE " + strconv.FormatInt(rows, 10)).withoutBloom(schema)
}

// withoutBloom is a layout for files whose Bloom filters would lose rows: DuckDB 1.5.5
// hashes -0.0 and 0.0 apart, though they are equal, and then `x = 0` misses the former.
// It has no such option for a single column. TestBloomFiltersLoseNegativeZero fails once
// DuckDB does better, and this can go.
func (l layout) withoutBloom(schema record.Schema) layout {
	if !slices.ContainsFunc(schema, func(c record.Column) bool { return floating(c.Type) }) {
		return l
	}
	return l + ", WRITE_BLOOM_FILTER false"
}

// floating says that a type is, or holds, a floating-point number.
func floating(t record.Type) bool {
	return t.Kind == record.Double || t.Elem != nil && floating(*t.Elem) ||
		slices.ContainsFunc(t.Fields, func(c record.Column) bool { return floating(c.Type) })
}

// copyTo has an instance write what reader gives. A file that failed is removed.
func (e *Engine) copyTo(ctx context.Context, d *instance, path string, schema record.Schema, timeColumn string, reader array.RecordReader, how layout) (record.File, error) {
	full := e.file(path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return record.File{}, err
	}
	f := record.File{Path: path}
	err := d.aside(ctx, func(c *conn) error {
		view, release, err := c.scan(reader)
		if err != nil {
			return err
		}
		defer release()
		return c.each(ctx, copyStatement(view, full, schema, how), nil, func(batch arrow.RecordBatch) error {
			return readStats(&f, schema, timeColumn, batch)
		})
	})
	if err == nil {
		err = syncFile(full)
	}
	if err != nil {
		_ = os.Remove(full)
		return record.File{}, err
	}
	return f, nil
}

func copyStatement(view, path string, schema record.Schema, how layout) string {
	columns := make([]string, len(schema))
	for i, c := range schema {
		name := record.QuoteName(c.Name)
		columns[i] = "CAST(" + name + " AS " + c.Type.SQL() + ") AS " + name
	}
	options := "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION V2, USE_TMP_FILE false, RETURN_STATS, " + string(how)
	if ids := fieldIDs(schema); ids != "{}" {
		options += ", FIELD_IDS " + ids
	}
	return "COPY (SELECT " + strings.Join(columns, ", ") + " FROM " + view + ") TO " + record.QuoteText(path) + " (" + options + ")"
}

// fieldIDs is COPY's FIELD_IDS for the columns that have one.
func fieldIDs(schema record.Schema) string {
	var parts []string
	for _, c := range schema {
		if c.FieldID != 0 {
			parts = append(parts, record.QuoteText(c.Name)+": "+typeIDs(c.FieldID, c.Type))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func typeIDs(id int, t record.Type) string {
	inner := ""
	switch t.Kind {
	case record.Array:
		if t.ElemID != 0 {
			inner = "element: " + typeIDs(t.ElemID, *t.Elem)
		}
	case record.Struct:
		inner = strings.TrimSuffix(strings.TrimPrefix(fieldIDs(t.Fields), "{"), "}")
	}
	if inner == "" {
		return strconv.Itoa(id)
	}
	return fmt.Sprintf("{__duckdb_field_id: %d, %s}", id, inner)
}

// syncFile makes a file's content durable.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// readStats reads the row COPY returns.
func readStats(f *record.File, schema record.Schema, timeColumn string, batch arrow.RecordBatch) error {
	column := func(name string) arrow.Array {
		return batch.Column(batch.Schema().FieldIndices(name)[0])
	}
	var err error
	if f.Rows, err = strconv.ParseInt(column("count").ValueStr(0), 10, 64); err != nil {
		return err
	}
	if f.Bytes, err = strconv.ParseInt(column("file_size_bytes").ValueStr(0), 10, 64); err != nil {
		return err
	}
	paths := columnPaths(schema)
	f.Columns = make(map[int]record.ColumnStats, len(paths))
	statistics := column("column_statistics").(*array.Map)
	keys, inner := statistics.Keys().(*array.String), statistics.Items().(*array.Map)
	for i := range keys.Len() {
		path := strings.Clone(keys.Value(i))
		s := columnStats(inner, i)
		if id := paths[path]; id != 0 {
			f.Columns[id] = s
		}
		if s.HasBound && path == record.QuoteName(timeColumn) {
			f.MinTime, f.MaxTime, f.HasTime = timeBounds(s)
		}
		if s.HasBound && path == record.QuoteName(record.ColumnRecordID) {
			f.MinID, f.MaxID = idBounds(s)
		}
	}
	return nil
}

// columnPaths maps the names COPY gives to columns, such as "tags"."element", to
// field ids.
func columnPaths(schema record.Schema) map[string]int {
	paths := map[string]int{}
	var add func(prefix string, id int, t record.Type)
	add = func(prefix string, id int, t record.Type) {
		switch t.Kind {
		case record.Array:
			add(prefix+`."element"`, t.ElemID, *t.Elem)
		case record.Struct:
			for _, f := range t.Fields {
				add(prefix+"."+record.QuoteName(f.Name), f.FieldID, f.Type)
			}
		default:
			paths[prefix] = id
		}
	}
	for _, c := range schema {
		add(record.QuoteName(c.Name), c.FieldID, c.Type)
	}
	return paths
}

func columnStats(inner *array.Map, i int) record.ColumnStats {
	var s record.ColumnStats
	names, values := inner.Keys().(*array.String), inner.Items().(*array.String)
	from, to := inner.ValueOffsets(i)
	var hasMin, hasMax bool
	for j := int(from); j < int(to); j++ {
		value := strings.Clone(values.Value(j)) // it lies in DuckDB's memory
		number, _ := strconv.ParseInt(value, 10, 64)
		switch names.Value(j) {
		case "null_count":
			s.Nulls = number
		case "num_values":
			s.Values = number
		case "column_size_bytes":
			s.Bytes = number
		case "min":
			s.Min, hasMin = value, true
		case "max":
			s.Max, hasMax = value, true
		}
	}
	if s.HasBound = hasMin && hasMax; !s.HasBound {
		s.Min, s.Max = "", ""
	}
	return s
}

func idBounds(s record.ColumnStats) (from, to record.RecordID) {
	a, err1 := strconv.ParseInt(s.Min, 10, 64)
	b, err2 := strconv.ParseInt(s.Max, 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return record.RecordID(a), record.RecordID(b)
}

func timeBounds(s record.ColumnStats) (from, to int64, ok bool) {
	a, ok1 := parseMicros(s.Min, time.UTC)
	b, ok2 := parseMicros(s.Max, time.UTC)
	return a, b, ok1 && ok2
}

// parseMicros reads DuckDB's text of a date, timestamp or timestamptz; one
// without an offset is in zone. Years that Go does not read, and infinity, are
// unknown.
func parseMicros(text string, zone *time.Location) (int64, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
