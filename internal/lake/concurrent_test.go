package lake

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
)

// TestFlushesAndMaintenanceAtOnce has several streams flush to their tables and
// to quarantine while the tables are compacted, expired and swept, and readers
// hold Worlds.
func TestFlushesAndMaintenanceAtOnce(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{KeepSnapshots: 3, Grace: time.Nanosecond})
	tables := []string{"t1", "t2", "t3"}
	for _, name := range tables {
		spec := eventsSpec()
		spec.Name = name
		must(n.Create(ctx, spec))
	}
	must(n.Create(ctx, Spec{Name: record.QuarantineTable, Schema: record.QuarantineSchema, TimeColumn: record.ColumnReceivedAt}))
	const flushes = 25
	var writers, others sync.WaitGroup
	stop := make(chan struct{})
	for i, name := range tables {
		writers.Go(func() {
			for seq := record.Sequence(1); seq <= flushes; seq++ {
				if err := n.flushTwo(name, seq*10+record.Sequence(i), seq); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	background := func(work func() error) {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := work(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	background(func() error {
		for _, name := range tables {
			if _, err := n.Compact(ctx, name, engineOf{n, name}, CompactOptions{MinYoungFiles: 4}); err != nil {
				return err
			}
			if _, err := n.Expire(ctx, name, -time.Hour, 1); err != nil {
				return err
			}
		}
		return nil
	})
	background(func() error { n.clock.Move(time.Second); _, err := n.Sweep(ctx); return err })
	background(func() error {
		pin := n.world.Pin()
		defer pin.Release()
		for _, name := range tables {
			for _, f := range pin.Table(name).Files.All() {
				if _, err := n.read(ctx, f); err != nil {
					return fmt.Errorf("a pinned file: %w", err)
				}
			}
		}
		return nil
	})
	writers.Wait()
	close(stop)
	others.Wait()
	n = n.again(Options{})
	for _, name := range tables {
		if got := n.rows(name); got.Count != flushes*4 {
			t.Errorf("%s has %d rows", name, got.Count)
		}
		if rows, _ := n.scan(name); rows != flushes*4 {
			t.Errorf("Iceberg finds %d rows in %s", rows, name)
		}
	}
	if rows, _ := n.scan(record.QuarantineTable); rows != int64(flushes*len(tables)) {
		t.Errorf("quarantine has %d rows", rows)
	}
}

// engineOf is the test's engine for a table of another name.
type engineOf struct {
	*node
	table string
}

func (e engineOf) Rewrite(ctx context.Context, job record.RewriteJob) ([]record.File, error) {
	return e.rewriteInto(ctx, e.table, job)
}

// flushTwo commits rows to a table and one to quarantine.
func (n *node) flushTwo(name string, ids, seq record.Sequence) error {
	ctx := context.Background()
	good, err := n.write(name, someEvents(ids, 4), nil)
	if err != nil {
		return err
	}
	bad, err := n.write(record.QuarantineTable, someEvents(ids+5, 1), nil)
	if err != nil {
		return err
	}
	return n.Commit(ctx, &Commit{
		Appends: []Append{{Table: name, Files: []record.File{good}}, {Table: record.QuarantineTable, Files: []record.File{bad}}},
		InTx:    func(tx *sql.Tx) error { return meta.Advance(ctx, tx, "table:"+name, 0, seq-1, seq, 0) },
	})
}

// BenchmarkCommit commits one file a time to one table on the real disk, with
// its offset and a ledger row, and says how the last hundred compare with the
// first.
func BenchmarkCommit(b *testing.B) {
	for _, two := range []bool{false, true} {
		b.Run(fmt.Sprintf("quarantine=%v", two), func(b *testing.B) { benchmarkCommit(b, two) })
	}
}

func benchmarkCommit(b *testing.B, two bool) {
	ctx := context.Background()
	root := b.TempDir()
	n, err := openNode(b, object.OS{}, filepath.Join(root, "data"), filepath.Join(root, "meta.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer n.db.Close()
	must(n.Create(ctx, eventsSpec()))
	must(n.Create(ctx, Spec{Name: record.QuarantineTable, Schema: record.QuarantineSchema, TimeColumn: record.ColumnReceivedAt}))
	var took []time.Duration
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		seq := record.Sequence(i + 1)
		c := &Commit{Appends: []Append{{Table: "events", Files: []record.File{must(n.write("events", someEvents(seq, 4), nil))}}}}
		if two {
			c.Appends = append(c.Appends, Append{Table: record.QuarantineTable, Files: []record.File{must(n.write(record.QuarantineTable, someEvents(seq, 4), nil))}})
		}
		c.InTx = func(tx *sql.Tx) error {
			if err := meta.Advance(ctx, tx, "table:events", 0, seq-1, seq, 0); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO ledger VALUES (NULL,'s','flush',0,?1,?1,0,4,1,4,1,0,0,0,0,0,0,?2,0,1,0)`, seq, c.Snapshots["events"])
			return err
		}
		began := time.Now()
		b.StartTimer()
		if err := n.Commit(ctx, c); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	if b.N >= 200 {
		b.ReportMetric(median(took[:100]), "µs/first100")
		b.ReportMetric(median(took[b.N-100:]), "µs/last100")
	}
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds())
}
