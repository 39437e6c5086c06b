package lake

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Expire removes the snapshots of a table that are older than keep, but the
// newest minSnapshots and what branches and tags name. It returns how many.
// Their files are deleted by Sweep after the grace.
func (l *Lake) Expire(ctx context.Context, name string, keep time.Duration, minSnapshots int) (int, error) {
	tables, unlock, err := l.lock([]string{name})
	if err != nil {
		return 0, fmt.Errorf("expire: %w", err)
	}
	defer unlock()
	t, n := tables[0], 0
	before := l.clock.Now().Add(-keep).UnixMilli()
	err = l.attempt(ctx, &Commit{}, func() ([]change, error) {
		ids := expirable(t.metadata, func(newer int, s icetable.Snapshot) bool {
			return newer >= max(1, minSnapshots) && s.TimestampMs < before
		})
		if n = len(ids); n == 0 {
			return nil, nil
		}
		return []change{{table: t, expire: ids}}, nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire %s: %w", name, err)
	}
	return n, nil
}

// Removed is what Retain took out of a table.
type Removed struct {
	Table        string
	Files        int
	Bytes        int64
	Tally        record.Tally
	MinID, MaxID record.RecordID // of the files
	Snapshot     int64
}

// Retain takes the files out of a table whose rows are all older than before,
// and rewrites none: a file that reaches over the edge stays. inTx runs in the
// transaction of the commit, for the account of the removal. Rows without an
// event time stay.
func (l *Lake) Retain(ctx context.Context, name string, before time.Time, engine Tallier,
	inTx func(tx *sql.Tx, r Removed) error) (Removed, error) {
	r := Removed{Table: name}
	t, err := l.table(name)
	if err != nil {
		return r, fmt.Errorf("retain: %w", err)
	}
	t.maintenance.Lock()
	defer t.maintenance.Unlock()
	metadata := t.now()
	var rows []row
	err = l.meta.View(ctx, func(q meta.Querier) (err error) {
		rows, err = fileRows(ctx, q, name, metadata)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("retain %s: %w", name, err)
	}
	edge := before.UnixMicro()
	rows = slices.DeleteFunc(rows, func(r row) bool { return !r.HasTime || r.MaxTime >= edge })
	if len(rows) == 0 {
		return r, nil
	}
	r.describe(filesOf(rows))
	if r.Tally, err = engine.TallyFiles(ctx, filesOf(rows)); err != nil {
		return r, fmt.Errorf("retain %s: %w", name, err)
	}
	if err := l.remove(ctx, t, rows, &r, inTx); err != nil {
		return r, fmt.Errorf("retain %s: %w", name, err)
	}
	return r, nil
}

func (r *Removed) describe(files []record.File) {
	r.Files = len(files)
	for i, f := range files {
		if i == 0 {
			r.MinID, r.MaxID = f.MinID, f.MaxID
		}
		r.MinID, r.MaxID = min(r.MinID, f.MinID), max(r.MaxID, f.MaxID)
		r.Bytes += f.Bytes
	}
}

func (l *Lake) remove(ctx context.Context, t *table, rows []row, r *Removed, inTx func(tx *sql.Tx, r Removed) error) error {
	_, unlock, err := l.lock([]string{t.name})
	if err != nil {
		return err
	}
	defer unlock()
	paths := make([]string, len(rows))
	for i := range rows {
		paths[i] = rows[i].Path
	}
	c := &Commit{}
	c.InTx = func(tx *sql.Tx) error {
		r.Snapshot = c.Snapshots[t.name]
		if inTx == nil {
			return nil
		}
		return inTx(tx, *r)
	}
	return l.attempt(ctx, c, func() ([]change, error) {
		return []change{{table: t, remove: paths}}, nil
	})
}
