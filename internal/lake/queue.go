package lake

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
)

// addMetadataFiles notes files that a table's metadata now names.
func addMetadataFiles(ctx context.Context, tx *sql.Tx, table string, paths []string) error {
	for _, p := range paths {
		if _, err := tx.ExecContext(ctx, "INSERT INTO metadata_files (path, table_name) VALUES (?, ?)", p, table); err != nil {
			return fmt.Errorf("note metadata file %s: %w", p, err)
		}
	}
	return nil
}

// drop queues files that the snapshot of a sequence number no longer names, to
// wait until the snapshots before it have expired.
func drop(ctx context.Context, tx *sql.Tx, table string, paths []string, sequence int64) error {
	return enqueue(ctx, tx, table, paths, sequence, nil)
}

// dropDue queues files that no snapshot names, to be deleted after a moment.
func dropDue(ctx context.Context, tx *sql.Tx, table string, paths []string, due time.Time) error {
	return enqueue(ctx, tx, table, paths, 0, due.UnixMicro())
}

func enqueue(ctx context.Context, tx *sql.Tx, table string, paths []string, sequence int64, due any) error {
	for _, p := range paths {
		if _, err := tx.ExecContext(ctx, "DELETE FROM metadata_files WHERE path = ?", p); err != nil {
			return fmt.Errorf("queue %s for deletion: %w", p, err)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO deletions (path, table_name, dropped_at, not_before) VALUES (?, ?, ?, ?)",
			p, table, sequence, due)
		if err != nil {
			return fmt.Errorf("queue %s for deletion: %w", p, err)
		}
	}
	return nil
}

// release lets what was dropped at or before a sequence number be deleted after
// a moment: the snapshots before it have expired.
func release(ctx context.Context, tx *sql.Tx, table string, sequence int64, due time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE deletions SET not_before = ? WHERE table_name = ? AND not_before IS NULL AND dropped_at <= ?",
		due.UnixMicro(), table, sequence)
	if err != nil {
		return fmt.Errorf("release deletions of %s: %w", table, err)
	}
	return nil
}

// sweepBatch is how many files are deleted before the queue is written.
const sweepBatch = 500

// Sweep deletes the files whose time has come and that no pinned World holds.
// It returns how many. After a crash it goes on where it was: a file that is
// gone already is deleted again without harm.
func (l *Lake) Sweep(ctx context.Context) (int, error) {
	total, after := 0, ""
	for {
		batch, err := l.due(ctx, after)
		if err != nil || len(batch) == 0 {
			return total, err
		}
		after = batch[len(batch)-1]
		batch = slices.DeleteFunc(batch, l.held.holds)
		for _, p := range batch {
			if err := l.store.Delete(ctx, p); err != nil {
				return total, fmt.Errorf("sweep: %w", err)
			}
		}
		err = l.meta.Update(ctx, func(tx *sql.Tx) error {
			for _, p := range batch {
				if _, err := tx.ExecContext(ctx, "DELETE FROM deletions WHERE path = ?", p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, fmt.Errorf("sweep: %w", err)
		}
		total += len(batch)
	}
}

func (l *Lake) due(ctx context.Context, after string) (paths []string, err error) {
	err = l.meta.View(ctx, func(q meta.Querier) error {
		paths, err = texts(q.QueryContext(ctx, "SELECT path FROM deletions WHERE not_before <= ? AND path > ? ORDER BY path LIMIT ?",
			l.clock.Now().UnixMicro(), after, sweepBatch))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read deletion queue: %w", err)
	}
	return paths, nil
}

// texts collects a query's only column.
func texts(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// holding is the data files that are no longer any table's, while a World from
// before may still be pinned. It need not outlive the process: its Worlds do not.
type holding struct {
	mu    sync.Mutex
	paths map[string]bool
}

func (h *holding) hold(paths []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range paths {
		h.paths[p] = true
	}
}

func (h *holding) release(paths []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range paths {
		delete(h.paths, p)
	}
}

func (h *holding) holds(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.paths[path]
}
