package shape

import (
	"bytes"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// tree is what a definition takes from a record, laid out as the record is: one
// walk over the text fills every slot. Members that no node names are unknown.
//
// Of a key that stands twice in an object the last one counts, at each level.
type tree struct {
	nodes []node // the record itself is nodes[0]
	slots int
}

// node is an object, or an array, that is looked into.
type node struct {
	name     string // in its parent, an earlier node; the record is its own
	parent   int
	children []child
	byName   map[string]int
}

// child is a member, or an element, that is taken, looked into, or both.
type child struct {
	name  string
	index int // of an element; -1 for a member
	slot  int // where its value goes
	node  int // the node that looks into it, -1 if none does
	whole bool
	key   jsontext.Value // the name as JSON
	// expect is key's text where a record would write it so: not of an element,
	// nor of a name that needs escapes.
	expect []byte
}

// take gives the path a slot. fields are the names a struct column knows of it.
func (t *tree) take(path []step, typ record.Type) int {
	at := 0
	var slot int
	for i, s := range path {
		c := t.child(at, s)
		last := i == len(path)-1
		if slot = t.nodes[at].children[c].slot; !last {
			at = t.open(at, c)
			continue
		}
		if typ.Kind == record.Struct {
			t.know(t.open(at, c), typ)
		} else {
			t.nodes[at].children[c].whole = true
		}
	}
	return slot
}

// know makes the fields of a struct known, so that others end in _extra.
func (t *tree) know(at int, typ record.Type) {
	for _, f := range typ.Fields {
		c := t.child(at, step{name: f.Name, index: -1})
		if f.Type.Kind == record.Struct {
			t.know(t.open(at, c), f.Type)
		} else {
			t.nodes[at].children[c].whole = true
		}
	}
}

// child finds or makes the child of a node.
func (t *tree) child(at int, s step) int {
	n := &t.nodes[at]
	for i, c := range n.children {
		if c.name == s.name && c.index == s.index {
			return i
		}
	}
	c := child{name: s.name, index: s.index, slot: t.slots, node: -1, key: textValue(s.name)}
	if s.index < 0 && !c.key.Escaped {
		c.expect = c.key.Raw
	}
	n.children = append(n.children, c)
	t.slots++
	if s.index < 0 {
		if n.byName == nil {
			n.byName = map[string]int{}
		}
		n.byName[s.name] = len(n.children) - 1
	}
	return len(n.children) - 1
}

// open finds or makes the node that looks into a child.
func (t *tree) open(at, c int) int {
	if n := t.nodes[at].children[c].node; n >= 0 {
		return n
	}
	t.nodes = append(t.nodes, node{name: t.nodes[at].children[c].name, parent: at})
	t.nodes[at].children[c].node = len(t.nodes) - 1
	return len(t.nodes) - 1
}

// walker fills slots from one record after another.
type walker struct {
	tree    *tree
	slots   []jsontext.Value
	follows [][]int32 // of each node and child: which child came next last time
	drop    bool      // unknown members are not wanted
	unknown []unknown
	key     []byte         // an unescaped key
	seen    map[string]int // where unknown keys stand, of an object with many
}

// unknown is a member that nothing takes, or takes only in part.
type unknown struct {
	node       int
	key, value jsontext.Value
	partly     bool
}

func newWalker(t *tree, slots int) *walker {
	w := &walker{tree: t, slots: make([]jsontext.Value, slots), follows: make([][]int32, len(t.nodes))}
	for i, n := range t.nodes {
		w.follows[i] = make([]int32, len(n.children)+1)
		for c := range w.follows[i] {
			w.follows[i][c] = int32(min(c, len(n.children)-1))
		}
	}
	return w
}

// walk fills the slots from a line and returns jsontext's verdict on it.
func (w *walker) walk(line []byte) (code, message string) {
	clear(w.slots[:w.tree.slots])
	w.unknown = w.unknown[:0]
	o := jsontext.NewObject(line)
	w.object(0, &o)
	if code, message = o.Verdict(); code == "" && len(w.tree.nodes) > 1 {
		w.inner(0)
	}
	return code, message
}

// object takes the members of one object, without looking into them: only when
// all have passed is it known which of two with the same key counts.
func (w *walker) object(at int, o *jsontext.Object) {
	n := &w.tree.nodes[at]
	follows := w.follows[at]
	first := len(w.unknown)
	last := 0 // one more than the child that came last
	for {
		guess := int32(-1)
		if o.Expect = nil; len(n.children) > 0 {
			guess = follows[last]
			o.Expect = n.children[guess].expect
		}
		if !o.Next() {
			return
		}
		if o.Met {
			w.slots[n.children[guess].slot] = o.Value
			last = int(guess) + 1
			continue
		}
		key := o.Key.Text()
		if o.Key.Escaped {
			w.key = jsontext.AppendUnescaped(w.key[:0], key)
			key = w.key
		}
		if c, ok := n.byName[string(key)]; ok {
			w.slots[n.children[c].slot] = o.Value
			follows[last] = int32(c)
			last = c + 1
			continue
		}
		if !w.drop {
			w.setAside(at, first, o)
		}
	}
}

// manyUnknown is from where on unknown keys are looked up in a map: a record of
// a hundred thousand fields must not take hours.
const manyUnknown = 32

// setAside keeps an unknown member; first is where its object's ones start.
func (w *walker) setAside(at, first int, o *jsontext.Object) {
	if i := w.find(first, &o.Key); i >= 0 {
		w.unknown[i].value = o.Value
		return
	}
	w.unknown = append(w.unknown, unknown{node: at, key: o.Key, value: o.Value})
}

// find is where an unknown key of the object stands already, -1 if nowhere.
func (w *walker) find(first int, key *jsontext.Value) int {
	count := len(w.unknown) - first
	if count < manyUnknown {
		for i := first; i < len(w.unknown); i++ {
			if w.sameKey(&w.unknown[i].key, key) {
				return i
			}
		}
		return -1
	}
	if count == manyUnknown {
		w.seen = make(map[string]int, 4*manyUnknown)
		for i := first; i < len(w.unknown); i++ {
			w.seen[string(w.unknown[i].key.AppendText(nil))] = i
		}
	}
	w.key = key.AppendText(w.key[:0])
	if i, ok := w.seen[string(w.key)]; ok {
		return i
	}
	w.seen[string(w.key)] = len(w.unknown)
	return -1
}

func (w *walker) sameKey(a, b *jsontext.Value) bool {
	if !a.Escaped && !b.Escaped {
		return bytes.Equal(a.Raw, b.Raw)
	}
	w.key = a.AppendText(w.key[:0])
	split := len(w.key)
	w.key = b.AppendText(w.key)
	return bytes.Equal(w.key[:split], w.key[split:])
}

// inner looks into the children of a node that have nodes of their own. What is
// there and not taken is unknown too, unless a column takes the child whole.
func (w *walker) inner(at int) {
	for i := range w.tree.nodes[at].children {
		c := &w.tree.nodes[at].children[i]
		v := w.slots[c.slot]
		if c.node < 0 || !v.Present() {
			continue
		}
		first := len(w.unknown)
		switch v.Kind {
		case jsontext.ObjectKind:
			o := jsontext.NewObject(v.Raw)
			w.object(c.node, &o)
			w.inner(c.node)
		case jsontext.ArrayKind:
			w.elements(c.node, &v)
			w.inner(c.node)
			fallthrough
		default: // an element has no name to stand under: the whole is kept
			w.unknown = append(w.unknown[:first], unknown{node: at, key: c.key, value: v, partly: true})
		}
		if c.whole {
			w.unknown = w.unknown[:first]
		}
	}
}

// elements takes those elements of an array that a path names by number.
func (w *walker) elements(at int, v *jsontext.Value) {
	n := &w.tree.nodes[at]
	a := jsontext.NewArray(v)
	for i := 0; a.Next(); i++ {
		for k := range n.children {
			if n.children[k].index == i {
				w.slots[n.children[k].slot] = a.Value
			}
		}
	}
}
