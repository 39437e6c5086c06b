package console

import (
	"fmt"
	"math"
)

// river is the way of records, drawn to scale: the width of an edge is its
// records. It is laid out twice: flat from left to right, tall from top to bottom.
type river struct {
	Flat, Tall layout
	// Depths is how many of the lake's areas are filled, and Line how many rows one
	// depth line stands for.
	Depths int
	Line   int64
}

// layout is one drawing. Lengths are in units of its view box.
type layout struct {
	Doors, Outlets []edge
	Reaches        []reach // journal to shape, shape to recent, recent to lake
	Lake           []area  // from the shore inward
	Shift          float64 // of what stands below the doors, in the tall layout
	Height         int
}

// area is a filled depth of the lake.
type area struct{ Class, Path string }

// edge is a curve between the river and a name.
type edge struct {
	Name  string
	Count int64
	Rate  float64
	Path  string
	Width string
	Text  float64 // y of the name
}

// reach is a straight part of the river.
type reach struct {
	Count int64
	Path  string
	X, Y  float64 // of the number's middle
}

// passage is what the river is drawn from.
type passage struct {
	doors, outlets []Door
	reaches        [3]int64 // records past the journal, past shape, in the lake
	rows           int64
}

const (
	riverWidth  = 48.4 // of all records
	leastWidth  = 1.2  // so that one record is seen
	doorsShown  = 6
	outletWidth = 6.0
)

func newRiver(p passage) river {
	r := river{}
	r.Line, r.Depths = depthLine(p.rows)
	var in, out int64
	for _, d := range p.doors {
		in += d.Hour
	}
	for _, d := range p.outlets {
		out += d.Hour
	}
	most := max(in, p.reaches[0], 1)
	r.Flat, r.Tall = flat(p, most, max(out, 1)), tall(p, most, max(out, 1))
	r.Flat.Lake, r.Tall.Lake = areas(lakeFlat, r.Depths), areas(lakeTall, r.Depths)
	return r
}

// areas are the lake's filled depths; an empty lake has only its shore.
func areas(paths [4]string, depths int) []area {
	if depths == 0 {
		return []area{{"e", paths[0]}}
	}
	var list []area
	for i := range depths {
		list = append(list, area{fmt.Sprintf("s%d", i+2), paths[i]})
	}
	return list
}

// depthLine chooses a round number of rows for one depth line, so that the lake
// has at most three lines within its shore.
func depthLine(rows int64) (line int64, depths int) {
	if rows <= 0 {
		return 0, 0
	}
	for power := int64(1); ; power *= 10 {
		for _, step := range []int64{1, 2, 5} {
			if line = step * power; rows/line < 4 {
				return line, 1 + int(rows/line)
			}
		}
		if power > math.MaxInt64/100 {
			return line, 4
		}
	}
}

func width(count, most int64, whole float64) float64 {
	if count <= 0 {
		return 0
	}
	return max(leastWidth, whole*float64(count)/float64(most))
}

func stroke(w float64) string { return fmt.Sprintf("%.1f", w) }

// flat draws from left to right in a box 1,140 wide.
func flat(p passage, most, asked int64) layout {
	const middle, apart = 170.0, 40.0
	l := layout{Height: 346}
	gates := [4]float64{340, 470, 600, 774}
	for i, n := range p.reaches {
		w := width(n, most, riverWidth)
		l.Reaches = append(l.Reaches, reach{n, fmt.Sprintf("M%g %.1fH%g V%.1fH%gz", gates[i], middle-w/2, gates[i+1], middle+w/2, gates[i]), gates[i] + 65, middle + 5})
	}
	at := middle - joined(p.doors, most, riverWidth)/2
	for i, d := range p.doors {
		y := middle + (float64(i)-float64(len(p.doors)-1)/2)*apart
		w := width(d.Hour, most, riverWidth)
		l.Doors = append(l.Doors, edge{d.Name, d.Hour, d.PerSecond, fmt.Sprintf("M232 %.1fC286 %.1f 286 %.1f 340 %.1f", y, y, at+w/2, at+w/2), stroke(w), y + 4})
		at += w
	}
	for i, d := range p.outlets {
		y := 178 + (float64(i)-float64(len(p.outlets)-1)/2)*50
		l.Outlets = append(l.Outlets, edge{d.Name, d.Hour, d.PerSecond, fmt.Sprintf("M958 242C992 242 976 %.1f 1012 %.1f", y, y), stroke(max(0.9, outletWidth*float64(d.Hour)/float64(asked))), y + 4})
	}
	return l
}

// joined is the width of all edges side by side.
func joined(doors []Door, most int64, whole float64) (sum float64) {
	for _, d := range doors {
		sum += width(d.Hour, most, whole)
	}
	return sum
}

// tall draws from top to bottom in a box 360 wide.
func tall(p passage, most, asked int64) layout {
	const middle, whole, apart = 250.0, 43.6, 24.0
	l := layout{}
	first := 10.0 // y of the first door: no edge reaches above the box, however wide
	for i, d := range p.doors {
		first = max(first, math.Ceil(width(d.Hour, most, whole)/2-float64(i)*apart))
	}
	gates := [4]float64{190, 270, 350, 440}
	shift := first + apart*float64(len(p.doors)-1) + 60 - gates[0] // the journal's gate lies so far below the last door
	for i, n := range p.reaches {
		w := width(n, most, whole)
		l.Reaches = append(l.Reaches, reach{n, fmt.Sprintf("M%.1f %gH%.1fV%gH%.1fz", middle-w/2, gates[i]+shift, middle+w/2, gates[i+1]+shift, middle-w/2), middle, gates[i] + shift + 44})
	}
	at := middle - joined(p.doors, most, whole)/2
	for i, d := range p.doors {
		y := first + float64(i)*apart
		w := width(d.Hour, most, whole)
		x := at + w/2
		l.Doors = append(l.Doors, edge{d.Name, d.Hour, d.PerSecond, fmt.Sprintf("M184 %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", y, x, y, x, y+w/2+14, x, 190+shift), stroke(w), y + 4})
		at += w
	}
	for i, d := range p.outlets {
		y := 578 + shift + float64(i)*23
		l.Outlets = append(l.Outlets, edge{d.Name, d.Hour, d.PerSecond, fmt.Sprintf("M190 %gC190 %.1f 186 %.1f 156 %.1f", 592+shift, y+8, y, y), stroke(max(0.9, outletWidth*float64(d.Hour)/float64(asked))), y + 4})
	}
	l.Height, l.Shift = int(590+shift)+23*len(p.outlets), shift
	return l
}
