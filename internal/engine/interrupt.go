package engine

import (
	"context"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// interruptEvery is how often a canceled statement is told so: DuckDB forgets an
// interrupt that comes just before a statement begins.
const interruptEvery = 10 * time.Millisecond

// guard interrupts what runs on the connection once ctx is done, until the
// returned function is called. That one waits, so that a later statement on the
// connection is never hit.
func (c *conn) guard(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(ended)
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			duckdb.Interrupt(c.handle)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(done)
		if !unregister() {
			<-ended
		}
	}
}
