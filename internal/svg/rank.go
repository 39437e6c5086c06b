package svg

import "slices"

// rank gives every box an even rank below those that lead to it, and makes chains of the edges.
func (l *layout) rank(byID map[string]*item) {
	boxes := l.items
	var down [][2]*item // every edge from its upper to its lower end
	seen := make(map[*item]int, len(boxes))
	out := make(map[*item][]*Edge, len(boxes))
	for i := range l.graph.Edges {
		e := &l.graph.Edges[i]
		from, to := byID[e.From], byID[e.To]
		if from == nil || to == nil {
			continue
		}
		out[from] = append(out[from], e)
	}
	const open, closed = 1, 2
	type visit struct {
		it   *item
		next int
	}
	for _, start := range boxes { // depth first, without recursion: a chain may be long
		if seen[start] != 0 {
			continue
		}
		seen[start] = open
		stack := []visit{{it: start}}
		for len(stack) > 0 {
			v := &stack[len(stack)-1]
			if v.next == len(out[v.it]) {
				seen[v.it] = closed
				stack = stack[:len(stack)-1]
				continue
			}
			e := out[v.it][v.next]
			v.next++
			to := byID[e.To]
			switch {
			case to == v.it:
				l.lines = append(l.lines, line{edge: e, self: true, box: v.it})
			case seen[to] == open: // against the direction
				down = append(down, [2]*item{to, v.it})
				l.lines = append(l.lines, line{edge: e, up: true})
			default:
				down = append(down, [2]*item{v.it, to})
				l.lines = append(l.lines, line{edge: e})
				if seen[to] == 0 {
					seen[to] = open
					stack = append(stack, visit{it: to})
				}
			}
		}
	}
	longestPaths(boxes, down)
	l.chains(down)
}

// longestPaths ranks each box two below the lowest of those above it.
func longestPaths(boxes []*item, down [][2]*item) {
	waiting := make(map[*item]int, len(boxes))
	below := make(map[*item][]*item, len(boxes))
	for _, e := range down {
		waiting[e[1]]++
		below[e[0]] = append(below[e[0]], e[1])
	}
	var ready []*item
	for _, it := range boxes {
		if waiting[it] == 0 {
			ready = append(ready, it)
		}
	}
	for len(ready) > 0 {
		it := ready[0]
		ready = ready[1:]
		for _, next := range below[it] {
			next.rank = max(next.rank, it.rank+2)
			if waiting[next]--; waiting[next] == 0 {
				ready = append(ready, next)
			}
		}
	}
}

// chains puts an item of each edge into every rank between its ends and fills the ranks. Next to where an edge begins, its
// label stands in an item of its own; from there on the edges with a common end share a lane.
func (l *layout) chains(down [][2]*item) {
	i := 0
	for n := range l.lines {
		ln := &l.lines[n]
		if ln.self {
			continue
		}
		upper, lower := down[i][0], down[i][1]
		i++
		own, end, lanes := upper.rank+1, lower, &lower.lanesDown
		if ln.up {
			own, end, lanes = lower.rank-1, upper, &upper.lanesUp
		}
		ln.chain = make([]*item, 0, lower.rank-upper.rank+1)
		ln.chain = append(ln.chain, upper)
		for rank := upper.rank + 1; rank < lower.rank; rank++ {
			if rank == own {
				ln.chain = append(ln.chain, l.labelItem(ln.edge.Label, rank))
				continue
			}
			distance := end.rank - rank
			if ln.up {
				distance = -distance
			}
			for len(*lanes) < distance {
				*lanes = append(*lanes, nil)
			}
			if (*lanes)[distance-1] == nil {
				(*lanes)[distance-1] = l.newItem(rank)
			}
			ln.chain = append(ln.chain, (*lanes)[distance-1])
		}
		ln.chain = append(ln.chain, lower)
	}
	l.connect()
	deepest := 0
	for _, it := range l.items {
		deepest = max(deepest, it.rank)
	}
	l.ranks = make([][]*item, deepest+1)
	for _, it := range l.items {
		it.order = len(l.ranks[it.rank])
		l.ranks[it.rank] = append(l.ranks[it.rank], it)
	}
}

// newItem makes a part of an edge.
func (l *layout) newItem(rank int) *item {
	if len(l.spare) == 0 {
		l.spare = make([]item, 128)
	}
	it := &l.spare[0]
	l.spare = l.spare[1:]
	it.rank, it.width = rank, 1
	it.above, it.below = it.one[0:0:1], it.one[1:1:2]
	l.items = append(l.items, it)
	return it
}

func (l *layout) labelItem(text string, rank int) *item {
	it := l.newItem(rank)
	if text != "" {
		it.label = fit(text, maxWidth*0.7)
		it.width, it.height = textWidth(it.label)*12/13+8, labelRank
	}
	return it
}

// connect makes neighbours of the items that follow one another, once where edges share them.
func (l *layout) connect() {
	for _, ln := range l.lines {
		for i := 1; i < len(ln.chain); i++ {
			upper, lower := ln.chain[i-1], ln.chain[i]
			if slices.Contains(upper.below, lower) {
				continue
			}
			upper.below = append(upper.below, lower)
			lower.above = append(lower.above, upper)
		}
	}
}
