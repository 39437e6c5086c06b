package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// entry is a row of the ledger whose range has a record.
type entry struct {
	replay, folded bool
	snapshot, at   int64
}

// commitOf fills in the commit that brought a record into a table. Compaction moves
// rows into new files later, so it is the ledger that knows it, and not the file.
func (n *Node) commitOf(ctx context.Context, s *stream, table string, id record.RecordID, f *api.TraceFile) error {
	var wrote entry
	var entries []entry
	err := n.meta.View(ctx, func(q meta.Querier) (err error) {
		if err := q.QueryRowContext(ctx, "SELECT snapshot, added_at FROM files WHERE path = ?", f.Path).Scan(&wrote.snapshot, &wrote.at); err != nil {
			return fmt.Errorf("commit of %s: %w", f.Path, err)
		}
		entries, err = entriesOf(ctx, q, s, table, id)
		return err
	})
	if err != nil {
		return err
	}
	brought, err := n.brought(ctx, s, table, id, entries, wrote)
	if err != nil {
		return err
	}
	f.Committed = committedAt(brought.at)
	if brought.folded {
		f.ByHour = true // of the fold's commits none is known to be the one
	} else {
		f.SnapshotID = strconv.FormatInt(brought.snapshot, 10)
	}
	if brought.snapshot != wrote.snapshot || brought.folded {
		f.Rewritten = &api.TraceRewrite{SnapshotID: strconv.FormatInt(wrote.snapshot, 10), Committed: committedAt(wrote.at)}
	}
	return nil
}

func committedAt(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// entriesOf are the ledger's entries with the number of a record, the oldest first.
// One flush has an entry for each hour of receipt, all of the same snapshot.
func entriesOf(ctx context.Context, q meta.Querier, s *stream, table string, id record.RecordID) (entries []entry, err error) {
	snapshot := "table_snapshot"
	if table == record.QuarantineTable {
		snapshot = "quarantine_snapshot"
	}
	rows, err := q.QueryContext(ctx, "SELECT kind = 'replay', flushes > 1, "+snapshot+`, at FROM ledger
		WHERE stream_id = ? AND shard = ? AND from_seq <= ? AND to_seq >= ? AND `+snapshot+" <> 0 ORDER BY at, id",
		s.id.String(), id.Shard(), int64(id.Sequence()), int64(id.Sequence()))
	if err != nil {
		return nil, fmt.Errorf("ledger's entries of record %s: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.replay, &e.folded, &e.snapshot, &e.at); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// brought picks the entry of the commit that brought a record into a table; the
// file's own commit where the ledger has none. A replay's range has records that it
// did not move too: it brought those that did not fit when they were delivered.
func (n *Node) brought(ctx context.Context, s *stream, table string, id record.RecordID, entries []entry, wrote entry) (entry, error) {
	found, replayed := wrote, false
	for _, e := range entries {
		if e.replay {
			replayed = replayed || table != record.QuarantineTable
		} else if found == wrote {
			found = e
		}
	}
	if !replayed {
		return found, nil
	}
	rejected, _, err := n.shapeAgain(ctx, s, id)
	if err != nil || !rejected {
		return found, err
	}
	for _, e := range entries {
		if e.replay {
			found = e // the latest, unless the file is still the one of its replay
			if e.snapshot == wrote.snapshot {
				break
			}
		}
	}
	return found, nil
}
