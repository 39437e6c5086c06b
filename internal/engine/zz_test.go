package engine

import (
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

func TestZZ(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, []record.File{writeEvents(t, e, "ev/a.parquet", 1, 10, may1)})
	ctx := t.Context()
	med := func(name string, f func()) {
		f()
		start := time.Now()
		for range 100 {
			f()
		}
		t.Logf("%-20s %v", name, time.Since(start)/100)
	}
	med("select 1", func() { drain(t, e, Request{SQL: "select 1"}) })
	med("admin select 1", func() { drain(t, e, Request{SQL: "select 1", Admin: true}) })
	med("count ev", func() { drain(t, e, Request{SQL: "select count(*) from ev"}) })
	views, _ := e.catalog.current(ctx)
	med("inspect", func() { e.inspect(ctx, "select count(*) from ev", views) })
	med("nice thread", func() { onNiceThread(func() {}) })
	med("with", func() { e.reader.aside(ctx, func(c *conn) error { return nil }) })
	med("exec select 1", func() { e.reader.aside(ctx, func(c *conn) error { return c.exec(ctx, "select 1") }) })
	med("serialize", func() {
		e.planner.aside(ctx, func(c *conn) error {
			_, err := c.text(ctx, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", "select 1")
			return err
		})
	})
	med("text select 1", func() { e.planner.aside(ctx, func(c *conn) error { _, err := c.text(ctx, "SELECT 1"); return err }) })
	med("direct", func() {
		e.reader.aside(ctx, func(c *conn) error { _, err := c.text(ctx, "SELECT count(*) from "+e.readParquet([]record.File{{Path: "ev/a.parquet"}}, events)); return err })
	})
}
