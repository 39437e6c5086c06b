package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
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
	inodes   func(dir string) (free int64, err error)
	files    atomic.Int64 // that can still be made
	reserve  atomic.Int64
	log      *slog.Logger
	inFlight atomic.Pointer[allowance]
	held     peak
	largest  atomic.Int64 // request that came in
	free     atomic.Int64
	least    atomic.Int64 // of free
	shut     atomic.Bool
	// lacking is what is to be set aside again before clients may have it: the
	// ballast, while it is given up.
	lacking atomic.Int64
}

// allowance is how much may be in flight. Another limit is another allowance: a
// request gives back to the one that it took from, so until those that are in flight
// have left, both are in use.
type allowance struct {
	limit int64
	*semaphore.Weighted
}

// limit makes other limits hold for the requests that come from now on.
func (g *gate) limit(l Limits) {
	g.reserve.Store(l.DiskReserve)
	if now := g.inFlight.Load(); now == nil || now.limit != l.InFlightBytes {
		g.inFlight.Store(&allowance{l.InFlightBytes, semaphore.NewWeighted(l.InFlightBytes)})
	}
}

// ballastBytes are set aside in a file that is given up when a node starts on a
// full disk: to start, it must be able to write a little. The file stays, empty,
// until there is room to fill it again.
const ballastBytes = 64 << 20

// inodeReserve is how many files must still be possible for the doors to be open:
// enough for a flush of every table, and for the journal's next block.
const inodeReserve = 512

// appendRoom is what must be free beside an envelope for it to be appended, and
// appendFiles how many files: JetStream that meets a full disk disables itself, so it
// must not be tried.
const (
	appendRoom  = 4 << 20
	appendFiles = 16
)

// waitInFlight is how long a request waits for others to be stored.
const waitInFlight = 10 * time.Second

func openGate(dir string, measured func(dir string) (int64, error), l Limits, log *slog.Logger) (*gate, error) {
	g := &gate{dir: dir, measured: measured, inodes: freeInodes, log: log}
	g.limit(l)
	if err := g.measure(); err != nil {
		return nil, err
	}
	if err := g.keepBallast(true); err != nil {
		return nil, err
	}
	return g, g.measure()
}

// FreeSpace is how many bytes may still be written below a folder.
func FreeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// freeInodes is how many files may still be made below a folder. A file system that
// makes inodes as it needs them says that it has none at all.
func freeInodes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free inodes of %s: %w", dir, err)
	}
	if s.Files == 0 {
		return math.MaxInt64, nil
	}
	return int64(min(s.Ffree, math.MaxInt64)), nil
}

func (g *gate) measure() error {
	free, err := g.measured(g.dir)
	if err != nil {
		return err
	}
	files, err := g.inodes(g.dir)
	if err != nil {
		return err
	}
	g.files.Store(files)
	g.free.Store(free)
	if least := g.least.Load(); least == 0 || free < least {
		g.least.Store(free)
	}
	if shut := free < g.needed() || files < inodeReserve; shut != g.shut.Swap(shut) {
		g.log.Warn("disk", "shut", shut, "free", free, "needed", g.needed(), "inodes", files)
	}
	return nil
}

// needed is how much must be free for the doors to be open.
func (g *gate) needed() int64 { return g.reserve.Load() + g.lacking.Load() }

// keepBallast fills the ballast where there is plenty of room, and gives it up
// where a node starts with next to none.
func (g *gate) keepBallast(starting bool) error {
	path := filepath.Join(g.dir, "ballast")
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	have, free := err == nil, g.free.Load()
	switch {
	case have && info.Size() > 0 && free < ballastBytes && starting:
		g.log.Warn("the disk is full: the ballast is given up", "bytes", info.Size())
		g.lacking.Store(ballastBytes)
		return os.Truncate(path, 0)
	case have && info.Size() > 0:
		g.lacking.Store(0)
	case free >= g.reserve.Load()+2*ballastBytes:
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		err = errors.Join(ignoreUnsupported(unix.Fallocate(int(f.Fd()), 0, 0, ballastBytes)), f.Close())
		g.lacking.Store(0)
		return err
	case have: // given up, and there is no room for it yet
		g.lacking.Store(ballastBytes)
	}
	return nil
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// watch measures the free space until ctx ends, and tells how much of it is above
// the reserve.
func (g *gate) watch(ctx context.Context, tell func(ctx context.Context, room int64)) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := g.measure(); err != nil {
				if !g.shut.Swap(true) { // what cannot be measured may be full
					g.log.Warn("the free space cannot be measured: no records are taken until it can", "error", err)
				}
				continue
			}
			if g.lacking.Load() > 0 {
				if err := g.keepBallast(false); err != nil {
					g.log.Warn("the ballast cannot be set aside again", "error", err)
				}
			}
			tell(ctx, g.room())
		}
	}
}

// room is how much may be written before the doors shut.
func (g *gate) room() int64 { return max(0, g.free.Load()-g.needed()) }

// low says whether background work that needs room should wait.
func (g *gate) low() bool {
	return g.free.Load() < 2*g.reserve.Load() || g.files.Load() < 2*inodeReserve
}

// fits says whether an envelope of some bytes can be appended now, measured anew:
// between two rounds of watch another program can fill a disk.
func (g *gate) fits(bytes int64) error {
	if err := g.measure(); err != nil {
		return record.Errorf(record.Unavailable, "the free space cannot be measured, so no record is taken: %w", err)
	}
	if g.free.Load() < bytes+appendRoom || g.files.Load() < appendFiles {
		return g.full()
	}
	return nil
}

// full says of what there is too little, and what to do.
func (g *gate) full() error {
	if files := g.files.Load(); files < inodeReserve {
		return record.Errorf(record.Unavailable, "the disk has room for %d more files, less than the reserve of %d: it has too few free inodes; delete files that are not needed", files, inodeReserve)
	}
	return record.Errorf(record.Unavailable, "the disk has %d MiB free, less than the reserve of %d MiB: free some space, or lower limits.disk_reserve", g.free.Load()>>20, g.needed()>>20)
}

// open says why the doors are shut, nil while they are open.
func (g *gate) open() error {
	if g.shut.Load() {
		return g.full()
	}
	return nil
}

// enter lets a request of some bytes in, or says why not now.
func (g *gate) enter(ctx context.Context, bytes int64) (leave func(), err error) {
	if err := g.open(); err != nil {
		return nil, err
	}
	raise(&g.largest, bytes)
	allowed := g.inFlight.Load()
	bytes = min(max(bytes, 1), allowed.limit)
	wait, cancel := context.WithTimeout(ctx, waitInFlight)
	defer cancel()
	if err := allowed.Acquire(wait, bytes); err != nil {
		return nil, record.Errorf(record.Unavailable, "more than %d MiB wait to be stored (limits.in_flight): try again later", allowed.limit>>20)
	}
	g.held.add(bytes)
	return func() {
		g.held.add(-bytes)
		allowed.Release(bytes)
	}, nil
}

// Enter lets a request for a stream in, or says why not now.
func (n *Node) Enter(ctx context.Context, id record.StreamID, bytes int64) (leave func(), err error) {
	n.mu.Lock()
	s := n.streams[id]
	n.mu.Unlock()
	if s == nil {
		return nil, record.Errorf(record.NotFound, "the stream's table was dropped")
	}
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
