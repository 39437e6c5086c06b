// Package meta is the metadata database of a node: one SQLite file that holds
// what must change together with the data, such as offsets, accounts and the
// Iceberg catalogue.
//
// Invariant: what one Update wrote is on disk, all of it, when Update returns
// nil; when it returns an error other than ErrUncertain nothing of it is.
package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/biwa-data/biwa/internal/record"
)

// ErrUncertain is wrapped by the error of an Update whose commit failed half
// way: only opening the database again tells whether it happened. The database
// refuses every Update after it.
var ErrUncertain = errors.New("the outcome is not known until the node starts again")

// Querier is what reads need of a transaction; *sql.Tx has it.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// DB is an open metadata database.
type DB struct {
	writes  *sql.DB // one connection
	reads   *sql.DB
	updates chan *update
	closing chan struct{}
	closed  chan struct{} // the writer has ended
}

// Open opens the database at path, makes it if there is none, and brings its
// tables up to date.
func Open(ctx context.Context, path string) (*DB, error) {
	writes, err := connect(path, "_txlock=immediate&_pragma=synchronous(FULL)", 1)
	if err != nil {
		return nil, fmt.Errorf("open metadata %s: %w", path, err)
	}
	if err := migrate(ctx, writes); err != nil {
		writes.Close()
		return nil, fmt.Errorf("open metadata %s: %w", path, err)
	}
	reads, err := connect(path, "_pragma=query_only(1)", max(4, runtime.NumCPU()))
	if err != nil {
		writes.Close()
		return nil, fmt.Errorf("open metadata %s: %w", path, err)
	}
	db := &DB{
		writes: writes, reads: reads,
		updates: make(chan *update, maxGroup),
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go db.write()
	return db, nil
}

func connect(path, options string, connections int) (*sql.DB, error) {
	name := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&" + options
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close answers the updates that wait, then closes the file.
func (db *DB) Close() error {
	select {
	case <-db.closing:
	default:
		close(db.closing)
	}
	<-db.closed
	return errors.Join(db.reads.Close(), db.writes.Close())
}

// SQL is the handle that writes, for a library that wants one. It has a single
// connection, which Update uses too: never wait for it within an Update.
func (db *DB) SQL() *sql.DB { return db.writes }

// View reads within one transaction, beside updates and other views.
func (db *DB) View(ctx context.Context, read func(q Querier) error) error {
	tx, err := db.reads.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	defer tx.Rollback() // a read has nothing to lose
	return read(tx)
}

// Read reads a database that a node may have open, and changes nothing of it.
func Read(ctx context.Context, path string, read func(q Querier) error) error {
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	reads, err := sql.Open("sqlite", name)
	if err != nil {
		return fmt.Errorf("read metadata %s: %w", path, err)
	}
	db := &DB{reads: reads}
	return errors.Join(db.View(ctx, read), reads.Close())
}

var errClosed = record.Errorf(record.Unavailable, "the metadata database is closed")
