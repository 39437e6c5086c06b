package svg

// settlings is how often positions are evened out, downward and upward in turn; the last time downward.
const settlings = 4

// place gives every rank its height and every item its position.
func (l *layout) place() {
	l.heights = make([]float64, len(l.ranks))
	l.tops = make([]float64, len(l.ranks))
	y := margin
	for r, rank := range l.ranks {
		for _, it := range rank {
			l.heights[r] = max(l.heights[r], it.height)
		}
		l.tops[r] = y
		y += l.heights[r]
		if r%2 == 0 {
			y += rankGap
		} else if l.heights[r] > 0 {
			y += rankGap * 0.7
		}
	}
	last := len(l.ranks) - 1
	l.height = margin * 2
	if last >= 0 {
		l.height = l.tops[last] + l.heights[last] + margin
	}
	l.spread()
	var s settler
	for pass := 0; pass < settlings; pass++ {
		for r := 1; r < len(l.ranks); r++ {
			s.settle(l.ranks[r], true)
		}
		if pass == settlings-1 {
			break
		}
		for r := len(l.ranks) - 2; r >= 0; r-- {
			s.settle(l.ranks[r], false)
		}
	}
	l.shift()
}

// apart is the least distance between the middles of two neighbours.
func apart(left, right *item) float64 {
	gap := lineGap
	if left.node != nil && right.node != nil {
		gap = columnGap
	}
	return (left.width+right.width)/2 + gap
}

// spread puts each rank's items side by side, around the middle.
func (l *layout) spread() {
	for _, rank := range l.ranks {
		x := 0.0
		for i, it := range rank {
			if i > 0 {
				x += apart(rank[i-1], it)
			}
			it.x = x
		}
		for _, it := range rank {
			it.x -= x / 2
		}
	}
}

// settler holds what settling a rank needs, from one rank to the next.
type settler struct {
	blocks  []block
	offsets []float64
}

// block is a number of items that touch: together they want to be at sum / weight.
type block struct {
	sum, weight float64
	count       int
}

// settle moves a rank's items as near to the mean of their neighbours as their order and distances allow: the least sum of
// weighted squares, which pooling items that want into one another gives.
func (s *settler) settle(rank []*item, above bool) {
	s.blocks, s.offsets = s.blocks[:0], s.offsets[:0]
	offset := 0.0
	for i, it := range rank {
		if i > 0 {
			offset += apart(rank[i-1], it)
		}
		s.offsets = append(s.offsets, offset)
		want, weight := it.wants(above)
		b := block{sum: (want - offset) * weight, weight: weight, count: 1}
		for n := len(s.blocks); n > 0 && s.blocks[n-1].sum/s.blocks[n-1].weight > b.sum/b.weight; n-- {
			before := s.blocks[n-1]
			s.blocks = s.blocks[:n-1]
			b = block{b.sum + before.sum, b.weight + before.weight, b.count + before.count}
		}
		s.blocks = append(s.blocks, b)
	}
	i := 0
	for _, b := range s.blocks {
		for range b.count {
			rank[i].x = b.sum/b.weight + s.offsets[i]
			i++
		}
	}
}

// wants is where an item would like to be for its neighbours above or below, and how much.
func (it *item) wants(above bool) (x, weight float64) {
	near := it.below
	if above {
		near = it.above
	}
	if len(near) == 0 {
		return it.x, 0.05
	}
	for _, n := range near {
		x += n.x
	}
	x /= float64(len(near))
	if it.node == nil && near[0].node == nil { // a line that goes on straight
		return x, 4
	}
	return x, 1
}

// shift moves everything to the right of the left margin and takes the width.
func (l *layout) shift() {
	if len(l.items) == 0 {
		l.width = 2 * margin
		return
	}
	left, right := l.items[0].x, l.items[0].x
	for _, it := range l.items {
		left = min(left, it.x-it.width/2)
		right = max(right, it.x+it.width/2)
	}
	for _, ln := range l.lines {
		if ln.self {
			right = max(right, ln.box.x+ln.box.width/2+22+textWidth(ln.edge.Label)*12/13)
		}
	}
	for _, it := range l.items {
		it.x += margin - left
	}
	l.width = right - left + 2*margin
}
