package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// maxIdle is how many connections an instance keeps for the next caller.
const maxIdle = 8

// instance is one in-memory DuckDB with a pool of connections.
type instance struct {
	spillLimit atomic.Int64 // bytes; what LimitSpill compares with
	handle     duckdb.Database
	broken     atomic.Bool
	names      atomic.Int64 // numbers connections, for names that must be unique

	mu     sync.Mutex
	idle   []*conn
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
	zone   string // what TimeZone is set to, "" for the instance's
	// variables are those set by queries, as text.
	variables map[string]string
}

// take hands out a connection; the caller gives it back.
func (d *instance) take() (*conn, error) {
	if d.broken.Load() {
		return nil, &record.Error{Kind: record.Unavailable, Err: ErrBroken}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, record.Errorf(record.Unavailable, "the SQL engine is closed")
	}
	if n := len(d.idle); n > 0 {
		c := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.open++
		return c, nil
	}
	c := &conn{inst: d, name: fmt.Sprintf("c%d", d.names.Add(1)), variables: map[string]string{}}
	if duckdb.Connect(d.handle, &c.handle) == duckdb.StateError {
		return nil, fmt.Errorf("duckdb: cannot connect")
	}
	d.open++
	return c, nil
}

// give takes a connection back, outside any transaction.
func (d *instance) give(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) < maxIdle && !d.closed {
		d.idle = append(d.idle, c)
	} else {
		duckdb.Disconnect(&c.handle)
	}
	d.open--
	d.last.Broadcast()
}

// close waits for every connection to come back.
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
	for _, c := range d.idle {
		duckdb.Disconnect(&c.handle)
	}
	d.idle = nil
	duckdb.Close(&d.handle)
}

// with runs fn on a connection inside one transaction: committed if fn returns
// nil, else rolled back. Every statement of ours goes through it, because a
// plan made in one transaction and run in another can give wrong rows.
func (d *instance) with(ctx context.Context, fn func(c *conn) error) error {
	c, err := d.take()
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

// rollback ends the transaction whatever the context says. Its own error means
// that DuckDB has already ended it.
func (c *conn) rollback() {
	var res duckdb.Result
	duckdb.Query(c.handle, "ROLLBACK", &res)
	duckdb.DestroyResult(&res)
}

// aside runs fn in a transaction that is rolled back: for reading, and for what
// it writes outside the database.
func (d *instance) aside(ctx context.Context, fn func(c *conn) error) error {
	c, err := d.take()
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
