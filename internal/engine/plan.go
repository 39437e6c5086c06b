package engine

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// fewFiles is how many files a table may have before it pays to ask which of
// them can matter: that takes about a millisecond, a file 10 us.
const fewFiles = 64

// plan is what a statement will read: by lower-case name of the table.
type plan struct {
	tables  map[string]*part
	files   int // to read
	skipped int
	bytes   int64
	rows    int64    // recent
	by      []string // columns for whose sake files are skipped, in order
	heavy   bool     // it compares each row of one side with each of the other
}

// part is what it will read of one table.
type part struct {
	table    *world.Table
	sessions *sessions // nil where the rows alone are read
	reach    period    // of the rows that wanted rows' sessions depend on, and themselves
	wanted   limits
	files    []*record.File
	recent   []*world.Generation
}

// plan finds the files and generations of w that can hold a row the statement
// wants. Too many is slow; too few would be wrong, so all doubt adds.
func (e *Engine) plan(ctx context.Context, st *statement, w *world.World, views map[string]*view, params []any, zone *time.Location) (*plan, error) {
	p := &plan{tables: map[string]*part{}}
	worthwhile := st.joins
	for key := range st.tables {
		v := views[key]
		if v == nil || st.describes {
			continue
		}
		t := w.Table(v.table)
		if t == nil {
			continue // made after w: it has no rows there
		}
		p.tables[key] = &part{table: t, wanted: noLimits, sessions: v.sessions}
		worthwhile = worthwhile || t.Files.Len() > fewFiles || v.sessions != nil || t.Files.Len() > 0 && len(t.Recent) > 0
	}
	if worthwhile {
		if err := e.explain(ctx, st, p, views, params, zone); err != nil {
			return nil, err
		}
	}
	p.find()
	return p, nil
}

// find looks the limits up.
func (p *plan) find() {
	p.files, p.skipped, p.bytes, p.rows, p.by = 0, 0, 0, 0, nil
	for _, part := range p.tables {
		part.files, part.recent, part.reach = nil, nil, nothing
		if !part.wanted.none() {
			part.table.Files.Find(part.wanted.bounds, func(f *record.File) bool {
				if f.Rows > 0 && part.wanted.admits(f) {
					part.files = append(part.files, f)
				}
				return true
			})
			for _, g := range part.table.Recent {
				if g.Overlaps(part.wanted.bounds) {
					part.recent = append(part.recent, g)
				}
			}
			if part.sessions != nil {
				part.reached(part.sessions)
			}
		}
		for _, f := range part.files {
			p.bytes += f.Bytes
		}
		for _, g := range part.recent {
			p.rows += g.Rows()
		}
		p.files += len(part.files)
		if skipped := part.table.Files.Len() - len(part.files); skipped > 0 {
			p.skipped += skipped
			p.by = append(p.by, part.limited()...)
		}
	}
	slices.Sort(p.by)
	p.by = slices.Compact(p.by)
}

// limited names the columns of which the statement says something.
func (p *part) limited() (names []string) {
	b := p.wanted.bounds
	if b.MinTime != world.Everything.MinTime || b.MaxTime != world.Everything.MaxTime {
		names = append(names, p.table.TimeColumn)
	}
	if b.MinID != world.Everything.MinID || b.MaxID != world.Everything.MaxID {
		names = append(names, record.ColumnRecordID)
	}
	for _, c := range p.wanted.columns {
		names = append(names, c.column.Name)
	}
	return names
}

// hasSessions says whether it reads a view with sessions.
func (p *plan) hasSessions() bool {
	for _, part := range p.tables {
		if part.sessions != nil {
			return true
		}
	}
	return false
}

// union is what either plan reads.
func (p *plan) union(o *plan) *plan {
	for key, part := range p.tables {
		if other := o.tables[key]; other != nil {
			part.wanted = part.wanted.union(other.wanted)
		} else {
			part.wanted = noLimits
		}
	}
	p.find()
	return p
}

// explained is a node of EXPLAIN (FORMAT json).
type explained struct {
	Name     string      `json:"name"`
	Children []explained `json:"children"`
	Info     struct {
		Table   string `json:"Table"`
		Filters any    `json:"Filters"`
	} `json:"extra_info"`
}

// explain lets DuckDB plan the statement on the planner's empty tables and reads
// the filters it pushes down to their scans: it has folded now(), parameters,
// BETWEEN and date_trunc by then. If it cannot plan the statement nothing is
// limited; what is wrong with it is reported when it runs.
func (e *Engine) explain(ctx context.Context, st *statement, p *plan, views map[string]*view, params []any, zone *time.Location) error {
	var texts []string
	c, err := e.planner.take(ctx, zone)
	if err != nil {
		return err
	}
	defer e.planner.give(c)
	if err := c.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	texts, err = c.text(ctx, "EXPLAIN (FORMAT json) "+st.plain(), params...)
	c.rollback()
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	var roots []explained
	if err != nil || len(texts) == 0 || json.Unmarshal([]byte(texts[len(texts)-1]), &roots) != nil {
		return nil
	}
	for _, root := range roots {
		p.heavy = p.heavy || root.multiplies()
	}
	scans := map[string][]limits{}
	around := func(day time.Time) (offsets, error) { return e.days.around(ctx, c, zone, day) }
	for _, root := range roots {
		root.scans(p, views, around, scans)
	}
	for key, list := range scans {
		wanted := list[0]
		for _, l := range list[1:] {
			wanted = wanted.union(l)
		}
		p.tables[key].wanted = wanted
	}
	return nil
}

// manyTimesMany are the operators that compare each row with each.
var manyTimesMany = map[string]bool{"CROSS_PRODUCT": true, "NESTED_LOOP_JOIN": true, "BLOCKWISE_NL_JOIN": true}

// multiplies says whether an operator's work is the product of its sides, whatever
// their files weigh. A side of one row, as of a subquery that gives a value, counts too:
// the plan of empty tables cannot tell.
func (n *explained) multiplies() bool {
	return manyTimesMany[n.Name] || slices.ContainsFunc(n.Children, func(c explained) bool { return c.multiplies() })
}

// scans collects the limits of every scan of a table of the plan.
func (n *explained) scans(p *plan, views map[string]*view, around func(time.Time) (offsets, error), found map[string][]limits) {
	for i := range n.Children {
		n.Children[i].scans(p, views, around, found)
	}
	if n.Info.Table == "" {
		return
	}
	name := strings.TrimPrefix(n.Info.Table, "memory.main.")
	key := strings.ToLower(strings.Trim(name, `"`))
	part := p.tables[key]
	if part == nil {
		return
	}
	v := views[key]
	reader := filterReader{schema: v.schema, timeColumn: part.table.TimeColumn, offsets: around, found: noLimits}
	if n.Name == "SEQ_SCAN" && readable(v.schema) {
		for _, text := range filterTexts(n.Info.Filters) {
			reader.read(text)
		}
	}
	found[key] = append(found[key], reader.found)
}

// filterTexts are one text or several.
func filterTexts(filters any) []string {
	switch f := filters.(type) {
	case string:
		return []string{f}
	case []any:
		var texts []string
		for _, t := range f {
			if text, ok := t.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}
