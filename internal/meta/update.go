package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"github.com/biwa-data/biwa/internal/record"
)

// maxGroup is how many updates share one fsync at most.
const maxGroup = 256

// update is a closure that waits for the writer.
type update struct {
	ctx  context.Context
	run  func(tx *sql.Tx) error
	done chan struct{} // closed when err and panicked are set
	err  error
	// panicked is what run panicked with; it goes on in the caller.
	panicked any
}

// Update runs change in a transaction and returns when it is on disk. Updates
// that wait at the same time share a transaction and its fsync, each within a
// savepoint: one that fails undoes only itself. change must use only tx, must
// not end it, and may not call Update.
//
// Once the writer has taken the change, ctx no longer ends the wait: what
// Update returns is what happened.
func (db *DB) Update(ctx context.Context, change func(tx *sql.Tx) error) error {
	u := &update{ctx: ctx, run: change, done: make(chan struct{})}
	select {
	case <-db.closing:
		return errClosed
	default:
	}
	select {
	case db.updates <- u:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing:
		return errClosed
	}
	select {
	case <-u.done:
	case <-db.closed: // the writer ended; it may have answered just before
		select {
		case <-u.done:
		default:
			return errClosed
		}
	}
	if u.panicked != nil {
		panic(u.panicked)
	}
	return u.err
}

// write is the one goroutine that changes the database.
func (db *DB) write() {
	defer close(db.closed)
	var broken error
	for {
		var group []*update
		select {
		case u := <-db.updates:
			group = db.gather(u)
		case <-db.closing:
			if group = db.gather(nil); len(group) == 0 {
				return
			}
		}
		if broken == nil {
			broken = db.commit(group)
		} else {
			for _, u := range group {
				u.err = broken
			}
		}
		for _, u := range group {
			close(u.done)
		}
	}
}

// gather adds what waits to first, which may be nil.
func (db *DB) gather(first *update) []*update {
	var group []*update
	if first != nil {
		group = append(group, first)
	}
	for len(group) < maxGroup {
		select {
		case u := <-db.updates:
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction and sets each one's answer. The error
// it returns is the one after which the database must not be written any more.
func (db *DB) commit(group []*update) error {
	ctx := context.Background()
	fail := func(err error) {
		for _, u := range group {
			if u.err == nil {
				u.err = err
			}
		}
	}
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		fail(fmt.Errorf("begin metadata transaction: %w", err))
		return nil
	}
	for _, u := range group {
		if err := u.apply(ctx, tx); err != nil {
			fail(errors.Join(fmt.Errorf("metadata savepoint: %w", err), tx.Rollback()))
			return nil
		}
	}
	if err := tx.Commit(); err != nil {
		clean := cleanFailure(err)
		_ = tx.Rollback() // reports only that Commit has ended the transaction
		if clean {
			fail(fmt.Errorf("commit metadata: %w", err))
			return nil
		}
		err = record.Errorf(record.Unavailable, "commit metadata: %w: %w", ErrUncertain, err)
		fail(err)
		return err
	}
	return nil
}

// apply runs one closure in a savepoint. It returns an error only if the
// transaction itself no longer works.
func (u *update) apply(ctx context.Context, tx *sql.Tx) error {
	if u.err = u.ctx.Err(); u.err != nil {
		return nil //nolint:nilerr // the closure's own error is u.err
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	u.guarded(tx)
	if u.err != nil || u.panicked != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "RELEASE one")
	return err
}

func (u *update) guarded(tx *sql.Tx) {
	defer func() { u.panicked = recover() }()
	u.err = u.run(tx)
}

// cleanFailure says that SQLite has certainly rolled back: the disk was full
// before anything was final, or another process held the lock.
func cleanFailure(err error) bool {
	const busy, full, constraint = 5, 13, 19
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case busy, full, constraint:
		return true
	}
	return false
}

// NoSpace says that SQLite found no room on the disk.
func NoSpace(err error) bool {
	const full = 13
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == full && !errors.Is(err, ErrUncertain)
}
