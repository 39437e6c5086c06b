package app

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// tables commits what workers have written: data, quarantine, ledger rows and
// offset in one transaction of the metadata database.
type tables struct {
	node *Node

	mu       sync.Mutex
	prepared map[string]record.Schema // what Prepare last gave, by table
}

// Prepare makes the table have a schema's columns and returns it with field ids.
func (t *tables) Prepare(ctx context.Context, table string, schema record.Schema) (record.Schema, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.prepare(ctx, table, schema)
}

// prepare is Prepare; the caller holds mu, so that no column is renamed meanwhile.
func (t *tables) prepare(ctx context.Context, table string, schema record.Schema) (record.Schema, error) {
	if known, ok := t.prepared[table]; ok && sameColumns(known, schema) {
		return known, nil
	}
	evolved, err := t.node.lake.Evolve(ctx, table, schema)
	if err != nil {
		return nil, err
	}
	// The table may have columns that this generation no longer fills.
	wanted := make(record.Schema, len(schema))
	for i, c := range schema {
		wanted[i] = asItWas(evolved[evolved.Index(c.Name)], c.Type)
	}
	t.prepared[table] = wanted
	return wanted, nil
}

// asItWas is a table's column for rows of a generation before it was widened by another
// field: that one.
func asItWas(c record.Column, t record.Type) record.Column {
	if i := slices.IndexFunc(c.Was, func(w record.Was) bool { return w.Type.String() == t.String() }); i >= 0 {
		return record.Column{Name: c.Name, Type: c.Was[i].Type, FieldID: c.Was[i].FieldID, Doc: c.Doc}
	}
	return c
}

func sameColumns(a, b record.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y record.Column) bool { return x.Name == y.Name && x.Type.String() == y.Type.String() })
}

// Path is a new place for a file of the table, in a folder that is there.
func (t *tables) Path(table string) string {
	path := t.node.lake.Path(table)
	if err := t.node.store.Prepare(path); err != nil {
		t.node.log.Warn("folder of a data file", "error", err) // writing the file will fail, and be tried again
	}
	return path
}

// Commit makes a worker's flush true, or nothing of it.
func (t *tables) Commit(ctx context.Context, c deliver.Commit) error {
	n := t.node
	var commit lake.Commit
	if len(c.Data) > 0 {
		commit.Appends = append(commit.Appends, lake.Append{Table: c.Table, Files: c.Data, TimeField: c.TimeField})
	}
	if len(c.Quarantine) > 0 {
		commit.Appends = append(commit.Appends, lake.Append{Table: record.QuarantineTable, Files: c.Quarantine})
	}
	commit.Publish = c.Publish
	commit.InTx = func(tx *sql.Tx) error {
		if len(c.Accounts) > 0 {
			e := ledger.Entry{Stream: c.Stream, Shard: n.shard, From: c.From + 1, To: c.To, At: n.clock.Now(),
				TableSnapshot: commit.Snapshots[c.Table], QuarantineSnapshot: commit.Snapshots[record.QuarantineTable]}
			for _, a := range c.Accounts {
				e.Hours = append(e.Hours, ledger.Hour{Start: a.Quarter, Counts: ledger.Counts{Accepted: a.Accepted, Delivered: a.Delivered,
					Quarantined: a.Quarantined, Deduplicated: a.Deduplicated, Filtered: a.Filtered}})
			}
			if err := ledger.Write(ctx, tx, e); err != nil {
				return err
			}
		}
		return meta.Advance(ctx, tx, consumerTable(c.Stream), n.shard, c.From, c.To, c.Epoch)
	}
	err := n.lake.Commit(ctx, &commit)
	if errors.Is(err, meta.ErrUncertain) {
		// As final as a conflict is: this process can commit nothing any more.
		return record.Errorf(record.Conflict, "%w", err)
	}
	return err
}
