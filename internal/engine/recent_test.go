package engine

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// everyType has a column of each type, the text as a dictionary.
var everyType = record.Schema{
	{Name: "_record_id", Type: bigint, FieldID: 1},
	{Name: "ts", Type: record.Type{Kind: record.Timestamptz}, FieldID: 2},
	{Name: "bool", Type: record.Type{Kind: record.Boolean}, FieldID: 3},
	{Name: "int", Type: record.Type{Kind: record.Int}, FieldID: 4},
	{Name: "double", Type: record.Type{Kind: record.Double}, FieldID: 5},
	{Name: "decimal", Type: record.Type{Kind: record.Decimal, Precision: 18, Scale: 2}, FieldID: 6},
	{Name: "text", Type: varchar, FieldID: 7},
	{Name: "date", Type: record.Type{Kind: record.Date}, FieldID: 8},
	{Name: "local", Type: record.Type{Kind: record.Timestamp}, FieldID: 9},
	{Name: "json", Type: record.Type{Kind: record.JSON}, FieldID: 10},
	{Name: "list", Type: record.Type{Kind: record.Array, Elem: &varchar, ElemID: 12}, FieldID: 11},
	{Name: "struct", Type: record.Type{Kind: record.Struct, Fields: []record.Column{{Name: "a b", Type: bigint, FieldID: 14}, {Name: "c", Type: varchar, FieldID: 15}}}, FieldID: 13},
	{Name: `odd "name"`, Type: varchar, FieldID: 16},
}

func everyTypeBatch(n int) arrow.RecordBatch {
	fields := everyType.Arrow().Fields()
	fields[6].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i + 1))
		if i%10 == 9 { // the others are null
			for j := 1; j < len(fields); j++ {
				b.Field(j).AppendNull()
			}
			continue
		}
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(may1.UnixMicro() + int64(i)))
		b.Field(2).(*array.BooleanBuilder).Append(i%2 == 0)
		b.Field(3).(*array.Int32Builder).Append(int32(-i))
		b.Field(4).(*array.Float64Builder).Append(float64(i) / 2)
		b.Field(5).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i*100 + 25)))
		_ = b.Field(6).(*array.BinaryDictionaryBuilder).AppendString([]string{"湖", "", "it's"}[i%3])
		b.Field(7).(*array.Date32Builder).Append(arrow.Date32FromTime(may1))
		b.Field(8).(*array.TimestampBuilder).Append(arrow.Timestamp(may1.UnixMicro()))
		b.Field(9).(*array.StringBuilder).Append(`{"i": 1}`)
		list := b.Field(10).(*array.ListBuilder)
		list.Append(true)
		for range i % 3 {
			list.ValueBuilder().(*array.StringBuilder).Append("x")
		}
		s := b.Field(11).(*array.StructBuilder)
		s.Append(true)
		s.FieldBuilder(0).(*array.Int64Builder).Append(int64(i))
		s.FieldBuilder(1).(*array.StringBuilder).Append("c")
		b.Field(12).(*array.StringBuilder).Append("odd")
	}
	return b.NewRecordBatch()
}

// TestEveryType takes each type through recent rows, a file, a rewritten file and
// an evaluator.
func TestEveryType(t *testing.T) {
	e, worlds := openEngine(t, nil)
	batch := everyTypeBatch(5000)
	defer batch.Release()
	list := []arrow.RecordBatch{batch}
	if err := e.CreateRecent(t.Context(), "g", everyType); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendRecent(t.Context(), "g", list); err != nil {
		t.Fatal(err)
	}
	g := &world.Generation{Name: "g", Schema: everyType}
	g.Grow(5000, may1.UnixMicro(), may1.UnixMicro()+5000)
	f, err := e.WriteParquet(t.Context(), "a.parquet", everyType, "ts", list)
	if err != nil {
		t.Fatal(err)
	}
	if f.Columns[12].Values == 0 || f.Columns[14].Max != "4998" || f.Columns[6].Min != "0.25" || f.Columns[16].Max != "odd" || f.Columns[1].Nulls != 0 || f.Columns[3].Nulls != 500 {
		t.Errorf("stats %+v", f.Columns)
	}
	files, err := e.Rewrite(t.Context(), record.RewriteJob{Sources: []record.File{f}, Schema: everyType, TimeColumn: "ts", SortBy: []string{"_record_id"}, TargetBytes: f.Bytes/3 + 1, Path: func(_ []any, n int) string { return fmt.Sprintf("b%d.parquet", n) }})
	if err != nil {
		t.Fatal(err)
	}
	half := batch.NewSlice(777, 4001) // as stages hand on parts of batches
	defer half.Release()
	part, err := e.WriteParquet(t.Context(), "c.parquet", everyType, "ts", []arrow.RecordBatch{half})
	if err != nil {
		t.Fatal(err)
	}
	publish(worlds, "part", everyType, []record.File{part})
	publish(worlds, "recent_rows", everyType, nil, g)
	publish(worlds, "one_file", everyType, []record.File{f})
	publish(worlds, "rewritten", everyType, files)
	const sum = "SELECT count(*), md5(string_agg(t::varchar, ',' ORDER BY _record_id)), any_value(typeof(t)) FROM "
	want := rows(t, e, sum+"recent_rows AS t")[0]
	for _, table := range []string{"one_file", "rewritten"} {
		if got := rows(t, e, sum+table+" AS t")[0]; got != want {
			t.Errorf("%s: %s\nwant %s", table, got, want)
		}
	}
	if got, want := rows(t, e, sum+"part AS t")[0], rows(t, e, sum+"recent_rows AS t WHERE _record_id BETWEEN 778 AND 4001")[0]; got != want {
		t.Errorf("a part of a batch: %s\nwant %s", got, want)
	}
	var computed []Expression
	for _, c := range everyType {
		computed = append(computed, Expression{Name: c.Name, SQL: record.QuoteName(c.Name), Type: c.Type})
	}
	v, err := e.NewEvaluator(t.Context(), nil, everyType, computed, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []arrow.RecordBatch{batch, half} {
		out, _, failed, err := v.Evaluate(t.Context(), batch)
		if err != nil || len(failed) > 0 {
			t.Fatal(err, failed)
		}
		defer release(out)
		for i, c := range everyType {
			if !arrow.TypeEqual(out[i].DataType(), c.Type.Arrow()) {
				t.Errorf("%s became %v", c.Name, out[i].DataType())
			}
			for row := range int(batch.NumRows()) {
				if got, want := out[i].ValueStr(row), batch.Column(i).ValueStr(row); got != want {
					t.Fatalf("%s, row %d: %s, want %s", c.Name, row, got, want)
				}
			}
		}
	}
}

func TestRecentRefuses(t *testing.T) {
	e, _ := openEngine(t, nil)
	batch := eventBatch(1, 5, may1)
	defer batch.Release()
	list := []arrow.RecordBatch{batch}
	if err := e.AppendRecent(t.Context(), "gone", list); record.KindOf(err) != record.NotFound {
		t.Errorf("append to nothing: %v", err)
	}
	if err := e.CreateRecent(t.Context(), "g", events[:3]); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateRecent(t.Context(), "g", events); err == nil {
		t.Error("a generation was made twice")
	}
	if err := e.AppendRecent(t.Context(), "g", list); err == nil {
		t.Error("a batch of other columns was taken")
	}
	if _, err := e.WriteParquet(t.Context(), "x.parquet", events[:3], "ts", list); err == nil {
		t.Error("a file of other columns was written")
	}
	if err := e.DropRecent(t.Context(), "g"); err != nil {
		t.Error(err)
	}
	if err := e.DropRecent(t.Context(), "g"); err != nil {
		t.Errorf("a second drop: %v", err)
	}
}

// TestAppendFailsWhereTheTableIsGone: were it found out at the COMMIT only, rows
// would be lost without an error.
func TestAppendFailsWhereTheTableIsGone(t *testing.T) {
	e, _ := openEngine(t, nil)
	if err := e.CreateRecent(t.Context(), "g", events); err != nil {
		t.Fatal(err)
	}
	batch := eventBatch(1, 5, may1)
	defer batch.Release()
	err := e.reader.with(t.Context(), func(c *conn) error {
		if err := c.exec(t.Context(), "SELECT 1"); err != nil {
			return err
		}
		if err := e.DropRecent(t.Context(), "g"); err != nil {
			return err
		}
		reader, err := newBatches(events, []arrow.RecordBatch{batch})
		if err != nil {
			return err
		}
		defer reader.Release()
		return c.appendTo(t.Context(), "g", reader)
	})
	if err == nil {
		t.Error("rows were appended to a table that is gone")
	}
}
