package jsonata

import (
	"math"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
)

// isoTime is what $toMillis takes without a picture.
var isoTime = mustRegex(`^\d{4}(-[01]\d)*(-[0-3]\d)*(T[0-2]\d:[0-5]\d:[0-5]\d)*(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?$`)

// isoParts are the parts of what it can give a time to.
var isoParts = mustRegex(`^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):?(\d\d))?$`)

func mustRegex(pattern string) *regex.Regex {
	r, err := regex.Compile(pattern, regex.Flags{})
	if err != nil {
		panic(err)
	}
	return r
}

// parseISO is the time of a text such as 2025-01-31T23:59:59.999+01:00, whose end may be missing; not a number if a part is out of its
// range. Without an offset it is UTC.
func parseISO(s string) any {
	units := textUnits(s)
	budget := 100 * (len(units) + 10)
	if found, _ := isoTime.Match(units, 0, &budget); found == nil {
		panic(mistake("D3110", 0).withValue(s))
	}
	found, _ := isoParts.Match(units, 0, &budget)
	if found == nil {
		return math.NaN()
	}
	part := func(i int, otherwise float64) float64 {
		if found[2*i] < 0 {
			return otherwise
		}
		f, _ := toFloat(unitsText(units[found[2*i]:found[2*i+1]]))
		return f
	}
	year, month, date := part(1, 0), part(2, 1), part(3, 1)
	hour, minute, second := part(4, 0), part(5, 0), part(6, 0)
	milli := 0.0
	if found[14] >= 0 {
		milli, _ = toFloat("." + unitsText(units[found[14]:min(found[15], found[14]+3)]))
		milli = math.Round(milli * 1000)
	}
	midnight := hour == 24 && minute == 0 && second == 0 && milli == 0
	if part(9, 0) > 23 || found[16] >= 0 && found[8] < 0 || month < 1 || month > 12 || date < 1 || date > 31 || hour > 23 && !midnight {
		return math.NaN()
	}
	offset := (part(9, 0)*60 + part(10, 0)) * 60_000
	if found[16] >= 0 && units[found[16]] == '-' {
		offset = -offset
	}
	if year < 100 {
		// Here, unlike in utcMillis, the year is meant as it stands: the calendar repeats after 400 years.
		return utcMillis(year+400, month-1, date, hour, minute, second, milli) - 146_097*day - offset
	}
	return utcMillis(year, month-1, date, hour, minute, second, milli) - offset
}

func toFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }
