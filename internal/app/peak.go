package app

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// peaks are measured since the start. The journal's is taken with each envelope; what
// the SQL engine holds is looked at once a second.
type peaks struct {
	journal            atomic.Int64
	memory, mostMemory atomic.Int64
	temp, mostTemp     atomic.Int64
}

// raise keeps the highest value seen.
func raise(peak *atomic.Int64, n int64) {
	for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
	}
}

// watchPeaks measures until ctx ends. An engine that cannot be asked is no reason to
// stop: queries will say what is wrong with it.
func (n *Node) watchPeaks(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if memory, temp, err := n.engine.Memory(ctx); err == nil {
			n.peaks.memory.Store(memory)
			n.peaks.temp.Store(temp)
			raise(&n.peaks.mostMemory, memory)
			raise(&n.peaks.mostTemp, temp)
		}
		for _, s := range n.list() {
			s.dedupe.keys(n.clock.Now())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Limits lists every bound of the node.
func (n *Node) Limits(ctx context.Context) ([]api.Limit, error) {
	p, q, log := n.project.Load(), n.engine.Queue(), n.journal.Stats()
	l := p.Limit
	inFlight, inFlightPeak := n.gate.held.values()
	recent, _ := n.budget.Held()
	var keys int64
	err := n.meta.View(ctx, func(q meta.Querier) error {
		return q.QueryRowContext(ctx, "SELECT count(*) FROM idempotency").Scan(&keys)
	})
	if err != nil {
		return nil, fmt.Errorf("count idempotency keys: %w", err)
	}
	all := []api.Limit{
		{Name: "request body", Value: l.BodyBytes, Peak: n.gate.largest.Load(), Unit: "bytes", Key: "limits.body", What: "a larger request is refused with 413"},
		{Name: "in flight", Value: l.InFlightBytes, Now: inFlight, Peak: inFlightPeak, Unit: "bytes", Key: "limits.in_flight", What: "requests beyond it wait 10 s, then get 503"},
		{Name: "journal", Value: log.MaxBytes, Now: log.Bytes, Peak: max(n.peaks.journal.Load(), log.Bytes), Unit: "bytes", Key: "limits.journal", What: "a full journal answers 503 until the archive has caught up"},
		{Name: "recent rows", Value: l.RecentBytes, Now: recent, Peak: n.budget.Most(), Unit: "bytes", Key: "limits.recent", What: "past it the largest table is flushed"},
		{Name: "disk reserve", Value: l.DiskReserve, Now: n.gate.free.Load(), Peak: n.gate.least.Load(), Unit: "bytes free", Key: "limits.disk_reserve", What: "with less free space the doors answer 503"},
		{Name: "SQL memory", Value: l.MemoryBytes, Now: n.peaks.memory.Load(), Peak: n.peaks.mostMemory.Load(), Unit: "bytes", Key: "limits.memory", What: "larger queries spill to disk, then fail"},
		{Name: "SQL spill files", Value: l.TempBytes, Now: n.peaks.temp.Load(), Peak: n.peaks.mostTemp.Load(), Unit: "bytes", Key: "limits.temp", What: "a query that needs more fails"},
		{Name: "heavy queries", Value: int64(l.HeavyQueries), Now: q.Running, Peak: q.MostRunning, Unit: "queries", Key: "limits.heavy_queries", What: "further ones wait"},
		{Name: "query queue", Value: int64(l.QueueLength), Now: q.Waiting, Peak: q.MostWaiting, Unit: "queries waiting", Key: "limits.queue", What: "beyond it a query gets 429"},
		{Name: "query time", Value: l.QueryTime.Milliseconds(), Peak: q.Longest.Milliseconds(), Unit: "milliseconds", Key: "limits.query_time", What: "a longer query is stopped"},
		{Name: "idle client of a query", Value: l.IdleRead.Milliseconds(), Unit: "milliseconds", Key: "limits.idle_read", What: "a query whose client reads nothing for longer is ended"},
		{Name: "idempotency keys", Value: int64(l.IdempotencyWindow.Seconds()), Now: keys, Unit: "seconds kept; keys now", Key: "idempotency.window", What: "an older key is taken for a new one"},
	}
	for i := range all {
		all[i].Set = setBy(p.Config, all[i].Key)
	}
	return slices.Concat(all, n.dedupeLimits(), n.keyLimits()), nil
}

// setBy is the file and line that say a key, "" where none does.
func setBy(source Source, key string) string {
	if source == nil {
		return ""
	}
	line, _, found := source.Find(key)
	if found != key {
		return ""
	}
	return fmt.Sprintf("%s:%d", source.File(), line)
}

// dedupeLimits are those of the streams that leave out copies.
func (n *Node) dedupeLimits() (limits []api.Limit) {
	sources := n.project.Load().Sources
	for _, s := range n.list() {
		if keys, limit, ok := s.dedupe.keys(n.clock.Now()); ok {
			limits = append(limits, api.Limit{Name: "dedupe keys", Of: s.name, Value: limit, Now: keys, Peak: s.dedupe.most.Load(), Unit: "keys", Key: "dedupe.max_keys",
				What: "the window is shortened, or the doors answer 503, as dedupe.on_full says", Set: setBy(sources[s.name], "dedupe.max_keys")})
		}
	}
	return limits
}

// keyLimits are those of the public keys.
func (n *Node) keyLimits() (limits []api.Limit) {
	n.keys.mu.Lock()
	defer n.keys.mu.Unlock()
	if len(n.keys.guards) == 0 {
		return nil
	}
	for _, u := range n.keys.guards[0].Usages(n.clock.Now()) {
		limits = append(limits, api.Limit{Name: "public key", Of: u.Key, Value: u.Rate, Now: u.Now, Peak: u.Peak, Unit: "records a second", Key: "keys.rate",
			What: "beyond it, ten seconds evened out, a request gets 429 with Retry-After"})
	}
	return limits
}
