package shape

import (
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
				w.inferred.see(w.shaper, u)
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

// MaxInferred is how many columns one section may add to a table.
const MaxInferred = 32

// inferred gathers the columns that unknown_fields: evolve would add, in the
// order in which their fields first came.
type inferred struct {
	list  []record.Column
	names map[string]int // in lower case
}

func (n *inferred) reset() {
	n.list = nil
	clear(n.names)
}

func (n *inferred) columns() []record.Column { return n.list }

// see takes note of a field. What cannot be a column stays in _extra.
func (n *inferred) see(s *Shaper, u *unknown) {
	name := string(u.key.AppendText(nil))
	lower := strings.ToLower(name)
	typ := inferType(&u.value)
	if i, ok := n.names[lower]; ok {
		if known := &n.list[i]; known.Name == name && known.Type.Kind == record.Bigint && typ.Kind == record.Double {
			known.Type = typ
		}
		return
	}
	if typ.Kind == 0 || len(n.list) == MaxInferred || validName(name) != nil || s.hasName(lower) {
		return
	}
	if n.names == nil {
		n.names = map[string]int{}
	}
	n.names[lower] = len(n.list)
	n.list = append(n.list, record.Column{Name: name, Type: typ, Doc: "added from the records"})
}

func (s *Shaper) hasName(lower string) bool {
	for _, c := range s.schema {
		if strings.ToLower(c.Name) == lower {
			return true
		}
	}
	return false
}

// inferType is the type of a column that would hold the value; none for whole
// numbers beyond a bigint, which no type but json would hold exactly.
func inferType(v *jsontext.Value) record.Type {
	switch v.Kind {
	case jsontext.True, jsontext.False:
		return record.Type{Kind: record.Boolean}
	case jsontext.Number:
		n, form := parseNumber(v.Raw)
		if form != exactNumber || !n.isWhole() {
			return record.Type{Kind: record.Double}
		}
		if _, fits := n.int64(); fits {
			return record.Type{Kind: record.Bigint}
		}
		return record.Type{}
	case jsontext.String:
		return record.Type{Kind: record.Varchar}
	}
	return record.Type{Kind: record.JSON}
}
