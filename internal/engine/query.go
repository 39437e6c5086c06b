package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Request is a statement to run.
type Request struct {
	SQL    string
	Params []any // $1 first
	// World is the pinned World to read, which stays the caller's; nil reads the
	// current one. A transaction of a client keeps its first.
	World     *world.Pin
	Location  *time.Location // nil: Options.Location
	TimeLimit time.Duration  // 0: Limits.TimeLimit
	// Admin lifts the rules for readers: the statement may be any one, of Biwa's
	// own making. Never set it for text that a user wrote.
	Admin bool
}

// lightBytes is up to which size of files, and lightRows up to how many recent
// rows, a query need not queue.
const (
	lightBytes = 16 << 20
	lightRows  = 1 << 20
)

// Query starts a statement. Its whole run, to the result's end, is bound to ctx.
// The caller closes the result.
func (e *Engine) Query(ctx context.Context, r Request) (*Result, error) {
	limit := e.limits.Load().TimeLimit
	late := record.Errorf(record.Timeout, "the query ran longer than %v, the limit of limits.query_time", limit)
	if r.TimeLimit > 0 && (limit <= 0 || r.TimeLimit < limit) {
		limit = r.TimeLimit
		late = record.Errorf(record.Timeout, "the query ran longer than %v, the time limit that its request set", limit)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	run := &run{engine: e, request: r, began: time.Now(), cancel: cancel, batches: make(chan arrow.RecordBatch), started: make(chan struct{}), ended: make(chan struct{})}
	if run.pin = r.World; run.pin == nil {
		run.pin, run.ownPin = e.worlds.Pin(), true
	}
	go OnNiceThread(func() { run.main(ctx) })
	<-run.started
	if run.result == nil {
		<-run.ended
		return nil, run.err
	}
	return run.result, nil
}

// run is a query while it runs. All of DuckDB's work for it that is not done by
// the worker threads is done by one goroutine, on a thread of low priority.
type run struct {
	engine  *Engine
	request Request
	began   time.Time
	cancel  context.CancelFunc
	pin     *world.Pin
	ownPin  bool
	unseen  bool // files are read by their unseen views

	started chan struct{} // closed when result or err is set
	result  *Result
	batches chan arrow.RecordBatch
	ended   chan struct{} // closed after all is let go
	err     error         // of the whole run; read after ended

	stats struct {
		files, skipped int
		bytes, recent  int64
		by             []string
		rows           atomic.Int64
		elapsed        atomic.Int64 // set at the end
	}
}

// main runs the statement to its end and lets go of all it held.
func (r *run) main(ctx context.Context) {
	r.err = r.execute(ctx)
	r.stats.elapsed.Store(int64(time.Since(r.began)))
	if !r.request.Admin {
		raise(&r.engine.queue.longest, r.stats.elapsed.Load())
	}
	if r.ownPin {
		r.pin.Release()
	}
	r.cancel()
	close(r.ended)
	if r.result == nil {
		close(r.started)
	}
}

// execute plans, queues and streams.
func (r *run) execute(ctx context.Context) error {
	e := r.engine
	views, err := e.catalog.current(ctx)
	if err != nil {
		return err
	}
	st, err := r.understand(ctx, views)
	if err != nil {
		return err
	}
	zone := orElse(r.request.Location, e.options.Location)
	p, err := e.plan(ctx, st, r.pin.World, views, r.request.Params, zone)
	if err != nil {
		return withFormer(err, r.pin.World, st.tables, views)
	}
	leave, err := e.queue.enter(ctx, st.heavy || p.heavy || p.bytes > lightBytes || p.rows > lightRows)
	if err != nil {
		return err
	}
	defer leave()
	c, err := e.reader.take(ctx, zone)
	if err != nil {
		return err
	}
	defer e.reader.give(c)
	if err = r.transact(ctx, c, st, p, zone); unconvertible(err) && r.result == nil {
		r.unseen = true
		err = r.transact(ctx, c, st, p, zone)
	}
	return err
}

// transact streams the statement's rows inside a transaction of its own.
func (r *run) transact(ctx context.Context, c *conn, st *statement, p *plan, zone *time.Location) error {
	views, err := r.engine.catalog.begin(ctx, c, r.pin.World, st.tables)
	if err != nil {
		return err
	}
	if err := r.stream(ctx, c, st, p, views, zone); err != nil {
		c.rollback()
		return withFormer(err, r.pin.World, st.tables, views)
	}
	if err := c.exec(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		c.rollback()
		return err
	}
	return nil
}

// understand inspects a reader's statement; an admin's runs as it is, and may
// read every table.
func (r *run) understand(ctx context.Context, views map[string]*view) (*statement, error) {
	if !r.request.Admin {
		return r.engine.inspect(ctx, r.request.SQL, views)
	}
	st := &statement{src: source{text: r.request.SQL}, text: r.request.SQL, inner: span{0, len(r.request.SQL)}, tables: map[string]bool{}, clock: true}
	text := strings.ToLower(r.request.SQL)
	for key, v := range views {
		if v.sessions == nil || strings.Contains(text, key) { // those cost more than a look at the files
			st.tables[key] = true
		}
	}
	return st, nil
}

// stream runs the statement inside c's transaction and hands its rows over.
func (r *run) stream(ctx context.Context, c *conn, st *statement, p *plan, views map[string]*view, zone *time.Location) error {
	e := r.engine
	if st.clock {
		// now() is later here than it was in the plan.
		again, err := e.plan(ctx, st, r.pin.World, views, r.request.Params, zone)
		if err != nil {
			return err
		}
		p = p.union(again)
	}
	if p.hasSessions() {
		p.find() // rows that came since the plan reach back to others than those it saw
	}
	if err := c.setVariables(ctx, e.variables(st, p, views, r.unseen)); err != nil {
		return err
	}
	r.stats.files, r.stats.skipped, r.stats.bytes, r.stats.recent, r.stats.by = p.files, p.skipped, p.bytes, p.rows, p.by
	cur, err := c.query(ctx, st.src, st.text, r.request.Params...)
	if err != nil {
		return err
	}
	defer cur.close()
	r.result = &Result{run: r, columns: cur.columns, schema: cur.schema}
	close(r.started)
	for {
		batch, err := cur.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.hand(ctx, batch); err != nil {
			batch.Release()
			return err
		}
	}
}

// hand waits until the client takes rows, but not for ever: a client that reads no more
// would hold its World, and a place among the heavy queries.
func (r *run) hand(ctx context.Context, batch arrow.RecordBatch) error {
	n, most := batch.NumRows(), r.engine.limits.Load().IdleRead
	idle := time.NewTimer(most)
	defer idle.Stop()
	select {
	case r.batches <- batch:
		r.stats.rows.Add(n)
		return nil
	case <-idle.C:
		return record.Errorf(record.Timeout, "the client read nothing for %v, the limit of limits.idle_read: the query was ended after %d rows", most, r.stats.rows.Load())
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// Result is the rows of a query, as they come.
type Result struct {
	run     *run
	columns []Column
	schema  *arrow.Schema
	close   sync.Once
}

// Stats is what a query cost.
type Stats struct {
	Elapsed      time.Duration // so far, or to the end
	Rows         int64         // handed over
	FilesRead    int
	FilesSkipped int      // by what the statement says of SkippedBy
	SkippedBy    []string // columns
	BytesRead    int64    // size of the files read
	RecentRows   int64    // in the generations read
}

// Columns are the result's.
func (r *Result) Columns() []Column { return r.columns }

// Schema is the Arrow schema of the batches.
func (r *Result) Schema() *arrow.Schema { return r.schema }

// Zone is the request's time zone for printing the result's times: by DuckDB's rules,
// where there are times of a zone in it.
func (r *Result) Zone(ctx context.Context) (zone *time.Location, err error) {
	e := r.run.engine
	zone = orElse(r.run.request.Location, e.options.Location)
	if !slices.ContainsFunc(r.schema.Fields(), func(f arrow.Field) bool { return zoned(f.Type) }) {
		return zone, nil
	}
	err = e.planner.with(ctx, func(c *conn) error {
		zone, err = e.zones.of(ctx, c, zone)
		return err
	})
	return zone, err
}

// zoned says whether a type has times of a zone, at any depth.
func zoned(t arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.TimestampType:
		return t.TimeZone != ""
	case arrow.NestedType:
		return slices.ContainsFunc(t.Fields(), func(f arrow.Field) bool { return zoned(f.Type) })
	}
	return false
}

// Next is the next rows, io.EOF after the last. The caller releases them. ctx
// bounds the wait only.
func (r *Result) Next(ctx context.Context) (arrow.RecordBatch, error) {
	select {
	case batch := <-r.run.batches:
		return batch, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	case <-r.run.ended:
		if r.run.err != nil {
			return nil, r.run.err
		}
		return nil, io.EOF
	}
}

// Stats may be asked at any time.
func (r *Result) Stats() Stats {
	s := &r.run.stats
	elapsed := time.Duration(s.elapsed.Load())
	if elapsed == 0 {
		elapsed = time.Since(r.run.began)
	}
	return Stats{Elapsed: elapsed, Rows: s.rows.Load(), FilesRead: s.files, FilesSkipped: s.skipped, SkippedBy: s.by, BytesRead: s.bytes, RecentRows: s.recent}
}

// Close stops the query if it still runs, and waits until it has let go of its
// World. It may be called more than once.
func (r *Result) Close() error {
	r.close.Do(func() {
		r.run.cancel()
		<-r.run.ended
	})
	return nil
}

// unconvertible says that DuckDB 1.5.5 could not apply a join's Bloom filter to a file
// whose column has another type than the table, as before it was widened, or that this
// may be why it failed. The statement then runs again with files of which joins see no
// columns, unless rows were handed over: files are read in the order they were written,
// so those of another type come first.
// TestFaultsOfDuckDBThatWeGoAround fails once DuckDB can, and the unseen views can go.
func unconvertible(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Can't convert TableFilterType") || strings.Contains(err.Error(), stoppedTheRest))
}

// setVariables gives a query's variables their values, in its own transaction: a
// plan has them folded in.
func (c *conn) setVariables(ctx context.Context, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	var text strings.Builder
	for name, value := range values {
		text.WriteString("SET VARIABLE " + name + " = " + value + ";\n")
	}
	return c.exec(ctx, text.String())
}

// loneRows is up to how many rows a file that is read alone is read by one thread. DuckDB
// gives a lone file as many threads as it has row groups, but with a schema of ours it
// does not count them and takes one; of two files, though one has no rows, it gives all.
const loneRows = 50_000

// variables are what the views of the statement's tables read.
func (e *Engine) variables(st *statement, p *plan, views map[string]*view, unseen bool) map[string]string {
	out := map[string]string{}
	for key := range st.tables {
		v := views[key]
		if v == nil {
			continue // a relation of the prelude, or dropped since; DuckDB will say
		}
		var branches, files []string
		if part := p.tables[key]; part != nil {
			rows := int64(0)
			for _, f := range part.files {
				files = append(files, record.QuoteText(e.file(f.Path)))
				rows += f.Rows
			}
			if len(files) == 1 && rows > loneRows {
				files = append(files, record.QuoteText(e.catalog.stubFile))
			}
			if len(files) > 0 {
				lake := v.lake()
				if unseen {
					lake = v.unseen()
				}
				branches = append(branches, record.QuoteText(lake))
				out[v.files()], out[v.rows()] = "["+strings.Join(files, ", ")+"]", fmt.Sprintf("%d::UBIGINT", rows)
			}
			if v.sessions != nil {
				out[v.from()], out[v.to()] = fmt.Sprintf("%d::BIGINT", part.reach.from), fmt.Sprintf("%d::BIGINT", part.reach.to)
			}
			for _, g := range part.recent {
				branches = append(branches, record.QuoteText(v.branch(g)))
			}
		}
		if len(branches) == 0 {
			branches = []string{record.QuoteText(v.stub())}
		}
		out[v.branches()] = "[" + strings.Join(branches, ", ") + "]"
	}
	return out
}
