package lake

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
)

// specOf is the partition spec a file has: the young one if it says nothing of
// partitions, else the table's default.
func specOf(m icetable.Metadata, f *record.File) (*iceberg.PartitionSpec, error) {
	id := youngSpec
	if f.Partition != nil {
		id = m.DefaultPartitionSpec()
	}
	spec := m.PartitionSpecByID(id)
	if spec == nil {
		return nil, fmt.Errorf("file %s: the table has no partition spec %d", f.Path, id)
	}
	if spec.NumFields() != len(f.Partition) {
		return nil, fmt.Errorf("file %s: %d partition values for the %d of partition spec %d", f.Path, len(f.Partition), spec.NumFields(), id)
	}
	return spec, nil
}

// dataFile is the manifest entry of a file.
func dataFile(store object.Store, m icetable.Metadata, schema record.Schema, f *record.File) (iceberg.DataFile, error) {
	spec, err := specOf(m, f)
	if err != nil {
		return nil, err
	}
	values, logical := map[int]any{}, map[int]string{}
	for i, field := range spec.Fields() {
		t, ok := m.CurrentSchema().FindTypeByID(field.SourceID())
		if !ok {
			return nil, fmt.Errorf("file %s: partition column %s is not in the schema", f.Path, field.Name)
		}
		values[field.FieldID], err = partitionValue(t, f.Partition[i])
		if err != nil {
			return nil, fmt.Errorf("file %s: partition column %s: %w", f.Path, field.Name, err)
		}
		switch t.(type) {
		case iceberg.DateType:
			logical[field.FieldID] = "date"
		case iceberg.TimestampType, iceberg.TimestampTzType:
			logical[field.FieldID] = "timestamp-micros"
		}
	}
	b, err := iceberg.NewDataFileBuilder(*spec, iceberg.EntryContentData, store.URI(f.Path), iceberg.ParquetFile,
		values, logical, nil, f.Rows, f.Bytes)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", f.Path, err)
	}
	statistics(b, schema, f)
	return b.Build(), nil
}

func statistics(b *iceberg.DataFileBuilder, schema record.Schema, f *record.File) {
	types := map[int]record.Type{}
	leaves(schema, types)
	sizes, counts, nulls := map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	for id, c := range f.Columns {
		t, ok := types[id]
		if !ok {
			continue
		}
		sizes[id], counts[id], nulls[id] = c.Bytes, c.Values, c.Nulls
		if !c.HasBound {
			continue
		}
		if v := bound(t, c.Min, false); v != nil {
			lower[id] = v
		}
		if v := bound(t, c.Max, true); v != nil {
			upper[id] = v
		}
	}
	b.ColumnSizes(sizes).ValueCounts(counts).NullValueCounts(nulls).LowerBoundValues(lower).UpperBoundValues(upper)
}

// leaves collects the types by field id that can have bounds: not what is in an
// array.
func leaves(columns []record.Column, types map[int]record.Type) {
	for _, c := range columns {
		if c.Type.Kind == record.Struct {
			leaves(c.Type.Fields, types)
		} else {
			types[c.FieldID] = c.Type
		}
	}
}

// partitionValue is a value as iceberg-go writes it. A File holds bool, int64 or
// string; dates and timestamps as strings, times, or what Arrow has for them.
func partitionValue(t iceberg.Type, v any) (any, error) {
	v, err := plainValue(v)
	if v == nil || err != nil {
		return nil, err
	}
	switch t.(type) {
	case iceberg.BooleanType:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case iceberg.Int32Type:
		if n, ok := v.(int64); ok {
			return int32(n), nil
		}
	case iceberg.Int64Type:
		if n, ok := v.(int64); ok {
			return n, nil
		}
	case iceberg.StringType:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case iceberg.DateType:
		if s, ok := v.(string); ok {
			if d, ok := parseDay(s); ok {
				return iceberg.Date(d.Unix() / 86400), nil
			}
		}
	case iceberg.TimestampType, iceberg.TimestampTzType:
		if s, ok := v.(string); ok {
			if at, ok := parseTimestamp(s); ok {
				return iceberg.Timestamp(at.UnixMicro()), nil
			}
		}
	}
	return nil, fmt.Errorf("%v (%T) is not a value of %s", v, v, t)
}

func parseDay(s string) (time.Time, bool) {
	if d, err := time.Parse(time.DateOnly, s); err == nil {
		return d, true
	}
	at, ok := parseTimestamp(s)
	return at.Truncate(24 * time.Hour), ok
}

// plainValues are the values of a file's partition, nil for a young one's.
func plainValues(values []any) ([]any, error) {
	if values == nil {
		return nil, nil
	}
	plain := make([]any, len(values))
	for i, v := range values {
		var err error
		if plain[i], err = plainValue(v); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

func dayText(t time.Time) string  { return t.UTC().Format(time.DateOnly) }
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") }

// plainValue is the form in which partition values are kept and compared: nil,
// bool, int64 or string.
func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, string:
		return v, nil
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case arrow.Date32: // as the engine gives it
		return dayText(v.ToTime()), nil
	case arrow.Timestamp:
		return plainValue(v.ToTime(arrow.Microsecond))
	case time.Time:
		return timeText(v), nil
	case json.Number:
		return strconv.ParseInt(string(v), 10, 64)
	}
	return nil, fmt.Errorf("%v: a partition value cannot be a %T", v, v)
}
