package console

import (
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// minus is the sign of numbers, with a thin gap behind it.
const minus = "−\u2009"

// N is a whole number with commas between thousands.
func (v *Visit) N(n any) string {
	whole, ok := whole(n)
	if !ok {
		return "?"
	}
	if whole < 0 {
		return minus + group(strconv.FormatUint(uint64(-whole), 10))
	}
	return group(strconv.FormatInt(whole, 10))
}

// Signed is a whole number with its sign, for changes.
func (v *Visit) Signed(n int64) template.HTML {
	if n > 0 {
		return template.HTML("+\u2009" + v.N(n))
	}
	return template.HTML(v.N(n))
}

func group(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Big is a large number in short: millions in English, 億 and 万 in Japanese.
func (v *Visit) Big(n int64) string {
	size := math.Abs(float64(n))
	switch {
	case size < 1e7:
		return v.N(n)
	case v.Language == Japanese && size >= 1e8:
		return digits(float64(n)/1e8) + "\u00a0億"
	case v.Language == Japanese:
		return group(strconv.FormatInt(int64(math.Round(float64(n)/1e4)), 10)) + "\u00a0万"
	case size >= 1e10:
		return digits(float64(n)/1e9) + "\u00a0G"
	}
	return digits(float64(n)/1e6) + "\u00a0M"
}

// digits writes a number with three or four figures.
func digits(f float64) string {
	size := math.Abs(f)
	places := 2
	switch {
	case f == 0:
		return "0"
	case size >= 100:
		places = 1
	case size >= 1000:
		places = 0
	}
	text := strconv.FormatFloat(size, 'f', places, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	whole, part, found := strings.Cut(text, ".")
	text = group(whole)
	if found {
		text += "." + part
	}
	if f < 0 {
		return minus + text
	}
	return text
}

// Rate is events a second: 0, 0.02, 4.1, 320.
func (v *Visit) Rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 0.1:
		return strconv.FormatFloat(perSecond, 'f', 2, 64)
	case perSecond < 100:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return group(strconv.FormatInt(int64(math.Round(perSecond)), 10))
}

// PerSecond is a rate with its unit.
func (v *Visit) PerSecond(perSecond float64) template.HTML {
	return v.T("unit.persecond", v.Rate(perSecond))
}

// Share is a part of a whole in per cent: 0 %, 0.08 %, 12.5 %.
func (v *Visit) Share(part, all int64) string {
	if all <= 0 || part == 0 {
		return "0\u00a0%"
	}
	p := 100 * float64(part) / float64(all)
	switch {
	case p < 0.01:
		return "<\u20090.01\u00a0%"
	case p < 1:
		return strconv.FormatFloat(p, 'f', 2, 64) + "\u00a0%"
	case part == all:
		return "100\u00a0%"
	}
	return strconv.FormatFloat(min(p, 99.9), 'f', 1, 64) + "\u00a0%"
}

// Bytes is a size: 842 MB, 6.2 GB.
func (v *Visit) Bytes(n int64) string { return v.Size(n).Text() }

// Quantity is a number and its unit, apart so that the unit can be set smaller.
type Quantity struct{ Value, Unit string }

// Text is both with a gap that does not break.
func (q Quantity) Text() string {
	if q.Unit == "" {
		return q.Value
	}
	return q.Value + "\u00a0" + q.Unit
}

// Size is a size in bytes as a quantity.
func (v *Visit) Size(n int64) Quantity {
	size, units := float64(n), []string{"B", "KB", "MB", "GB", "TB", "PB"}
	unit := 0
	for math.Abs(size) >= 999.5 && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	places := 0
	if unit > 0 && math.Abs(size) < 99.95 {
		places = 1
	}
	return Quantity{strconv.FormatFloat(size, 'f', places, 64), units[unit]}
}

// Span is a duration of two units at most: 6 ms, 0.4 s, 46 s, 13 min, 2 h 5 min.
func (v *Visit) Span(d time.Duration) string {
	unit := func(name string, value string) string { return string(v.T("unit."+name, value)) }
	whole := func(d, by time.Duration) string { return group(strconv.FormatInt(int64(d/by), 10)) }
	pair := func(large string, by time.Duration, small string, rest time.Duration) string {
		text := unit(large, whole(d, by))
		if left := d % by / rest; left > 0 {
			text += " " + unit(small, strconv.FormatInt(int64(left), 10))
		}
		return text
	}
	switch {
	case d < 0:
		return minus + v.Span(-d)
	case d < time.Millisecond:
		return unit("microseconds", whole(d, time.Microsecond))
	case d < 100*time.Millisecond:
		return unit("milliseconds", whole(d, time.Millisecond))
	case d < 9950*time.Millisecond:
		return unit("seconds", strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0"))
	case d < 2*time.Minute:
		return unit("seconds", strconv.FormatFloat(d.Seconds(), 'f', 0, 64))
	case d < time.Hour:
		return unit("minutes", whole(d, time.Minute))
	case d < 48*time.Hour:
		return pair("hours", time.Hour, "minutes", time.Minute)
	}
	return pair("days", 24*time.Hour, "hours", time.Hour)
}

// Took is Span as HTML, for templates.
func (v *Visit) Took(d time.Duration) template.HTML { return template.HTML(v.Span(d)) }
