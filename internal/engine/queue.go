package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// queue admits heavy queries a few at a time: sixteen aggregations that ran two
// at a time took 4.6 s, all at once 14.2 s. Light ones do not wait.
type queue struct {
	mu struct {
		sync.Mutex
		heavy, length int
		running       int
		waiters       []chan struct{} // of those that wait, the first first; closed to let one in
	}

	light, running, waiting             atomic.Int64
	mostLight, mostRunning, mostWaiting atomic.Int64
	refused                             atomic.Int64
	longest                             atomic.Int64 // reader's query that has ended, in nanoseconds
}

// QueueStats is how the queue stands now, and its peaks since the start.
type QueueStats struct {
	Light, Running, Waiting             int64 // now
	MostLight, MostRunning, MostWaiting int64 // peaks
	Refused                             int64
	HeavyQueries, QueueLength           int64         // limits
	Longest                             time.Duration // a reader's query took, of those that have ended
}

func newQueue(heavy, length int) *queue {
	q := &queue{}
	q.limit(heavy, length)
	return q
}

// limit makes other limits hold. Who runs or waits beyond them goes on.
func (q *queue) limit(heavy, length int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.heavy, q.mu.length = heavy, length
	q.admit()
}

// admit lets in who waits, as far as there are places. The caller holds mu.
func (q *queue) admit() {
	for q.mu.running < q.mu.heavy && len(q.mu.waiters) > 0 {
		close(q.mu.waiters[0])
		q.mu.waiters = q.mu.waiters[1:]
		q.mu.running++
	}
}

// enter waits for a place. leave must be called once.
func (q *queue) enter(ctx context.Context, heavy bool) (leave func(), err error) {
	if !heavy {
		raise(&q.mostLight, q.light.Add(1))
		return func() { q.light.Add(-1) }, nil
	}
	if err := q.wait(ctx); err != nil {
		return nil, err
	}
	raise(&q.mostRunning, q.running.Add(1))
	return func() {
		q.running.Add(-1)
		q.leave()
	}, nil
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.running--
	q.admit()
}

// wait takes a place, in turn.
func (q *queue) wait(ctx context.Context) error {
	turn, err := q.line()
	if turn == nil || err != nil {
		return err
	}
	raise(&q.mostWaiting, q.waiting.Add(1))
	defer q.waiting.Add(-1)
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		q.unline(turn)
		return interrupted(ctx)
	}
}

// line takes a place, or one in the line of those that wait: then turn is closed
// when it is there.
func (q *queue) line() (turn chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.running < q.mu.heavy {
		q.mu.running++
		return nil, nil
	}
	if len(q.mu.waiters) >= q.mu.length {
		q.refused.Add(1)
		return nil, record.Errorf(record.Limited, "%d heavy queries run and %d wait, the limits of limits.heavy_queries and limits.queue: try again later", q.mu.heavy, q.mu.length)
	}
	turn = make(chan struct{})
	q.mu.waiters = append(q.mu.waiters, turn)
	return turn, nil
}

// unline leaves the line, or gives the place back that came at the same moment.
func (q *queue) unline(turn chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.mu.waiters, turn)
	if i >= 0 {
		q.mu.waiters = slices.Delete(q.mu.waiters, i, i+1)
		return
	}
	q.mu.running--
	q.admit()
}

// raise keeps the highest value seen.
func raise(peak *atomic.Int64, n int64) {
	for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
	}
}

// Queue says how busy the queries are.
func (e *Engine) Queue() QueueStats {
	q, l := e.queue, e.limits.Load()
	return QueueStats{
		Light: q.light.Load(), Running: q.running.Load(), Waiting: q.waiting.Load(),
		MostLight: q.mostLight.Load(), MostRunning: q.mostRunning.Load(), MostWaiting: q.mostWaiting.Load(),
		Refused: q.refused.Load(), HeavyQueries: int64(l.HeavyQueries), QueueLength: int64(l.QueueLength), Longest: time.Duration(q.longest.Load()),
	}
}
