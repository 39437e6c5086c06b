package app

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// maxColumns is how many columns unknown_fields: evolve may grow a table to.
const maxColumns = 1000

// stream is one stream of the node: the generations of its definition and the
// worker that delivers it.
type stream struct {
	id      record.StreamID
	name    string
	created time.Time
	worker  *deliver.Worker // set before the stream is registered
	stop    func()          // ends the worker, and waits until it has; set with it
	ended   atomic.Bool     // nothing is accepted any more: its table is being dropped
	dedupe  *deduper

	mu          sync.Mutex
	generations []*generation // ascending by from
}

func (n *Node) newStream(id record.StreamID, name string, created time.Time) *stream {
	s := &stream{id: id, name: name, created: created}
	s.dedupe = &deduper{node: n, stream: s}
	return s
}

// generation is a definition and the number of the log from which it holds. What
// it needs besides itself is stored with it, so that a replay of the log gives
// the same rows whatever has changed since.
type generation struct {
	number  int
	from    record.Sequence
	applied time.Time // zero until it is stored
	stored  storedDefinition
	shaper  *shape.Shaper
	example atomic.Pointer[exampleChoice] // nil until a page has looked for one
	// current is the shaper with the columns that the table has by the newest
	// generation; guarded by the stream's mu.
	current deliver.Shaper
}

// storedDefinition is a generation as the metadata has it.
type storedDefinition struct {
	Definition shape.Definition  `json:"definition"`
	TimeZone   string            `json:"timezone"`
	Seeds      map[string]string `json:"seeds,omitempty"` // the files' texts
	// Moves are what the table's columns went through as the generation began.
	Moves shape.Moves `json:"moves,omitzero"`
}

// declared is the definition without what evolved: what the project's file says.
func (d storedDefinition) declared() storedDefinition {
	d.Moves = shape.Moves{}
	d.Definition.Columns = slices.DeleteFunc(slices.Clone(d.Definition.Columns), func(c shape.Column) bool { return c.Inferred })
	return d
}

// same says whether two definitions shape alike.
func (d storedDefinition) same(o storedDefinition) bool {
	a, errA := json.Marshal(d)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// At is the shaper that holds at a number of the log.
func (s *stream) At(seq record.Sequence) (deliver.Shaper, error) {
	g, err := s.generationAt(seq)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return g.current, nil
}

// has says whether At gives a shaper.
func (s *stream) has(shaper deliver.Shaper) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.generations, func(g *generation) bool { return g.current == shaper })
}

func (s *stream) generationAt(seq record.Sequence) (*generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.generations) - 1; i >= 0; i-- {
		if s.generations[i].from <= seq {
			return s.generations[i], nil
		}
	}
	return nil, fmt.Errorf("stream %s has no definition for sequence number %d", s.name, seq)
}

// newest is the generation that holds for what is sent now, nil of a stream that is
// not stored yet.
func (s *stream) newest() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.generations) == 0 {
		return nil
	}
	return s.generations[len(s.generations)-1]
}

func (s *stream) add(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.current = g.shaper
	s.generations = append(s.generations, g)
	if !g.stored.Moves.Empty() {
		s.carryAll()
	}
}

// carryAll gives every generation's shaper the columns that the table has now. The
// caller holds mu.
func (s *stream) carryAll() {
	for i, g := range s.generations {
		var moves []shape.Moves
		for _, later := range s.generations[i+1:] {
			moves = append(moves, later.stored.Moves)
		}
		g.current = carry(g.shaper, moves)
	}
}

// evolving gives a worker the generations of its stream, and lets it add one.
type evolving struct {
	*stream
	node *Node
}

// Evolve starts a generation with more columns at a number. Where the table has
// as many as it may, unknown fields are kept in _extra from there on.
func (e evolving) Evolve(ctx context.Context, from record.Sequence, columns []record.NewColumn) error {
	last := e.newest()
	stored := last.stored
	stored.Moves = shape.Moves{}
	columns = e.asTheTableHas(columns)
	if added := slices.DeleteFunc(slices.Clone(columns), func(c record.NewColumn) bool { return c.Widened }); len(stored.Definition.Columns)+len(added) > maxColumns {
		stored.Definition.UnknownFields = shape.UnknownKeep
	} else {
		stored.Definition = stored.Definition.Evolved(columns)
	}
	g, err := e.node.compile(ctx, e.stream, stored)
	if err != nil {
		return err
	}
	e.node.tables.mu.Lock()
	defer e.node.tables.mu.Unlock()
	if e.newest() != last {
		return nil // the project was applied meanwhile: the caller asks again
	}
	g.number, g.from = last.number+1, from
	if err := e.node.meta.Update(ctx, func(tx *sql.Tx) error { return e.node.storeGeneration(ctx, tx, e.id, g) }); err != nil {
		return err
	}
	e.add(g)
	return nil
}

// asTheTableHas gives new columns the type of a column that the table has under the
// name, left out of the definition: what does not fit it stays in _extra.
func (e evolving) asTheTableHas(columns []record.NewColumn) []record.NewColumn {
	t := e.node.worlds.Current().Table(e.name)
	if t == nil {
		return columns
	}
	columns = slices.Clone(columns)
	for i := range columns {
		for _, have := range t.Schema {
			if !columns[i].Widened && strings.EqualFold(have.Name, columns[i].Name) {
				columns[i].Name, columns[i].Type = have.Name, have.Type
			}
		}
	}
	return columns
}

// Prepare makes the table have the columns of a shaper of the stream.
func (e evolving) Prepare(ctx context.Context, shaper deliver.Shaper) (record.Schema, error) {
	t := e.node.tables
	t.mu.Lock()
	defer t.mu.Unlock()
	if !e.has(shaper) {
		return nil, deliver.ErrOutdated
	}
	return t.prepare(ctx, e.name, shaper.Schema())
}

// storeGeneration writes a generation's row.
func (n *Node) storeGeneration(ctx context.Context, tx *sql.Tx, id record.StreamID, g *generation) error {
	text, err := json.Marshal(g.stored)
	if err != nil {
		return err
	}
	g.applied = n.clock.Now()
	_, err = tx.ExecContext(ctx, "INSERT INTO generations (stream_id, generation, shard, from_seq, definition, applied_at) VALUES (?, ?, ?, ?, ?, ?)",
		id.String(), g.number, n.shard, g.from, string(text), g.applied.UnixMicro())
	if err != nil {
		return fmt.Errorf("store generation %d: %w", g.number, err)
	}
	return nil
}

// loadStreams reads the active streams and their generations.
func (n *Node) loadStreams(ctx context.Context) error {
	var found []*stream
	err := n.meta.View(ctx, func(q meta.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT id, name, created_at FROM streams WHERE state = 'active' ORDER BY name")
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, name string
			var created int64
			if err := rows.Scan(&id, &name, &created); err != nil {
				return fmt.Errorf("list streams: %w", err)
			}
			parsed, err := record.ParseStreamID(id)
			if err != nil {
				return err
			}
			found = append(found, n.newStream(parsed, name, time.UnixMicro(created).UTC()))
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	for _, s := range found {
		if err := n.loadGenerations(ctx, s); err != nil {
			return err
		}
		n.register(s)
	}
	return n.removeLeftKeys()
}

func (n *Node) loadGenerations(ctx context.Context, s *stream) error {
	err := n.meta.View(ctx, func(q meta.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT generation, from_seq, definition, applied_at FROM generations WHERE stream_id = ? AND shard = ? ORDER BY generation", s.id.String(), n.shard)
		if err != nil {
			return fmt.Errorf("list generations of %s: %w", s.name, err)
		}
		defer rows.Close()
		for rows.Next() {
			g := &generation{}
			var text string
			var applied int64
			if err := rows.Scan(&g.number, &g.from, &text, &applied); err != nil {
				return fmt.Errorf("list generations of %s: %w", s.name, err)
			}
			if err := json.Unmarshal([]byte(text), &g.stored); err != nil {
				return fmt.Errorf("generation %d of %s: %w", g.number, s.name, err)
			}
			g.applied = time.UnixMicro(applied).UTC()
			s.generations = append(s.generations, g)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	if len(s.generations) == 0 {
		return fmt.Errorf("stream %s has no definition in the metadata", s.name)
	}
	for _, g := range s.generations {
		compiled, err := n.compile(ctx, s, g.stored)
		if err != nil {
			return fmt.Errorf("generation %d: %w", g.number, err)
		}
		g.shaper = compiled.shaper
	}
	s.carryAll()
	return nil
}
