package engine

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// feeder writes one table as deliver and the compaction do: generations, flushes,
// rewrites, each one new World.
type feeder struct {
	t      testing.TB
	e      *Engine
	worlds *world.Store
	table  string
	next   record.RecordID
	steps  int
}

func (f *feeder) name(kind string) string {
	f.steps++
	return fmt.Sprintf("%s_%s%d", f.table, kind, f.steps)
}

// append adds a generation of n rows.
func (f *feeder) append(ctx context.Context, n int) error {
	name := f.name("g")
	if err := f.e.CreateRecent(ctx, name, events); err != nil {
		return err
	}
	batch := eventBatch(f.next, n, may1.Add(time.Duration(f.next)*time.Second))
	defer batch.Release()
	f.next += record.RecordID(n)
	g := &world.Generation{Name: name, Schema: events}
	g.Grow(int64(n), int64(batch.Column(2).(interface{ Value(int) arrow.Timestamp }).Value(0)), int64(batch.Column(2).(interface{ Value(int) arrow.Timestamp }).Value(n-1)))
	if err := f.e.AppendRecent(ctx, name, []arrow.RecordBatch{batch}); err != nil {
		return err
	}
	f.worlds.Publish(func(d *world.Draft) {
		t := d.Table(f.table)
		t.Schema, t.SchemaVersion, t.TimeColumn = events, 1, "ts"
		t.Recent = append(t.Recent, g)
	}, nil)
	return nil
}

// flush replaces all generations by one file.
func (f *feeder) flush(ctx context.Context) error {
	old := f.worlds.Current().Table(f.table).Recent
	var list []arrow.RecordBatch
	for _, g := range old {
		first := record.RecordID(0)
		got, err := tryRows(ctx, f.e, Request{SQL: "SELECT min(_record_id) FROM recent." + record.QuoteName(g.Name), Admin: true})
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(got[0], &first); err != nil {
			return err
		}
		batch := eventBatch(first, int(g.Rows()), may1.Add(time.Duration(first)*time.Second))
		defer batch.Release()
		list = append(list, batch)
	}
	file, err := f.e.WriteParquet(ctx, f.table+"/"+f.name("f")+".parquet", events, "ts", list)
	if err != nil {
		return err
	}
	f.worlds.Publish(func(d *world.Draft) {
		t := d.Table(f.table)
		t.Files = t.Files.Add(file)
		t.Recent = nil
	}, func() {
		for _, g := range old {
			if err := f.e.DropRecent(context.Background(), g.Name); err != nil {
				f.t.Error(err)
			}
		}
	})
	return nil
}

// rewrite makes one file of all.
func (f *feeder) rewrite(ctx context.Context) error {
	old := f.worlds.Current().Table(f.table).Files
	files, err := f.e.Rewrite(ctx, record.RewriteJob{Sources: old.All(), Schema: events, TimeColumn: "ts", SortBy: []string{"ts"}, Path: func(_ []any, n int) string {
		return fmt.Sprintf("%s/%s-%d.parquet", f.table, f.name("r"), n)
	}})
	if err != nil {
		return err
	}
	f.worlds.Publish(func(d *world.Draft) { d.Table(f.table).Files = world.FileIndex{}.Add(files...) }, func() {
		for _, file := range old.All() {
			_ = os.Remove(f.e.file(file.Path))
		}
	})
	return nil
}

// rowsOf is the World's exact number of rows of a table.
func rowsOf(w *world.World, table string) int64 {
	t := w.Table(table)
	n := t.Files.Rows()
	for _, g := range t.Recent {
		n += g.Rows()
	}
	return n
}

func TestCountsAreExactWhileTablesChange(t *testing.T) {
	e, worlds := openEngine(t, func(o *Options) { o.HeavyQueries = 4 })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	steps := 60
	if testing.Short() {
		steps = 10
	}
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	var checked atomic.Int64
	for _, table := range []string{"a", "b"} {
		f := &feeder{t: t, e: e, worlds: worlds, table: table, next: 1}
		if err := f.append(ctx, 10); err != nil {
			t.Fatal(err)
		}
		writers.Go(func() {
			for i := range steps {
				err := f.append(ctx, 50+i)
				if err == nil && i%3 == 2 {
					err = f.flush(ctx)
				}
				if err == nil && i%10 == 9 {
					err = f.rewrite(ctx)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 3 {
		readers.Go(func() {
			for !done.Load() || checked.Load() == 0 {
				if err := checkExact(ctx, e, worlds, i); err != nil {
					t.Error(err)
					return
				}
				checked.Add(1)
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	t.Logf("%d Worlds checked", checked.Load())
}

// checkExact reads both tables of one World in one query, in one of three ways.
func checkExact(ctx context.Context, e *Engine, worlds *world.Store, way int) error {
	pin := worlds.Pin()
	defer pin.Release()
	a, b := rowsOf(pin.World, "a"), rowsOf(pin.World, "b")
	sql := []string{
		"SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)",
		"SELECT (SELECT count(DISTINCT _record_id) FROM a), (SELECT count(DISTINCT _record_id) FROM b WHERE ts >= '2026-05-01' AND ts < now() + INTERVAL 100 YEAR)",
		"WITH x AS (SELECT _record_id FROM a WHERE _record_id > 0) SELECT (SELECT max(_record_id) FROM x), (SELECT count(*) FROM b JOIN b AS c USING (_record_id))",
	}[way]
	got, err := tryRows(ctx, e, Request{SQL: sql, World: pin})
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d|%d", a, b); got[0] != want {
		return fmt.Errorf("%s gave %s, the World has %s", sql, got[0], want)
	}
	return nil
}

func TestGrowingGenerationsAreSeenWhole(t *testing.T) {
	e, worlds := openEngine(t, nil)
	ctx := t.Context()
	g := recentEvents(t, e, "g1", 1, 10)
	publish(worlds, "ev", events, nil, g)
	var before, after atomic.Int64
	before.Store(10)
	after.Store(10)
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 100 {
			batch := eventBatch(record.RecordID(1000*(i+1)), 7, may1)
			after.Add(7)
			g.Grow(7, may1.UnixMicro(), may1.UnixMicro()+6e6)
			if err := e.AppendRecent(ctx, "g1", []arrow.RecordBatch{batch}); err != nil {
				t.Error(err)
			}
			before.Add(7)
			batch.Release()
		}
	})
	for range 2 {
		all.Go(func() {
			for before.Load() < 710 {
				low := before.Load()
				got, err := tryRows(ctx, e, Request{SQL: "SELECT count(*), count(DISTINCT _record_id) FROM ev"})
				high := after.Load()
				var n, distinct int64
				if err == nil {
					_, err = fmt.Sscanf(got[0], "%d|%d", &n, &distinct)
				}
				if err != nil || n < low || n > high || n != distinct || (n-10)%7 != 0 {
					t.Errorf("%d rows, %d distinct, want %d to %d: %v", n, distinct, low, high, err)
					return
				}
			}
		})
	}
	all.Wait()
}
