package jsonata

import "math"

// filter is a predicate: the position of an item, or a test of each.
type filter struct {
	literal bool
	index   float64 // if literal; whole, negative from the end
	test    node
}

// filter gives the items of v, or v itself if it is no array, that pass.
func (r *run) filter(f *filter, v any, env *frame) any {
	if stream, ok := v.(*tuples); ok {
		return r.filterTuples(f, stream, env)
	}
	if a, ok := v.(*array); ok && a.lazy > 0 && f.literal {
		if i, ok := position(f.index, a.lazy); ok {
			return newSequence(a.first + float64(i))
		}
		return newSequence()
	}
	items := r.list(v)
	if !isArray(v) {
		items = []any{v}
	}
	results := newSequence()
	if f.literal {
		if i, ok := position(f.index, len(items)); ok && items[i] != undefined {
			if isArray(items[i]) {
				return items[i]
			}
			results.items = []any{items[i]}
		}
		return results
	}
	for i, item := range items {
		for range r.passes(f, i, len(items), item, env) {
			r.charge(bytesItem)
			results.items = append(results.items, item)
		}
	}
	return results
}

func (r *run) filterTuples(f *filter, stream *tuples, env *frame) *tuples {
	results := &tuples{}
	if f.literal {
		if i, ok := position(f.index, len(stream.all)); ok {
			results.all = []*tuple{stream.all[i]}
		}
		return results
	}
	for i, t := range stream.all {
		for range r.passes(f, i, len(stream.all), t.context, r.tupleFrame(env, t)) {
			results.all = append(results.all, t)
		}
	}
	return results
}

// position is the place in an array of that length that an index means.
func position(index float64, length int) (int, bool) {
	if index < 0 {
		index += float64(length)
	}
	if index < 0 || index >= float64(length) {
		return 0, false
	}
	return int(index), true
}

// passes is how many times item i is in the result of a filter: a test may give a list of positions, with repetitions.
func (r *run) passes(f *filter, i, length int, item any, env *frame) int {
	v := r.eval(f.test, item, env)
	if b, ok := v.(bool); ok {
		return btoi(b)
	}
	if n, ok := number(v); ok {
		return btoi(means(n, i, length))
	}
	if !isArray(v) {
		return btoi(r.truth(v))
	}
	positions := r.list(v)
	if !allNumbers(positions) {
		return btoi(r.truth(v))
	}
	count := 0
	for _, p := range positions {
		r.step()
		count += btoi(means(float(p), i, length))
	}
	return count
}

// means tells whether the index n means the place i.
func means(n float64, i, length int) bool {
	at, ok := position(math.Floor(n), length)
	return ok && at == i
}

func allNumbers(items []any) bool {
	all := true
	for _, item := range items {
		if _, ok := number(item); !ok {
			all = false
		}
	}
	return all
}

func allStrings(items []any) bool {
	for _, item := range items {
		if _, ok := item.(string); !ok {
			return false
		}
	}
	return true
}

// filteredNode is an expression, other than a step, with predicates.
type filteredNode struct {
	of      node
	filters []*filter
}

func (n *filteredNode) eval(r *run, input any, env *frame) any {
	v := n.of.eval(r, input, env)
	for _, f := range n.filters {
		v = r.filter(f, v, env)
	}
	return v
}
