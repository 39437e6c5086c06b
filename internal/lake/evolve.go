package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Evolve adds the columns that a table lacks and widens types where no value is
// lost: int to bigint, a decimal to more digits, JSON to text. It removes and
// narrows nothing, so it may be repeated, also with an older schema. What cannot
// be is a record.Conflict that names the column and the way out. It returns all
// columns of the table.
func (l *Lake) Evolve(ctx context.Context, name string, schema record.Schema) (record.Schema, error) {
	tables, unlock, err := l.lock([]string{name})
	if err != nil {
		return nil, fmt.Errorf("evolve: %w", err)
	}
	defer unlock()
	t := tables[0]
	err = l.attempt(ctx, &Commit{}, func() ([]change, error) {
		updates, err := evolution(t, schema)
		if err != nil || len(updates) == 0 {
			return nil, err
		}
		return []change{{table: t, updates: updates}}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("evolve table %s: %w", name, err)
	}
	return t.schema, nil
}

func evolution(t *table, schema record.Schema) ([]icetable.Update, error) {
	_, updates, err := alteration(t, Spec{Schema: schema})
	return updates, err
}

// Drop removes a table. Its files are deleted by Sweep, after the grace and once
// no pinned World has it. inTx, which may be nil, runs in the same transaction.
func (l *Lake) Drop(ctx context.Context, name string, inTx func(tx *sql.Tx) error) error {
	t, err := l.table(name)
	if err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	t.maintenance.Lock()
	defer t.maintenance.Unlock()
	_, unlock, err := l.lock([]string{name})
	if err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	defer unlock()
	var held []string
	if w := l.worlds.Current().Table(name); w != nil {
		for _, f := range w.Files.All() {
			held = append(held, f.Path)
		}
	}
	l.held.hold(held)
	if err := l.forget(context.WithoutCancel(ctx), name, inTx); err != nil {
		if !errors.Is(err, meta.ErrUncertain) {
			l.held.release(held)
		}
		return fmt.Errorf("drop table %s: %w", name, err)
	}
	t.dropped = true
	l.mu.Lock()
	delete(l.tables, name)
	l.mu.Unlock()
	l.worlds.Publish(func(d *world.Draft) { d.Drop(name) }, func() { l.held.release(held) })
	return nil
}

func (l *Lake) forget(ctx context.Context, name string, inTx func(tx *sql.Tx) error) error {
	due := l.clock.Now().Add(l.o.Grace).UnixMicro()
	return l.meta.Update(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"INSERT INTO deletions (path, table_name, dropped_at, not_before) SELECT path, table_name, 0, ?2 FROM files WHERE table_name = ?1",
			"INSERT INTO deletions (path, table_name, dropped_at, not_before) SELECT path, table_name, 0, ?2 FROM metadata_files WHERE table_name = ?1",
			"UPDATE deletions SET not_before = ?2 WHERE table_name = ?1 AND not_before IS NULL",
		} {
			if _, err := tx.ExecContext(ctx, statement, name, due); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			"DELETE FROM files WHERE table_name = ?1",
			"DELETE FROM metadata_files WHERE table_name = ?1",
			"DELETE FROM iceberg_tables WHERE catalog_name = ?2 AND table_namespace = ?3 AND table_name = ?1",
		} {
			if _, err := tx.ExecContext(ctx, statement, name, Catalog, Namespace); err != nil {
				return err
			}
		}
		if inTx == nil {
			return nil
		}
		return inTx(tx)
	})
}
