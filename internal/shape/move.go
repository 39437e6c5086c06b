package shape

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
)

// Names is one name or several.
type Names []string

// UnmarshalText reads the short form, one name.
func (n *Names) UnmarshalText(text []byte) error {
	*n = Names{string(text)}
	return nil
}

// UnmarshalJSON reads the stored form, a list.
func (n *Names) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*[]string)(n)) }

// Moves is what a definition's renamed_from and dropped do to a table.
type Moves struct {
	Renamed map[string]string `json:"renamed,omitempty"` // names by the name before
	Dropped []string          `json:"dropped,omitempty"`
}

// Empty says whether there is nothing to do.
func (m Moves) Empty() bool { return len(m.Renamed)+len(m.Dropped) == 0 }

// Name is what becomes of a column's name; kept is false where it is dropped.
func (m Moves) Name(before string) (now string, kept bool) {
	if now, ok := m.Renamed[before]; ok {
		return now, true
	}
	return before, !slices.Contains(m.Dropped, before)
}

// former are names in lower case that were a column's: unknown_fields: evolve makes
// no column of them, for a query by such a name has to learn what became of it.
func (d *Definition) former() map[string]bool {
	names := map[string]bool{}
	for _, name := range d.Dropped {
		names[strings.ToLower(name)] = true
	}
	for i := range d.Columns {
		for _, name := range d.Columns[i].RenamedFrom {
			names[strings.ToLower(name)] = true
		}
	}
	return names
}

// Carried is the definition with the columns that unknown_fields: evolve has added to
// the one before it, but those that it takes over, renames or drops.
func (d Definition) Carried(last Definition) Definition {
	gone := d.former()
	for i := range d.Columns {
		gone[strings.ToLower(d.Columns[i].Name)] = true
	}
	d.Columns = slices.Clone(d.Columns)
	for _, c := range last.Columns {
		if c.Inferred && !gone[strings.ToLower(c.Name)] {
			d.Columns = append(d.Columns, c)
		}
	}
	return d
}

// moves checks renamed_from and dropped as far as the definition alone says.
func (c *compiler) moves() {
	taken := map[string]string{}
	for i := range c.def.Columns {
		col := &c.def.Columns[i]
		path := fmt.Sprintf("columns[%d].renamed_from", i)
		for _, name := range col.RenamedFrom {
			lower := strings.ToLower(name)
			switch err := validName(name); {
			case err != nil:
				c.mistakes.add(path, "", "%v", err)
			case name == col.Name:
				c.mistakes.add(path, "write the name that it had before", "column %s is renamed from itself", name)
			case taken[lower] != "":
				c.mistakes.add(path, "one column takes it", "%s is renamed to %s and to %s", name, taken[lower], col.Name)
			}
			taken[lower] = col.Name
		}
	}
	for i, name := range c.def.Dropped {
		path := fmt.Sprintf("dropped[%d]", i)
		lower := strings.ToLower(name)
		switch err := validName(name); {
		case err != nil:
			c.mistakes.add(path, "", "%v", err)
		case c.lower[lower] != "":
			c.mistakes.add(path, "take it out of dropped, or the column out of the stream", "%s is dropped and a column of the stream", name)
		case taken[lower] != "":
			c.mistakes.add(path, "take it out of one of them", "%s is dropped and renamed to %s", name, taken[lower])
		}
	}
}

// MovesOf is what a definition does to a table that has some columns, where last was
// the definition before. A renamed_from that last had too was done then.
func MovesOf(d, last Definition, o Options, have record.Schema) (Moves, Mistakes) {
	schema, err := SchemaOf(d, o)
	if err != nil || len(have) == 0 {
		return Moves{}, nil //nolint:nilerr // whoever compiles the definition tells
	}
	m := mover{d: &d, have: have, schema: schema, sources: map[string]string{}}
	for i := range d.Columns {
		m.rename(i, last)
	}
	for i := range d.Columns {
		m.target(i)
	}
	m.derived()
	var moves Moves
	for target, source := range m.sources {
		if moves.Renamed == nil {
			moves.Renamed = map[string]string{}
		}
		moves.Renamed[source] = target
	}
	for _, name := range d.Dropped {
		if at := foldIndex(have, name); at >= 0 {
			moves.Dropped = append(moves.Dropped, have[at].Name)
		}
	}
	return moves, m.mistakes
}

type mover struct {
	d            *Definition
	have, schema record.Schema
	sources      map[string]string // the table's columns by the name that they get
	mistakes     Mistakes
}

// rename finds the column that the i-th is renamed from.
func (m *mover) rename(i int, last Definition) {
	c := &m.d.Columns[i]
	if len(c.RenamedFrom) == 0 {
		return
	}
	for j := range last.Columns {
		if before := &last.Columns[j]; before.Name == c.Name && slices.Equal(before.RenamedFrom, c.RenamedFrom) {
			return
		}
	}
	for _, name := range c.RenamedFrom {
		if at := foldIndex(m.have, name); at >= 0 && m.have[at].Name != c.Name {
			m.sources[c.Name] = m.have[at].Name
			return
		}
	}
	if foldIndex(m.have, c.Name) >= 0 {
		return // done before
	}
	var left []string
	for _, h := range m.have {
		if m.schema.Index(h.Name) < 0 {
			left = append(left, h.Name)
		}
	}
	suggestion := "write all names that it had, the newest first, as in renamed_from: [user, user_id]; without renamed_from it is a new column"
	if near := nearest.Word(c.RenamedFrom[0], left); near != "" {
		suggestion = "did you mean " + near + "?"
	}
	m.mistakes.add(fmt.Sprintf("columns[%d].renamed_from", i), suggestion, "the table has no column %s to rename to %s", strings.Join(c.RenamedFrom, " or "), c.Name)
}

// target sees to it that the name which the i-th column gets is free.
func (m *mover) target(i int) {
	c := &m.d.Columns[i]
	source, renamed := m.sources[c.Name]
	at := foldIndex(m.have, c.Name)
	if !renamed || at < 0 {
		return
	}
	for _, other := range m.sources {
		if other == m.have[at].Name {
			return // which is renamed too
		}
	}
	m.mistakes.add(fmt.Sprintf("columns[%d].renamed_from", i), "take renamed_from out, or rename "+c.Name+" to something else first",
		"the table has a column %s already: %s cannot become it, for the values of two columns are not joined", c.Name, source)
}

// derived lets the columns that enrichments and partitions make of a renamed column
// keep their values too.
func (m *mover) derived() {
	renamed := make(map[string]string, len(m.sources))
	for target, source := range m.sources {
		renamed[target] = source
	}
	rename := func(before, now string) {
		if before != now && m.have.Index(before) >= 0 && m.have.Index(now) < 0 && m.schema.Index(before) < 0 && m.schema.Index(now) >= 0 {
			m.sources[now] = before
		}
	}
	for _, text := range m.d.Partition {
		term, err := ParsePartition(text)
		at := m.schema.Index(term.Column)
		source, ok := renamed[term.Column]
		if err != nil || !ok || at < 0 {
			continue
		}
		now, _ := term.output(m.schema[at].Type)
		term.Column = source
		before, _ := term.output(m.schema[at].Type)
		rename(before.Name, now.Name)
	}
	for i := range m.d.Enrich {
		name, column, _ := m.d.Enrich[i].parts()
		source, ok := renamed[column]
		if !ok {
			continue
		}
		before := enrichmentColumns(name, source)
		for j, now := range enrichmentColumns(name, column) {
			rename(before[j].Name, now.Name)
		}
	}
}

func foldIndex(s record.Schema, name string) int {
	if at := s.Index(name); at >= 0 {
		return at
	}
	return slices.IndexFunc(s, func(c record.Column) bool { return strings.EqualFold(c.Name, name) })
}
