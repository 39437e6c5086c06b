// Package svg draws as text what the console and the command line show as pictures: charts over time and graphs.
//
// A chart is an outer svg as wide as its place, with texts and ticks at percentages, and in it a stretched inner svg with the
// marks, so that it fits any width without a script and no text is stretched. Everything is done with presentation attributes
// and the classes of the console's style sheet: a page with a strict content security policy can hold it. All text is escaped.
//
// The same input always gives the same bytes.
package svg

import (
	"html"
	"math"
	"strconv"
	"strings"
)

// canvas collects the text of a picture.
type canvas struct{ strings.Builder }

// add writes parts one after another; they are markup, not text.
func (c *canvas) add(parts ...string) {
	for _, part := range parts {
		c.WriteString(part)
	}
}

func escape(text string) string { return html.EscapeString(text) }

// number is f with at most one decimal, as paths and positions have it.
func number(f float64) string {
	if math.Abs(f) > 1e9 {
		return decimals(f, 1)
	}
	tenths := int64(math.Round(f * 10))
	whole, tenth := tenths/10, tenths%10
	if tenth == 0 {
		return strconv.FormatInt(whole, 10)
	}
	sign := ""
	if tenths < 0 {
		sign, whole, tenth = "-", -whole, -tenth
	}
	return sign + strconv.FormatInt(whole, 10) + "." + strconv.FormatInt(tenth, 10)
}

// percent is a share of a width, 0 to 1, as an attribute's value.
func percent(share float64) string { return decimals(share*100, 2) + "%" }

func decimals(f float64, digits int) string {
	text := strconv.FormatFloat(f, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}
