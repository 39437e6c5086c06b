// Package app builds a node out of its parts: it starts and stops them in order,
// joins one stage to the next, and applies changes of the project.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/datafolder"
	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/meter"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/service"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/world"
)

// Project is what a node runs: a project folder that has been read and checked.
type Project struct {
	Name     string
	Location *time.Location
	Streams  map[string]shape.Definition
	Seeds    map[string]string // the texts of seeds/<name>.csv
	Limit    Limits
	// Keys and Proxies are who may do what, for Options.Guard.
	Keys    []access.Key
	Proxies []netip.Prefix
	// Settings are all keys of biwa.yaml, for what a reload changed.
	Settings []Setting
	// Sources are the files that the streams were read from, by name, and Config the
	// one with the limits; what was not read from a file has none.
	Sources map[string]Source
	Config  Source
}

// Source is a file of the project, and where in it something stands.
type Source interface {
	File() string // relative to the project
	Text() string
	// Find is the line and column, from 1, of a path such as columns[2].one_of; where
	// the file does not have it, of the nearest above it, which found names. found is
	// "" where none is.
	Find(path string) (line, column int, found string)
}

// Options of a node. Data is required; the rest takes the defaults.
type Options struct {
	Data    string // folder of everything the node keeps
	Project Project
	// Read reads the project anew, for a reload; nil where there is nothing to read.
	Read func(ctx context.Context) (Project, error)
	// Guard is that of the node's ports, to which a reload gives the project's keys;
	// nil where keys do not change.
	Guard *access.Guard
	// Hold keeps the workers from delivering until it is closed; nil does not.
	Hold <-chan struct{}
	// FreeSpace tells how many bytes may still be written below a folder; default
	// what the file system says.
	FreeSpace func(dir string) (int64, error)
	// AWSURL is where the AWS port can be reached, for the console's snippets; "" for
	// nowhere.
	AWSURL string
	// Watched says that whoever runs the node reloads the project at each save, for
	// the console's words.
	Watched bool
	// Demo adds the demo's pages to the console; nil but in biwa demo.
	Demo  console.Demo
	Clock service.Clock
	Log   *slog.Logger
}

// Node is one running node.
type Node struct {
	o       Options
	shard   uint8
	project atomic.Pointer[Project]
	clock   service.Clock
	log     *slog.Logger

	lock    *datafolder.Lock
	meta    *meta.DB
	store   *object.Local
	worlds  *world.Store
	engine  *engine.Engine
	lake    *lake.Lake
	ledger  *ledger.Ledger
	journal *journal.Log
	tables  *tables
	budget  *deliver.Budget
	health  *health
	gate    *gate

	idempotency *collect.Idempotency
	gatherer    *collect.Gatherer
	Intake      *collect.Intake

	doors    *service.Group // what takes records; stops first
	workers  *service.Group
	ready    atomic.Bool
	rebuilt  chan struct{} // closed when SQL sees what was on the log at the start
	began    time.Time     // of this process's node
	inflow   *meter.Meter[inflow]
	asked    *meter.Meter[string] // queries, by who asks
	last     newest
	arrivals arrivals
	extents  extents
	peaks    peaks
	failure  atomic.Pointer[error]
	keys     keyring
	refusal  atomic.Pointer[console.Refusal] // of the last reload, nil if it was applied
	noted    sync.Map                        // what maintenance did last failed with, by what; "" where it did not
	taps     context.Context                 // ends with EndTaps
	endTaps  context.CancelFunc

	applying  sync.Mutex                          // one change of the project at a time
	settings  []Setting                           // that run; guarded by applying
	waiting   atomic.Pointer[[]api.SettingChange] // for a restart
	replaying sync.Mutex                          // one replay of quarantine at a time
	appending sync.RWMutex                        // held to append, and to end what may be appended
	mu        sync.Mutex
	streams   map[record.StreamID]*stream
	names     map[string]*stream // those of the project: the doors know no others
}

// Start opens the data folder and starts a node. It returns as soon as records
// can be taken; Ready says when queries are exact.
func Start(ctx context.Context, o Options) (*Node, error) {
	o.Project.Limit.ensureDefaults()
	if o.Clock == nil {
		o.Clock = service.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FreeSpace == nil {
		o.FreeSpace = FreeSpace
	}
	n := &Node{o: o, clock: o.Clock, log: o.Log, worlds: world.NewStore(), streams: map[record.StreamID]*stream{}, names: map[string]*stream{}, rebuilt: make(chan struct{})}
	n.taps, n.endTaps = context.WithCancel(context.WithoutCancel(ctx))
	n.project.Store(&o.Project)
	n.settings = o.Project.Settings
	n.began, n.inflow, n.asked = o.Clock.Now(), meter.New[inflow](o.Clock), meter.New[string](o.Clock)
	n.extents.found = map[string]foundExtents{}
	n.last, n.arrivals = newNewest(), arrivals{make(chan struct{}, 1), map[arrivalKey]console.Arrivals{}}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if err := n.run(ctx); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// open opens the parts from the bottom up.
func (n *Node) open(ctx context.Context) (err error) {
	o, limit := &n.o, n.o.Project.Limit
	if o.Data, err = filepath.Abs(o.Data); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if n.lock, err = datafolder.TakeLock(o.Data); err != nil {
		return err
	}
	if err := datafolder.Close(o.Data); err != nil {
		return err
	}
	if n.gate, err = openGate(o.Data, o.FreeSpace, limit, n.log); err != nil {
		return err
	}
	if n.meta, err = openMeta(ctx, o.Data); err != nil {
		return err
	}
	root := filepath.Join(o.Data, "objects")
	if n.store, err = object.OpenLocal(object.OS{}, root, bucket); err != nil {
		return err
	}
	if n.engine, err = engine.Open(ctx, n.worlds, engine.Options{Root: root, TempDir: filepath.Join(o.Data, "tmp"), Location: o.Project.Location, Limits: engineLimits(limit)}); err != nil {
		return err
	}
	n.limitSpill(ctx, n.gate.room())
	if n.lake, err = lake.Open(ctx, n.meta, n.store, n.worlds, n.clock, lake.Options{}); err != nil {
		return err
	}
	n.ledger = ledger.New(n.meta, n.clock)
	registry := &registry{n.meta, n.clock}
	n.journal, err = journal.Open(ctx, registry, journal.Options{Dir: filepath.Join(o.Data, "journal"), Shard: n.shard, MaxBytes: limit.JournalBytes, TailBytes: limit.TailBytes,
		Clock: n.clock, Log: n.log, Archive: journal.ArchiveOptions{Root: root, Location: o.Project.Location, NameOf: n.folderOf}})
	if err != nil {
		return err
	}
	n.tables = &tables{node: n, prepared: map[string]record.Schema{}}
	n.health = newHealth(n.clock)
	n.budget = deliver.NewBudget(limit.RecentBytes)
	return nil
}

// bucket is the name under which tables say where they are, s3://biwa/….
const bucket = "biwa"

// folderOf is the archive's folder of a stream.
func (n *Node) folderOf(id record.StreamID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.streams[id]; s != nil {
		return s.name
	}
	if name, err := n.nameOf(id); err == nil { // the journal was opened before the streams
		return name
	}
	return id.String()
}

// nameOf looks up the name of a stream, whether or not it is loaded.
func (n *Node) nameOf(id record.StreamID) (name string, err error) {
	err = n.meta.View(context.Background(), func(q meta.Querier) error {
		return q.QueryRowContext(context.Background(), "SELECT name FROM streams WHERE id = ?", id.String()).Scan(&name)
	})
	return name, err
}

// run starts what runs in the background.
func (n *Node) run(ctx context.Context) error {
	background := context.WithoutCancel(ctx)
	n.doors, n.workers = service.NewGroup(background), service.NewGroup(background)
	if _, err := n.lake.Create(ctx, lake.Spec{Name: record.QuarantineTable, Schema: record.QuarantineSchema, TimeColumn: record.ColumnReceivedAt}); err != nil {
		return err
	}
	if err := n.loadStreams(ctx); err != nil {
		return err
	}
	if err := n.loadKeys(ctx); err != nil {
		return err
	}
	var err error
	n.idempotency, err = collect.OpenIdempotency(ctx, &idempotencyStore{n.meta, n.shard}, &history{log: n.journal}, n.o.Project.Limit.IdempotencyWindow)
	if err != nil {
		return err
	}
	n.journal.SetFloor(n.idempotency.Saved)
	if err := n.applyFirst(ctx); err != nil {
		return err
	}
	if err := n.noteRun(ctx); err != nil {
		return err
	}
	last := n.journal.Last()
	n.gatherer = collect.NewGatherer(watchedLog{n.journal, n}, journal.Encode, n.stored)
	n.Intake = collect.NewIntake(n.gatherer, n.idempotency, n.journal, n)
	n.workers.Go(n.watched("archive", n.patient("archive", n.journal.RunArchive)))
	n.workers.Go(n.watched("idempotency", n.patient("idempotency", func(ctx context.Context) error {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		return n.idempotency.Run(ctx, tick.C)
	})))
	n.doors.Go(n.watched("disk watch", func(ctx context.Context) error { return n.gate.watch(ctx, n.limitSpill) }))
	n.doors.Go(n.watched("maintenance", n.patient("maintenance", n.maintain)))
	n.doors.Go(n.watchPeaks)
	n.doors.Go(func(ctx context.Context) error { return n.awaitTail(ctx, last) })
	n.ready.Store(n.Failed() == nil)
	return nil
}

// applyFirst applies the project that the node starts with.
func (n *Node) applyFirst(ctx context.Context) error {
	n.applying.Lock()
	defer n.applying.Unlock()
	_, err := n.apply(ctx, n.o.Project)
	return err
}

// limitSpill keeps what SQL spills to disk above the reserve.
func (n *Node) limitSpill(ctx context.Context, room int64) {
	if err := n.engine.LimitSpill(ctx, room); err != nil && ctx.Err() == nil {
		n.log.Warn("the limit of spill files cannot be set", "error", err)
	}
}

// watched notes why a part of the node has failed: a node that lost a part must
// not go on as if it were whole.
func (n *Node) watched(part string, run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		err := run(ctx)
		if err != nil && ctx.Err() == nil {
			n.fail(fmt.Errorf("%s: %w", part, err))
		}
		return err
	}
}

func (n *Node) fail(err error) {
	n.log.Error("the node stops", "error", err)
	n.failure.CompareAndSwap(nil, &err)
	n.ready.Store(false)
}

// halt ends the process at once, for an error after which a part can neither go
// on nor be stopped. It is no more than a kill: the next start recovers.
func (n *Node) halt(err error) {
	n.log.Error("the node ends at once", "error", err)
	os.Exit(1)
}

// Failed is the failure that makes the node useless, nil while it works.
func (n *Node) Failed() error {
	if p := n.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// Ready is nil when the node takes records, and answers queries, exactly.
func (n *Node) Ready() error {
	if err := n.Started(); err != nil {
		return err
	}
	if err := n.gate.open(); err != nil {
		return err
	}
	return n.health.check()
}

// Warnings are the troubles that do not keep the node from its job, or not yet.
func (n *Node) Warnings() (texts []string) {
	for _, t := range n.health.list() {
		texts = append(texts, t.String())
	}
	return texts
}

// Started says whether the node has started and not failed as a whole.
func (n *Node) Started() error {
	if err := n.Failed(); err != nil {
		return record.Errorf(record.Unavailable, "the node has failed and must be started again: %w", err)
	}
	if !n.ready.Load() {
		return record.Errorf(record.Unavailable, "the node is starting")
	}
	return nil
}

// EndTaps ends all taps: they would keep the doors from being shut in order.
func (n *Node) EndTaps() { n.endTaps() }

// Stop drains and stops the node: what was accepted is committed, in files. The
// doors must have been shut before.
func (n *Node) Stop() error {
	n.EndTaps()
	n.ready.Store(false)
	var errs []error
	if n.doors != nil {
		errs = append(errs, n.doors.Stop())
	}
	if n.gatherer != nil {
		n.gatherer.Stop()
	}
	if n.workers != nil {
		n.drain()
		if n.Failed() != nil {
			n.abandon()
		}
		errs = append(errs, n.workers.Stop())
	}
	return errors.Join(append(errs, n.close())...)
}

// drainTime is how long a stopping node waits for its workers to catch up. What
// they have not taken then is read from the log at the next start.
const drainTime = 3 * time.Second

// drain waits until the workers have taken what was accepted.
func (n *Node) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for _, s := range n.list() {
		if s.worker == nil || n.Failed() != nil {
			continue
		}
		if err := s.worker.WaitVisible(ctx, n.journal.LastOf(s.id)); err != nil {
			n.log.Warn("stop", "stream", s.name, "error", err)
		}
	}
}

// abandon keeps the workers of a node that has failed from trying to commit: what
// they hold is in the log.
func (n *Node) abandon() {
	for _, s := range n.list() {
		if s.worker != nil {
			s.worker.Abandon()
		}
	}
}

// close closes the parts from the top down.
func (n *Node) close() error {
	var errs []error
	for _, s := range n.list() {
		errs = append(errs, s.dedupe.close())
	}
	if n.journal != nil {
		errs = append(errs, n.journal.Close())
	}
	if n.engine != nil {
		errs = append(errs, n.engine.Close())
	}
	if n.meta != nil {
		errs = append(errs, n.meta.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Release())
	}
	return errors.Join(errs...)
}
