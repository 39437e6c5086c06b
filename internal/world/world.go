// Package world holds what makes up each table now: the files of its current
// snapshot and the recent generations not yet in a file.
//
// Invariants, on which exact answers rest:
//   - A World never changes. Who changes a table publishes a new World with one
//     pointer store, after the commit behind it.
//   - In any one World every row is in exactly one of a table's files or recent
//     generations.
//   - A generation is dropped, and a file deleted, only when no pinned World
//     holds it.
package world

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// World is the state of all tables at one moment.
type World struct {
	serial uint64
	tables map[string]*Table
}

// Table is one table at one moment. Holders treat it as read-only.
type Table struct {
	Name string
	// Schema has its field ids set. SchemaVersion changes whenever Schema does.
	Schema        record.Schema
	SchemaVersion int
	// Former are names in lower case that columns had before, with the name that each
	// has now, "" where it was dropped. A name that a column has now is not among them.
	Former     map[string]string
	TimeColumn string   // the event-time column, "" for none
	Session    *Session // nil without sessions
	SnapshotID int64
	Files      FileIndex
	Recent     []*Generation
}

// TimedBy says whether a column of a schema is the table's event time.
func (t *Table) TimedBy(schema record.Schema, column string) bool {
	own, other := t.Schema.Index(t.TimeColumn), schema.Index(column)
	if own < 0 || other < 0 || t.Schema[own].FieldID == 0 || schema[other].FieldID == 0 {
		return t.TimeColumn == column
	}
	return t.Schema[own].FieldID == schema[other].FieldID
}

// Session says how the sessions of a table's visitors are told apart.
type Session struct {
	Visitor string // the column that names the visitor
	// Gap is the pause after which a session starts, Longest how long one goes on
	// in any case: without a pause it is cut, after less than twice that.
	Gap, Longest time.Duration
}

// Generation is a run of recent rows, held in one engine table. It grows until a
// flush begins; a reader sees the rows that were there when its transaction began.
type Generation struct {
	Name string // of the engine's table
	// Schema of the rows; an evolved stream starts a new generation.
	Schema record.Schema

	mu               sync.Mutex
	rows             int64
	hasTime          bool
	minTime, maxTime int64
	timeless         bool // the times are of a column that is not the event time any more
}

// ForgetTimes makes nothing be known of the rows' event times.
func (g *Generation) ForgetTimes() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timeless = true
}

// Grow notes rows before they are appended, so that pruning never hides a row.
func (g *Generation) Grow(rows, minTime, maxTime int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.hasTime || minTime < g.minTime {
		g.minTime = minTime
	}
	if !g.hasTime || maxTime > g.maxTime {
		g.maxTime = maxTime
	}
	g.hasTime = true
	g.rows += rows
}

// Rows is how many rows the generation holds.
func (g *Generation) Rows() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rows
}

// Overlaps says whether the generation can hold rows with an event time in b.
func (g *Generation) Overlaps(b Bounds) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rows > 0 && (g.timeless || !g.hasTime || g.minTime <= b.MaxTime && g.maxTime >= b.MinTime)
}

// Times are the bounds of the rows' event times, as wide as can be where they are not
// known; false while all are null.
func (g *Generation) Times() (low, high int64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timeless {
		return math.MinInt64, math.MaxInt64, g.rows > 0
	}
	return g.minTime, g.maxTime, g.hasTime && g.minTime <= g.maxTime
}

// Table finds a table by name, nil if there is none.
func (w *World) Table(name string) *Table { return w.tables[name] }

// Tables lists all tables, in no order.
func (w *World) Tables() []*Table {
	list := make([]*Table, 0, len(w.tables))
	for _, t := range w.tables {
		list = append(list, t)
	}
	return list
}

// Store holds the current World.
type Store struct {
	current atomic.Pointer[World]

	mu      sync.Mutex
	pinned  map[uint64]int // serial -> pins
	retired []retirement   // ascending by serial
}

// retirement is work that waits until no World before serial is pinned.
type retirement struct {
	serial uint64
	run    func()
}

// NewStore starts with a World without tables.
func NewStore() *Store {
	s := &Store{pinned: map[uint64]int{}}
	s.current.Store(&World{serial: 1, tables: map[string]*Table{}})
	return s
}

// Current is the World now, not pinned: for looking at, not for reading files by.
func (s *Store) Current() *World { return s.current.Load() }

// Pin is a World that is held: nothing it names goes away before Release.
type Pin struct {
	*World
	store *Store
	once  sync.Once
}

// Pin holds the current World.
func (s *Store) Pin() *Pin {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.current.Load()
	s.pinned[w.serial]++
	return &Pin{World: w, store: s}
}

// Release lets go; it may be called more than once.
func (p *Pin) Release() {
	p.once.Do(func() {
		s := p.store
		s.mu.Lock()
		if s.pinned[p.serial]--; s.pinned[p.serial] == 0 {
			delete(s.pinned, p.serial)
		}
		ready := s.takeReady()
		s.mu.Unlock()
		for _, r := range ready {
			r.run()
		}
	})
}

// Publish makes the next World: change gets a copy of each table it asks for.
// after, if not nil, runs once no earlier World is pinned; it must not block for long.
func (s *Store) Publish(change func(d *Draft), after func()) {
	s.mu.Lock()
	old := s.current.Load()
	d := &Draft{base: old, tables: map[string]*Table{}}
	change(d)
	next := &World{serial: old.serial + 1, tables: make(map[string]*Table, len(old.tables)+1)}
	for name, t := range old.tables {
		next.tables[name] = t
	}
	for name, t := range d.tables {
		if t == nil {
			delete(next.tables, name)
		} else {
			next.tables[name] = t
		}
	}
	s.current.Store(next)
	if after != nil {
		s.retired = append(s.retired, retirement{next.serial, after})
	}
	ready := s.takeReady()
	s.mu.Unlock()
	for _, r := range ready {
		r.run()
	}
}

// takeReady removes what may run now. The caller holds mu.
func (s *Store) takeReady() []retirement {
	oldest := s.current.Load().serial
	for serial := range s.pinned {
		oldest = min(oldest, serial)
	}
	n := 0
	for n < len(s.retired) && s.retired[n].serial <= oldest {
		n++
	}
	ready := s.retired[:n:n]
	s.retired = s.retired[n:]
	return ready
}

// Draft is the next World while it is being made.
type Draft struct {
	base   *World
	tables map[string]*Table
}

// Table is a copy of the named table to change, a new one if there is none.
func (d *Draft) Table(name string) *Table {
	if t := d.tables[name]; t != nil {
		return t
	}
	t := &Table{Name: name}
	if old := d.base.tables[name]; old != nil {
		*t = *old
		t.Recent = append([]*Generation(nil), old.Recent...)
	}
	d.tables[name] = t
	return t
}

// Drop removes a table.
func (d *Draft) Drop(name string) { d.tables[name] = nil }
