package shape

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// takeUnknown does with the record's unknown fields what the definition says,
// and sets _extra.
func (w *worker) takeUnknown() (p *problem, column string) {
	unknown := w.walker.unknown
	switch w.shaper.unknown {
	case UnknownQuarantine:
		for i := range unknown {
			if u := &unknown[i]; !u.partly {
				name := w.pathOf(u)
				return problemf(record.CodeUnknownField, "no column takes the field, and unknown_fields is quarantine"), name
			}
		}
	case UnknownEvolve:
		for i := range unknown {
			if u := &unknown[i]; u.node == 0 && !u.partly && u.value.Present() {
				w.inferred.see(w.shaper, u, floorDiv(w.receipt, 3600*microsPerSecond))
			}
		}
	}
	if w.extra == nil {
		return nil, ""
	}
	if len(unknown) == 0 {
		w.extra.null(w.rows)
		return nil, ""
	}
	clear(w.has)
	for i := range unknown {
		for n := unknown[i].node; !w.has[n]; n = w.shaper.tree.nodes[n].parent {
			w.has[n] = true
		}
	}
	w.extra.end(w.rows, w.appendExtra(w.extra.start(w.rows), 0))
	return nil, ""
}

// pathOf is an unknown field's place in the record.
func (w *worker) pathOf(u *unknown) string {
	path := string(u.key.AppendText(nil))
	for n := u.node; n != 0; n = w.shaper.tree.nodes[n].parent {
		path = w.shaper.tree.nodes[n].name + "." + path
	}
	return path
}

// appendExtra appends the object of a node's unknown fields, nested as they were
// in the record.
func (w *worker) appendExtra(dst []byte, at int) []byte {
	dst = append(dst, '{')
	opened := len(dst)
	member := func(key []byte) {
		if len(dst) > opened {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendValue(dst, key), ':')
	}
	for i := range w.walker.unknown {
		if u := &w.walker.unknown[i]; u.node == at {
			member(u.key.Raw)
			dst = jsontext.AppendValue(dst, u.value.Raw)
		}
	}
	for _, c := range w.shaper.tree.nodes[at].children {
		if c.node >= 0 && w.has[c.node] {
			member(c.key.Raw)
			dst = w.appendExtra(dst, c.node)
		}
	}
	return append(dst, '}')
}

// EvolveColumns is how many columns what came within one hour may add to a table,
// where limits.evolve_columns does not say.
const EvolveColumns = 32

// inferred gathers the columns that unknown_fields: evolve would add, in the
// order in which their fields first came.
//
// The first value of a field decides its column's type. A value that the type does not
// hold exactly as it was sent (see exact) widens the column to one that holds it and
// prints all before it as they were sent; where there is none, it stays in _extra. How
// records were cut into requests decides nothing.
type inferred struct {
	list  []record.NewColumn
	names map[string]bool // in lower case
	hours map[int64]int   // how many were added by records of each hour
}

func (n *inferred) reset() {
	n.list = nil
	clear(n.names)
	clear(n.hours)
}

func (n *inferred) columns() []record.NewColumn { return n.list }

// see takes note of a field of a record of that hour. What cannot be a column
// stays in _extra.
func (n *inferred) see(s *Shaper, u *unknown, hour int64) {
	if s.evolved[hour]+n.hours[hour] >= s.evolveColumns {
		return
	}
	name := string(u.key.AppendText(nil))
	lower := strings.ToLower(name)
	if n.names[lower] || validName(name) != nil || s.former[lower] || s.hasName(lower) {
		return
	}
	if n.names == nil {
		n.names, n.hours = map[string]bool{}, map[int64]int{}
	}
	n.names[lower] = true
	n.hours[hour]++
	n.list = append(n.list, record.NewColumn{Column: record.Column{Name: name, Type: inferType(&u.value), Doc: "added from the records"}, Hour: hour})
}

// widen takes note of a value that a guessed column does not hold.
func (n *inferred) widen(f *field, v *jsontext.Value) {
	for i := range n.list {
		if n.list[i].Name == f.name {
			if c := &n.list[i]; !exact(c.Type, v) {
				c.Type, _ = widened(c.Type, v)
			}
			return
		}
	}
	if t, ok := widened(f.typ, v); ok {
		n.list = append(n.list, record.NewColumn{Column: record.Column{Name: f.name, Type: t}, Widened: true})
	}
}

// widened is the narrowest type that holds the value, and every value of another type
// as it was sent. A double has none: 1.50 is 1.5 by then.
func widened(t record.Type, v *jsontext.Value) (record.Type, bool) {
	for _, next := range []record.Type{{Kind: record.Decimal, Precision: 38}, {Kind: record.Varchar}} {
		text := t.Kind == record.JSON && next.Kind == record.Varchar
		if (text || t.PrintsInto(next)) && exact(next, v) {
			return next, true
		}
	}
	return t, false
}

func (s *Shaper) hasName(lower string) bool {
	for _, c := range s.schema {
		if strings.ToLower(c.Name) == lower {
			return true
		}
	}
	return false
}

// guesses are the types of columns that evolve, the narrowest first.
var guesses = []record.Type{{Kind: record.Boolean}, {Kind: record.Bigint}, {Kind: record.Double}, {Kind: record.Decimal, Precision: 38}}

// inferType is the type of a column that holds the value exactly. Every value has
// one: a field whose first value had none would be made a column later, and the
// cut of the records would decide where that value is.
func inferType(v *jsontext.Value) record.Type {
	for _, t := range guesses {
		if exact(t, v) {
			return t
		}
	}
	if v.Kind >= jsontext.ObjectKind {
		return record.Type{Kind: record.JSON}
	}
	return record.Type{Kind: record.Varchar}
}

// exact says whether a column that was guessed gives the value back as it was
// sent. It is stricter than declared columns are, for nobody has said that "007"
// may become 7, 1 true, or 0.12345678901234567890 the double next to it.
func exact(t record.Type, v *jsontext.Value) bool {
	switch t.Kind {
	case record.Boolean:
		return v.Kind == jsontext.True || v.Kind == jsontext.False
	case record.Bigint:
		n, form := parseNumber(v.Raw)
		_, fits := n.int64()
		return v.Kind == jsontext.Number && form == exactNumber && fits && plainWhole(v.Raw)
	case record.Decimal:
		_, form := parseNumber(v.Raw)
		return v.Kind == jsontext.Number && form == exactNumber && plainWhole(v.Raw)
	case record.Double:
		return v.Kind == jsontext.Number && exactDouble(v.Raw)
	case record.JSON:
		return v.Kind >= jsontext.ObjectKind // a text would be in quotes, or not, by what came first
	}
	return true
}

// plainWhole says whether a number is written as whole numbers are printed.
func plainWhole(s []byte) bool { return !bytes.ContainsAny(s, ".eE") && string(s) != "-0" }

// exactDouble says whether the double nearest to a number is printed as that number.
func exactDouble(s []byte) bool {
	sent, form := parseNumber(s)
	x, fits, ok := parseFloat(s)
	if form != exactNumber || !fits || !ok {
		return false
	}
	printed, _ := parseNumber(strconv.AppendFloat(nil, x, 'e', -1, 64))
	return printed == sent
}
