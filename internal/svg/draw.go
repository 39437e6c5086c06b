package svg

import "math"

// draw writes the layout with its upper left corner at dx, dy: the lines first, then what stands over them.
func (l *layout) draw(out *canvas, dx, dy float64) {
	ports := l.ports()
	for _, taken := range []bool{false, true} { // the way that was taken lies over the others
		for i := range l.lines {
			if ln := &l.lines[i]; (ln.edge.Way == Taken || ln.edge.Way == Here) != taken {
				continue
			} else if ln.self {
				l.drawLoop(out, ln, dx, dy)
			} else {
				l.drawLine(out, ln, ports[i], dx, dy)
			}
		}
	}
	for _, it := range l.items {
		if it.node != nil {
			l.drawBox(out, it, dx, dy)
		}
	}
}

// ports are where each line leaves its upper box and reaches its lower one: side by side, in the order of the items that come
// next. Lines that share a lane share its port.
func (l *layout) ports() [][2]float64 {
	ports := make([][2]float64, len(l.lines))
	for i, ln := range l.lines {
		if ln.self {
			continue
		}
		upper, lower := ln.chain[0], ln.chain[len(ln.chain)-1]
		ports[i] = [2]float64{port(upper, upper.below, ln.chain[1]), port(lower, lower.above, ln.chain[len(ln.chain)-2])}
	}
	return ports
}

// port is the place at a box's edge for the line to or from one of its neighbours.
func port(box *item, neighbours []*item, to *item) float64 {
	before := 0 // neighbours that are further left
	for _, n := range neighbours {
		if n.x < to.x {
			before++
		}
	}
	pitch := max(min(16, (box.width-24)/float64(len(neighbours))), 0)
	return box.x + (float64(before)-float64(len(neighbours)-1)/2)*pitch
}

// drawLine writes an edge as a curve through its items and an arrow at its end.
func (l *layout) drawLine(out *canvas, ln *line, port [2]float64, dx, dy float64) {
	class := ln.edge.Way.class()
	last := len(ln.chain) - 1
	x, y := port[0]+dx, l.bottom(ln.chain[0])+dy
	startX, startY := x, y
	straight := false // a vertical piece is still to be written, down to y
	out.add(`<path class="e`, class, `" d="M`, number(x), ` `, number(y))
	for i := 1; i <= last; i++ {
		it := ln.chain[i]
		if i < last && it.rank%2 == 1 && l.heights[it.rank] == 0 { // a rank for labels that has none
			continue
		}
		toX, toY := it.x+dx, l.tops[it.rank]+dy
		if i == last {
			toX, toY = port[1]+dx, l.top(it)+dy
		}
		if math.Abs(toX-x) < 0.05 {
			straight = true
		} else {
			if straight {
				out.add(`V`, number(y))
				straight = false
			}
			middle := number((y + toY) / 2)
			out.add(`C`, number(x), ` `, middle, ` `, number(toX), ` `, middle, ` `, number(toX), ` `, number(toY))
		}
		x, y = toX, toY
		if height := l.heights[it.rank]; i < last && height > 0 {
			y += height
			if it.label == "" {
				straight = true
			} else {
				if straight {
					out.add(`V`, number(toY))
					straight = false
				}
				out.add(`M`, number(x), ` `, number(y)) // the label stands in the line
			}
		}
	}
	if straight {
		out.add(`V`, number(y))
	}
	if ln.edge.Way == Open {
		class = "" // an arrow of dashes is none
	}
	out.add(`"/><path class="e`, class, `" d="M`)
	if ln.up {
		out.add(number(startX-4), ` `, number(startY+6), `l4 -6l4 6"/>`)
	} else {
		out.add(number(x-4), ` `, number(y-6), `l4 6l4 -6"/>`)
	}
	for _, it := range ln.chain {
		if it.label != "" {
			out.add(`<text class="h" x="`, number(it.x+dx), `" y="`, number(l.tops[it.rank]+l.heights[it.rank]/2+4+dy), `" text-anchor="middle">`)
			l.text(out, it.label, ln.edge.Label)
		}
	}
}

// text writes a text that may have been shortened, and the element's end.
func (l *layout) text(out *canvas, short, whole string) {
	out.add(escape(short))
	if short != whole {
		out.add(`<title>`, escape(whole), `</title>`)
	}
	out.add(`</text>`)
}

func (l *layout) drawLoop(out *canvas, ln *line, dx, dy float64) {
	x, y := ln.box.x+ln.box.width/2+dx, l.top(ln.box)+dy+flatHeight/2
	out.add(`<path class="e`, ln.edge.Way.class(), `" d="M`, number(x), ` `, number(y-7), `C`, number(x+24), ` `, number(y-14), ` `, number(x+24), ` `, number(y+14), ` `, number(x), ` `, number(y+7),
		`l7 -3M`, number(x), ` `, number(y+7), `l5 6"/>`)
	if ln.edge.Label != "" {
		out.add(`<text class="h" x="`, number(x+20), `" y="`, number(y+4), `">`, escape(ln.edge.Label), `</text>`)
	}
}

// top and bottom are a box's edges; it stands in the middle of its rank.
func (l *layout) top(it *item) float64    { return l.tops[it.rank] + (l.heights[it.rank]-it.height)/2 }
func (l *layout) bottom(it *item) float64 { return l.top(it) + it.height }

func (l *layout) drawBox(out *canvas, it *item, dx, dy float64) {
	n := it.node
	x, y := it.x+dx, l.top(it)+dy
	switch n.Shape {
	case Start:
		out.add(`<circle class="sk" cx="`, number(x), `" cy="`, number(y+5), `" r="5"/>`)
		return
	case End:
		out.add(`<circle class="e`, n.Way.class(), `" cx="`, number(x), `" cy="`, number(y+7), `" r="7"/><circle class="sk" cx="`, number(x), `" cy="`, number(y+7), `" r="3.5"/>`)
		return
	}
	left := x - it.width/2
	if n.Shape == Choice {
		out.add(`<path class="box`, n.Way.class(), `" d="M`, number(left+10), ` `, number(y), `h`, number(it.width-20), `l10 `, number(it.height/2), `l-10 `, number(it.height/2), `H`, number(left+10),
			`l-10 -`, number(it.height/2), `z"/>`)
	} else {
		out.add(`<rect class="box`, n.Way.class(), `" x="`, number(left), `" y="`, number(y), `" width="`, number(it.width), `" height="`, number(it.height), `" rx="2"/>`)
	}
	indent := 14.0
	head := flatHeight
	if n.Note != "" {
		head = boxHeight
	}
	if n.State != "" {
		indent = 30
		out.add(`<use href="#`, escape(n.State), `" x="`, number(left+12), `" y="`, number(y+head/2-6), `" width="12" height="12"/>`)
	}
	baseline := y + flatHeight/2 + 4
	if n.Note != "" {
		baseline = y + 18
	}
	out.add(`<text x="`, number(left+indent), `" y="`, number(baseline), `">`)
	l.text(out, fit(n.Label, it.width-indent-8), n.Label)
	if n.Note != "" {
		out.add(`<text class="h" x="`, number(left+indent), `" y="`, number(y+33), `">`)
		l.text(out, fit(n.Note, (it.width-indent-8)*13/12), n.Note)
	}
	l.drawInside(out, it, left, y+head)
}

// drawInside writes the branches of a box side by side, in the middle of its width.
func (l *layout) drawInside(out *canvas, it *item, left, y float64) {
	if len(it.inside) == 0 {
		return
	}
	total := margin * float64(len(it.inside)-1)
	for _, branch := range it.inside {
		total += branch.width
	}
	x := left + (it.width-total)/2
	for i, branch := range it.inside {
		if i > 0 {
			out.add(`<path class="e todo" d="M`, number(x-margin/2), ` `, number(y+margin/2), `V`, number(l.bottomOf(it, y)), `"/>`)
		}
		branch.draw(out, x, y)
		x += branch.width + margin
	}
}

// bottomOf is where the line between two branches ends.
func (l *layout) bottomOf(it *item, y float64) float64 {
	tallest := 0.0
	for _, branch := range it.inside {
		tallest = max(tallest, branch.height)
	}
	return y + tallest - margin/2
}
