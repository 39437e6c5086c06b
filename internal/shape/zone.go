package shape

import "time"

const (
	secondsPerDay   = 86400
	microsPerSecond = 1_000_000
	microsPerDay    = secondsPerDay * microsPerSecond
)

// zone turns instants to wall clock and back. It remembers the span in which
// the last offset holds, so one goroutine uses it at a time.
type zone struct {
	location *time.Location
	from, to int64 // seconds since 1970; from <= t < to
	offset   int64 // seconds east of UTC in that span
}

func newZone(location *time.Location) zone {
	if location == nil {
		location = time.UTC
	}
	return zone{location: location}
}

// offsetAt is the offset at an instant.
func (z *zone) offsetAt(second int64) int64 {
	if second >= z.from && second < z.to {
		return z.offset
	}
	t := time.Unix(second, 0).In(z.location)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	z.from, z.to, z.offset = -1<<62, 1<<62, int64(offset)
	if !start.IsZero() {
		z.from = start.Unix()
	}
	if !end.IsZero() {
		z.to = end.Unix()
	}
	return z.offset
}

// wall is what a clock on the wall shows at an instant, both in microseconds.
func (z *zone) wall(instant int64) int64 {
	return instant + z.offsetAt(floorDiv(instant, microsPerSecond))*microsPerSecond
}

// instant is when a clock on the wall shows that time. A time that occurs twice,
// as clocks are set back, is the first of the two; one that is skipped, as they
// are set forward, is as much later: both follow from the offset before the
// change.
func (z *zone) instant(wall int64) int64 {
	second := floorDiv(wall, microsPerSecond)
	if t := second - z.offset; t-secondsPerDay >= z.from && t+secondsPerDay < z.to {
		return wall - z.offset*microsPerSecond
	}
	before, after := z.offsetAt(second-secondsPerDay), z.offsetAt(second+secondsPerDay)
	if before != after && z.offsetAt(second-before) != before && z.offsetAt(second-after) == after {
		return wall - after*microsPerSecond
	}
	return wall - before*microsPerSecond
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// daysOf is the number of days since 1970 of a date of the Gregorian calendar,
// counted in eras of 400 years that start in March, so that a leap day is last.
func daysOf(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// dateOf is the date of a number of days since 1970.
func dateOf(days int64) (year, month, day int64) {
	days += 719468
	era := floorDiv(days, 146097)
	ofEra := days - era*146097
	y := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := ofEra - (365*y + y/4 - y/100)
	m := (5*ofYear + 2) / 153
	year, month, day = y+era*400, m+3, ofYear-(153*m+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func daysIn(year, month int64) int64 {
	if month == 12 {
		return 31
	}
	return daysOf(year, month+1, 1) - daysOf(year, month, 1)
}
