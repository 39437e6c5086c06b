package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/world"
)

// plan is a change of one stream that has been prepared: what could be refused
// has been tried.
type plan struct {
	stream     *stream
	last       *generation // that holds as it was prepared; nil of a new stream
	generation *generation
	spec       lake.Spec
	change     api.StreamChange
}

// apply makes the node run a project: all of it or, with an error, nothing. A
// changed definition holds for what is stored from then on. The caller holds applying.
func (n *Node) apply(ctx context.Context, p Project) (a api.ReloadAnswer, err error) {
	p.Limit.ensureDefaults()
	changed, waiting := compare(n.settings, p.Settings)
	plans, err := n.plan(ctx, p)
	if err != nil {
		return a, err
	}
	if err := n.limitEngine(ctx, p); err != nil {
		return a, err
	}
	err = n.storeProject(ctx, plans, changed)
	for errors.Is(err, errEvolved) {
		if plans, err = n.plan(ctx, p); err == nil {
			err = n.storeProject(ctx, plans, changed)
		}
	}
	if err != nil {
		before := engineLimits(n.project.Load().Limit)
		return a, errors.Join(err, n.engine.SetLimits(context.WithoutCancel(ctx), before))
	}
	ctx = context.WithoutCancel(ctx) // it is stored: a client that goes away must not leave half of it
	if err := n.startWorkers(ctx, plans, p); err != nil {
		n.fail(err) // the stream's definition is stored, but nothing delivers it
		return a, err
	}
	n.project.Store(&p)
	a = api.ReloadAnswer{Changed: n.install(p, plans), Settings: append([]api.SettingChange{}, changed...), Restart: []string{}}
	for _, c := range a.Changed {
		for _, column := range c.Columns {
			n.log.Info("table changed", "table", c.Stream, "change", column, "generation", c.Generation)
		}
	}
	n.takeOver(ctx, p)
	n.settings = nowRunning(n.settings, p.Settings)
	n.waiting.Store(&waiting)
	for _, w := range waiting {
		a.Restart = append(a.Restart, w.Key)
	}
	return a, nil
}

// errEvolved says that records have added columns to a stream since it was planned.
var errEvolved = errors.New("a stream has evolved meanwhile")

// plan prepares what has changed of all streams.
func (n *Node) plan(ctx context.Context, p Project) (plans []plan, err error) {
	var refused []error
	for _, name := range slices.Sorted(maps.Keys(p.Streams)) {
		next, err := n.planStream(ctx, p, name)
		if err == nil && next != nil {
			plans = append(plans, *next)
			if err = n.lake.Fits(next.spec); err != nil {
				err = placeMisfits(p, name, err)
			}
		}
		if err != nil {
			refused = append(refused, err)
		}
	}
	return plans, errors.Join(refused...)
}

// storeProject makes tables and metadata those of a project.
func (n *Node) storeProject(ctx context.Context, plans []plan, changed []api.SettingChange) error {
	for _, next := range plans { // tables first: adding a column that stays empty harms nothing
		if !next.generation.stored.Moves.Empty() {
			continue // that one has to come with its generation
		}
		if _, err := n.lake.Create(ctx, next.spec); err != nil {
			return err
		}
	}
	return n.storePlans(ctx, plans, changed)
}

// startWorkers starts the workers that are not there yet.
func (n *Node) startWorkers(ctx context.Context, plans []plan, p Project) error {
	streams := n.list()
	for _, next := range plans {
		streams = append(streams, next.stream)
	}
	for _, s := range streams {
		if s.worker != nil {
			continue
		}
		if err := n.startWorker(ctx, s, p); err != nil {
			return err
		}
	}
	return nil
}

// planStream prepares what has changed of a stream, nil if nothing has.
func (n *Node) planStream(ctx context.Context, p Project, name string) (*plan, error) {
	stored := storedDefinition{Definition: p.Streams[name].WithLists(), TimeZone: p.Location.String(), Seeds: map[string]string{}}
	if stored.Definition.UnknownFields == shape.UnknownEvolve {
		stored.Definition.EvolveColumns = p.Limit.EvolveColumns
	}
	for _, c := range stored.Definition.Columns {
		if c.Lookup != nil {
			stored.Seeds[c.Lookup.Seed] = p.Seeds[c.Lookup.Seed]
		}
	}
	s, change := n.byName(name), "changed"
	number := 1
	var last *generation
	if s == nil {
		s, change = n.newStream(record.NewStreamID(), name, n.clock.Now()), "added"
	} else {
		last = s.newest()
		if last.stored.declared().same(stored) {
			return nil, nil
		}
		number = last.number + 1
		stored.Definition = stored.Definition.Carried(last.stored.Definition)
		var have record.Schema
		if t := n.worlds.Current().Table(name); t != nil {
			have = t.Schema
		}
		var err error
		if stored.Moves, err = movesOf(p, name, stored.Definition, last.stored.Definition, have); err != nil {
			return nil, err
		}
	}
	g, err := n.compile(ctx, s, stored)
	if err != nil {
		return nil, err
	}
	g.number = number
	return &plan{stream: s, last: last, generation: g, change: api.StreamChange{Stream: name, Change: change, Generation: number, Columns: describeMoves(stored.Moves)},
		spec: lake.Spec{Name: name, Schema: guessedBefore(g.shaper.Schema(), last), TimeColumn: g.shaper.TimeColumn(), Partition: g.shaper.PartitionColumns(),
			Renamed: stored.Moves.Renamed, Dropped: stored.Moves.Dropped}}, nil
}

// storePlans writes all generations, and which settings changed, in one transaction,
// with the columns that are renamed and dropped. No envelope is appended meanwhile, so
// the number from which they hold is exact.
func (n *Node) storePlans(ctx context.Context, plans []plan, changed []api.SettingChange) error {
	if len(plans) == 0 && len(changed) == 0 {
		return nil
	}
	return n.journal.Hold(func(next record.Sequence) error {
		n.tables.mu.Lock() // no table is prepared for a shaper that is outdated as soon as this is done
		defer n.tables.mu.Unlock()
		var moved []lake.Spec
		for _, p := range plans {
			if p.stream.newest() != p.last {
				return errEvolved
			}
			if !p.generation.stored.Moves.Empty() {
				moved = append(moved, p.spec)
			}
		}
		store := func(tx *sql.Tx) error { return n.storeGenerations(ctx, tx, plans, changed, next) }
		var err error
		if len(moved) == 0 {
			err = n.meta.Update(ctx, store)
		} else {
			err = n.lake.Alter(ctx, moved, &lake.Commit{InTx: store, Publish: func(d *world.Draft) { tellPlanned(d, plans) }})
		}
		if err != nil {
			return fmt.Errorf("apply the project: %w", err)
		}
		for _, p := range plans {
			delete(n.tables.prepared, p.stream.name)
			p.stream.add(p.generation)
		}
		return nil
	})
}

func (n *Node) storeGenerations(ctx context.Context, tx *sql.Tx, plans []plan, changed []api.SettingChange, next record.Sequence) error {
	for _, p := range plans {
		p.generation.from = next
		if p.change.Change == "added" {
			if err := n.storeStream(ctx, tx, p.stream, next); err != nil {
				return err
			}
		}
		if err := n.storeGeneration(ctx, tx, p.stream.id, p.generation); err != nil {
			return err
		}
	}
	return errors.Join(n.storeSettingsChange(ctx, tx, changed), n.storeVersion(ctx, tx))
}

// storeStream writes a new stream's row; its consumer starts at the log's end.
func (n *Node) storeStream(ctx context.Context, tx *sql.Tx, s *stream, next record.Sequence) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO streams (id, name, state, created_at) VALUES (?, ?, 'active', ?)", s.id.String(), s.name, s.created.UnixMicro())
	if err != nil {
		return err
	}
	return meta.Advance(ctx, tx, consumerTable(s.id), n.shard, 0, next-1, 0)
}

// install lets the doors know the project's streams and no others.
func (n *Node) install(p Project, plans []plan) []api.StreamChange {
	n.mu.Lock()
	defer n.mu.Unlock()
	changes := []api.StreamChange{}
	for _, next := range plans {
		n.streams[next.stream.id] = next.stream
		next.change.Since = int64(next.generation.from)
		changes = append(changes, next.change)
	}
	before := n.names
	n.names = map[string]*stream{}
	for _, s := range n.streams {
		if _, ok := p.Streams[s.name]; ok {
			n.names[s.name] = s
		}
	}
	n.tellSessions()
	for name := range before {
		if n.names[name] == nil {
			changes = append(changes, api.StreamChange{Stream: name, Change: "removed"})
		}
	}
	return changes
}

// startWorker starts the worker of a stream that has none.
func (n *Node) startWorker(ctx context.Context, s *stream, p Project) error {
	var offset record.Sequence
	var epoch int64
	err := n.meta.Update(ctx, func(tx *sql.Tx) (err error) {
		offset, epoch, err = meta.TakeOver(ctx, tx, consumerTable(s.id), n.shard)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.dedupe.prepare(); err != nil {
		return err
	}
	s.worker = deliver.NewWorker(s.id, s.name, offset, epoch, deliver.Parts{Dedupe: s.dedupe, Log: n.journal, Shapers: evolving{s, n}, Recent: watchedEngine{n.engine, n},
		Files: watchedEngine{n.engine, n}, Tables: n.tables, Budget: n.budget, Worlds: n.worlds, Clock: n.clock, Logger: n.log}, deliver.Options{Flush: flushOf(p, s),
		Told: func(what string, err error) { n.told(what, s.name, err) }})
	run := n.held(s.worker.Run)
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	s.stop = func() {
		cancel()
		<-ended
	}
	n.workers.Go(n.watched("stream "+s.name, func(ctx context.Context) error {
		defer close(ended)
		defer context.AfterFunc(ctx, cancel)()
		err := run(own)
		if own.Err() != nil && errors.Is(err, context.Canceled) {
			return ctx.Err() // nil where the stream was stopped alone
		}
		return err
	}))
	return nil
}

// held has a worker wait for Options.Hold.
func (n *Node) held(run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if n.o.Hold != nil {
			select {
			case <-n.o.Hold:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return run(ctx)
	}
}

// register adds a stream that the metadata knows.
func (n *Node) register(s *stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.streams[s.id] = s
}

// byName is the active stream of a name, in the project or not, nil without one.
func (n *Node) byName(name string) *stream {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

// list is all streams by name.
func (n *Node) list() []*stream {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.SortedFunc(maps.Values(n.streams), func(a, b *stream) int { return strings.Compare(a.name, b.name) })
}

// Stream finds a stream of the project for a door.
func (n *Node) Stream(name string) (collect.Stream, error) {
	s, err := n.named(name)
	if err != nil {
		return collect.Stream{}, err
	}
	return collect.Stream{ID: s.id, Name: s.name}, nil
}

func (n *Node) named(name string) (*stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.names[name]; s != nil {
		return s, nil
	}
	names := slices.Sorted(maps.Keys(n.names))
	if near := nearest.Word(name, names); near != "" {
		return nil, record.Errorf(record.NotFound, "there is no stream %q; did you mean %q?", name, near)
	}
	if len(names) == 0 {
		return nil, record.Errorf(record.NotFound, "there is no stream %q: the project has none; add streams/%s.yaml", name, name)
	}
	return nil, record.Errorf(record.NotFound, "there is no stream %q; there are %s", name, strings.Join(names, ", "))
}

// WaitVisible returns when SQL sees a stream up to a number.
func (n *Node) WaitVisible(ctx context.Context, id record.StreamID, seq record.Sequence) error {
	n.mu.Lock()
	s := n.streams[id]
	n.mu.Unlock()
	if s == nil {
		return record.Errorf(record.NotFound, "the stream's table was dropped")
	}
	return s.worker.WaitVisible(ctx, seq)
}
