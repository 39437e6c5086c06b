// Package ledger keeps the accounts of every record and recounts them from the
// tables. For each stream, in number and in the sum of hashed record ids,
//
//	accepted = delivered + quarantined + deduplicated + filtered + pending
//	live rows of its table = delivered - removed
//
// and for all streams together, since a duplicate is kept as a row as well,
//
//	live rows of quarantine = quarantined + deduplicated - removed
//
// An entry is written in the transaction that commits what it accounts for.
package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
)

// Ledger reads the accounts.
type Ledger struct {
	meta  *meta.DB
	clock service.Clock
}

// New reads the accounts in a metadata database.
func New(db *meta.DB, clock service.Clock) *Ledger { return &Ledger{db, clock} }

// Entry accounts for one flush of a stream.
type Entry struct {
	Stream   record.StreamID
	Shard    uint8
	From, To record.Sequence // the first and the last envelope
	Hours    []Hour          // by hour of receipt, at least one
	// TableSnapshot and QuarantineSnapshot are 0 where no row was written.
	TableSnapshot, QuarantineSnapshot int64
	At                                time.Time
}

// Hour is the records of an entry that arrived within an hour.
type Hour struct {
	Start time.Time // UTC, any moment of the hour
	Counts
}

// Counts says where the accepted records went.
type Counts struct {
	Accepted     record.Tally `json:"accepted"`
	Delivered    record.Tally `json:"delivered"`
	Quarantined  record.Tally `json:"quarantined"`
	Deduplicated record.Tally `json:"deduplicated"`
	Filtered     record.Tally `json:"filtered"`
}

// Settled is the tally of all that has been decided.
func (c Counts) Settled() record.Tally {
	return c.Delivered.Plus(c.Quarantined).Plus(c.Deduplicated).Plus(c.Filtered)
}

// Balanced says whether every accepted record went somewhere, once.
func (c Counts) Balanced() bool { return c.Accepted == c.Settled() }

// Write adds a flush to the accounts. It refuses one that does not balance: the
// commit it is part of must not happen.
func Write(ctx context.Context, tx *sql.Tx, e Entry) error {
	if len(e.Hours) == 0 || e.To < e.From {
		return fmt.Errorf("ledger: stream %s, sequences %d to %d: want an hour and a range", e.Stream, e.From, e.To)
	}
	for _, h := range e.Hours {
		if !h.Balanced() {
			return fmt.Errorf("ledger: stream %s, sequences %d to %d: does not balance: accepted %+v is not delivered %+v, quarantined %+v, deduplicated %+v and filtered %+v",
				e.Stream, e.From, e.To, h.Accepted, h.Delivered, h.Quarantined, h.Deduplicated, h.Filtered)
		}
		if err := insert(ctx, tx, "flush", e, h, 1); err != nil {
			return err
		}
	}
	return nil
}

func insert(ctx context.Context, tx *sql.Tx, kind string, e Entry, h Hour, flushes int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO ledger (stream_id, kind, shard, from_seq, to_seq, hour,
		accepted, accepted_hash, delivered, delivered_hash, quarantined, quarantined_hash,
		deduplicated, deduplicated_hash, filtered, filtered_hash,
		table_snapshot, quarantine_snapshot, flushes, at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		e.Stream.String(), kind, e.Shard, e.From, e.To, h.Start.UTC().Truncate(time.Hour).UnixMicro(),
		h.Accepted.Count, int64(h.Accepted.Hash), h.Delivered.Count, int64(h.Delivered.Hash),
		h.Quarantined.Count, int64(h.Quarantined.Hash), h.Deduplicated.Count, int64(h.Deduplicated.Hash),
		h.Filtered.Count, int64(h.Filtered.Hash), e.TableSnapshot, e.QuarantineSnapshot, flushes, e.At.UnixMicro())
	if err != nil {
		return fmt.Errorf("ledger: stream %s: write entry: %w", e.Stream, err)
	}
	return nil
}

// Reason says why rows were removed.
type Reason string

// The reasons.
const (
	Retention Reason = "retention"
	Delete    Reason = "delete"
	Replayed  Reason = "replay" // by hand; WriteReplay accounts for a replay by itself
	Reprocess Reason = "reprocess"
	Foreign   Reason = "foreign" // by another engine
)

// Removal accounts for rows that are no longer in a table.
type Removal struct {
	Table        string
	Stream       record.StreamID // zero where rows of several streams went together
	Reason       Reason
	Tally        record.Tally
	MinID, MaxID record.RecordID // bounds of the ids removed, 0 if unknown
	Snapshot     int64
	By           string // who or what asked for it
	At           time.Time
}

// Remove adds a removal to the accounts.
func Remove(ctx context.Context, tx *sql.Tx, r Removal) error {
	stream := ""
	if r.Stream != (record.StreamID{}) {
		stream = r.Stream.String()
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO ledger_removals (table_name, stream_id, reason, by, count, hash, min_id, max_id, snapshot, at)
		VALUES (?,?,?,?,?,?,?,?,?,?)`, r.Table, stream, string(r.Reason), r.By, r.Tally.Count, int64(r.Tally.Hash),
		r.MinID, r.MaxID, r.Snapshot, r.At.UnixMicro())
	if err != nil {
		return fmt.Errorf("ledger: table %s: write removal: %w", r.Table, err)
	}
	return nil
}

// Replay accounts for records that leave quarantine and are delivered after all.
type Replay struct {
	// ID is drawn before the replay begins: the same one is accounted for once.
	ID       string
	Stream   record.StreamID
	Shard    uint8
	From, To record.Sequence // of the records
	Hours    []ReplayHour
	// Snapshots of the commit that moves the rows.
	TableSnapshot, QuarantineSnapshot int64
	By                                string
	At                                time.Time
}

// ReplayHour is the replayed records that arrived within an hour. Those that
// were rejected again stay in quarantine and are not among them.
type ReplayHour struct {
	Start time.Time
	Tally record.Tally
}

// WriteReplay moves records from quarantined to delivered: it accepts nothing,
// and quarantines a negative number. A replay that was accounted for already is
// a record.Conflict.
func WriteReplay(ctx context.Context, tx *sql.Tx, r Replay) error {
	result, err := tx.ExecContext(ctx, "INSERT INTO ledger_replays (id, by, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		r.ID, r.By, r.At.UnixMicro())
	if err != nil {
		return fmt.Errorf("ledger: replay %s: %w", r.ID, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return record.Errorf(record.Conflict, "ledger: replay %s has been done", r.ID)
	}
	e := Entry{Stream: r.Stream, Shard: r.Shard, From: r.From, To: r.To,
		TableSnapshot: r.TableSnapshot, QuarantineSnapshot: r.QuarantineSnapshot, At: r.At}
	for _, h := range r.Hours {
		moved := Counts{Delivered: h.Tally, Quarantined: record.Tally{}.Minus(h.Tally)}
		if err := insert(ctx, tx, "replay", e, Hour{h.Start, moved}, 1); err != nil {
			return err
		}
	}
	return nil
}
