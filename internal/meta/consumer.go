package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/biwa-data/biwa/internal/record"
)

// Offset is the last sequence a consumer has stored, and the epoch of its
// owner; 0, 0 for one that has stored nothing.
func Offset(ctx context.Context, q Querier, name string, shard uint8) (offset record.Sequence, epoch int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT offset, epoch FROM consumers WHERE name = ? AND shard = ?", name, shard).
		Scan(&offset, &epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read offset of %s, shard %d: %w", name, shard, err)
	}
	return offset, epoch, nil
}

// Advance moves a consumer from one offset to a later one. It is a
// compare-and-swap, the fence against a writer that is no longer the owner or
// that has missed a commit: a record.Conflict unless both offset and epoch are
// as the caller says.
func Advance(ctx context.Context, tx *sql.Tx, name string, shard uint8, from, to record.Sequence, epoch int64) error {
	if to < from {
		return fmt.Errorf("advance %s, shard %d: from %d back to %d", name, shard, from, to)
	}
	if from == 0 && epoch == 0 {
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO consumers (name, shard, offset, epoch) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING", name, shard); err != nil {
			return fmt.Errorf("advance %s, shard %d: %w", name, shard, err)
		}
	}
	result, err := tx.ExecContext(ctx,
		"UPDATE consumers SET offset = ? WHERE name = ? AND shard = ? AND offset = ? AND epoch = ?", to, name, shard, from, epoch)
	if err != nil {
		return fmt.Errorf("advance %s, shard %d: %w", name, shard, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	offset, owner, err := Offset(ctx, tx, name, shard)
	if err != nil {
		return err
	}
	return record.Errorf(record.Conflict,
		"advance %s, shard %d: it is at %d in epoch %d, not at %d in epoch %d: another writer went before",
		name, shard, offset, owner, from, epoch)
}

// TakeOver makes the caller the owner of a consumer and returns its offset and
// the new epoch: whoever was the owner can no longer advance it.
func TakeOver(ctx context.Context, tx *sql.Tx, name string, shard uint8) (offset record.Sequence, epoch int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO consumers (name, shard, offset, epoch) VALUES (?, ?, 0, 1)
		ON CONFLICT (name, shard) DO UPDATE SET epoch = epoch + 1 RETURNING offset, epoch`, name, shard).Scan(&offset, &epoch)
	if err != nil {
		return 0, 0, fmt.Errorf("take over %s, shard %d: %w", name, shard, err)
	}
	return offset, epoch, nil
}

// Floor is the lowest offset of all consumers of a shard: what lies at or below
// it nobody needs. Consumers that never advanced count as 0; false without any.
func Floor(ctx context.Context, q Querier, shard uint8) (record.Sequence, bool, error) {
	var floor sql.NullInt64
	if err := q.QueryRowContext(ctx, "SELECT min(offset) FROM consumers WHERE shard = ?", shard).Scan(&floor); err != nil {
		return 0, false, fmt.Errorf("read the lowest offset of shard %d: %w", shard, err)
	}
	return record.Sequence(floor.Int64), floor.Valid, nil
}
