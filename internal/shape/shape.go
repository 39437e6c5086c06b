// Package shape turns envelopes into rows: it parses each record's JSON text
// into the columns a stream's Definition names, checks and enriches them, and
// sets apart, with a reason, what does not fit.
//
// Shaping is a pure function of the section, the definition and its seeds:
// shaped again after a crash, a section gives the same rows and rejects.
package shape

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"

	"github.com/biwa-data/biwa/internal/record"
)

// Options is what a definition is compiled with.
type Options struct {
	Name     string          // the stream's, for messages
	Stream   record.StreamID // its sections are the only ones shaped
	Location *time.Location  // of times without a zone, and of days; UTC if nil
	// Evaluator works out ProgramOf the definition; nil where that is empty.
	Evaluator Evaluator
	Lookups   map[string]*Seed // by the seed's name
	// Allocator has the rows' memory; C's own if nil, so that C may hold it.
	Allocator memory.Allocator
}

// Shaper shapes sections of one stream by one generation of its definition.
type Shaper struct {
	name      string
	stream    record.StreamID
	location  *time.Location
	allocator memory.Allocator
	schema    record.Schema
	arrow     *arrow.Schema

	tree      tree
	requestAt int // the first of the slots that hold the request's context
	fields    []field
	unknown   UnknownFields
	extraAt   int // schema position of _extra, -1 without

	evolveColumns int             // how many columns an hour of receipt may add
	evolved       map[int64]int   // how many each hour has added
	former        map[string]bool // names in lower case that are made no columns

	enrichments []enrichment
	lists       *lists
	session     *Session
	partitions  []partition
	partitionBy []string
	dedupeAt    int // schema position of the dedupe key, -1 without

	timeColumn       string
	timeAt           int
	timeIsExpression bool
	timeIsWall       bool // a timestamp without zone
	timeRange        timeRange

	program           Program
	evaluator         Evaluator
	inputs            []int // schema positions of program.Input
	expressions       []int // and of program.Columns
	expressionNotNull []bool

	workers sync.Pool
}

// Compile checks a definition and prepares to shape by it.
func Compile(def Definition, options Options) (*Shaper, error) {
	s, mistakes := compile(def, options)
	if len(mistakes) > 0 {
		return nil, record.Errorf(record.Invalid, "stream %s: %w", options.Name, mistakes)
	}
	if !s.program.Empty() && options.Evaluator == nil {
		return nil, fmt.Errorf("stream %s has SQL expressions, and nothing to evaluate them", options.Name)
	}
	return s, nil
}

// Check finds all mistakes of a definition, save those of its SQL.
func Check(def Definition, options Options) Mistakes {
	_, mistakes := compile(def, options)
	return mistakes
}

// ProgramOf is the SQL of a definition, for whoever makes the Evaluator.
func ProgramOf(def Definition, options Options) (Program, error) {
	s, mistakes := compile(def, options)
	if len(mistakes) > 0 {
		return Program{}, record.Errorf(record.Invalid, "stream %s: %w", options.Name, mistakes)
	}
	return s.program, nil
}

// SchemaOf is the schema of a definition's table.
func SchemaOf(def Definition, options Options) (record.Schema, error) {
	s, mistakes := compile(def, options)
	if len(mistakes) > 0 {
		return nil, record.Errorf(record.Invalid, "stream %s: %w", options.Name, mistakes)
	}
	return s.schema, nil
}

// Schema is the table's columns: _record_id, _received_at, the definition's,
// those of enrichments, those of the partition, _extra.
func (s *Shaper) Schema() record.Schema { return s.schema }

// PartitionColumns are the columns whose values part the table, in order.
func (s *Shaper) PartitionColumns() []string { return s.partitionBy }

// Session says how the table's sessions are told apart, nil if it has none.
func (s *Shaper) Session() *Session { return s.session }

// TimeColumn is the event time's column.
func (s *Shaper) TimeColumn() string { return s.timeColumn }

// Shape shapes a section. It may be called by several goroutines at once; the
// caller releases the batch's Rows.
func (s *Shaper) Shape(ctx context.Context, env *record.Envelope, sec *record.Section) (*record.Batch, error) {
	if sec.Stream != s.stream {
		return nil, fmt.Errorf("shape: a section of stream %s, expected %s of stream %s", sec.Stream, s.stream, s.name)
	}
	w, _ := s.workers.Get().(*worker)
	if w == nil {
		w = newWorker(s)
	}
	defer s.workers.Put(w)
	b := &record.Batch{Stream: sec.Stream, Seq: env.Seq, Schema: s.schema}
	b.Accepted.AddRange(env.ID(sec, 0), sec.Count)
	if err := w.parse(env, sec, b); err != nil {
		return nil, fmt.Errorf("shape %s, sequence %d: %w", s.name, env.Seq, err)
	}
	if err := w.finish(ctx, b); err != nil {
		return nil, fmt.Errorf("shape %s, sequence %d: %w", s.name, env.Seq, err)
	}
	return b, nil
}

func defaultAllocator(mem memory.Allocator) memory.Allocator {
	if mem == nil {
		return mallocator.NewMallocator()
	}
	return mem
}
