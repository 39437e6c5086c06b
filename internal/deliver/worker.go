package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
	"github.com/biwa-data/biwa/internal/world"
)

// Parts are what a worker works with.
type Parts struct {
	Log     Log
	Shapers Shapers
	Recent  Recent
	Files   Files
	Tables  Tables
	Worlds  *world.Store
	Dedupe  Deduper // nil where the stream does not deduplicate
	Budget  *Budget
	Clock   service.Clock
	Logger  *slog.Logger
}

// Worker delivers one stream.
type Worker struct {
	Parts
	o      Options // but for Flush, which SetFlush changes
	full   atomic.Pointer[Flush]
	stream record.StreamID
	table  string
	epoch  int64

	// Used by the goroutine of Run only.
	current  *generation
	flushing *generation
	flushed  chan flushResult
	prepared record.Schema // the current generation's schema, with field ids
	shaper   Shaper        // for which it was prepared
	received time.Time     // when the newest record taken was received
	unshown  time.Time     // when the oldest record taken that SQL does not see was received
	newest   int64         // event time of the rows taken, in microseconds

	background sync.WaitGroup // flushes
	ended      chan struct{}  // closed when Run returns

	wanted   []wantedFlush   // explicit flushes that are not done; of the goroutine of Run
	flushNow chan chan error // a request to flush, answered when all taken before is committed
	hurry    chan struct{}   // closed by Abandon
	hurried  sync.Once
	pressed  chan struct{} // the budget asks for memory

	mu struct {
		sync.Mutex
		visible record.Sequence
		waiters []waiter
		status  Status
		progress
	}
	committed atomic.Uint64 // offset
}

type waiter struct {
	seq  record.Sequence
	done chan struct{}
}

// Status is how a worker fares, for people.
type Status struct {
	Table       string
	Offset      record.Sequence
	Visible     record.Sequence
	RecentRows  int64
	RecentBytes int64
	Flushes     int64
	LastFlush   time.Duration
	Failure     string // of the last flush, "" if it went well
	Failures    int
	// Shown and Landed are how long records took from receipt to SQL, and to a
	// committed file: the median of the last 64 times. 0 where there was none yet.
	Shown, Landed time.Duration
	// Watermark is the newest event time that SQL sees, zero if none came yet.
	Watermark time.Time
	// Held says what became of the records taken that no commit has yet, the oldest
	// quarter first: all beyond Offset, as far as the worker has taken them.
	Held []Held
	// Oldest is when the oldest of them was received, zero without one.
	Oldest time.Time
}

// NewWorker makes a worker for a stream whose table is at an offset.
func NewWorker(stream record.StreamID, table string, offset record.Sequence, epoch int64, p Parts, o Options) *Worker {
	o.ensureDefaults()
	w := &Worker{Parts: p, o: o, stream: stream, table: table, epoch: epoch, current: newGeneration(offset),
		flushed: make(chan flushResult, 1), flushNow: make(chan chan error), pressed: make(chan struct{}, 1), ended: make(chan struct{}), hurry: make(chan struct{})}
	w.committed.Store(uint64(offset))
	w.mu.visible = offset
	w.full.Store(&w.o.Flush)
	return w
}

// SetFlush makes other bounds hold, for the rows that are in memory too.
func (w *Worker) SetFlush(f Flush) {
	f.ensureDefaults()
	w.full.Store(&f)
}

// Offset is the number up to which the stream is committed.
func (w *Worker) Offset() record.Sequence { return record.Sequence(w.committed.Load()) }

// shaped is a batch on its way from a shaping goroutine, in the order of the log.
type shaped struct {
	shaper  Shaper
	batch   *record.Batch
	env     *record.Envelope
	section *record.Section
	err     error
	done    chan struct{}
}

// Run delivers until ctx ends or the commit protocol says that someone else
// owns the table. It flushes before it returns.
func (w *Worker) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer w.o.Told(ToldFlush, nil) // what does not run does not fail
	defer w.o.Told(ToldRecent, nil)
	queue := make(chan *shaped, 4*w.o.Shapers)
	var wg sync.WaitGroup
	wg.Add(1)
	var readErr error
	go func() {
		defer wg.Done()
		defer close(queue)
		readErr = w.read(inner, queue)
	}()
	err := w.loop(ctx, queue)
	cancel()
	for s := range queue { // what was shaped but not taken is read again next time
		<-s.done
		if s.batch != nil && s.batch.Rows != nil {
			s.batch.Rows.Release()
		}
	}
	wg.Wait()
	close(w.ended)
	w.background.Wait()
	if err == nil && readErr != nil && !errors.Is(readErr, context.Canceled) {
		err = readErr
	}
	w.Budget.leave(w)
	return err
}

// read follows the log and has its sections shaped, several at a time.
func (w *Worker) read(ctx context.Context, queue chan<- *shaped) error {
	slots := make(chan struct{}, w.o.Shapers)
	for after := w.current.from; ; {
		env, err := w.Log.Next(ctx, w.stream, after)
		if err != nil {
			return err
		}
		after = env.Seq
		i := slices.IndexFunc(env.Sections, func(s record.Section) bool { return s.Stream == w.stream })
		if i < 0 {
			continue
		}
		s := &shaped{env: env, section: &env.Sections[i], done: make(chan struct{})}
		if s.shaper, err = w.Shapers.At(env.Seq); err != nil {
			return fmt.Errorf("stream %s: %w", w.table, err)
		}
		select {
		case queue <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; close(s.done) }()
			s.batch, s.err = s.shaper.Shape(ctx, s.env, s.section)
		}()
	}
}

// loop takes batches in order, makes them visible, and flushes.
func (w *Worker) loop(ctx context.Context, queue <-chan *shaped) error {
	var delay <-chan time.Time // set while rows wait to become visible
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		source := queue
		if w.flushing != nil && w.current.bytes >= w.full.Load().FlushBytes {
			source = nil // the next generation is full too: let the log hold the rest
		}
		select {
		case s, open := <-source:
			if !open {
				return w.finish(ctx)
			}
			if err := w.take(ctx, s); err != nil {
				return w.leave(ctx, err)
			}
			if delay == nil {
				delay = time.After(w.o.AppendDelay)
			}
		case <-delay:
			delay = nil
			if w.late() || len(queue) > 0 && w.fillsFast() {
				delay = time.After(w.o.AppendDelay)
				break
			}
			w.show(ctx)
			if w.current.hidden() { // there was no room for them, and a flush is under way
				delay = time.After(10 * w.o.AppendDelay)
			}
		case r := <-w.flushed:
			if err := w.settle(ctx, r); err != nil {
				return err
			}
			w.flushWanted(ctx)
		case <-tick.C:
			w.idle()
		case <-w.pressed:
			w.rotate(ctx)
		case done := <-w.flushNow:
			w.wanted = append(w.wanted, wantedFlush{w.target(), done})
			w.flushWanted(ctx)
		case <-ctx.Done():
			return w.finish(ctx)
		}
		if w.due() {
			// What came since rows were last shown would else wait for the commit.
			if w.current.rows.recent != nil && w.flushing == nil && !w.late() {
				w.show(ctx)
			}
			w.rotate(ctx)
		}
	}
}

// leave ends the worker for an error; one that only says that it is being
// stopped does not keep it from committing what it holds.
func (w *Worker) leave(ctx context.Context, cause error) error {
	if ctx.Err() != nil && record.KindOf(cause) != record.Conflict {
		return w.finish(ctx)
	}
	return cause
}

// take adds one shaped section to the current generation.
func (w *Worker) take(ctx context.Context, s *shaped) error {
	<-s.done
	for {
		if err := w.reshape(ctx, s); err != nil {
			return fmt.Errorf("stream %s: shape envelope %d: %w", w.table, s.env.Seq, err)
		}
		err := w.adopt(ctx, s.shaper)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrOutdated) {
			return err
		}
	}
	received := s.section.Requests[0].ReceivedAt
	w.received = s.section.Requests[len(s.section.Requests)-1].ReceivedAt
	if w.Dedupe != nil {
		if err := w.Dedupe.Filter(ctx, s.batch, received); err != nil {
			return fmt.Errorf("stream %s: dedupe envelope %d: %w", w.table, s.env.Seq, err)
		}
	}
	if w.unshown.IsZero() {
		w.unshown = received
	}
	if s.batch.Rows != nil {
		w.newest = max(w.newest, s.batch.MaxTime)
	}
	w.current.add(s.batch, w.table, received, w.Clock.Now())
	w.Budget.report(w, w.held())
	return nil
}

// reshape sees to it that the section was shaped by the generation that holds
// for it. Where a field is unknown and the stream evolves, a new generation
// begins at this very envelope, so a replay does the same; sections that were
// shaped ahead of it are shaped again.
func (w *Worker) reshape(ctx context.Context, s *shaped) error {
	for s.err == nil {
		at, err := w.Shapers.At(s.env.Seq)
		if err != nil {
			return err
		}
		if at == s.shaper {
			if len(s.batch.Unknown) == 0 {
				return nil
			}
			if err := w.Shapers.Evolve(ctx, s.env.Seq, s.batch.Unknown); err != nil {
				return err
			}
			continue
		}
		if s.batch.Rows != nil {
			s.batch.Rows.Release()
		}
		s.shaper = at
		s.batch, s.err = at.Shape(ctx, s.env, s.section)
	}
	return s.err
}

// adopt makes the current generation one of the shaper's schema; rows of another
// schema are flushed apart.
func (w *Worker) adopt(ctx context.Context, shaper Shaper) error {
	if shaper == w.shaper {
		return nil
	}
	prepared, err := w.Shapers.Prepare(ctx, shaper)
	if err != nil {
		return fmt.Errorf("stream %s: %w", w.table, err)
	}
	if !sameColumns(w.prepared, prepared) || w.current.timeColumn != shaper.TimeColumn() {
		if !w.current.empty() {
			if err := w.flushAll(ctx); err != nil {
				return err
			}
		}
		w.prepared = prepared
	}
	w.shaper = shaper
	w.current.schema, w.current.timeColumn = w.prepared, shaper.TimeColumn()
	return nil
}

// sameColumns compares by field id: a name can be another column's than it was.
func sameColumns(a, b record.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y record.Column) bool {
		return x.Name == y.Name && x.FieldID == y.FieldID && x.Type.String() == y.Type.String()
	})
}

// held is the memory of both generations.
func (w *Worker) held() int64 {
	n := w.current.bytes
	if w.flushing != nil {
		n += w.flushing.bytes
	}
	return n
}

// shortLife is how soon a generation must fill for its rows not to be worth
// showing before they are in files: the flush itself is then fresh enough.
const shortLife = time.Second

// fillsFast says whether, as fast as rows come, generations fill within shortLife.
func (w *Worker) fillsFast() bool {
	age := w.Clock.Now().Sub(w.current.began)
	return w.current.bytes > 0 && age > 0 && time.Duration(float64(age)*float64(w.full.Load().FlushBytes)/float64(w.current.bytes)) < shortLife
}

// lateAfter is how far behind a worker must be to stop showing rows before they
// are in files: then all its time goes into catching up.
const lateAfter = time.Second

func (w *Worker) late() bool {
	return w.Clock.Now().Sub(w.received) > lateAfter && w.Log.LastOf(w.stream) > w.current.taken
}

// Fewer rows than quietRows wait for quietAges times the flush's age: small files are
// costly, and recent rows are visible anyway.
const (
	quietRows = 1000
	quietAges = 6
)

// due says whether the current generation should be flushed.
func (w *Worker) due() bool {
	if w.flushing != nil || w.current.empty() {
		return false
	}
	if w.current.bytes >= w.full.Load().FlushBytes {
		return true
	}
	limit := w.full.Load().FlushAge
	if w.current.rows.count+w.current.rejects.count < quietRows {
		limit *= quietAges
	}
	return w.Clock.Now().Sub(w.current.began) >= limit
}

// idle moves the offset of a stream that has had no records for a while, so that
// a start need not look for its records where there are none.
func (w *Worker) idle() {
	if w.flushing == nil && w.current.empty() && w.Log.Last() > w.current.from+10_000 {
		w.rotateTo(context.Background(), w.reach())
	}
}
