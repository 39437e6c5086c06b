package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Drop removes a table, in one SQL transaction with inTx, which accounts for its rows.
// Its files are deleted by Sweep, after the grace and once no pinned World has it.
// quiesce ends whatever adds files to it; it runs when the rows have been counted, as
// all before can take long, and those added since are counted after. An error before it
// ran leaves everything as it was.
func (l *Lake) Drop(ctx context.Context, name string, engine Tallier, quiesce func() error, inTx func(tx *sql.Tx, r Removed) error) (Removed, error) {
	r := Removed{Table: name}
	t, err := l.table(name)
	if err != nil {
		return r, fmt.Errorf("drop: %w", err)
	}
	t.maintenance.Lock() // no file goes meanwhile
	defer t.maintenance.Unlock()
	before := l.filesOf(name)
	if r.Tally, err = engine.TallyFiles(ctx, before); err != nil {
		return r, fmt.Errorf("drop table %s: %w", name, err)
	}
	if err := quiesce(); err != nil {
		return r, fmt.Errorf("drop table %s: %w", name, err)
	}
	_, unlock, err := l.lock([]string{name})
	if err != nil {
		return r, fmt.Errorf("drop: %w", err)
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	files := l.filesOf(name)
	added, err := engine.TallyFiles(ctx, without(files, before))
	if err != nil {
		return r, fmt.Errorf("drop table %s: %w", name, err)
	}
	r.Tally = r.Tally.Plus(added)
	r.describe(files)
	held := pathsOf(files)
	l.held.hold(held)
	if err := l.forget(ctx, name, func(tx *sql.Tx) error { return inTx(tx, r) }); err != nil {
		if !errors.Is(err, meta.ErrUncertain) {
			l.held.release(held)
		}
		return r, fmt.Errorf("drop table %s: %w", name, err)
	}
	t.dropped = true
	l.mu.Lock()
	delete(l.tables, name)
	l.mu.Unlock()
	l.worlds.Publish(func(d *world.Draft) { d.Drop(name) }, func() { l.held.release(held) })
	return r, nil
}

// filesOf are a table's files now.
func (l *Lake) filesOf(name string) []record.File {
	if w := l.worlds.Current().Table(name); w != nil {
		return w.Files.All()
	}
	return nil
}

// without are the files that are not among others.
func without(files, others []record.File) (left []record.File) {
	known := setOf(pathsOf(others))
	for _, f := range files {
		if !known[f.Path] {
			left = append(left, f)
		}
	}
	return left
}

func pathsOf(files []record.File) []string {
	paths := make([]string, len(files))
	for i := range files {
		paths[i] = files[i].Path
	}
	return paths
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
		return inTx(tx)
	})
}
