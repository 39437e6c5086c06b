package svg

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// tick is a moment on the axis and its label.
type tick struct {
	time  time.Time
	label string
}

// steps between ticks: whole minutes and hours that divide a day, then days. A month and a year are steps of their own.
var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

const (
	maxTicks = 9
	day      = 24 * time.Hour
)

// ticks are at most nine moments between from and to that are round on the clocks of the zone.
func (c *Chart) ticks() []tick {
	span := c.To.Sub(c.From)
	if c.bySeconds() {
		return c.secondTicks(span)
	}
	for _, step := range steps {
		if span <= step*maxTicks {
			return c.clockTicks(step)
		}
	}
	for _, days := range []int{1, 2, 7, 14} {
		if span <= time.Duration(days)*day*maxTicks {
			return c.dayTicks(days)
		}
	}
	for _, months := range []int{1, 3, 6} {
		if span <= time.Duration(months)*31*day*maxTicks {
			return c.monthTicks(months)
		}
	}
	years := 1
	for span > time.Duration(years)*366*day*maxTicks {
		years *= 2
	}
	return c.monthTicks(12 * years)
}

// bySeconds says whether the axis is so short that its ticks are seconds.
func (c *Chart) bySeconds() bool { return c.To.Sub(c.From) < 2*time.Minute }

// clock is how a time of day is written on the axis.
func (c *Chart) clock() string {
	if c.bySeconds() {
		return "15:04:05"
	}
	return "15:04"
}

func (c *Chart) secondTicks(span time.Duration) []tick {
	step := time.Second
	for _, s := range []time.Duration{1, 2, 5, 10, 15, 30} {
		if step = s * time.Second; span <= step*maxTicks {
			break
		}
	}
	var ticks []tick
	for t := c.From.In(c.Zone).Truncate(step); !t.After(c.To); t = t.Add(step) {
		if !t.Before(c.From) {
			ticks = append(ticks, tick{t, t.Format(c.clock())})
		}
	}
	return ticks
}

// clockTicks are at the times of day that step divides. A time that the clock leaves out has no tick, one that it shows twice has one.
func (c *Chart) clockTicks(step time.Duration) []tick {
	var ticks []tick
	local := c.From.In(c.Zone)
	for d := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, c.Zone); ; d = time.Date(d.Year(), d.Month(), d.Day()+1, 12, 0, 0, 0, c.Zone) {
		for minutes := 0; minutes < 24*60; minutes += int(step / time.Minute) {
			t := firstOf(time.Date(d.Year(), d.Month(), d.Day(), 0, minutes, 0, 0, c.Zone))
			if t.Hour() != minutes/60 || t.Minute() != minutes%60 || t.Before(c.From) {
				continue
			}
			if t.After(c.To) {
				return ticks
			}
			label := t.Format("15:04")
			if minutes == 0 {
				label += " " + c.Date(t)
			}
			ticks = append(ticks, tick{t, label})
		}
		if d.After(c.To.Add(2 * day)) {
			return ticks
		}
	}
}

// firstOf is the first of the moments at which the clock shows what it shows at t.
func firstOf(t time.Time) time.Time {
	for _, back := range []time.Duration{time.Hour, 30 * time.Minute} {
		if earlier := t.Add(-back); earlier.Hour() == t.Hour() && earlier.Minute() == t.Minute() {
			return earlier
		}
	}
	return t
}

// dayTicks are where local days begin, every so many days.
func (c *Chart) dayTicks(days int) []tick {
	var ticks []tick
	local := c.From.In(c.Zone)
	for i := 0; ; i += days {
		t := startOfDay(local.Year(), local.Month(), local.Day()+i, c.Zone)
		if t.After(c.To) {
			return ticks
		}
		if !t.Before(c.From) {
			ticks = append(ticks, tick{t, c.Date(t)})
		} else if days > 1 {
			i += 1 - days // the first tick is the first midnight
		}
	}
}

// monthTicks are where local months begin, every so many months from a January.
func (c *Chart) monthTicks(months int) []tick {
	var ticks []tick
	local := c.From.In(c.Zone)
	for m := 0; ; m += months {
		t := startOfDay(local.Year(), time.Month(1+m), 1, c.Zone)
		if t.After(c.To) {
			return ticks
		}
		if !t.Before(c.From) {
			layout := "Jan 2006"
			if months >= 12 {
				layout = "2006"
			}
			ticks = append(ticks, tick{t, t.Format(layout)})
		}
	}
}

// startOfDay is the first moment of a local day; it is not midnight where the clock leaves midnight out.
func startOfDay(year int, month time.Month, dayOfMonth int, zone *time.Location) time.Time {
	t := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, zone)
	noon := time.Date(year, month, dayOfMonth, 12, 0, 0, 0, zone)
	for t.In(zone).Day() != noon.Day() {
		t = t.Add(time.Hour)
	}
	return t
}

// axis draws the ticks; every second one may vanish where the chart is narrow. The end of the axis is labelled with its time.
func (c *Chart) axis(out *canvas, inner int) {
	y := number(float64(inner))
	out.add(`<line class="axis" x2="100%" y1="`, y, `" y2="`, y, `"/>`)
	draw := func(class string, t tick, side string) {
		x := percent(c.x(t.time))
		out.add(`<g`, class, `><line class="axis" x1="`, x, `" x2="`, x, `" y1="`, y, `" y2="`, number(float64(inner)+4), `"/><text x="`, x, `" y="`,
			number(float64(inner)+17), `" text-anchor="`, side, `">`, escape(t.label), `</text></g>`)
	}
	shown := 0
	for _, t := range c.ticks() {
		x := c.x(t.time)
		if x > 0.9 { // the end's label stands there
			continue
		}
		class, side := "", "middle"
		if shown++; shown%2 == 0 {
			class = ` class="t2"`
		}
		if x < 0.03 {
			side = "start"
		}
		draw(class, t, side)
	}
	end := tick{c.To, c.To.In(c.Zone).Format(c.clock())}
	if c.To.Sub(c.From) > 9*day {
		end.label = c.Date(c.To.In(c.Zone))
	}
	draw("", end, "end")
}

// grid draws two lines at round values and labels them on the line.
func (c *Chart) grid(out *canvas, top float64, inner int) {
	if _, _, ok := c.extremes(); !ok {
		return
	}
	step := RoundStep(top / 2)
	for _, v := range []float64{step, 2 * step} {
		y := float64(inner) * (1 - v/top)
		out.add(`<line class="grid" x2="100%" y1="`, number(y), `" y2="`, number(y), `"/><text x="0" y="`, number(y-3), `">`, escape(c.Value(v)), `</text>`)
	}
}

// RoundStep is the largest of 1, 2, 2.5 and 5 times a power of ten that is not above v.
func RoundStep(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2.5, 2, 1} {
		if m*power <= v {
			return m * power
		}
	}
	return power
}

// Thousands writes a number with commas between thousands and at most two decimals; a minus is −.
func Thousands(f float64) string {
	digits := 2
	if math.Abs(f) >= 100 {
		digits = 0
	}
	text := decimals(math.Abs(f), digits)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if f < 0 && text != "0" {
		whole = "−" + whole
	}
	if math.Abs(f) >= 1e15 {
		return strconv.FormatFloat(f, 'g', 4, 64)
	}
	return whole
}
