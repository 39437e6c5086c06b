package bench

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/dedupe"
	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
	"github.com/biwa-data/biwa/internal/world"
)

// idsAndTimes is a batch of 100 rows: consecutive ids, and one time.
func idsAndTimes(schema record.Schema, first record.RecordID, micros int64) []arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
	defer b.Release()
	for i := range 100 {
		b.Field(0).(*array.Int64Builder).Append(int64(first) + int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(micros))
	}
	return []arrow.RecordBatch{b.NewRecordBatch()}
}

func parseID(text string) (record.RecordID, error) { return record.ParseRecordID(text) }

// commit measures commits a second on one table, data with ledger row and offset,
// after 1,000 of them against the first ones. The files are written beforehand.
func commit(ctx context.Context, o Options) (Result, error) {
	db, err := meta.Open(ctx, filepath.Join(o.Dir, "meta.db"))
	if err != nil {
		return Result{}, err
	}
	defer db.Close()
	root, worlds := filepath.Join(o.Dir, "objects"), world.NewStore()
	store, err := object.OpenLocal(object.OS{}, root, "bench")
	if err != nil {
		return Result{}, err
	}
	e, err := engine.Open(ctx, worlds, engine.Options{Root: root, TempDir: filepath.Join(o.Dir, "tmp"), Location: time.UTC, Limits: engine.Limits{MemoryLimitBytes: 512 << 20}})
	if err != nil {
		return Result{}, err
	}
	defer e.Close()
	l, err := lake.Open(ctx, db, store, worlds, service.SystemClock{}, lake.Options{})
	if err != nil {
		return Result{}, err
	}
	schema, err := l.Create(ctx, lake.Spec{Name: "log", TimeColumn: "ts", Schema: record.Schema{
		{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}}, {Name: "ts", Type: record.Type{Kind: record.Timestamptz}}}})
	if err != nil {
		return Result{}, err
	}
	total, part := max(40, int(1100*o.Scale)), max(10, int(100*o.Scale))
	id := record.NewStreamID()
	times := make([]time.Duration, total)
	for i := range total {
		path := l.Path("log")
		if err := store.Prepare(path); err != nil {
			return Result{}, err
		}
		seq := record.Sequence(i + 1)
		batch := idsAndTimes(schema, record.NewRecordID(0, seq, 0), time.Now().UnixMicro())
		f, err := e.WriteParquet(ctx, path, schema, "ts", batch)
		batch[0].Release()
		if err != nil {
			return Result{}, err
		}
		began := time.Now()
		if err := commitOne(ctx, l, id, seq, f); err != nil {
			return Result{}, err
		}
		times[i] = time.Since(began)
	}
	first, last := median(times[:part]), median(times[total-part:])
	ratio, rate := first.Seconds()/last.Seconds(), 1/last.Seconds()
	return Result{Value: rate, Unit: "commits/s", Baseline: 1 / first.Seconds(), Ratio: ratio, Against: "the first ones", Goal: "ratio >= 0.5, >= 100/s", Met: ratio >= 0.5 && rate >= 100}, nil
}

func commitOne(ctx context.Context, l *lake.Lake, id record.StreamID, seq record.Sequence, f record.File) error {
	var counts ledger.Counts
	counts.Accepted.AddRange(record.NewRecordID(0, seq, 0), 100)
	counts.Delivered = counts.Accepted
	c := &lake.Commit{Appends: []lake.Append{{Table: "log", Files: []record.File{f}}}}
	c.InTx = func(tx *sql.Tx) error {
		now := time.Now()
		err := ledger.Write(ctx, tx, ledger.Entry{Stream: id, From: seq, To: seq, Hours: []ledger.Hour{{Start: now, Counts: counts}}, TableSnapshot: c.Snapshots["log"], At: now})
		return errors.Join(err, meta.Advance(ctx, tx, "table:"+id.String(), 0, seq-1, seq, 0))
	}
	return l.Commit(ctx, c)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// dedupeKeys is how many keys the index holds before the measurement, at scale 1.
const dedupeKeys = 20_000_000

// dedupeRate measures how many records a second pass the dedupe index, with
// random keys and what is remembered made durable, once it holds 20M keys.
func dedupeRate(ctx context.Context, o Options) (Result, error) {
	x, err := dedupe.Open(dedupe.Options{Dir: filepath.Join(o.Dir, "dedupe"), Bounds: dedupe.Bounds{Window: 24 * time.Hour}})
	if err != nil {
		return Result{}, err
	}
	defer x.Close()
	const batchRows = 100_000
	random := rand.New(rand.NewPCG(3, 4))
	schema := record.Schema{{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}}, {Name: record.ColumnReceivedAt, Type: record.Type{Kind: record.Timestamptz}}}
	now := time.Now()
	seq := record.Sequence(0)
	step := func() (time.Duration, error) {
		seq++
		b := keyedBatch(schema, seq, batchRows, now, random)
		defer b.Rows.Release()
		began := time.Now()
		if err := x.Filter(ctx, b, now); err != nil {
			return 0, err
		}
		err := x.Sync(ctx, seq)
		return time.Since(began), err
	}
	o.Progress("filling the index")
	fill := max(1, int(dedupeKeys*o.Scale)/batchRows)
	for range fill {
		if _, err := step(); err != nil {
			return Result{}, err
		}
	}
	o.Progress("measuring")
	var took time.Duration
	rounds := max(2, int(20*min(1, o.Scale)))
	for range rounds {
		d, err := step()
		if err != nil {
			return Result{}, err
		}
		took += d
	}
	rate := float64(rounds*batchRows) / took.Seconds()
	keys := x.Keys(time.Time{})
	return Result{Value: rate, Unit: "records/s", Baseline: 100_000, Ratio: rate / 100_000, Against: "100,000 records/s with random keys", Goal: ">= 100,000 records/s at 20M keys", Met: rate >= 100_000 && keys >= dedupeKeys,
		Details: map[string]float64{"keys": float64(keys)}}, nil
}

func keyedBatch(schema record.Schema, seq record.Sequence, rows int, at time.Time, random *rand.Rand) *record.Batch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
	defer b.Release()
	keys := make([][16]byte, rows)
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(record.NewRecordID(0, seq, 0)) + int64(i))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
		binary.LittleEndian.PutUint64(keys[i][:], random.Uint64())
		binary.LittleEndian.PutUint64(keys[i][8:], random.Uint64())
	}
	return &record.Batch{Seq: seq, Schema: schema, Rows: b.NewRecordBatch(), DedupeKeys: keys}
}
