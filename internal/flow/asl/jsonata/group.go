package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

// group is an object constructor: the values of its input are grouped by their names, and each group gives one member.
type group struct {
	names    []node
	values   []node
	position int
}

// groupEntry is the values that have one name.
type groupEntry struct {
	name   string
	pair   int // which of the constructor's pairs gave the name
	data   any // a value, or several as an array
	grown  bool
	tuples []*tuple
}

// objectNode makes an object of the context.
type objectNode struct{ group *group }

func (n *objectNode) eval(r *run, input any, env *frame) any { return n.group.eval(r, input, env) }

// groupedNode makes an object of the values of an expression other than a path.
type groupedNode struct {
	of    node
	group *group
}

func (n *groupedNode) eval(r *run, input any, env *frame) any {
	return n.group.eval(r, n.of.eval(r, input, env), env)
}

func (g *group) eval(r *run, input any, env *frame) any {
	if stream, ok := input.(*tuples); ok {
		return g.evalTuples(r, stream, env)
	}
	items := r.list(input)
	if len(items) == 0 {
		if isArray(input) {
			input = undefined
		}
		items = []any{input}
	}
	entries := g.newEntries(len(items))
	for _, item := range items {
		for pair := range g.names {
			name, ok := g.name(r, pair, item, env)
			if !ok {
				continue
			}
			if e, added := entries.at(g, name, pair); added {
				e.data = item
			} else {
				e.add(r, item)
			}
		}
	}
	result := value.NewObject(len(entries.list))
	for i := range entries.list {
		e := &entries.list[i]
		g.set(r, result, e, e.data, env)
	}
	return result
}

// add appends an item to a group as $append does: arrays become one.
func (e *groupEntry) add(r *run, item any) {
	if !e.grown {
		e.data, e.grown = &array{items: append([]any(nil), r.asList(e.data)...)}, true
	}
	added := r.asList(item)
	r.charge((len(added) + 1) * bytesItem)
	data := e.data.(*array)
	data.items = append(data.items, added...)
}

// asList are the items of an array, or v as the only one; none of undefined.
func (r *run) asList(v any) []any {
	if isArray(v) {
		return r.list(v)
	}
	if v == undefined {
		return nil
	}
	return []any{v}
}

func (g *group) name(r *run, pair int, item any, env *frame) (string, bool) {
	v := r.eval(g.names[pair], item, env)
	if name, ok := v.(string); ok {
		return name, true
	}
	if v != undefined {
		panic(mistake("T1003", g.position).withValue(v))
	}
	return "", false
}

func (g *group) set(r *run, result *value.Object, e *groupEntry, context any, env *frame) {
	if v := r.eval(g.values[e.pair], context, env); v != undefined {
		r.charge(bytesMember)
		result.Set(e.name, v)
	}
}

func (g *group) evalTuples(r *run, stream *tuples, env *frame) any {
	all := stream.all
	if len(all) == 0 {
		all = []*tuple{{context: undefined}}
	}
	entries := g.newEntries(len(all))
	for _, t := range all {
		inner := r.tupleFrame(env, t)
		for pair := range g.names {
			if name, ok := g.name(r, pair, t.context, inner); ok {
				e, _ := entries.at(g, name, pair)
				e.tuples = append(e.tuples, t)
			}
		}
	}
	result := value.NewObject(len(entries.list))
	for i := range entries.list {
		e := &entries.list[i]
		t := r.reduce(e.tuples)
		g.set(r, result, e, t.context, r.tupleFrame(env, t))
	}
	return result
}

// reduce makes one tuple of several, each variable holding the values of all of them.
func (r *run) reduce(list []*tuple) *tuple {
	if len(list) == 1 {
		return list[0]
	}
	result := r.copyTuple(list[0])
	for _, t := range list[1:] {
		result.context = r.appended(result.context, t.context)
		for _, b := range t.bindings {
			var before any = undefined
			for _, x := range result.bindings {
				if x.name == b.name {
					before = x.value
				}
			}
			result.with(b.name, r.appended(before, b.value))
		}
	}
	return result
}

// groupEntries are entries in the order of their first appearance.
type groupEntries struct {
	list  []groupEntry
	index map[string]int // made when there are too many to walk through
}

func (g *group) newEntries(items int) *groupEntries {
	return &groupEntries{list: make([]groupEntry, 0, min(len(g.names)*items, 16))}
}

// at is the entry of a name, which a pair has just given; added tells whether it is new.
func (s *groupEntries) at(g *group, name string, pair int) (e *groupEntry, added bool) {
	at := -1
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			at = i
		}
	} else {
		for i := range s.list {
			if s.list[i].name == name {
				at = i
				break
			}
		}
	}
	if at >= 0 {
		if s.list[at].pair != pair {
			panic(mistake("D1009", g.position).withValue(name))
		}
		return &s.list[at], false
	}
	s.list = append(s.list, groupEntry{name: name, pair: pair})
	if s.index != nil {
		s.index[name] = len(s.list) - 1
	} else if len(s.list) == 9 {
		s.index = make(map[string]int, 32)
		for i := range s.list {
			s.index[s.list[i].name] = i
		}
	}
	return &s.list[len(s.list)-1], true
}
