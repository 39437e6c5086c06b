package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/biwa-data/biwa/internal/record"
)

// gate shuts the doors while the disk has no room or too much is in flight. It
// must act before JetStream meets a full disk, for then JetStream would disable
// itself.
type gate struct {
	dir      string
	measured func(dir string) (free int64, err error)
	reserve  int64
	log      *slog.Logger
	inFlight *semaphore.Weighted
	limit    int64
	held     peak
	largest  atomic.Int64 // request that came in
	free     atomic.Int64
	least    atomic.Int64 // of free
	shut     atomic.Bool
}

// ballastBytes are set aside in a file that is given up when a node starts on a
// full disk: to start, it must be able to write a little.
const ballastBytes = 64 << 20

// waitInFlight is how long a request waits for others to be stored.
const waitInFlight = 10 * time.Second

func openGate(dir string, measured func(dir string) (int64, error), l Limits, log *slog.Logger) (*gate, error) {
	g := &gate{dir: dir, measured: measured, reserve: l.DiskReserve, log: log, inFlight: semaphore.NewWeighted(l.InFlightBytes), limit: l.InFlightBytes}
	if err := g.measure(); err != nil {
		return nil, err
	}
	return g, g.keepBallast()
}

// FreeSpace is how many bytes may still be written below a folder.
func FreeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

func (g *gate) measure() error {
	free, err := g.measured(g.dir)
	if err != nil {
		return err
	}
	g.free.Store(free)
	if least := g.least.Load(); least == 0 || free < least {
		g.least.Store(free)
	}
	if shut := free < g.reserve; shut != g.shut.Swap(shut) {
		g.log.Warn("disk", "shut", shut, "free", free, "reserve", g.reserve)
	}
	return nil
}

// keepBallast makes the ballast file where there is plenty of room, and gives it
// up where there is next to none.
func (g *gate) keepBallast() error {
	path := filepath.Join(g.dir, "ballast")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if g.free.Load() < g.reserve+2*ballastBytes {
			return nil
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(ignoreUnsupported(unix.Fallocate(int(f.Fd()), 0, 0, ballastBytes)), f.Close())
	case err != nil:
		return err
	case info.Size() > 0 && g.free.Load() < ballastBytes:
		g.log.Warn("the disk is full: the ballast is given up", "bytes", info.Size())
		return errors.Join(os.Remove(path), g.measure())
	}
	return nil
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// watch measures the free space until ctx ends.
func (g *gate) watch(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := g.measure(); err != nil {
				return err
			}
		}
	}
}

// low says whether background work that needs room should wait.
func (g *gate) low() bool { return g.free.Load() < 2*g.reserve }

// enter lets a request of some bytes in, or says why not now.
func (g *gate) enter(ctx context.Context, bytes int64) (leave func(), err error) {
	if g.shut.Load() {
		return nil, record.Errorf(record.Unavailable, "the disk has %d MiB free, less than the reserve of %d MiB: free some space, or lower limits.disk_reserve", g.free.Load()>>20, g.reserve>>20)
	}
	raise(&g.largest, bytes)
	bytes = min(max(bytes, 1), g.limit)
	wait, cancel := context.WithTimeout(ctx, waitInFlight)
	defer cancel()
	if err := g.inFlight.Acquire(wait, bytes); err != nil {
		return nil, record.Errorf(record.Unavailable, "more than %d MiB wait to be stored (limits.in_flight): try again later", g.limit>>20)
	}
	g.held.add(bytes)
	return func() {
		g.held.add(-bytes)
		g.inFlight.Release(bytes)
	}, nil
}

// Enter lets a request for a stream in, or says why not now.
func (n *Node) Enter(ctx context.Context, id record.StreamID, bytes int64) (leave func(), err error) {
	n.mu.Lock()
	s := n.streams[id]
	n.mu.Unlock()
	if err := s.dedupe.room(n.clock.Now()); err != nil {
		return nil, err
	}
	return n.gate.enter(ctx, bytes)
}

// peak is a gauge that remembers its highest value.
type peak struct {
	mu        sync.Mutex
	now, high int64
}

func (p *peak) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += n
	p.high = max(p.high, p.now)
}

func (p *peak) values() (now, high int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.high
}
