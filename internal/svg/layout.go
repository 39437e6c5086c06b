package svg

// Sizes in pixels.
const (
	margin     = 12.0
	columnGap  = 24.0 // between boxes of one rank
	lineGap    = 12.0 // between lines, and between a line and a box
	rankGap    = 22.0 // between a rank of boxes and the rank of labels below
	labelRank  = 16.0 // the height of a rank with labels
	boxHeight  = 40.0
	flatHeight = 30.0 // of a box without a note
	minWidth   = 96.0
	maxWidth   = 260.0
	letter     = 7.0 // the width of a letter at 13 pixels, on average
)

// layout is a graph with places. Boxes stand on even ranks. Every edge passes through the odd rank below each of them, where
// its label stands, and through the even ranks in between as a line: as an item of its own there, so that nothing overlaps.
type layout struct {
	graph         *Graph
	width, height float64
	items         []*item   // the boxes first, in the graph's order
	ranks         [][]*item // from the top, each from left to right
	lines         []line
	tops          []float64 // of each rank
	heights       []float64
	spare         []item // not yet used
}

// item is something that takes up room in a rank: a box, or a part of an edge.
type item struct {
	node          *Node // of a box
	label         string
	inside        []*layout
	rank, order   int
	x             float64 // of the middle
	width, height float64
	above, below  []*item // neighbours in the ranks next to it

	lanesDown, lanesUp []*item  // of a box: the lanes of the edges that end at it, by the number of ranks away from it, from 1
	one                [2]*item // where above and below begin, for items with one neighbour on either side
}

// line is an edge as a chain of items from the upper end to the lower.
type line struct {
	edge  *Edge
	chain []*item
	up    bool // the edge leads from the last item to the first
	self  bool // from a box to itself: no chain
	box   *item
}

// arrange finds a place for everything: ranks without edges against the direction, an order with few crossings, then
// positions that keep lines straight and boxes apart (the method of Sugiyama, Tagawa and Toda).
func arrange(g *Graph) *layout {
	l := &layout{graph: g}
	byID := make(map[string]*item, len(g.Nodes))
	for i := range g.Nodes {
		it := l.box(&g.Nodes[i])
		l.items = append(l.items, it)
		if _, taken := byID[it.node.ID]; !taken {
			byID[it.node.ID] = it
		}
	}
	l.rank(byID)
	l.reduceCrossings()
	l.place()
	return l
}

// box measures a node.
func (l *layout) box(n *Node) *item {
	it := &item{node: n}
	switch n.Shape {
	case Start:
		it.width, it.height = 10, 10
		return it
	case End:
		it.width, it.height = 14, 14
		return it
	}
	it.height = flatHeight
	if n.Note != "" {
		it.height = boxHeight
	}
	it.width = min(max(textWidth(n.Label), textWidth(n.Note)*12/13)+42, maxWidth)
	it.width = max(it.width, minWidth)
	if len(n.Inside) == 0 {
		return it
	}
	inner, tallest := margin, 0.0
	for i := range n.Inside {
		branch := arrange(&n.Inside[i])
		it.inside = append(it.inside, branch)
		inner += branch.width + margin
		tallest = max(tallest, branch.height)
	}
	it.width = max(it.width, inner)
	it.height += tallest + margin
	return it
}

// textWidth estimates the width of a text at 13 pixels.
func textWidth(text string) float64 {
	width := 0.0
	for _, r := range text {
		if r >= 0x1100 { // the wide scripts
			width += 13
		} else {
			width += letter
		}
	}
	return width
}

// fit shortens a text to a width.
func fit(text string, width float64) string {
	if textWidth(text) <= width {
		return text
	}
	for i, r := range text {
		w := letter
		if r >= 0x1100 {
			w = 13
		}
		if width -= w; width < 13 {
			return text[:i] + "…"
		}
	}
	return text
}
