package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// instance is one in-memory DuckDB.
//
// A connection serves one caller and is closed after it, so nothing that one leaves
// behind (time zone, variables, an aborted transaction) can reach the next. What all
// connections share is set for the whole instance, once, by setUp. To connect takes
// 5 us; no plan is kept from one use to the next in any case.
type instance struct {
	spillLimit atomic.Int64 // bytes; what LimitSpill compares with
	handle     duckdb.Database
	zone       string // the TimeZone of a connection that asks for none
	broken     atomic.Bool
	names      atomic.Int64 // numbers connections, for names that must be unique
	// inject, in tests, is asked before each statement; its error is the statement's.
	inject atomic.Pointer[func(sql string) error]

	mu     sync.Mutex
	open   int
	closed bool
	last   *sync.Cond // signalled when open falls
}

// openInstance starts a DuckDB. Its worker threads inherit the caller's nice value.
func openInstance(config map[string]string) (*instance, error) {
	var c duckdb.Config
	if duckdb.CreateConfig(&c) == duckdb.StateError {
		return nil, fmt.Errorf("duckdb: no memory for a configuration")
	}
	defer duckdb.DestroyConfig(&c)
	for name, value := range config {
		if duckdb.SetConfig(c, name, value) == duckdb.StateError {
			return nil, record.Errorf(record.Invalid, "duckdb does not take %s=%s", name, value)
		}
	}
	d := &instance{}
	d.last = sync.NewCond(&d.mu)
	var message string
	if duckdb.OpenExt("", &d.handle, c, &message) == duckdb.StateError {
		return nil, fmt.Errorf("open duckdb: %s", parseFault(message).Message)
	}
	return d, nil
}

// conn is a connection, used by one goroutine at a time.
type conn struct {
	inst   *instance
	handle duckdb.Connection
	name   string // unique in the instance
}

// take opens a connection whose times are in a zone, that of the instance if nil.
// The caller gives it back.
func (d *instance) take(ctx context.Context, zone *time.Location) (*conn, error) {
	c, err := d.connect()
	if err != nil || zone == nil || zone.String() == d.zone {
		return c, err
	}
	if err := c.exec(ctx, "SET TimeZone = "+record.QuoteText(zone.String())); err != nil {
		d.give(c)
		if record.KindOf(err) == record.Invalid {
			err = record.Errorf(record.Invalid, "time zone %q: %w", zone, err)
		}
		return nil, err
	}
	return c, nil
}

func (d *instance) connect() (*conn, error) {
	if d.broken.Load() {
		return nil, &record.Error{Kind: record.Unavailable, Err: ErrBroken}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, record.Errorf(record.Unavailable, "the SQL engine is closed")
	}
	c := &conn{inst: d, name: fmt.Sprintf("c%d", d.names.Add(1))}
	if duckdb.Connect(d.handle, &c.handle) == duckdb.StateError {
		return nil, fmt.Errorf("duckdb: cannot connect")
	}
	d.open++
	return c, nil
}

// give closes a connection. A transaction that is still open, as after a ROLLBACK
// that found no memory, ends with it.
func (d *instance) give(c *conn) {
	duckdb.Disconnect(&c.handle)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	d.last.Broadcast()
}

// close waits for every connection to be given back.
func (d *instance) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	for d.open > 0 {
		d.last.Wait()
	}
	duckdb.Close(&d.handle)
}

// with runs fn on a connection inside one transaction: committed if fn returns
// nil, else rolled back. Every statement of ours goes through it, because a
// plan made in one transaction and run in another can give wrong rows.
func (d *instance) with(ctx context.Context, fn func(c *conn) error) error {
	c, err := d.take(ctx, nil)
	if err != nil {
		return err
	}
	defer d.give(c)
	if err := c.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := fn(c); err != nil {
		c.rollback()
		return err
	}
	if err := c.exec(ctx, "COMMIT"); err != nil {
		c.rollback()
		return err
	}
	return nil
}

// exec runs statements of ours that give no rows worth reading.
func (c *conn) exec(ctx context.Context, sql string) error {
	if err := ctx.Err(); err != nil {
		return interrupted(ctx)
	}
	if err := c.inst.injected(sql); err != nil {
		return err
	}
	stop := c.guard(ctx)
	var res duckdb.Result
	state := duckdb.Query(c.handle, sql, &res)
	stop()
	defer duckdb.DestroyResult(&res)
	if state == duckdb.StateError {
		return c.inst.failure(ctx, source{text: sql}, duckdb.ResultError(&res))
	}
	return nil
}

// injected is the fault that a test has for a statement.
func (d *instance) injected(sql string) error {
	if f := d.inject.Load(); f != nil {
		return (*f)(sql)
	}
	return nil
}

// rollback ends the transaction whatever the context says. If it fails the
// transaction ends with the connection.
func (c *conn) rollback() {
	if c.inst.injected("ROLLBACK") != nil {
		return
	}
	var res duckdb.Result
	duckdb.Query(c.handle, "ROLLBACK", &res)
	duckdb.DestroyResult(&res)
}

// aside runs fn in a transaction that is rolled back: for reading, and for what
// it writes outside the database.
func (d *instance) aside(ctx context.Context, fn func(c *conn) error) error {
	return d.asideIn(ctx, nil, fn)
}

// asideIn is aside with times in a zone.
func (d *instance) asideIn(ctx context.Context, zone *time.Location, fn func(c *conn) error) error {
	c, err := d.take(ctx, zone)
	if err != nil {
		return err
	}
	defer d.give(c)
	if err := c.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	defer c.rollback()
	return fn(c)
}
