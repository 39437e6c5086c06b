package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// The commit protocol. A crash between two steps, or an error within one, leaves:
//
//	stage    manifests and metadata.json of every table are written, nothing is
//	         durable and nothing names them. After a crash they are leftovers,
//	         which the next Open removes.
//	sync     data files, staged files and their folders are fsynced. Still
//	         nothing names them: leftovers.
//	swap     one SQL transaction moves every table to its new metadata, by
//	         compare-and-swap, with the index of files, the queue of deletions
//	         and what the caller adds in InTx. From its fsync on, and not before,
//	         everything has happened.
//	publish  one pointer store makes the next World, in which the files have
//	         taken the place of the caller's recent rows. After a crash Open
//	         makes the same World from the index.
//
// An error before the swap removes what was staged; the data files stay with
// the caller, who may try the same Commit again. After an error that wraps
// meta.ErrUncertain nothing is removed, for it may have happened.

// Commit is what happens to several tables at once, or not at all.
type Commit struct {
	Appends []Append
	// InTx runs within the transaction of the swap, nil for nothing. It may run
	// more than once, each time in a transaction of its own.
	InTx func(tx *sql.Tx) error
	// Publish changes the next World together with the new files, nil for
	// nothing: the caller drops the recent rows that the files now hold.
	Publish func(d *world.Draft)
	// After runs once no World from before is pinned, nil for nothing.
	After func()
	// Snapshots is the new snapshot of each table by name, set before InTx runs.
	// A table to which no file is added has none.
	Snapshots map[string]int64
}

// Append is what a commit does to one table.
type Append struct {
	Table string
	// Files are added; those without partition values are young, and compaction
	// rewrites them later. They need not be durable yet.
	Files []record.File
	// Remove are paths of files whose place they take, or none.
	Remove []string
	// TimeField is the field id of the column that the files' times are of, 0 for that
	// of the table. Of another one nothing is known.
	TimeField int
}

// errMoved says that another process has committed to a table since it was staged.
var errMoved = errors.New("the table has moved")

// Commit adds files to tables and moves the caller's own rows with them, all or
// nothing. It is durable and visible when Commit returns.
func (l *Lake) Commit(ctx context.Context, c *Commit) error {
	appends := slices.DeleteFunc(slices.Clone(c.Appends), func(a Append) bool { return len(a.Files)+len(a.Remove) == 0 })
	names := make([]string, len(appends))
	for i, a := range appends {
		names[i] = a.Table
	}
	tables, unlock, err := l.lock(names)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	defer unlock()
	if len(tables) != len(names) {
		return record.Errorf(record.Invalid, "commit: a table is named twice in %v", names)
	}
	byName := map[string]*table{}
	for _, t := range tables {
		byName[t.name] = t
	}
	err = l.attempt(ctx, c, func() ([]change, error) {
		changes := make([]change, len(appends))
		for i, a := range appends {
			t := byName[a.Table]
			rows, err := rowsOf(a.Files, true, func(f *record.File) (int, error) {
				spec, err := specOf(t.metadata, f)
				if err != nil {
					return 0, err
				}
				return spec.ID(), nil
			})
			if err != nil {
				return nil, err
			}
			for i := range rows {
				rows[i].young = rows[i].Partition == nil
			}
			t.judgeTimes(rows, a.TimeField)
			changes[i] = change{table: t, add: rows, remove: a.Remove}
		}
		return changes, nil
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// attempt commits changes, and makes and stages them anew from the tables as
// they are if another process has moved one. The caller holds their commits.
func (l *Lake) attempt(ctx context.Context, c *Commit, changes func() ([]change, error)) error {
	for n := 1; ; n++ {
		list, err := changes()
		if err != nil {
			return err
		}
		if len(list) == 0 && c.InTx == nil && c.Publish == nil && c.After == nil {
			return nil
		}
		err = l.commitOnce(ctx, c, list)
		if !errors.Is(err, errMoved) || n == l.o.Attempts {
			return err
		}
		for i := range list {
			if err := l.reload(ctx, list[i].table); err != nil {
				return err
			}
		}
	}
}

// commitOnce takes the steps.
func (l *Lake) commitOnce(ctx context.Context, c *Commit, changes []change) (err error) {
	var all []*staged
	removed := removedBy(changes)
	l.held.hold(removed)
	defer func() {
		if err != nil && !errors.Is(err, meta.ErrUncertain) {
			l.held.release(removed)
			for _, s := range all {
				s.files.discard()
			}
		}
	}()
	if all, err = l.stageAll(ctx, changes); err != nil {
		return err
	}
	if err := l.sync(ctx, all); err != nil {
		return err
	}
	if err := l.swap(ctx, c, all); err != nil {
		return err
	}
	l.publish(c, all, removed)
	return nil
}

func removedBy(changes []change) (paths []string) {
	for i := range changes {
		paths = append(paths, changes[i].remove...)
	}
	return paths
}

// stageAll stages the tables side by side. It returns those it staged even if
// another failed, for the caller to discard.
func (l *Lake) stageAll(ctx context.Context, changes []change) ([]*staged, error) {
	all := make([]*staged, len(changes))
	var group errgroup.Group
	for i := range changes {
		group.Go(func() (err error) {
			all[i], err = l.stage(ctx, changes[i])
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(all, func(s *staged) bool { return s == nil }), err
}

// sync makes everything durable that the swap will name.
func (l *Lake) sync(ctx context.Context, all []*staged) error {
	var paths []string
	for _, s := range all {
		paths = append(paths, s.files.paths()...)
		for i := range s.add {
			paths = append(paths, s.add[i].Path)
		}
	}
	return l.store.Sync(ctx, paths...)
}

// swap is the moment at which the commit happens.
func (l *Lake) swap(ctx context.Context, c *Commit, all []*staged) error {
	c.Snapshots = map[string]int64{}
	for _, s := range all {
		if s.snapshot != 0 {
			c.Snapshots[s.table.name] = s.snapshot
		}
	}
	// A statement that is interrupted would take the whole group's transaction
	// with it, so within the transaction ctx no longer cancels.
	within := context.WithoutCancel(ctx)
	return l.meta.Update(ctx, func(tx *sql.Tx) error {
		for _, s := range all {
			if err := l.swapTable(within, tx, s); err != nil {
				return err
			}
		}
		if c.InTx == nil {
			return nil
		}
		return c.InTx(tx)
	})
}

func (l *Lake) swapTable(ctx context.Context, tx *sql.Tx, s *staged) error {
	t := s.table
	result, err := tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
		s.location, t.location, Catalog, Namespace, t.name, t.location)
	if err != nil {
		return fmt.Errorf("swap table %s: %w", t.name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("swap table %s: %w", t.name, errMoved), err)
	}
	now := l.clock.Now()
	if err := deleteRows(ctx, tx, t.name, s.remove); err != nil {
		return err
	}
	if err := insertRows(ctx, tx, t.name, s.add, s.snapshot, now.UnixMicro()); err != nil {
		return err
	}
	if err := addMetadataFiles(ctx, tx, t.name, s.files.paths()); err != nil {
		return err
	}
	if err := drop(ctx, tx, t.name, slices.Concat(s.dropped, s.remove), s.sequence); err != nil {
		return err
	}
	if s.retimed {
		if _, err := tx.ExecContext(ctx, "UPDATE files SET has_time = 0, min_time = 0, max_time = 0 WHERE table_name = ?", t.name); err != nil {
			return fmt.Errorf("index of %s: %w", t.name, err)
		}
	}
	due := now.Add(l.o.Grace)
	if err := dropDue(ctx, tx, t.name, s.unreachable, due); err != nil {
		return err
	}
	if len(s.expire) == 0 {
		return nil
	}
	return release(ctx, tx, t.name, s.oldest(), due)
}

// publish lets the next World show what happened.
func (l *Lake) publish(c *Commit, all []*staged, removed []string) {
	for _, s := range all {
		s.table.state = s.state
	}
	l.worlds.Publish(func(d *world.Draft) {
		for _, s := range all {
			w := d.Table(s.table.name)
			l.describe(w, s.table)
			if len(s.remove) > 0 {
				w.Files = w.Files.Remove(setOf(s.remove))
			}
			w.Files = w.Files.Add(lean(filesOf(s.add))...)
			if s.retimed {
				forgetTimes(w)
			}
		}
		if c.Publish != nil {
			c.Publish(d)
		}
	}, func() {
		l.held.release(removed)
		if c.After != nil {
			c.After()
		}
	})
}

func filesOf(rows []row) []record.File {
	files := make([]record.File, len(rows))
	for i := range rows {
		files[i] = rows[i].File
	}
	return files
}

func setOf(paths []string) map[string]bool {
	return maps.Collect(func(yield func(string, bool) bool) {
		for _, p := range paths {
			if !yield(p, true) {
				return
			}
		}
	})
}
