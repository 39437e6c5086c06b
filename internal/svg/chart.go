package svg

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// Point is a value at a time; for bars, of the interval that begins there. A value that is not a number is missing, which is not zero.
type Point struct {
	Time  time.Time
	Value float64
}

// Gap is a time without data and why, in two or three words. Nothing is drawn in it but a bracket with the reason.
type Gap struct {
	From, To time.Time
	Reason   string
}

// Mark is a moment to be seen in the chart, such as a new version.
type Mark struct {
	Time  time.Time
	Label string
}

// Chart is a line or a bar chart over time. Points, Second and Gaps are in the order of time; what lies outside From and To is left out.
type Chart struct {
	Sentence string // says what the chart shows, for who cannot see it; made from the points if empty
	From, To time.Time
	Zone     *time.Location // of the axis; UTC if nil
	Every    time.Duration  // between two points; farther apart than one and a half times that, they are not joined. Bars need it.
	Points   []Point
	Second   []Point // a second line, without an area
	Gaps     []Gap
	Marks    []Mark
	Height   int                    // in pixels with the axis; 150 if 0
	Value    func(float64) string   // writes a value; with commas between thousands if nil
	Date     func(time.Time) string // writes a local day; "Sat 21 Nov" if nil
	Name     func(Point) string     // a bar's title; time and value if nil

	bars bool
}

// What stands in a chart's height, in pixels: at its foot the axis and its labels, at
// its head the label of the highest point, and above that the labels of marks.
const (
	axisHeight  = 22
	labelHeight = 18
	markHeight  = 14
)

// LineChart draws the points joined, over an area down to zero.
func LineChart(c Chart) template.HTML {
	c.defaults()
	top := c.top()
	return c.draw(top, func(out *canvas) {
		area, line := c.paths(c.Points, top)
		if area != "" {
			out.add(`<path class="area" d="`, area, `"/><path class="ln" stroke-linecap="round" d="`, line, `"/>`)
		}
		if _, second := c.paths(c.Second, top); second != "" {
			out.add(`<path fill="none" stroke="var(--ink2)" stroke-width="1.5" stroke-linecap="round" vector-effect="non-scaling-stroke" d="`, second, `"/>`)
		}
	})
}

// BarChart draws a bar for each point, as wide as Every, less a gap between the bars.
func BarChart(c Chart) template.HTML {
	c.defaults()
	c.bars = true
	top := c.top()
	return c.draw(top, func(out *canvas) {
		for _, p := range c.visible(c.Points) {
			if math.IsNaN(p.Value) {
				continue
			}
			from, to := c.x(p.Time), min(c.x(p.Time.Add(c.Every)), 1)
			width := (to - from) * 1000
			out.add(`<path class="bk" d="M`, number(from*1000), ` 100V`, number(100-100*max(p.Value, 0)/top), `h`, number(max(width*0.88, width-3)), `V100z"><title>`,
				escape(c.name(p)), `</title></path>`)
		}
	})
}

func (c *Chart) defaults() {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Height <= axisHeight {
		c.Height = 150
	}
	if c.Value == nil {
		c.Value = Thousands
	}
	if c.Date == nil {
		c.Date = func(t time.Time) string { return t.Format("Mon 2 Jan") }
	}
	if !c.To.After(c.From) {
		c.To = c.From.Add(time.Second)
	}
}

func (c *Chart) name(p Point) string {
	if c.Name != nil {
		return c.Name(p)
	}
	return p.Time.In(c.Zone).Format("15:04 ") + c.Date(p.Time.In(c.Zone)) + ": " + c.Value(p.Value)
}

// x is where a time lies between From and To, 0 to 1. It goes by how long time took, not by the clock's hands.
func (c *Chart) x(t time.Time) float64 { return float64(t.Sub(c.From)) / float64(c.To.Sub(c.From)) }

// visible are the points from From to To that do not lie in a gap; one that is missing stays, to break the line.
func (c *Chart) visible(points []Point) []Point {
	var kept []Point
	for _, p := range points {
		if p.Time.Before(c.From) || p.Time.After(c.To) || math.IsInf(p.Value, 0) {
			continue
		}
		for _, gap := range c.Gaps {
			if p.Time.After(gap.From) && p.Time.Before(gap.To) {
				p.Value = math.NaN()
			}
		}
		kept = append(kept, p)
	}
	return kept
}

// top is the value at the upper edge, so far above the highest that the labels have
// room: they stand at any height up to their point's, and never reach those of marks.
func (c *Chart) top() float64 {
	highest := 0.0
	for _, p := range append(c.visible(c.Points), c.visible(c.Second)...) {
		if p.Value > highest {
			highest = p.Value
		}
	}
	if highest == 0 {
		return 1
	}
	inner, head := float64(c.Height-axisHeight), float64(labelHeight)
	if slices.ContainsFunc(c.Marks, func(m Mark) bool { return c.seen(m) }) {
		head += markHeight
	}
	return highest * inner / max(inner-head, inner/2)
}

func (c *Chart) seen(m Mark) bool { return c.x(m.Time) >= 0 && c.x(m.Time) <= 1 }

// paths are the area under the points and the line through them, both interrupted where points are missing.
func (c *Chart) paths(points []Point, top float64) (area, line string) {
	var a, l strings.Builder
	var run []Point
	flush := func() {
		if len(run) == 0 {
			return
		}
		fmt.Fprintf(&a, "M%s 100", number(c.x(run[0].Time)*1000))
		for i, p := range run {
			at := number(c.x(p.Time)*1000) + " " + number(100-100*max(p.Value, 0)/top)
			a.WriteString("L" + at)
			if i == 0 {
				l.WriteString("M" + at)
			}
			if i > 0 || len(run) == 1 { // a point alone is drawn as a dot
				l.WriteString("L" + at)
			}
		}
		fmt.Fprintf(&a, "L%s 100z", number(c.x(run[len(run)-1].Time)*1000))
		run = run[:0]
	}
	for _, p := range c.visible(points) {
		if math.IsNaN(p.Value) {
			flush()
			continue
		}
		if len(run) > 0 && !c.joined(run[len(run)-1].Time, p.Time) {
			flush()
		}
		run = append(run, p)
	}
	flush()
	return a.String(), l.String()
}

// joined says whether nothing is missing between two points.
func (c *Chart) joined(a, b time.Time) bool {
	if c.Every > 0 && b.Sub(a) > c.Every*3/2 {
		return false
	}
	for _, gap := range c.Gaps {
		if gap.From.Before(b) && gap.To.After(a) {
			return false
		}
	}
	return true
}

// draw frames the marks, which draw in 1000 × 100, with grid, gaps, labels and axis.
func (c *Chart) draw(top float64, marks func(*canvas)) template.HTML {
	out := &canvas{}
	inner := c.Height - axisHeight
	sentence := c.Sentence
	if sentence == "" {
		sentence = c.describe()
	}
	out.add(`<svg class="chart" width="100%" height="`, number(float64(c.Height)), `" role="img" aria-label="`, escape(sentence), `">`,
		"\n", `<svg width="100%" height="`, number(float64(inner)), `" viewBox="0 0 1000 100" preserveAspectRatio="none">`)
	marks(out)
	for _, gap := range c.Gaps {
		if from, to, ok := c.span(gap); ok {
			out.add(`<path class="hole" d="M`, number(from*1000), ` 92v8H`, number(to*1000), `v-8"/>`)
		}
	}
	out.add("</svg>\n")
	c.grid(out, top, inner)
	c.words(out, top, inner)
	c.axis(out, inner)
	out.add("\n</svg>")
	return template.HTML(out.String()) //nolint:gosec // every text in it is escaped
}

// span is a gap's share of the width; ok is false if nothing of it is to be seen.
func (c *Chart) span(gap Gap) (from, to float64, ok bool) {
	from, to = max(c.x(gap.From), 0), min(c.x(gap.To), 1)
	return from, to, to > from
}

// words writes what stands in the chart: reasons of gaps, marks, the highest and the last value at their points.
func (c *Chart) words(out *canvas, top float64, inner int) {
	for _, gap := range c.Gaps {
		if from, to, ok := c.span(gap); ok && gap.Reason != "" {
			middle := (from + to) / 2
			out.add(`<text class="t-bad" x="`, percent(middle), `" y="`, number(float64(inner)*0.92-8), `" text-anchor="`, anchor(middle), `">`, escape(gap.Reason), `</text>`)
		}
	}
	for _, mark := range c.Marks {
		if !c.seen(mark) {
			continue
		}
		x := c.x(mark.Time)
		side, shift := "start", "4"
		if x > 0.8 {
			side, shift = "end", "-4"
		}
		out.add(`<line class="mk" x1="`, percent(x), `" x2="`, percent(x), `" y1="0" y2="`, number(float64(inner)), `"/><text x="`, percent(x), `" dx="`, shift, `" y="10" text-anchor="`, side, `">`,
			escape(mark.Label), `</text>`)
	}
	peak, last, ok := c.extremes()
	if !ok {
		return
	}
	y := func(p Point) float64 { return float64(inner) * (1 - max(p.Value, 0)/top) }
	lastX, peakX := c.middle(last), c.middle(peak)
	if math.Abs(lastX-peakX) > 0.08 {
		out.add(`<text class="peak" x="`, percent(peakX), `" y="`, number(y(peak)-5), `" text-anchor="`, anchor(peakX), `">`, escape(c.Value(peak.Value)), `</text>`)
	}
	if !c.bars {
		out.add(`<circle class="s5" cx="`, percent(lastX), `" cy="`, number(y(last)), `" r="2.5"/>`)
	}
	out.add(`<text class="peak" x="`, percent(lastX), `" y="`, number(y(last)-8), `" text-anchor="`,
		anchor(lastX), `">`, escape(c.Value(last.Value)), `</text>`)
}

// middle is where a point's label stands: at the point, at the middle of a bar.
func (c *Chart) middle(p Point) float64 {
	if c.bars {
		return (c.x(p.Time) + min(c.x(p.Time.Add(c.Every)), 1)) / 2
	}
	return c.x(p.Time)
}

// anchor keeps a text that stands at the edge inside.
func anchor(x float64) string {
	switch {
	case x < 0.06:
		return "start"
	case x > 0.94:
		return "end"
	}
	return "middle"
}

// extremes are the first of the highest points and the last point.
func (c *Chart) extremes() (peak, last Point, ok bool) {
	for _, p := range c.visible(c.Points) {
		if math.IsNaN(p.Value) {
			continue
		}
		if !ok || p.Value > peak.Value {
			peak = p
		}
		last, ok = p, true
	}
	return peak, last, ok
}

// describe is the sentence of a chart that has none.
func (c *Chart) describe() string {
	peak, last, ok := c.extremes()
	at := func(t time.Time) string { return t.In(c.Zone).Format("15:04 ") + c.Date(t.In(c.Zone)) }
	text := "From " + at(c.From) + " to " + at(c.To) + ": "
	if !ok {
		return text + "no data."
	}
	text += "highest " + c.Value(peak.Value) + " at " + at(peak.Time) + ", last " + c.Value(last.Value)
	for _, gap := range c.Gaps {
		if _, _, seen := c.span(gap); seen {
			text += "; no data from " + at(gap.From) + " to " + at(gap.To)
			if gap.Reason != "" {
				text += ", " + gap.Reason
			}
		}
	}
	return text + "."
}
