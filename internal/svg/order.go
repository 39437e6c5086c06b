package svg

import (
	"cmp"
	"slices"
)

// The ranks are ordered by their neighbours, downward and upward in turn, at most sweeps times, and no more often than patience
// after the last time that it helped.
const (
	sweeps   = 10
	patience = 3
)

// reduceCrossings orders the items of each rank by the median of their neighbours' places, swaps neighbours where that helps,
// and keeps the best order that it saw.
func (l *layout) reduceCrossings() {
	l.initialOrder()
	best, fewest := l.snapshot(), l.crossings()
	var s sorter
	for sweep, last := 0, 0; sweep < sweeps && sweep-last < patience && fewest > 0; sweep++ {
		if sweep%2 == 0 {
			for r := 1; r < len(l.ranks); r++ {
				s.byMedian(l.ranks[r], true)
			}
		} else {
			for r := len(l.ranks) - 2; r >= 0; r-- {
				s.byMedian(l.ranks[r], false)
			}
		}
		l.swapNeighbours()
		if n := l.crossings(); n < fewest {
			best, fewest, last = l.snapshot(), n, sweep
		}
	}
	for r, order := range best {
		copy(l.ranks[r], order)
		renumber(order)
	}
}

// initialOrder is that of a walk downward from the tops, so that what belongs together begins together.
func (l *layout) initialOrder() {
	next := make([]int, len(l.ranks))
	seen := make(map[*item]bool, len(l.items))
	var stack []*item
	for i := len(l.items) - 1; i >= 0; i-- {
		if it := l.items[i]; len(it.above) == 0 {
			stack = append(stack, it)
		}
	}
	for len(stack) > 0 {
		it := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[it] {
			continue
		}
		seen[it] = true
		it.order = next[it.rank]
		next[it.rank]++
		for i := len(it.below) - 1; i >= 0; i-- {
			stack = append(stack, it.below[i])
		}
	}
	for _, rank := range l.ranks {
		slices.SortStableFunc(rank, func(a, b *item) int { return cmp.Compare(a.order, b.order) })
	}
}

func renumber(rank []*item) {
	for i, it := range rank {
		it.order = i
	}
}

func (l *layout) snapshot() [][]*item {
	copied := make([][]*item, len(l.ranks))
	for r, rank := range l.ranks {
		copied[r] = append([]*item(nil), rank...)
	}
	return copied
}

// sorter holds what sorting a rank needs, from one rank to the next.
type sorter struct {
	movable []median
	places  []int
	free    []int
}

type median struct {
	it    *item
	value float64
}

// byMedian sorts a rank by the neighbours above or below; what has none keeps its place.
func (s *sorter) byMedian(rank []*item, above bool) {
	if len(rank) < 2 {
		return
	}
	s.movable, s.free = s.movable[:0], s.free[:0]
	for i, it := range rank {
		near := it.below
		if above {
			near = it.above
		}
		if len(near) == 0 {
			continue
		}
		s.places = s.places[:0]
		for _, n := range near {
			s.places = append(s.places, n.order)
		}
		slices.Sort(s.places)
		middle := len(s.places) / 2
		value := float64(s.places[middle])
		if len(s.places)%2 == 0 {
			value = float64(s.places[middle-1]+s.places[middle]) / 2
		}
		s.movable = append(s.movable, median{it, value})
		s.free = append(s.free, i)
	}
	slices.SortStableFunc(s.movable, func(a, b median) int { return cmp.Compare(a.value, b.value) })
	for i, m := range s.movable {
		rank[s.free[i]] = m.it
	}
	renumber(rank)
}

// swapNeighbours exchanges items next to one another as long as that takes crossings away.
func (l *layout) swapNeighbours() {
	for pass := 0; pass < 4; pass++ {
		better := false
		for _, rank := range l.ranks {
			for i := 1; i < len(rank); i++ {
				left, right := rank[i-1], rank[i]
				now := crossed(left.above, right.above) + crossed(left.below, right.below)
				if now == 0 {
					continue
				}
				if then := crossed(right.above, left.above) + crossed(right.below, left.below); then < now {
					rank[i-1], rank[i] = right, left
					left.order, right.order = i, i-1
					better = true
				}
			}
		}
		if !better {
			return
		}
	}
}

// crossed counts the crossings of lines from a left item to its neighbours with those from a right one.
func crossed(left, right []*item) int {
	n := 0
	for _, a := range left {
		for _, b := range right {
			if a.order > b.order {
				n++
			}
		}
	}
	return n
}

// crossings counts all crossings, rank by rank, with a tree of sums over the places below.
func (l *layout) crossings() int {
	total := 0
	var sums []int
	var ends []int
	for r := 0; r+1 < len(l.ranks); r++ {
		size := len(l.ranks[r+1]) + 1
		if cap(sums) < size {
			sums = make([]int, size)
		}
		sums = sums[:size]
		clear(sums)
		placed := 0
		for _, it := range l.ranks[r] {
			ends = ends[:0]
			for _, to := range it.below {
				ends = append(ends, to.order)
			}
			slices.Sort(ends)
			for _, end := range ends {
				upTo := 0
				for i := end + 1; i > 0; i -= i & -i {
					upTo += sums[i]
				}
				total += placed - upTo
			}
			for _, end := range ends {
				for i := end + 1; i < size; i += i & -i {
					sums[i]++
				}
				placed++
			}
		}
	}
	return total
}
