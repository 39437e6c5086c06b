package lake

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object/faultfs"
	"github.com/biwa-data/biwa/internal/record"
)

// operation is something done to a lake whose every I/O is made to fail in turn.
type operation struct {
	name string
	// run does it; it may be repeated after it has failed.
	run func(n *node) error
	// rows and offset are how they are before it and after it.
	before, after record.Sequence
}

// base is a lake on disk from which every round of a fault test begins.
type base struct {
	disk *faultfs.FS
	db   []byte
}

// makeBase has 4 committed flushes and an expired snapshot.
func makeBase(t *testing.T) base {
	t.Helper()
	dir := t.TempDir()
	disk := faultfs.New()
	n, err := openNode(t, disk, "/data", filepath.Join(dir, "meta.db"), Options{KeepSnapshots: 3, Grace: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	must(n.Create(context.Background(), eventsSpec()))
	for seq := record.Sequence(1); seq <= 4; seq++ {
		if err := n.flush(seq, 4); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.db.Close(); err != nil {
		t.Fatal(err)
	}
	return base{disk, must(os.ReadFile(filepath.Join(dir, "meta.db")))}
}

func (b base) open(t *testing.T, dir string, round int) *node {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("%d.db", round))
	if err := os.WriteFile(path, b.db, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := openNode(t, b.disk.Clone(), "/data", path, Options{KeepSnapshots: 3, Grace: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var operations = []operation{
	{"commit", func(n *node) error { return n.flush(5, 4) }, 4, 5},
	{"expire", func(n *node) error {
		_, err := n.Expire(context.Background(), "events", -time.Hour, 1)
		return err
	}, 4, 4},
	{"compact, expire, sweep", func(n *node) error {
		ctx := context.Background()
		if _, err := n.Compact(ctx, "events", n, CompactOptions{Force: true}); err != nil {
			return err
		}
		if _, err := n.Expire(ctx, "events", -time.Hour, 1); err != nil {
			return err
		}
		n.clock.Move(time.Minute)
		_, err := n.Sweep(ctx)
		return err
	}, 4, 4},
	{"evolve", func(n *node) error {
		_, err := n.Evolve(context.Background(), "events", record.Schema{{Name: "more", Type: record.Type{Kind: record.Double}}})
		return err
	}, 4, 4},
	{"alter", renameOnce, 4, 4},
}

// renameOnce renames a column together with a row of the caller's: the one is never
// there without the other.
func renameOnce(n *node) error {
	ctx := context.Background()
	renamed := n.world.Current().Table("events").Schema.Index("body") >= 0
	noted := 0
	if err := n.db.View(ctx, func(q meta.Querier) error {
		return q.QueryRowContext(ctx, "SELECT count(*) FROM settings WHERE key = 'renamed'").Scan(&noted)
	}); err != nil {
		return err
	}
	if renamed != (noted == 1) {
		n.t.Fatalf("the column is renamed: %v; the caller's row says %d", renamed, noted)
	}
	if renamed {
		return nil
	}
	spec := eventsSpec()
	spec.Schema = slices.Clone(spec.Schema)
	spec.Schema[spec.Schema.Index("payload")].Name, spec.Schema[spec.Schema.Index("ts")].Name = "body", "at"
	spec.TimeColumn, spec.Renamed = "at", map[string]string{"payload": "body", "ts": "at"}
	return n.Alter(ctx, []Spec{spec}, &Commit{InTx: func(tx *sql.Tx) error { return meta.Set(ctx, tx, "renamed", "yes") }})
}

// TestEveryError fails every single I/O of an operation in turn. The operation
// must fail with all as before or succeed whole, the lake must go on, and a
// restart must find the same.
func TestEveryError(t *testing.T) {
	b := makeBase(t)
	for _, op := range operations {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
			t.Run(fmt.Sprintf("%s %v", op.name, fault), func(t *testing.T) {
				dir := t.TempDir()
				rounds := 0
				for round := 1; ; round += stride() {
					n := b.open(t, dir, round)
					disk := n.disk.(*faultfs.FS)
					disk.FailAt(round, fault)
					err := op.run(n)
					struck := disk.Struck()
					disk.Kill()
					n.verify(round, op, err)
					if err := op.run(n); err != nil && n.offset() != op.after {
						t.Fatalf("round %d: the lake does not go on: %v", round, err)
					}
					n.verify(round, op, nil)
					n = n.again(Options{})
					n.verify(round, op, nil)
					n.noLeftovers(round)
					n.db.Close()
					if !struck {
						break
					}
					rounds++
				}
				t.Logf("%d operations", rounds)
			})
		}
	}
}

// TestEveryCrash cuts the power, or kills the process, before every single I/O
// of an operation. After a restart all or nothing of it has happened and every
// file is there.
func TestEveryCrash(t *testing.T) {
	b := makeBase(t)
	for _, op := range operations {
		for _, lose := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, power loss %v", op.name, lose), func(t *testing.T) {
				dir := t.TempDir()
				rounds := 0
				for round := 1; ; round += stride() {
					n := b.open(t, dir, round)
					disk := n.disk.(*faultfs.FS)
					disk.CutAt(round)
					err := op.run(n)
					struck := disk.Struck()
					if lose {
						disk.PowerLoss()
					} else {
						disk.Kill()
					}
					n = n.again(Options{})
					n.verify(round, op, err)
					n.noLeftovers(round)
					if err := op.run(n); err != nil && n.offset() != op.after {
						t.Fatalf("round %d: the lake does not go on: %v", round, err)
					}
					n.verify(round, op, nil)
					n.db.Close()
					if !struck {
						break
					}
					rounds++
				}
				t.Logf("%d operations", rounds)
			})
		}
	}
}

// stride is 1, so that every I/O fails once; with -short a sample has to do.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// verify checks that rows and offset agree, and that they are as before the
// operation if it failed or, where that is allowed, as after it. It reads every
// file the World and the Iceberg metadata name.
func (n *node) verify(round int, op operation, err error) {
	n.t.Helper()
	at := n.offset()
	if at != op.before && at != op.after || err == nil && at != op.after && op.before == op.after {
		n.t.Fatalf("round %d: offset %d after %v", round, at, err)
	}
	var want record.Tally
	for seq := record.Sequence(1); seq <= at; seq++ {
		want = want.Plus(tallyOf(someEvents(seq, 4)))
	}
	if got := n.rows("events"); got != want {
		n.t.Fatalf("round %d: the World has %d rows at offset %d, after %v", round, got.Count, at, err)
	}
	if rows, _ := n.scan("events"); rows != want.Count {
		n.t.Fatalf("round %d: Iceberg finds %d rows at offset %d, after %v", round, rows, at, err)
	}
}

// noLeftovers checks that after a restart every file in the folder is known,
// and that every known one is there.
func (n *node) noLeftovers(round int) {
	n.t.Helper()
	missing, err := n.cleanTable(context.Background(), "events", daysBetween("", n.clock.Now()))
	if err != nil || missing != "" {
		n.t.Fatalf("round %d: missing %q, %v", round, missing, err)
	}
	orphans, err := n.RemoveOrphans(context.Background(), 24*time.Hour)
	if err != nil || orphans != 0 {
		n.t.Fatalf("round %d: %d files nothing knows were left, %v", round, orphans, err)
	}
}
