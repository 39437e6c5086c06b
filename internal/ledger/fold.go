package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Fold joins the entries of flushes written before a moment into one for each
// stream, shard and hour of receipt, so that the ledger grows with time and not
// with flushes. Sums stay as they are; Verify can then name an hour's range at
// best. Replays are left as they are.
func (l *Ledger) Fold(ctx context.Context, before time.Time) error {
	within := context.WithoutCancel(ctx)
	err := l.meta.Update(ctx, func(tx *sql.Tx) error { return fold(within, tx, before) })
	if err != nil {
		return fmt.Errorf("ledger: fold: %w", err)
	}
	return nil
}

func fold(ctx context.Context, tx *sql.Tx, before time.Time) error {
	type key struct {
		stream string
		shard  uint8
		hour   int64
	}
	folds := map[key]*line{}
	const old = "kind = 'flush' AND at < ?"
	args := []any{before.UnixMicro()}
	err := eachLine(ctx, tx, old, args, func(l *line) {
		k := key{l.stream, l.shard, l.hour}
		f := folds[k]
		if f == nil {
			folds[k] = l
			return
		}
		f.from, f.to, f.at = min(f.from, l.from), max(f.to, l.to), max(f.at, l.at)
		f.flushes += l.flushes
		f.table, f.rejects = l.table, l.rejects
		f.Counts = f.plus(l.Counts)
	})
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM ledger WHERE "+old, args...); err != nil {
		return err
	}
	for _, f := range folds {
		id, err := record.ParseStreamID(f.stream)
		if err != nil {
			return err
		}
		e := Entry{Stream: id, Shard: f.shard, From: f.from, To: f.to, TableSnapshot: f.table, QuarantineSnapshot: f.rejects, At: time.UnixMicro(f.at)}
		if err := insert(ctx, tx, "flush", e, Hour{time.UnixMicro(f.hour), f.Counts}, f.flushes); err != nil {
			return err
		}
	}
	return nil
}
