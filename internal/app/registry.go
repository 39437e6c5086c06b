package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
)

// Names of the log's consumers in the metadata.
const (
	consumerArchive     = "archive"
	consumerIdempotency = "idempotency"
)

func consumerTable(id record.StreamID) string { return "table:" + id.String() }

// registry keeps the log's metadata in the node's database.
type registry struct {
	db    *meta.DB
	clock service.Clock
}

// JournalState is what is known of a shard; its High takes in what every
// consumer has stored.
func (r *registry) JournalState(ctx context.Context, shard uint8) (journal.State, error) {
	var s journal.State
	err := r.db.View(ctx, func(q meta.Querier) error {
		err := q.QueryRowContext(ctx, "SELECT uuid, high, reserved, incarnation FROM journal WHERE shard = ?", shard).Scan(&s.UUID, &s.High, &s.Reserved, &s.Incarnation)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read the journal's state: %w", err)
		}
		var stored sql.NullInt64
		if err := q.QueryRowContext(ctx, "SELECT max(offset) FROM consumers WHERE shard = ?", shard).Scan(&stored); err != nil {
			return fmt.Errorf("read offsets: %w", err)
		}
		s.High = max(s.High, record.Sequence(stored.Int64))
		return nil
	})
	return s, err
}

func (r *registry) SaveJournalState(ctx context.Context, shard uint8, s journal.State) error {
	return r.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO journal (shard, uuid, high, reserved, incarnation) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (shard) DO UPDATE SET uuid = excluded.uuid, high = excluded.high, reserved = excluded.reserved, incarnation = excluded.incarnation`,
			shard, s.UUID, s.High, s.Reserved, s.Incarnation)
		return err
	})
}

func (r *registry) ReportIncident(ctx context.Context, i journal.Incident) error {
	return r.db.Update(ctx, func(tx *sql.Tx) error {
		// A gap is found again at every start until its consumers have passed it.
		var known int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM incidents WHERE shard = ? AND kind = ? AND from_seq = ? AND to_seq = ?",
			i.Shard, i.Kind, i.From, i.To).Scan(&known); err != nil || known > 0 {
			return err
		}
		return meta.AddIncident(ctx, tx, meta.Incident{At: r.clock.Now(), Shard: i.Shard, From: i.From, To: i.To, Kind: i.Kind, Detail: i.Detail})
	})
}

func (r *registry) FirstNeeded(ctx context.Context, shard uint8) (floor record.Sequence, err error) {
	err = r.db.View(ctx, func(q meta.Querier) error {
		floor, _, err = meta.Floor(ctx, q, shard)
		return err
	})
	return floor, err
}

func (r *registry) ArchiveOffset(ctx context.Context, shard uint8) (offset record.Sequence, err error) {
	err = r.db.View(ctx, func(q meta.Querier) error {
		offset, _, err = meta.Offset(ctx, q, consumerArchive, shard)
		return err
	})
	return offset, err
}

func (r *registry) ArchiveFiles(ctx context.Context, id record.StreamID, from record.Sequence) ([]journal.ArchiveFile, error) {
	return r.archiveFiles(ctx, "stream_id = ? AND last_seq >= ?", id.String(), from)
}

func (r *registry) ArchivedSince(ctx context.Context, shard uint8, from record.Sequence) ([]journal.ArchiveFile, error) {
	return r.archiveFiles(ctx, "shard = ? AND last_seq >= ?", shard, from)
}

func (r *registry) archiveFiles(ctx context.Context, where string, args ...any) (files []journal.ArchiveFile, err error) {
	err = r.db.View(ctx, func(q meta.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT path, stream_id, first_seq, last_seq, bytes, records, hour FROM archive_files WHERE "+where+" ORDER BY stream_id, first_seq", args...)
		if err != nil {
			return fmt.Errorf("list archive files: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			f := journal.ArchiveFile{}
			var hour int64
			var id string
			if err := rows.Scan(&f.Path, &id, &f.First, &f.Last, &f.Bytes, &f.Records, &hour); err != nil {
				return fmt.Errorf("list archive files: %w", err)
			}
			if f.Stream, err = record.ParseStreamID(id); err != nil {
				return err
			}
			f.Hour = time.UnixMicro(hour).UTC()
			files = append(files, f)
		}
		return rows.Err()
	})
	return files, err
}

func (r *registry) CommitArchive(ctx context.Context, shard uint8, from, to record.Sequence, files []journal.ArchiveFile) error {
	return r.db.Update(ctx, func(tx *sql.Tx) error {
		for _, f := range files {
			_, err := tx.ExecContext(ctx, `INSERT INTO archive_files (path, stream_id, shard, first_seq, last_seq, bytes, records, hour)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (path) DO UPDATE SET last_seq = excluded.last_seq, bytes = excluded.bytes, records = excluded.records`,
				f.Path, f.Stream.String(), shard, f.First, f.Last, f.Bytes, f.Records, f.Hour.UnixMicro())
			if err != nil {
				return fmt.Errorf("store archive file %s: %w", f.Path, err)
			}
		}
		return meta.Advance(ctx, tx, consumerArchive, shard, from, to, 0)
	})
}

// idempotencyStore keeps idempotency keys in the node's database.
type idempotencyStore struct {
	db    *meta.DB
	shard uint8
}

func (s *idempotencyStore) Offset(ctx context.Context) (offset record.Sequence, err error) {
	err = s.db.View(ctx, func(q meta.Querier) error {
		offset, _, err = meta.Offset(ctx, q, consumerIdempotency, s.shard)
		return err
	})
	return offset, err
}

func (s *idempotencyStore) Find(ctx context.Context, key [16]byte) (parts []collect.StoredPart, err error) {
	err = s.db.View(ctx, func(q meta.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT part, parts, body_hash, first_id, records, at FROM idempotency WHERE key = ?", key[:])
		if err != nil {
			return fmt.Errorf("look up an idempotency key: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			p := collect.StoredPart{Key: key}
			var hash []byte
			var at int64
			if err := rows.Scan(&p.Part, &p.Parts, &hash, &p.First, &p.Count, &at); err != nil {
				return fmt.Errorf("look up an idempotency key: %w", err)
			}
			copy(p.BodyHash[:], hash)
			p.At = time.UnixMicro(at).UTC()
			parts = append(parts, p)
		}
		return rows.Err()
	})
	return parts, err
}

func (s *idempotencyStore) Save(ctx context.Context, from, to record.Sequence, parts []collect.StoredPart, before time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO idempotency (key, part, parts, body_hash, first_id, records, at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (key, part) DO UPDATE SET parts = excluded.parts, body_hash = excluded.body_hash, first_id = excluded.first_id,
			records = excluded.records, at = excluded.at`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, p := range parts {
			if _, err := insert.ExecContext(ctx, p.Key[:], p.Part, p.Parts, p.BodyHash[:], int64(p.First), p.Count, p.At.UnixMicro()); err != nil {
				return fmt.Errorf("store an idempotency key: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM idempotency WHERE at < ?", before.UnixMicro()); err != nil {
			return fmt.Errorf("forget idempotency keys: %w", err)
		}
		return meta.Advance(ctx, tx, consumerIdempotency, s.shard, from, to, 0)
	})
}
