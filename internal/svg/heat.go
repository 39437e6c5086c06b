package svg

import (
	"fmt"
	"html/template"
	"math"
	"sort"
	"strings"
	"time"
)

// Heat is a strip of days: a row of cells for each name, a cell for each local day, the deeper the more.
type Heat struct {
	Sentence string // says what the strip shows, for who cannot see it; made from the cells if empty
	First    time.Time
	Days     int
	Zone     *time.Location // of the days; UTC if nil
	Rows     []HeatRow
	Value    func(float64) string   // writes a value; with commas between thousands if nil
	Date     func(time.Time) string // writes a local day; "21 Nov" if nil
	Today    string                 // the label at the right edge; the last day's date if empty
}

// HeatRow is one row of a Heat. A cell that is not a number is missing and stays empty; zero is an outline.
type HeatRow struct {
	Name  string
	Cells []float64 // the first is of the first day
	Holes []Hole
}

// Hole is a day that should have data and has none.
type Hole struct {
	Day   int
	Label string // named above the strip; the first hole's only, others are for the list beside it
}

const (
	heatRow   = 28 // pixels
	heatHead  = 14
	heatFoot  = 22
	heatNames = 48 // the width of the row names
	depths    = 5
)

// Steps are the values at which the depths end, for the key beside the strip: under the first, up to the second …, more.
func (h Heat) Steps() [depths - 1]float64 {
	var values []float64
	for _, row := range h.Rows {
		for _, v := range row.Cells {
			if v > 0 && !math.IsInf(v, 0) {
				values = append(values, v)
			}
		}
	}
	var steps [depths - 1]float64
	if len(values) == 0 {
		return steps
	}
	sort.Float64s(values)
	for i := range steps { // a fifth of the cells each, at two digits
		steps[i] = roundUp(values[(len(values)-1)*(i+1)/depths])
	}
	return steps
}

// roundUp keeps the first two digits of v, rounded up.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Ceil(v/power-1e-9) * power
}

// HeatStrip draws the strip with the names on its left and the days below.
func HeatStrip(h Heat) template.HTML {
	if h.Zone == nil {
		h.Zone = time.UTC
	}
	if h.Value == nil {
		h.Value = Thousands
	}
	if h.Date == nil {
		h.Date = func(t time.Time) string { return t.Format("2 Jan") }
	}
	h.Days = max(h.Days, 1)
	inner := heatRow * max(len(h.Rows), 1)
	height := number(float64(heatHead + inner + heatFoot))
	out := &canvas{}
	out.add(`<div class="heat"><svg width="`, number(heatNames), `" height="`, height, `" aria-hidden="true">`)
	for i, row := range h.Rows {
		out.add(`<text x="0" y="`, number(float64(heatHead+heatRow*i+18)), `">`, escape(row.Name), `</text>`)
	}
	out.add(`</svg><svg class="chart" width="100%" height="`, height, `" role="img" aria-label="`, escape(h.sentence()), `">`)
	h.firstHole(out)
	out.add(`<svg y="`, number(heatHead), `" width="100%" height="`, number(float64(inner)), `" viewBox="0 0 `, number(float64(h.Days)), ` `, number(float64(max(len(h.Rows), 1))), `" preserveAspectRatio="none">`)
	h.cells(out)
	out.add(`</svg>`)
	h.days(out, heatHead+inner+16)
	out.add(`</svg></div>`)
	return template.HTML(out.String()) //nolint:gosec // every text in it is escaped
}

// firstHole names the first hole above its cell.
func (h *Heat) firstHole(out *canvas) {
	for _, row := range h.Rows {
		for _, hole := range row.Holes {
			if hole.Label == "" || hole.Day < 0 || hole.Day >= h.Days {
				continue
			}
			x := (float64(hole.Day) + 0.5) / float64(h.Days)
			out.add(`<text class="t-bad" x="`, percent(x), `" y="8" text-anchor="`, anchor(x), `">`, escape(hole.Label), `</text>`)
			return
		}
	}
}

// cells draws one path a depth, so that a year of a hundred rows is six elements.
func (h *Heat) cells(out *canvas) {
	steps := h.Steps()
	var paths [depths]strings.Builder
	var zeros, holes strings.Builder
	for r, row := range h.Rows {
		isHole := map[int]bool{}
		for _, hole := range row.Holes {
			if hole.Day >= 0 && hole.Day < h.Days {
				isHole[hole.Day] = true
				fmt.Fprintf(&holes, "M%d.02 %d.04h.92v.9h-.92z", hole.Day, r)
			}
		}
		for d, v := range row.Cells {
			if d >= h.Days || math.IsNaN(v) || isHole[d] {
				continue
			}
			if v <= 0 {
				fmt.Fprintf(&zeros, "M%d.04 %d.06h.8v.86h-.8z", d, r)
				continue
			}
			depth := 0
			for depth < len(steps) && v > steps[depth] {
				depth++
			}
			fmt.Fprintf(&paths[depth], "M%d %d.04h.88v.9h-.88z", d, r)
		}
	}
	for i := range paths {
		if paths[i].Len() > 0 {
			out.add(`<path class="s`, number(float64(i+1)), `" d="`, paths[i].String(), `"/>`)
		}
	}
	if zeros.Len() > 0 {
		out.add(`<path class="e" stroke-width="1" vector-effect="non-scaling-stroke" d="`, zeros.String(), `"/>`)
	}
	if holes.Len() > 0 {
		out.add(`<path class="hole" d="`, holes.String(), `"/>`)
	}
}

// days labels about six days and the last one.
func (h *Heat) days(out *canvas, y int) {
	first := h.First.In(h.Zone)
	every := 1
	for _, step := range []int{1, 2, 5, 7, 10, 14, 30, 61, 91, 183, 365} {
		if every = step; h.Days <= step*6 {
			break
		}
	}
	label := func(class string, day int, side, text string) {
		x := (float64(day)) / float64(h.Days)
		if side == "end" {
			x = 1
		}
		out.add(`<text`, class, ` x="`, percent(x), `" y="`, number(float64(y)), `" text-anchor="`, side, `">`, escape(text), `</text>`)
	}
	at := func(day int) string {
		return h.Date(time.Date(first.Year(), first.Month(), first.Day()+day, 12, 0, 0, 0, h.Zone))
	}
	for i, day := 0, 0; float64(day) < float64(h.Days)*0.88; i, day = i+1, day+every {
		class := ""
		if i%2 == 1 {
			class = ` class="t2"`
		}
		label(class, day, "start", at(day))
	}
	last := h.Today
	if last == "" {
		last = at(h.Days - 1)
	}
	if h.Days > 1 {
		label("", h.Days, "end", last)
	}
}

// sentence is the given one or one about the extent, the highest cell and the holes.
func (h *Heat) sentence() string {
	if h.Sentence != "" {
		return h.Sentence
	}
	first := h.First.In(h.Zone)
	day := func(i int) string {
		return h.Date(time.Date(first.Year(), first.Month(), first.Day()+i, 12, 0, 0, 0, h.Zone))
	}
	text := fmt.Sprintf("%s to %s, %d rows.", day(0), day(h.Days-1), len(h.Rows))
	highest, where := 0.0, ""
	holes := 0
	for _, row := range h.Rows {
		holes += len(row.Holes)
		for d, v := range row.Cells {
			if v > highest && d < h.Days {
				highest, where = v, row.Name+", "+day(d)
			}
		}
	}
	if where != "" {
		text += " Highest " + h.Value(highest) + ": " + where + "."
	}
	if holes > 0 {
		text += fmt.Sprintf(" Without data: %d.", holes)
	}
	return text
}
