package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
)

func writeEvents(t testing.TB, e *Engine, path string, first record.RecordID, n int, start time.Time) record.File {
	t.Helper()
	batch := eventBatch(first, n, start)
	defer batch.Release()
	f, err := e.WriteParquet(t.Context(), path, events, "ts", []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTally(t *testing.T) {
	e, _ := openEngine(t, nil)
	var files []record.File
	var want record.Tally
	for shard := range 3 {
		for seq := range 4 {
			first := record.NewRecordID(uint8(shard), record.Sequence(seq*10+1), 0)
			files = append(files, writeEvents(t, e, fmt.Sprintf("ev/%d-%d.parquet", shard, seq), first, 50, may1))
			want.AddRange(first, 50)
		}
	}
	got, err := e.TallyFiles(t.Context(), files)
	if err != nil || got != want {
		t.Errorf("TallyFiles gave %+v, %v, want %+v", got, err, want)
	}
	slices, err := e.TallySlices(t.Context(), files, 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(slices) != 6 {
		t.Fatalf("%d slices, want 6: %+v", len(slices), slices)
	}
	for i, s := range slices {
		var want record.Tally
		for _, seq := range []record.Sequence{s.First + 1, s.First + 11} {
			want.AddRange(record.NewRecordID(s.Shard, seq, 0), 50)
		}
		if s.Tally != want || int(s.Shard) != i/2 || s.First != record.Sequence(i%2*20) || s.Last != s.First+19 {
			t.Errorf("slice %d is %+v, want tally %+v", i, s, want)
		}
	}
	n, err := e.DistinctIDs(t.Context(), append(files, files...), 0, record.NewRecordID(1, 31, 24))
	if want := int64(4*50 + 3*50 + 25); err != nil || n != want {
		t.Errorf("DistinctIDs gave %d, %v, want %d", n, err, want)
	}
}

func TestTallyOfNothing(t *testing.T) {
	e, _ := openEngine(t, nil)
	if got, err := e.TallyFiles(t.Context(), nil); err != nil || got != (record.Tally{}) {
		t.Errorf("TallyFiles of no files gave %+v, %v", got, err)
	}
	empty := writeEvents(t, e, "ev/empty.parquet", 1, 0, may1)
	if got, err := e.TallyFiles(t.Context(), []record.File{empty}); err != nil || got != (record.Tally{}) {
		t.Errorf("TallyFiles of an empty file gave %+v, %v", got, err)
	}
}

func TestHashIDIsDuckDBs(t *testing.T) {
	e, _ := openEngine(t, nil)
	for _, id := range []record.RecordID{0, 1, 2, 65535, 1 << 32, 1<<32 + 7, record.NewRecordID(63, record.MaxSequence, record.MaxRecords), 1<<63 - 1} {
		if got := rows(t, e, "SELECT hash($1::BIGINT)", id); got[0] != fmt.Sprint(record.HashID(id)) {
			t.Errorf("hash(%d) is %s, HashID %d", id, got[0], record.HashID(id))
		}
	}
}
