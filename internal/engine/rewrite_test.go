package engine

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

func TestRewrite(t *testing.T) {
	e, _ := openEngine(t, nil)
	older := events[:5]
	var sources []record.File
	for i := range 6 {
		f := writeEvents(t, e, fmt.Sprintf("ev/young-%d.parquet", i), record.RecordID(1+i*10000), 10000, may1.Add(time.Duration(i)*12*time.Hour))
		sources = append(sources, f)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, older.Arrow())
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(99)
	for i := 1; i < 5; i++ {
		b.Field(i).AppendNull()
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	old, err := e.WriteParquet(t.Context(), "ev/old.parquet", older, "ts", []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	if old.HasTime {
		t.Errorf("a file of null times has bounds: %+v", old)
	}
	sources = append(sources, old)
	before, err := e.TallyFiles(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}

	job := record.RewriteJob{
		Sources: sources, Schema: events, TimeColumn: "ts", Partition: []string{"user_id"}, SortBy: []string{"ts"}, TargetBytes: 1 << 40,
		Path: func(p []any, n int) string { return fmt.Sprintf("ev/user_id=%v/%d.parquet", p[0], n) },
	}
	files, err := e.Rewrite(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 98 { // 97 users and the null one
		t.Errorf("%d files, want 98", len(files))
	}
	after, err := e.TallyFiles(t.Context(), files)
	if err != nil || before != after {
		t.Errorf("the rewrite changed %+v to %+v, %v", before, after, err)
	}
	for _, f := range files {
		user := f.Columns[4]
		if f.Partition[0] == nil {
			if user.Nulls != 1 {
				t.Errorf("%s: %+v", f.Path, user)
			}
		} else if user.Min != f.Partition[0] || user.Max != f.Partition[0] {
			t.Errorf("%s: partition %v, but user_id from %s to %s", f.Path, f.Partition, user.Min, user.Max)
		}
	}
}

func TestRewriteSplitsAndSorts(t *testing.T) {
	e, _ := openEngine(t, nil)
	var sources []record.File
	var bytes int64
	for i := range 4 { // the latest first
		f := writeEvents(t, e, fmt.Sprintf("ev/%d.parquet", i), record.RecordID(1+i*20000), 20000, may1.Add(-time.Duration(i)*time.Hour))
		sources, bytes = append(sources, f), bytes+f.Bytes
	}
	job := record.RewriteJob{
		Sources: sources, Schema: events, TimeColumn: "ts", SortBy: []string{"ts", "_record_id"}, TargetBytes: bytes/5 + 1,
		Path: func(_ []any, n int) string { return fmt.Sprintf("ev/sorted-%d.parquet", n) },
	}
	files, err := e.Rewrite(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 5 {
		t.Errorf("%d files, want 5", len(files))
	}
	for i := range files[1:] {
		if files[i].MaxTime > files[i+1].MinTime {
			t.Errorf("file %d ends at %d, after %d where the next begins", i, files[i].MaxTime, files[i+1].MinTime)
		}
	}
	if files[0].Partition != nil {
		t.Errorf("an unpartitioned file has the partition %v", files[0].Partition)
	}
}

func TestRewriteLeavesNothingBehind(t *testing.T) {
	e, _ := openEngine(t, nil)
	good := writeEvents(t, e, "ev/good.parquet", 1, 100, may1)
	good.Rows++ // as if a row got lost
	job := record.RewriteJob{Sources: []record.File{good}, Schema: events, Path: func([]any, int) string { return "ev/new.parquet" }}
	if _, err := e.Rewrite(t.Context(), job); err == nil {
		t.Error("a lost row was not noticed")
	}
	names, _ := os.ReadDir(e.file("ev"))
	if !slices.EqualFunc(names, []string{"good.parquet"}, func(f os.DirEntry, name string) bool { return f.Name() == name }) {
		t.Errorf("left behind: %v", names)
	}
}
