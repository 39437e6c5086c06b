package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// books is all accounts, and the tables beside them, at one moment.
type books struct {
	accounts []*account
	removed  map[string]record.Tally // by table
	live     map[string]int64        // rows by table, of the files of current snapshots
}

// account is what the ledger says of one stream.
type account struct {
	id     record.StreamID
	name   string // also of its table
	active bool
	Counts
	removed record.Tally
}

// expected is what a table must hold. Streams that had one name after another
// share its table: what the deleted one left was removed.
func (b *books) expected(table string) record.Tally {
	var t record.Tally
	for _, a := range b.accounts {
		switch table {
		case record.QuarantineTable:
			t = t.Plus(a.Quarantined).Plus(a.Deduplicated)
		case a.name:
			t = t.Plus(a.Delivered)
		}
	}
	return t.Minus(b.removed[table])
}

func readBooks(ctx context.Context, q meta.Querier) (books, error) {
	b := books{removed: map[string]record.Tally{}, live: map[string]int64{}}
	byID := map[string]*account{}
	err := each(ctx, q, "SELECT id, name, state = 'active' FROM streams ORDER BY name, created_at", nil, func(scan func(...any) error) error {
		a := &account{}
		var id string
		if err := scan(&id, &a.name, &a.active); err != nil {
			return err
		}
		b.accounts, byID[id] = append(b.accounts, a), a
		var err error
		a.id, err = record.ParseStreamID(id)
		return err
	})
	if err != nil {
		return b, fmt.Errorf("read streams: %w", err)
	}
	if err := readTotals(ctx, q, byID); err != nil {
		return b, err
	}
	err = eachRemoval(ctx, q, func(r *Removal, stream string) {
		b.removed[r.Table] = b.removed[r.Table].Plus(r.Tally)
		if a := byID[stream]; a != nil && a.name == r.Table {
			a.removed = a.removed.Plus(r.Tally)
		}
	})
	if err != nil {
		return b, err
	}
	err = each(ctx, q, "SELECT table_name, sum(rows) FROM files GROUP BY table_name", nil, func(scan func(...any) error) error {
		var name string
		var n int64
		err := scan(&name, &n)
		b.live[name] = n
		return err
	})
	if err != nil {
		return b, fmt.Errorf("count live rows: %w", err)
	}
	return b, nil
}

// classes are the columns of the ledger that Counts holds, in its order.
var classes = []string{"accepted", "delivered", "quarantined", "deduplicated", "filtered"}

// readTotals adds up the ledger by stream. SQLite's sum fails when it overflows,
// so the halves of the hashes are added up apart.
func readTotals(ctx context.Context, q meta.Querier, byID map[string]*account) error {
	var columns []string
	for _, c := range classes {
		columns = append(columns, fmt.Sprintf("sum(%[1]s), sum(%[1]s_hash & 0xffffffff), sum((%[1]s_hash >> 32) & 0xffffffff)", c))
	}
	query := "SELECT stream_id, " + strings.Join(columns, ", ") + " FROM ledger GROUP BY stream_id"
	err := each(ctx, q, query, nil, func(scan func(...any) error) error {
		var id string
		var n [5][3]int64
		into := []any{&id}
		for i := range n {
			into = append(into, &n[i][0], &n[i][1], &n[i][2])
		}
		if err := scan(into...); err != nil {
			return err
		}
		a := byID[id]
		if a == nil {
			return fmt.Errorf("the ledger has entries of stream %s, which was never known", id)
		}
		t := func(i int) record.Tally {
			return record.Tally{Count: n[i][0], Hash: uint64(n[i][1]) + uint64(n[i][2])<<32}
		}
		a.Counts = Counts{t(0), t(1), t(2), t(3), t(4)}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add up the ledger: %w", err)
	}
	return nil
}

func (c Counts) plus(o Counts) Counts {
	return Counts{c.Accepted.Plus(o.Accepted), c.Delivered.Plus(o.Delivered), c.Quarantined.Plus(o.Quarantined),
		c.Deduplicated.Plus(o.Deduplicated), c.Filtered.Plus(o.Filtered)}
}

// line is a row of the ledger.
type line struct {
	stream, kind   string
	shard          uint8
	from, to       record.Sequence
	hour           int64
	flushes        int64
	table, rejects int64 // snapshots
	at             int64
	Counts
}

// eachLine visits the rows of the ledger for which where holds, in the order of
// their sequences.
func eachLine(ctx context.Context, q meta.Querier, where string, args []any, visit func(*line)) error {
	query := "SELECT stream_id, kind, shard, from_seq, to_seq, hour, flushes, table_snapshot, quarantine_snapshot, at"
	for _, c := range classes {
		query += ", " + c + ", " + c + "_hash"
	}
	query += " FROM ledger WHERE " + where + " ORDER BY shard, from_seq, id"
	err := each(ctx, q, query, args, func(scan func(...any) error) error {
		var l line
		var n, h [5]int64
		into := []any{&l.stream, &l.kind, &l.shard, &l.from, &l.to, &l.hour, &l.flushes, &l.table, &l.rejects, &l.at}
		for i := range n {
			into = append(into, &n[i], &h[i])
		}
		if err := scan(into...); err != nil {
			return err
		}
		t := func(i int) record.Tally { return record.Tally{Count: n[i], Hash: uint64(h[i])} }
		l.Counts = Counts{t(0), t(1), t(2), t(3), t(4)}
		visit(&l)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	return nil
}

func eachRemoval(ctx context.Context, q meta.Querier, visit func(r *Removal, stream string)) error {
	query := "SELECT table_name, stream_id, reason, count, hash, min_id, max_id FROM ledger_removals"
	err := each(ctx, q, query, nil, func(scan func(...any) error) error {
		var r Removal
		var stream string
		var hash int64
		if err := scan(&r.Table, &stream, &r.Reason, &r.Tally.Count, &hash, &r.MinID, &r.MaxID); err != nil {
			return err
		}
		r.Tally.Hash = uint64(hash)
		visit(&r, stream)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read removals: %w", err)
	}
	return nil
}

// each visits the rows of a query.
func each(ctx context.Context, q meta.Querier, query string, args []any, visit func(scan func(...any) error) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
