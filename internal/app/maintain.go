package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// How often the tables are looked after, and how long what is.
const (
	maintainEvery  = 10 * time.Second
	sweepEvery     = 10 * time.Minute
	snapshotAge    = time.Hour // so that an engine elsewhere can end its query
	snapshotsKept  = 20
	orphanAge      = 24 * time.Hour
	foldAge        = 24 * time.Hour // ledger rows older than this are joined by the hour
	behindRecords  = 200_000        // not yet visible: compaction lets delivery catch up
	maintainBudget = 0.5            // of the time goes into compaction at most
)

// maintain keeps tables small and fast, until ctx ends. What fails is tried again
// at the next round: nothing of it is needed for an answer to be right.
func (n *Node) maintain(ctx context.Context) error {
	wait := maintainEvery
	swept := n.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait + rand.N(wait/10+1)):
		}
		if err := n.noteRun(ctx); err != nil {
			n.log.Warn("maintenance", "error", err)
		}
		began := time.Now()
		if !n.gate.low() && !n.behind() {
			n.eachTable(ctx, "compact", n.compact)
		}
		if n.clock.Now().Sub(swept) >= sweepEvery {
			swept = n.clock.Now()
			n.tidy(ctx)
		}
		// The next round waits at least as long as this one worked.
		wait = max(maintainEvery, time.Duration(float64(time.Since(began))*(1/maintainBudget-1)))
	}
}

// behind says whether some stream's delivery needs all there is of the machine.
func (n *Node) behind() bool {
	return slices.ContainsFunc(n.list(), func(s *stream) bool {
		return n.journal.Pending(s.id, s.worker.Status().Visible) > behindRecords
	})
}

// tidy removes what is no longer wanted: old snapshots, rows past their
// retention, and the files behind them.
func (n *Node) tidy(ctx context.Context) {
	n.eachTable(ctx, "expire", n.expire)
	n.retain(ctx)
	n.note("orphans", n.sweep(ctx))
	n.note("ledger", n.ledger.Fold(ctx, n.clock.Now().Add(-foldAge)))
}

// Maintain does one whole round of maintenance now: it compacts what there is,
// due or not, and tidies up.
func (n *Node) Maintain(ctx context.Context) error {
	var errs []error
	n.eachTable(ctx, "compact", func(ctx context.Context, table string) error {
		err := n.compactBy(ctx, table, lake.CompactOptions{Force: true})
		errs = append(errs, err)
		return err
	})
	n.tidy(ctx)
	return errors.Join(errs...)
}

func (n *Node) eachTable(ctx context.Context, what string, do func(ctx context.Context, table string) error) {
	for _, t := range n.worlds.Current().Tables() {
		if ctx.Err() != nil {
			return
		}
		n.note(what+" "+t.Name, do(ctx, t.Name))
	}
}

// note logs what failed, but not again and again where every round says the same.
func (n *Node) note(what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if before, _ := n.noted.Swap(what, text); before != text && err != nil {
		n.log.Warn("maintenance", "what", what, "error", err)
	}
}

// compact runs the jobs of one table that are due.
func (n *Node) compact(ctx context.Context, table string) error {
	return n.compactBy(ctx, table, lake.CompactOptions{})
}

func (n *Node) compactBy(ctx context.Context, table string, o lake.CompactOptions) error {
	for ctx.Err() == nil {
		r, err := n.lake.Compact(ctx, table, n.engine, o)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the node stops; what was not compacted is done after its next start
			}
			return err
		}
		if r.Sources == 0 {
			return nil
		}
		n.log.Info("compacted", "table", table, "files", r.Sources, "into", r.Files, "rows", r.Rows)
	}
	return nil
}

func (n *Node) expire(ctx context.Context, table string) error {
	_, err := n.lake.Expire(ctx, table, snapshotAge, snapshotsKept)
	return err
}

// retain takes out what the streams' retention says.
func (n *Node) retain(ctx context.Context) {
	var quarantine shape.Duration
	now := n.clock.Now()
	for _, s := range n.list() {
		keep := s.newest().stored.Definition.Retention
		if keep.Table > 0 {
			n.note("retention of "+s.name, n.retainTable(ctx, s.name, s.id, now.Add(-time.Duration(keep.Table))))
		}
		if keep.Raw > 0 {
			n.note("raw retention of "+s.name, n.retainRaw(ctx, s, now.Add(-time.Duration(keep.Raw))))
		}
		// The table quarantine is one for all: what any stream wants to keep stays.
		if keep.Quarantine == 0 {
			quarantine = -1
		} else if quarantine >= 0 {
			quarantine = max(quarantine, keep.Quarantine)
		}
	}
	if quarantine > 0 {
		n.note("retention of quarantine", n.retainTable(ctx, record.QuarantineTable, record.StreamID{}, now.Add(-time.Duration(quarantine))))
	}
}

func (n *Node) retainTable(ctx context.Context, table string, id record.StreamID, before time.Time) error {
	_, err := n.lake.Retain(ctx, table, before, n.engine, func(tx *sql.Tx, r lake.Removed) error {
		return ledger.Remove(ctx, tx, ledger.Removal{Table: r.Table, Stream: id, Reason: ledger.Retention, By: "retention", Tally: r.Tally, MinID: r.MinID, MaxID: r.MaxID,
			Snapshot: r.Snapshot, At: n.clock.Now()})
	})
	return err
}

// retainRaw deletes archive files of hours that ended before a time. Their rows
// go first: a file without a row is an orphan, a row without a file a lie.
func (n *Node) retainRaw(ctx context.Context, s *stream, before time.Time) error {
	files, err := (&registry{n.meta, n.clock}).ArchiveFiles(ctx, s.id, 0)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Hour.Add(2*time.Hour).Before(before) || f.Last > s.worker.Offset() {
			continue // young, or not in the table yet
		}
		err := n.meta.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM archive_files WHERE path = ?", f.Path)
			return err
		})
		if err != nil {
			return err
		}
		if err := os.Remove(n.pathOf(f.Path)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("delete %s: %w", f.Path, err)
		}
	}
	return nil
}

// sweep deletes files that nothing names any more.
func (n *Node) sweep(ctx context.Context) error {
	if _, err := n.lake.Sweep(ctx); err != nil {
		return err
	}
	_, err := n.lake.RemoveOrphans(ctx, orphanAge)
	return err
}

// pathOf is the file of an object.
func (n *Node) pathOf(object string) string {
	return filepath.Join(n.o.Data, "objects", filepath.FromSlash(object))
}
