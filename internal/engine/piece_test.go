package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

// wideBatch has n events within ten seconds, in no order, whose payload is about size
// bytes. One user and one time of eight are null.
func wideBatch(first record.RecordID, n, size int, start time.Time) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, events.Arrow())
	defer b.Release()
	random := rand.New(rand.NewPCG(1, uint64(first)))
	text := make([]byte, 0, size+16)
	for i := range n {
		at := arrow.Timestamp(start.Add(time.Duration(random.IntN(10)) * time.Second).UnixMicro())
		b.Field(0).(*array.Int64Builder).Append(int64(first) + int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(at)
		if random.IntN(8) == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.TimestampBuilder).Append(at)
		}
		if random.IntN(8) == 0 {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.StringBuilder).Append("user's " + strconv.Itoa(random.IntN(3)))
		}
		b.Field(4).(*array.Float64Builder).Append(1)
		text = append(text[:0], '"')
		for len(text) < size {
			text = strconv.AppendUint(text, random.Uint64(), 36)
		}
		b.Field(5).(*array.StringBuilder).Append(string(append(text, '"')))
	}
	return b.NewRecordBatch()
}

// writeWide writes files of 4 MB of wide events, one minute apart.
func writeWide(t *testing.T, e *Engine, files, size int) (list []record.File) {
	t.Helper()
	for i := range files {
		n := 4 << 20 / size
		batch := wideBatch(record.RecordID(1+i*n), n, size, may1.Add(time.Duration(i)*time.Minute))
		f, err := e.WriteParquet(t.Context(), fmt.Sprintf("wide/%d.parquet", i), events, "ts", []arrow.RecordBatch{batch})
		batch.Release()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func rewriteWide(t *testing.T, e *Engine, sources []record.File, partition ...string) ([]record.File, error) {
	t.Helper()
	return e.Rewrite(t.Context(), record.RewriteJob{Sources: sources, Schema: events, TimeColumn: "ts", Partition: partition, SortBy: []string{"ts", record.ColumnRecordID},
		TargetBytes: 8 << 20, Path: func(values []any, n int) string { return fmt.Sprintf("sorted/%v-%d.parquet", values, n) }})
}

func adminRows(t *testing.T, e *Engine, sql string) []string {
	t.Helper()
	got, err := tryRows(t.Context(), e, Request{SQL: sql, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestWhatDoesNotFitIsSortedInPieces compares a sort in a memory that takes the rows
// only in pieces with DuckDB's own in plenty of it.
func TestWhatDoesNotFitIsSortedInPieces(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes = LeastMemory })
	plenty, _ := openEngine(t, func(o *Options) { o.Root, o.TempDir = e.options.Root, t.TempDir() })
	sources := writeWide(t, e, 12, 400)
	for _, partition := range [][]string{nil, {"user_id"}} {
		files, err := rewriteWide(t, e, sources, partition...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			got = append(got, adminRows(t, plenty, "SELECT _record_id FROM "+plenty.readParquet([]record.File{f}, events))...)
		}
		order := strings.Join(append(partition, "ts", "_record_id"), ", ")
		want := adminRows(t, plenty, "SELECT _record_id FROM "+plenty.readParquet(sources, events)+" ORDER BY "+order)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("by %s: %d rows are in another order than %d", order, len(got), len(want))
		}
	}
}

// TestWideRowsAreSorted has rows of which DuckDB's sort cannot hold what it pins.
func TestWideRowsAreSorted(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes = 512 << 20 })
	sources := writeWide(t, e, 64, 4000)
	files, err := rewriteWide(t, e, sources)
	if err != nil {
		t.Fatal(err)
	}
	before, err := e.TallyFiles(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := e.TallyFiles(t.Context(), files); err != nil || after != before {
		t.Errorf("%+v became %+v: %v", before, after, err)
	}
}

func TestRowsTooWideAreLeft(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes = LeastMemory })
	files, err := rewriteWide(t, e, writeWide(t, e, 2, 100_000))
	if record.KindOf(err) != record.TooLarge || files != nil {
		t.Errorf("%d files, %v", len(files), err)
	}
	if err == nil || !strings.Contains(err.Error(), "bytes on average are too wide to be sorted: limits.memory allows for 1024") {
		t.Error(err)
	}
}
