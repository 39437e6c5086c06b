package deliver

import (
	"sync"
	"sync/atomic"
)

// Budget bounds the memory that all workers hold together. Past it the worker
// that holds most is asked to flush.
type Budget struct {
	mu    sync.Mutex
	limit int64
	held  map[*Worker]int64
	total int64
	most  int64 // of total
}

// NewBudget allows limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit, held: map[*Worker]int64{}} }

// SetLimit allows another number of bytes from now on.
func (b *Budget) SetLimit(limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.press()
}

func (b *Budget) report(w *Worker, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += bytes - b.held[w]
	b.held[w] = bytes
	b.most = max(b.most, b.total)
	b.press()
}

// press asks the worker that holds most to flush, if all hold too much. The caller
// holds mu.
func (b *Budget) press() {
	if b.total <= b.limit {
		return
	}
	var largest *Worker
	for other, n := range b.held {
		if largest == nil || n > b.held[largest] {
			largest = other
		}
	}
	select {
	case largest.pressed <- struct{}{}:
	default: // it has been asked already
	}
}

func (b *Budget) of(w *Worker) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[w]
}

func (b *Budget) leave(w *Worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total -= b.held[w]
	delete(b.held, w)
}

// Held is what all workers hold, and the limit.
func (b *Budget) Held() (bytes, limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total, b.limit
}

// Most is what all workers have held at most.
func (b *Budget) Most() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

type counter struct{ n atomic.Int64 }

func newCounter() *counter { return &counter{} }

func (c *counter) next() int64 { return c.n.Add(1) }
