package jsonata

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// numberText is a number as ECMAScript writes it.
func numberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return value.Text(f)
}

// rounded is a number with at most 15 significant digits, which is how numbers become text in JSONata. One that the rounding does not
// change keeps its literal.
func rounded(v any) any {
	f := float(v)
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		if _, ok := v.(json.Number); ok && f == 0 {
			return 0.0
		}
		return v
	}
	if math.IsInf(f, 0) {
		panic(mistake("D1001", 0).withValue(f))
	}
	if math.IsNaN(f) {
		return nil
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64)
	if short == f {
		return v
	}
	return short
}

// fixed is ECMAScript's toFixed of a number that is not negative and that has been rounded to as many places.
func fixed(f float64, places int) string {
	if f >= 1e21 || math.IsNaN(f) {
		return numberText(f)
	}
	return strconv.FormatFloat(f, 'f', places, 64)
}

// round rounds half to even at a number of decimal places.
func round(f float64, places int) float64 {
	if places != 0 {
		f = shifted(f, places)
	}
	result := halfUp(f)
	if math.Abs(result-f) == 0.5 && math.Abs(math.Mod(result, 2)) == 1 {
		result--
	}
	if places != 0 {
		result = shifted(result, -places)
	}
	if result == 0 {
		return 0
	}
	return result
}

// halfUp is ECMAScript's Math.round.
func halfUp(f float64) float64 {
	low := math.Floor(f)
	if f-low >= 0.5 {
		return low + 1
	}
	return low
}

// shifted moves the decimal point of a number's text, which is exact where a multiplication would not be.
func shifted(f float64, places int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return math.NaN()
	}
	shortest := strconv.FormatFloat(f, 'e', -1, 64)
	at := len(shortest) - 1
	for shortest[at] != 'e' {
		at--
	}
	exponent, _ := strconv.Atoi(shortest[at+1:])
	moved, _ := strconv.ParseFloat(shortest[:at]+"e"+strconv.Itoa(exponent+places), 64)
	return moved
}
