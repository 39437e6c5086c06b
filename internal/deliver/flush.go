package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// The way of a generation, and what a crash at each point leaves:
//
//	filled      in memory, from the log        nothing: it is read again
//	shown       in recent, one World names it  nothing
//	written     Parquet files, fsynced         files no table names: removed as orphans
//	committed   one SQL transaction            everything; the offset says so
//	published   the next World has the files   -
//	dropped     recent lets go of the rows     -

// generationNumbers make the names of recent tables unique in the process.
var generationNumbers = newCounter()

// show makes the current generation's rows visible to SQL. Where recent cannot
// take them, for want of memory, they become visible by being flushed.
func (w *Worker) show(ctx context.Context) {
	if err := w.showGeneration(ctx, w.current); err != nil {
		w.Logger.Warn("recent rows cannot be held; flushing them", "table", w.table, "error", err)
		w.rotate(ctx)
		return
	}
	w.seeShown()
}

func (w *Worker) showGeneration(ctx context.Context, g *generation) error {
	_, rows := g.rows.waiting()
	_, rejects := g.rejects.waiting()
	err := w.showBoth(ctx, g)
	if rows+rejects > 0 { // else the success would be of nothing
		w.o.Told(ToldRecent, err)
	}
	return err
}

func (w *Worker) showBoth(ctx context.Context, g *generation) error {
	if err := w.showSide(ctx, &g.rows, w.table, g.schema, g.timeColumn); err != nil {
		return err
	}
	if err := w.showSide(ctx, &g.rejects, record.QuarantineTable, record.QuarantineSchema, record.ColumnReceivedAt); err != nil {
		return err
	}
	g.noteKept()
	return nil
}

// seeShown moves what is visible as far as every row before it is.
func (w *Worker) seeShown() {
	switch {
	case w.flushing != nil && w.flushing.hidden():
		w.noteShown(0)
	case w.current.hidden():
		w.noteShown(w.current.from)
	default:
		w.noteShown(w.current.taken)
	}
}

func (w *Worker) showSide(ctx context.Context, s *side, table string, schema record.Schema, timeColumn string) error {
	batches, rows := s.waiting()
	if rows == 0 {
		return nil
	}
	if s.recent == nil {
		g := &world.Generation{Name: fmt.Sprintf("g%d", generationNumbers.next()), Schema: schema}
		if err := w.Recent.CreateRecent(ctx, g.Name, schema); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		g.Grow(rows, s.minTime, s.maxTime)
		if err := w.Recent.AppendRecent(ctx, g.Name, batches); err != nil {
			return fmt.Errorf("table %s: %w", table, errors.Join(err, w.Recent.DropRecent(ctx, g.Name)))
		}
		s.recent = g
		w.Worlds.Publish(func(d *world.Draft) {
			t := d.Table(table)
			if !t.TimedBy(schema, timeColumn) { // by an older definition
				g.ForgetTimes()
			}
			t.Recent = append(t.Recent, g)
		}, nil)
	} else {
		s.recent.Grow(rows, s.minTime, s.maxTime)
		if err := w.Recent.AppendRecent(ctx, s.recent.Name, batches); err != nil {
			s.recent.Grow(-rows, s.minTime, s.maxTime)
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	s.appended = len(s.batches)
	return nil
}

// flushResult is what a flush in the background came to.
type flushResult struct {
	generation *generation
	took       time.Duration
	err        error
}

// reach is the number up to which nothing of the stream is left in the log
// beyond what was taken.
func (w *Worker) reach() record.Sequence {
	last := w.Log.Last() // before LastOf: a record that comes between is beyond last
	if w.Log.LastOf(w.stream) <= w.current.taken {
		return max(last, w.current.taken)
	}
	return w.current.taken
}

// rotate starts to flush the current generation, unless one is being flushed.
func (w *Worker) rotate(ctx context.Context) {
	if w.flushing == nil && !w.current.empty() {
		w.rotateTo(ctx, w.reach())
	}
}

func (w *Worker) rotateTo(ctx context.Context, to record.Sequence) {
	g := w.current
	g.to = to
	w.flushing = g
	w.current = newGeneration(to)
	w.current.schema, w.current.timeColumn = g.schema, g.timeColumn
	w.flushAfter(ctx, g, 0)
}

// flushAfter flushes a generation in the background after a pause, which ends
// early when the worker does: then the log gives the records again.
func (w *Worker) flushAfter(ctx context.Context, g *generation, pause time.Duration) {
	w.background.Go(func() {
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-w.ended:
				return
			}
		}
		began := w.Clock.Now()
		err := w.flush(context.WithoutCancel(ctx), g)
		w.flushed <- flushResult{g, w.Clock.Now().Sub(began), err}
	})
}

// flush writes a generation's files and commits them.
func (w *Worker) flush(ctx context.Context, g *generation) error {
	if w.Dedupe != nil {
		if err := w.Dedupe.Sync(ctx, g.to); err != nil {
			return fmt.Errorf("dedupe: %w", err)
		}
	}
	c := Commit{Stream: w.stream, Table: w.table, Epoch: w.epoch, From: g.from, To: g.to, Accounts: g.accountList()}
	if at := g.schema.Index(g.timeColumn); at >= 0 {
		c.TimeField = g.schema[at].FieldID
	}
	var err error
	if c.Data, err = w.write(ctx, &g.rows, w.table, g.schema, g.timeColumn); err != nil {
		return err
	}
	if c.Quarantine, err = w.writeRejects(ctx, &g.rejects); err != nil {
		return err
	}
	c.Publish = func(d *world.Draft) {
		g.rows.leave(d, w.table)
		g.rejects.leave(d, record.QuarantineTable)
	}
	return w.Tables.Commit(ctx, c)
}

func (w *Worker) write(ctx context.Context, s *side, table string, schema record.Schema, timeColumn string) ([]record.File, error) {
	if s.count == 0 || s.files != nil {
		return s.files, nil
	}
	f, err := w.Files.WriteParquet(ctx, w.Tables.Path(table), schema, timeColumn, s.batches)
	if err != nil {
		return nil, fmt.Errorf("table %s: write %d rows: %w", table, s.count, err)
	}
	if f.Rows != s.count {
		return nil, fmt.Errorf("table %s: %s has %d rows, %d were written", table, f.Path, f.Rows, s.count)
	}
	s.files = []record.File{f}
	return s.files, nil
}

func (w *Worker) writeRejects(ctx context.Context, s *side) ([]record.File, error) {
	if s.count == 0 {
		return nil, nil
	}
	schema, err := w.Tables.Prepare(ctx, record.QuarantineTable, record.QuarantineSchema)
	if err != nil {
		return nil, err
	}
	return w.write(ctx, s, record.QuarantineTable, schema, record.ColumnReceivedAt)
}

// leave takes the side's generation out of a table of the next World.
func (s *side) leave(d *world.Draft, table string) {
	if s.recent == nil {
		return
	}
	t := d.Table(table)
	t.Recent = slices.DeleteFunc(t.Recent, func(g *world.Generation) bool { return g == s.recent })
}

// settle ends a flush: it lets go of the generation, or tries again.
func (w *Worker) settle(ctx context.Context, r flushResult) error {
	g := r.generation
	if r.err != nil {
		return w.retry(ctx, g, r.err)
	}
	w.flushing = nil
	w.o.Told(ToldFlush, nil)
	w.noteLanded(g)
	w.Log.Forget(w.stream, g.to)
	for _, s := range []*side{&g.rows, &g.rejects} {
		if recent := s.recent; recent != nil {
			// Queries that pinned a World before the commit still read the rows there.
			w.Worlds.Publish(func(*world.Draft) {}, func() {
				go func() {
					if err := w.Recent.DropRecent(context.Background(), recent.Name); err != nil {
						w.Logger.Warn("drop recent rows", "table", w.table, "error", err)
						w.o.Told(ToldDrop, err)
					}
				}()
			})
		}
	}
	g.release()
	w.Budget.report(w, w.held())
	w.seeShown()
	w.mu.Lock()
	w.mu.status.Flushes++
	w.mu.status.LastFlush, w.mu.status.Failure, w.mu.status.Failures = r.took, "", 0
	w.mu.Unlock()
	w.answerFlushes()
	return nil
}

// retry flushes the same generation again after a while. Its rows stay visible
// and nothing is lost meanwhile: the offset has not moved. A conflict is final,
// for it means that another writer moved the offset.
func (w *Worker) retry(ctx context.Context, g *generation, cause error) error {
	if record.KindOf(cause) == record.Conflict {
		return fmt.Errorf("stream %s: %w", w.table, cause)
	}
	w.o.Told(ToldFlush, cause)
	if err := w.showGeneration(ctx, g); err != nil {
		w.Logger.Warn("recent rows cannot be held", "table", w.table, "error", err)
	}
	w.seeShown()
	w.mu.Lock()
	w.mu.status.Failure = cause.Error()
	w.mu.status.Failures++
	failures := w.mu.status.Failures
	w.mu.Unlock()
	w.Logger.Error("flush failed; it is tried again", "table", w.table, "error", cause, "attempt", failures)
	if failures >= patientTries {
		w.refuseFlushes(cause)
	}
	w.flushAfter(ctx, g, time.Duration(min(failures, 20))*w.o.RetryPause)
	return nil
}

// wantedFlush is an explicit flush: done gets nil when the stream is committed up to
// a number, or why it is not. It has room for one answer.
type wantedFlush struct {
	to   record.Sequence
	done chan error
}

// patientTries is how often a flush is tried before those that asked for it are told
// that it fails. It is tried on after that.
const patientTries = 3

// target is the number up to which the stream has to be committed for everything
// taken by now to be.
func (w *Worker) target() record.Sequence {
	switch {
	case !w.current.empty():
		return w.current.taken
	case w.flushing != nil:
		return w.flushing.to
	}
	return w.reach()
}

// flushWanted goes on with explicit flushes. It does not wait: while commits
// fail, new rows are taken and become visible as ever.
func (w *Worker) flushWanted(ctx context.Context) {
	if w.answerFlushes(); len(w.wanted) > 0 && w.flushing == nil {
		w.rotateTo(ctx, w.reach())
	}
}

// answerFlushes answers the explicit flushes that are done.
func (w *Worker) answerFlushes() {
	w.wanted = slices.DeleteFunc(w.wanted, func(f wantedFlush) bool {
		done := f.to <= w.Offset()
		if done {
			f.done <- nil
		}
		return done
	})
}

// refuseFlushes tells those that asked for a flush why it does not come about.
func (w *Worker) refuseFlushes(cause error) {
	for _, f := range w.wanted {
		f.done <- record.Errorf(record.Unavailable, "table %s: %d flushes failed one after the other; the records are safe in the log, and the flush is tried again: %w", w.table, patientTries, cause)
	}
	w.wanted = nil
}

// flushAll commits everything taken so far.
func (w *Worker) flushAll(ctx context.Context) error {
	for {
		if w.flushing == nil {
			to := w.reach()
			if w.current.empty() && to == w.current.from {
				return nil
			}
			w.rotateTo(ctx, to)
		}
		more := !w.current.empty()
		if err := w.settleNext(ctx); err != nil {
			return err
		}
		if w.flushing == nil && !more {
			return nil
		}
	}
}

func (w *Worker) settleNext(ctx context.Context) error {
	select {
	case r := <-w.flushed:
		return w.settle(ctx, r)
	case done := <-w.flushNow:
		w.wanted = append(w.wanted, wantedFlush{w.target(), done})
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drainTime is how long a stopping worker tries to commit what it holds. What it
// cannot commit is read from the log again at the next start.
const drainTime = 3 * time.Second

func (w *Worker) finish(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	go func() {
		select {
		case <-w.hurry:
			cancel()
		case <-limited.Done():
		}
	}()
	err := w.flushAll(limited)
	w.answerFlushes() // there may have been nothing to flush
	if err != nil && limited.Err() == nil {
		return err
	}
	return ctx.Err()
}

// Abandon makes a worker that is being stopped not try to commit what it holds:
// the node has failed, and the next one reads it from the log.
func (w *Worker) Abandon() { w.hurried.Do(func() { close(w.hurry) }) }
