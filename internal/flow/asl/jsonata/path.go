package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

// pathNode is a location path: every step is evaluated for each value that the steps before it gave.
type pathNode struct {
	steps         []step
	group         *group
	absolute      bool // the first step is a variable: an array as the context is one value to it
	keepSingleton bool
	tuples        bool // some step makes tuples
	keepTuples    bool // the tuples are the result: a path around this one uses them
}

type step struct {
	node     node
	name     string // of a member
	isName   bool   // the step is a member and nothing else
	order    *orderNode
	stages   []stepStage
	cons     bool
	tuple    bool
	focus    int // variables, -1 for none
	index    int
	ancestor int
}

// stepStage is a filter or, if that is nil, a variable for the position.
type stepStage struct {
	filter *filter
	index  int
}

func (p *pathNode) eval(r *run, input any, env *frame) any {
	if p.tuples {
		return p.evalTuples(r, input, env)
	}
	items, ok := []any(nil), false
	if !p.absolute {
		items, ok = r.list(input), isArray(input)
	}
	if !ok {
		// The sequence of one value: members are followed one by one, without making sequences of them.
		at := 0
		for ; at < len(p.steps) && p.steps[at].isName; at++ {
			r.step()
			v := r.member(input, p.steps[at].name)
			if v == undefined {
				return p.finish(r, newSequence(), env)
			}
			if isArray(v) {
				return p.rest(r, p.flow([]any{v}, at), at+1, env)
			}
			input = v
		}
		if at == len(p.steps) {
			if p.group == nil && !p.keepSingleton {
				return input
			}
			return p.finish(r, newSequence(input), env)
		}
		return p.rest(r, newSequence(input), at, env)
	}
	return p.rest(r, &array{items: items}, 0, env)
}

// rest evaluates the steps from the given one on. Its input is an array.
func (p *pathNode) rest(r *run, input any, from int, env *frame) any {
	for i := from; i < len(p.steps); i++ {
		s := &p.steps[i]
		if i == 0 && s.cons {
			input = r.eval(s.node, input, env)
		} else {
			input = p.step(r, i, input, env)
		}
		if length(input) == 0 {
			break
		}
	}
	return p.finish(r, input, env)
}

// finish makes the result of the values that the last step gave.
func (p *pathNode) finish(r *run, v any, env *frame) any {
	if p.keepSingleton {
		if a, ok := v.(*array); ok {
			if a.cons && !a.sequence {
				v = &array{items: []any{a}, sequence: true, keep: true}
			} else {
				a.keep = true
			}
		}
	}
	if p.group != nil {
		return p.group.eval(r, v, env)
	}
	return v
}

// length is the number of items of an array; 0 of undefined, 1 of anything else.
func length(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case *array:
		return v.length()
	case missing:
		return 0
	}
	return 1
}

func (p *pathNode) step(r *run, at int, input any, env *frame) any {
	s := &p.steps[at]
	if s.order != nil {
		v := s.order.sort(r, input, env)
		for i := range s.stages {
			v = r.filter(s.stages[i].filter, v, env)
		}
		return v
	}
	items := r.list(input)
	results := make([]any, 0, len(items))
	r.charge(len(items) * bytesItem)
	for _, item := range items {
		var v any
		if s.isName {
			r.step()
			v = r.member(item, s.name)
		} else {
			v = r.eval(s.node, item, env)
			for i := range s.stages {
				v = r.filter(s.stages[i].filter, v, env)
			}
		}
		if v != undefined {
			results = append(results, v)
		}
	}
	return p.flow(results, at)
}

// flow makes one sequence of the results of step at. The last step's only result is left as it is if it is an array of the data.
func (p *pathNode) flow(results []any, at int) any {
	if at == len(p.steps)-1 && len(results) == 1 && isArray(results[0]) && !isSequence(results[0]) {
		return results[0]
	}
	flat := true
	size := 0
	for _, v := range results {
		if isArray(v) {
			flat = false
			size += length(v)
		}
	}
	if flat {
		return &array{items: results, sequence: true}
	}
	items := make([]any, 0, len(results)+size)
	for _, v := range results {
		a, _ := v.(*array)
		if inner, ok := elements(v); ok && (a == nil || !a.cons) {
			items = append(items, inner...)
		} else {
			items = append(items, v)
		}
	}
	return &array{items: items, sequence: true}
}

// member is the member called name of v; of an array those of its items, what a sequence of them stands for.
func (r *run) member(v any, name string) any {
	if o, ok := v.(*value.Object); ok {
		if item, ok := o.Get(name); ok {
			if a, ok := item.(*array); ok && a.sequence {
				return a.settled()
			}
			return item
		}
		return undefined
	}
	if !isArray(v) {
		return undefined
	}
	return r.lookup(v, name).(*array).settled()
}

// lookup is the member called name of v, undefined if there is none; of an array the sequence of those of its items.
func (r *run) lookup(v any, name string) any {
	if o, ok := v.(*value.Object); ok {
		if item, ok := o.Get(name); ok {
			return item
		}
		return undefined
	}
	if !isArray(v) {
		return undefined
	}
	r.enter()
	defer r.leave()
	found := newSequence()
	for _, item := range r.list(v) {
		r.step()
		v := r.lookup(item, name)
		if v == undefined {
			continue
		}
		if inner, ok := elements(v); ok {
			r.charge(len(inner) * bytesItem)
			found.items = append(found.items, inner...)
		} else {
			r.charge(bytesItem)
			found.items = append(found.items, v)
		}
	}
	return found
}

// nameNode is a member of the context.
type nameNode struct{ name string }

func (n *nameNode) eval(r *run, input any, _ *frame) any { return r.lookup(input, n.name) }

// wildcardNode is all members of the context.
type wildcardNode struct{}

func (wildcardNode) eval(r *run, input any, _ *frame) any {
	results := newSequence()
	add := func(v any) {
		r.step()
		if isArray(v) {
			// Values that were appended to are an array of the expression's own and no sequence any more.
			results.items, results.sequence = r.flatten(results.items, v), false
		} else {
			results.items = append(results.items, v)
		}
		r.charge(bytesItem)
	}
	if a, ok := input.(*array); ok && a.wholeData {
		input = a.items[0]
	}
	if o, ok := input.(*value.Object); ok {
		members(o, func(_ string, item any) { add(item) })
	}
	for _, item := range r.list(input) {
		add(item)
	}
	return results
}

// flatten appends the items of an array, and of the arrays inside it.
func (r *run) flatten(to []any, v any) []any {
	if !isArray(v) {
		r.charge(bytesItem)
		return append(to, v)
	}
	r.enter()
	defer r.leave()
	for _, item := range r.list(v) {
		r.step()
		to = r.flatten(to, item)
	}
	return to
}

// descendantNode is the context and everything in it.
type descendantNode struct{}

func (descendantNode) eval(r *run, input any, _ *frame) any {
	if input == undefined {
		return undefined
	}
	results := newSequence()
	r.descend(input, results)
	if len(results.items) == 1 {
		return results.items[0]
	}
	return results
}

func (r *run) descend(v any, results *array) {
	r.step()
	r.enter()
	defer r.leave()
	if isArray(v) {
		for _, item := range r.list(v) {
			r.descend(item, results)
		}
		return
	}
	r.charge(bytesItem)
	results.items = append(results.items, v)
	if o, ok := v.(*value.Object); ok {
		members(o, func(_ string, item any) { r.descend(item, results) })
	}
}

// keepNode marks the sequence of a node that was followed by [].
type keepNode struct{ of node }

func (n *keepNode) eval(r *run, input any, env *frame) any {
	v := n.of.eval(r, input, env)
	if a, ok := v.(*array); ok && a.sequence {
		a.keep = true
	}
	return v
}
