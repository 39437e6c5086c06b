package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Counter counts the rows of files.
type Counter interface {
	TallyFiles(ctx context.Context, files []record.File) (record.Tally, error)
}

// RangeCounter is a Counter that can also count some of the rows. With one,
// Verify names the sequences at which a difference lies.
type RangeCounter interface {
	Counter
	// TallyRange counts the rows whose record id is from first to last.
	TallyRange(ctx context.Context, files []record.File, first, last record.RecordID) (record.Tally, error)
}

// Verification is what a recount found.
type Verification struct {
	Balanced bool                `json:"balanced"`
	Tables   []TableVerification `json:"tables"`
}

// TableVerification compares the rows of a table with its account.
type TableVerification struct {
	Table       string       `json:"table"`
	Counted     record.Tally `json:"counted"`
	Expected    record.Tally `json:"expected"`
	Balanced    bool         `json:"balanced"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is a range of the log whose rows are not those the ledger says.
type Difference struct {
	Shard    uint8           `json:"shard"`
	From     record.Sequence `json:"from"`
	To       record.Sequence `json:"to"`
	Counted  record.Tally    `json:"counted"`
	Expected record.Tally    `json:"expected"`
}

// Verify recounts every table fed by a stream, and quarantine, from the files.
// A difference is narrowed by halves to the entries of the ledger that have it.
// A flush between reading the accounts and reading the files does no harm: both
// are of one moment, and files of that moment stay until the grace is over.
func (l *Ledger) Verify(ctx context.Context, counter Counter) (Verification, error) {
	var b books
	files := map[string][]record.File{}
	err := l.meta.View(ctx, func(q meta.Querier) (err error) {
		if b, err = readBooks(ctx, q); err != nil {
			return err
		}
		return each(ctx, q, "SELECT table_name, path, rows, bytes, min_id, max_id FROM files", nil, func(scan func(...any) error) error {
			var table string
			var f record.File
			err := scan(&table, &f.Path, &f.Rows, &f.Bytes, &f.MinID, &f.MaxID)
			files[table] = append(files[table], f)
			return err
		})
	})
	if err != nil {
		return Verification{}, fmt.Errorf("ledger: verify: %w", err)
	}
	v := Verification{Balanced: true, Tables: []TableVerification{}}
	for _, table := range b.tables() {
		t, err := l.verifyTable(ctx, counter, &b, table, files[table])
		if err != nil {
			return v, fmt.Errorf("ledger: verify %s: %w", table, err)
		}
		v.Tables = append(v.Tables, t)
		v.Balanced = v.Balanced && t.Balanced
	}
	return v, nil
}

// tables is the names of all that the accounts speak of.
func (b *books) tables() []string {
	names := []string{record.QuarantineTable}
	for _, a := range b.accounts {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (l *Ledger) verifyTable(ctx context.Context, counter Counter, b *books, table string, files []record.File) (TableVerification, error) {
	t := TableVerification{Table: table, Expected: b.expected(table)}
	var err error
	if t.Counted, err = counter.TallyFiles(ctx, files); err != nil {
		return t, err
	}
	t.Balanced = t.Counted == t.Expected
	ranges, ok := counter.(RangeCounter)
	if t.Balanced || !ok {
		return t, nil
	}
	s := search{counter: ranges, files: files}
	if err := l.prepare(ctx, b, table, &s); err != nil {
		return t, err
	}
	if err := s.halve(ctx, s.spans); err != nil {
		return t, err
	}
	t.Differences = s.found
	return t, nil
}

// span is a run of sequences and what a table must hold of it.
type span struct {
	shard    uint8
	from, to record.Sequence
	expected record.Tally
	// vague spans have lost or gained rows by a removal or a replay that
	// reached over their edges: what they must hold is not known by itself.
	vague bool
}

// search narrows a difference.
type search struct {
	counter RangeCounter
	files   []record.File
	spans   []span
	found   []Difference
}

// prepare reads the spans of a table. Entries that overlap are one span, and a
// replay or removal makes every span it touches vague, unless one span holds it.
func (l *Ledger) prepare(ctx context.Context, b *books, table string, s *search) error {
	names := map[string]bool{}
	for _, a := range b.accounts {
		names[a.id.String()] = table == record.QuarantineTable || a.name == table
	}
	held := func(c Counts) record.Tally {
		if table == record.QuarantineTable {
			return c.Quarantined.Plus(c.Deduplicated)
		}
		return c.Delivered
	}
	var changes []span
	return l.meta.View(ctx, func(q meta.Querier) error {
		err := eachLine(ctx, q, "1", nil, func(l *line) {
			switch t := held(l.Counts); {
			case !names[l.stream]:
			case l.kind == "replay":
				changes = append(changes, span{shard: l.shard, from: l.from, to: l.to, expected: t})
			default:
				s.add(span{shard: l.shard, from: l.from, to: l.to, expected: t})
			}
		})
		if err != nil {
			return err
		}
		err = eachRemoval(ctx, q, func(r *Removal, _ string) {
			if r.Table == table {
				changes = append(changes, span{shard: r.MinID.Shard(), from: r.MinID.Sequence(), to: r.MaxID.Sequence(),
					expected: record.Tally{}.Minus(r.Tally)})
			}
		})
		s.change(changes)
		return err
	})
}

// add appends a span; spans come in the order of shard and first sequence.
func (s *search) add(next span) {
	if n := len(s.spans); n > 0 {
		last := &s.spans[n-1]
		if last.shard == next.shard && next.from <= last.to {
			last.to = max(last.to, next.to)
			last.expected = last.expected.Plus(next.expected)
			return
		}
	}
	s.spans = append(s.spans, next)
}

func (s *search) change(changes []span) {
	for _, c := range changes {
		var touched []int
		for i := range s.spans {
			if p := &s.spans[i]; p.shard == c.shard && p.from <= c.to && p.to >= c.from {
				touched = append(touched, i)
			}
		}
		for _, i := range touched {
			s.spans[i].expected = s.spans[i].expected.Plus(c.expected)
			s.spans[i].vague = s.spans[i].vague || len(touched) > 1
		}
	}
}

// halve notes the spans that differ. Runs that are right are not looked into.
func (s *search) halve(ctx context.Context, spans []span) error {
	if len(spans) == 0 {
		return nil
	}
	first, last := spans[0], spans[len(spans)-1]
	known := !slices.ContainsFunc(spans, func(p span) bool { return p.vague })
	if known {
		var expected record.Tally
		for _, p := range spans {
			expected = expected.Plus(p.expected)
		}
		counted, err := s.counter.TallyRange(ctx, s.files,
			record.NewRecordID(first.shard, first.from, 0), record.NewRecordID(last.shard, last.to, record.MaxRecords))
		if err != nil {
			return err
		}
		if counted == expected {
			return nil
		}
		if len(spans) == 1 {
			s.found = append(s.found, Difference{first.shard, first.from, first.to, counted, expected})
			return nil
		}
	}
	if len(spans) == 1 {
		return nil // vague: nothing to compare with
	}
	half := len(spans) / 2
	if err := s.halve(ctx, spans[:half]); err != nil {
		return err
	}
	return s.halve(ctx, spans[half:])
}
