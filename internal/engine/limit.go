package engine

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Limits are what may change while the engine works; zero values take the defaults.
type Limits struct {
	// MemoryLimitBytes is for rows and operators together: half of it for queries
	// and recent rows, a quarter each for flushes and for compaction. Default 2 GiB.
	MemoryLimitBytes int64
	MaxTempBytes     int64         // on disk, for each of queries, flushes and compaction; default 16 GiB
	HeavyQueries     int           // at a time; default 2
	QueueLength      int           // heavy queries that may wait; default 64
	TimeLimit        time.Duration // of one query, waiting included; default 10 minutes
	IdleRead         time.Duration // how long a query waits for its client to read on; default 1 minute
}

func (l Limits) withDefaults() Limits {
	l.MemoryLimitBytes = orElse(l.MemoryLimitBytes, 2<<30)
	l.MaxTempBytes = orElse(l.MaxTempBytes, 16<<30)
	l.HeavyQueries = orElse(l.HeavyQueries, 2)
	l.QueueLength = orElse(l.QueueLength, 64)
	l.TimeLimit = orElse(l.TimeLimit, 10*time.Minute)
	l.IdleRead = orElse(l.IdleRead, time.Minute)
	return l
}

func (l Limits) validate() error {
	if l.MemoryLimitBytes < LeastMemory {
		return record.Errorf(record.Invalid, "limits.memory must be at least %d MiB, not %d bytes", LeastMemory>>20, l.MemoryLimitBytes)
	}
	if l.HeavyQueries < 1 || l.QueueLength < 0 || l.MaxTempBytes < 0 || l.TimeLimit < 0 || l.IdleRead < 0 {
		return record.Errorf(record.Invalid, "the engine's limits must be positive: %+v", l)
	}
	return nil
}

// LeastMemory is the least that Limits.MemoryLimitBytes may be.
const LeastMemory = 128 << 20

// memoryShares are each instance's part of the memory, in sixteenths.
var memoryShares = map[string]int64{"reader": 8, "writer": 4, "rewriter": 4, "planner": 1, "evaluator": 1}

// shareOf is an instance's part of total bytes.
func shareOf(instance string, total int64) int64 { return total * memoryShares[instance] / 16 }

// QueryMemory is how much of the memory is for queries and recent rows.
func QueryMemory(l Limits) int64 { return shareOf("reader", l.withDefaults().MemoryLimitBytes) }

// share is an instance's part of the memory now.
func (e *Engine) share(instance string) int64 {
	return shareOf(instance, e.limits.Load().MemoryLimitBytes)
}

// limitMemory is the statement that gives an instance its part of total bytes.
func limitMemory(instance string, total int64) string {
	return "SET GLOBAL memory_limit = '" + strconv.FormatInt(shareOf(instance, total), 10) + "B'"
}

// SetLimits makes other limits hold for what begins from now on, all of them or,
// with an error, none. Queries that run keep their time. Memory can only be lowered
// to what can be let go at once, else the kind of the error is Conflict.
func (e *Engine) SetLimits(ctx context.Context, l Limits) error {
	l = l.withDefaults()
	if err := l.validate(); err != nil {
		return err
	}
	e.limiting.Lock()
	defer e.limiting.Unlock()
	if before := e.limits.Load().MemoryLimitBytes; before != l.MemoryLimitBytes {
		if err := e.shareMemory(ctx, l.MemoryLimitBytes); err != nil {
			return errors.Join(err, e.shareMemory(context.WithoutCancel(ctx), before))
		}
	}
	e.limits.Store(&l)
	e.queue.limit(l.HeavyQueries, l.QueueLength)
	return nil
}

func (e *Engine) shareMemory(ctx context.Context, total int64) error {
	for name, d := range e.instances() {
		if err := setUp(ctx, d, limitMemory(name, total)); err != nil {
			return record.Errorf(record.Conflict, "the %s of SQL cannot do with its share of %d MiB now: %w", name, shareOf(name, total)>>20, err)
		}
	}
	return nil
}
