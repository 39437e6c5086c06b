package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// events is the schema most tests use.
var events = record.Schema{
	{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}, FieldID: 1},
	{Name: record.ColumnReceivedAt, Type: record.Type{Kind: record.Timestamptz}, FieldID: 2},
	{Name: "ts", Type: record.Type{Kind: record.Timestamptz}, FieldID: 3},
	{Name: "user_id", Type: record.Type{Kind: record.Varchar}, FieldID: 4},
	{Name: "amount", Type: record.Type{Kind: record.Double}, FieldID: 5},
	{Name: "payload", Type: record.Type{Kind: record.JSON}, FieldID: 6},
}

// may1 is when the tests' first event happens.
var may1 = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// eventBatch has n events a second apart, with ids from first.
func eventBatch(first record.RecordID, n int, start time.Time) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, events.Arrow())
	defer b.Release()
	for i := range n {
		at := arrow.Timestamp(start.Add(time.Duration(i) * time.Second).UnixMicro())
		b.Field(0).(*array.Int64Builder).Append(int64(first) + int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(at)
		b.Field(2).(*array.TimestampBuilder).Append(at)
		b.Field(3).(*array.StringBuilder).Append(fmt.Sprintf("u%d", i%97))
		b.Field(4).(*array.Float64Builder).Append(float64(i) / 4)
		b.Field(5).(*array.StringBuilder).Append(fmt.Sprintf(`{"n": %d, "tags": ["a", "b"]}`, i))
	}
	return b.NewRecordBatch()
}

func openEngine(t testing.TB, change func(*Options)) (*Engine, *world.Store) {
	t.Helper()
	o := Options{Root: t.TempDir(), Limits: Limits{MemoryLimitBytes: 1 << 30}, Threads: 2}
	if change != nil {
		change(&o)
	}
	worlds := world.NewStore()
	e, err := Open(t.Context(), worlds, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, worlds
}

// rows runs a query and gives each row as its values joined with "|".
func rows(t testing.TB, e *Engine, sql string, params ...any) []string {
	t.Helper()
	got, err := tryRows(t.Context(), e, Request{SQL: sql, Params: params})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func tryRows(ctx context.Context, e *Engine, r Request) ([]string, error) {
	res, err := e.Query(ctx, r)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	return remaining(ctx, res)
}

// remaining reads a result to its end.
func remaining(ctx context.Context, res *Result) (out []string, err error) {
	for {
		batch, err := res.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range int(batch.NumRows()) {
			values := make([]string, batch.NumCols())
			for j := range values {
				values[j] = strings.Clone(batch.Column(j).ValueStr(i))
			}
			out = append(out, strings.Join(values, "|"))
		}
		batch.Release()
	}
}

func TestOpenValidates(t *testing.T) {
	root := t.TempDir()
	for name, o := range map[string]Options{
		"relative root": {Root: "data"},
		"no memory":     {Root: root, Limits: Limits{MemoryLimitBytes: 1}},
		"local zone":    {Root: root, Location: time.Local},
		"no threads":    {Root: root, Threads: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := Open(t.Context(), world.NewStore(), o); record.KindOf(err) != record.Invalid {
				t.Errorf("Open gave %v, %v", e, err)
			}
		})
	}
}

func TestStaticExtensions(t *testing.T) {
	e, _ := openEngine(t, nil)
	err := e.evaluator.aside(t.Context(), func(c *conn) error {
		got, err := c.text(t.Context(), "SELECT extension_name FROM duckdb_extensions() WHERE loaded AND install_mode = 'STATICALLY_LINKED' ORDER BY 1")
		if want := "autocomplete core_functions icu json parquet"; strings.Join(got, " ") != want {
			t.Errorf("static extensions %v, want %s", got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newRecord(schema *arrow.Schema, columns []arrow.Array, n int64) arrow.RecordBatch {
	return array.NewRecordBatch(schema, columns, n)
}
