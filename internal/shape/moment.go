package shape

import (
	"bytes"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// moment is a date or time as it was written.
type moment struct {
	wall    int64 // what the clock showed, in microseconds since 1970
	offset  int64 // of the clock from UTC, in microseconds
	hasZone bool
}

// Times from year 1 to 9999: what every reader of the tables can show.
var (
	minMoment = daysOf(1, 1, 1) * microsPerDay
	maxMoment = daysOf(10000, 1, 1)*microsPerDay - 1
)

// parseMoment reads 2006-01-02, and with a T or blank after it 15:04, 15:04:05,
// fractions of a second, and Z, UTC or an offset such as +09:00 at the end.
// Digits beyond the microsecond are cut off.
func parseMoment(s []byte) (m moment, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return m, false
	}
	year, ok1 := digits2(s[0], s[1])
	low, ok2 := digits2(s[2], s[3])
	year = year*100 + low
	month, ok3 := digits2(s[5], s[6])
	day, ok4 := digits2(s[8], s[9])
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) {
		return m, false
	}
	m.wall = daysOf(year, month, day) * microsPerDay
	if len(s) == 10 {
		return m, true
	}
	if c := s[10]; c != 'T' && c != ' ' && c != 't' {
		return m, false
	}
	clock, rest, ok := parseClock(s[11:])
	if !ok {
		return m, false
	}
	m.wall += clock
	m.offset, m.hasZone, ok = parseOffset(rest)
	m.offset *= microsPerSecond
	return m, ok
}

func digits2(a, b byte) (int64, bool) {
	return int64(a-'0')*10 + int64(b-'0'), isDigit(a) && isDigit(b)
}

// parseClock reads 15:04, 15:04:05 or 15:04:05.999999 and returns what follows.
// Second 60, which only leap seconds have, is the next minute's first.
func parseClock(s []byte) (micros int64, rest []byte, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, nil, false
	}
	hour, ok1 := digits2(s[0], s[1])
	minute, ok2 := digits2(s[3], s[4])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, nil, false
	}
	micros = (hour*60 + minute) * 60 * microsPerSecond
	if s = s[5:]; len(s) == 0 || s[0] != ':' {
		return micros, s, true
	}
	if len(s) < 3 {
		return 0, nil, false
	}
	second, ok := digits2(s[1], s[2])
	if !ok || second > 60 {
		return 0, nil, false
	}
	micros += second * microsPerSecond
	if s = s[3:]; len(s) == 0 || s[0] != '.' && s[0] != ',' {
		return micros, s, true
	}
	if len(s) < 2 || !isDigit(s[1]) {
		return 0, nil, false
	}
	i := 1
	for unit := int64(microsPerSecond / 10); i < len(s) && isDigit(s[i]); i++ {
		micros += int64(s[i]-'0') * unit
		unit /= 10
	}
	return micros, s[i:], true
}

// parseOffset reads nothing, Z, UTC, GMT, +09, +0900, +09:00 or, as zones had them
// before standard time, +09:18:59, after a blank or not, in seconds east of UTC.
func parseOffset(s []byte) (seconds int64, hasZone, ok bool) {
	if len(s) == 0 {
		return 0, false, true
	}
	if len(s) == 1 && s[0]|0x20 == 'z' {
		return 0, true, true
	}
	if s[0] == ' ' {
		s = s[1:]
	}
	if string(s) == "UTC" || string(s) == "GMT" || string(s) == "Z" {
		return 0, true, true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, true, false
	}
	hours, ok := digits2(s[1], s[2])
	var below [2]int64 // minutes and seconds
	rest := s[3:]
	for i := 0; i < len(below) && ok && len(rest) > 0; i++ {
		rest = bytes.TrimPrefix(rest, []byte(":"))
		if ok = len(rest) >= 2; ok {
			below[i], ok = digits2(rest[0], rest[1])
			rest = rest[2:]
		}
	}
	seconds = (hours*60+below[0])*60 + below[1]
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true, ok && len(rest) == 0 && hours <= 18 && below[0] <= 59 && below[1] <= 59
}

// parseEpoch reads a number since 1970 whose unit has so many digits more than
// the microsecond. Digits beyond the microsecond are cut off.
func parseEpoch(s []byte, unit int) (micros int64, fits, ok bool) {
	n, form := parseNumber(s)
	if form != exactNumber {
		return 0, form == notNumber, form == tooManyDigits
	}
	n.scale -= unit
	if micros = wholePart(n); micros < 0 {
		return 0, false, true
	}
	if n.negative {
		micros = -micros
	}
	return micros, micros >= minMoment && micros <= maxMoment, true
}

// wholePart is the magnitude without its fraction, -1 if beyond an int64.
func wholePart(n number) int64 {
	for ; n.scale > 0 && n.high|n.low != 0; n.scale-- {
		low, _ := bits.Div64(n.high%10, n.low, 10)
		n.high, n.low = n.high/10, low
	}
	if n.high|n.low == 0 {
		return 0
	}
	n.negative = false
	x, ok := n.int64()
	if !ok {
		return -1
	}
	return x
}

// timeColumn is a timestamptz or timestamp column, in microseconds.
type timeColumn struct {
	fixed[int64]
	typ    record.Type
	zone   *zone
	rules  *bounds[int64]
	format *timeFormat // nil where the column says none
}

const wantTime = `a time such as "2006-01-02T15:04:05+09:00" or "2006-01-02 15:04:05"`

// furthestZone is how far a wall clock may be from UTC: the first and the last
// time that can be written are that far outside the years 1 to 9999 of UTC.
const furthestZone = 19 * 3600 * microsPerSecond

func (c *timeColumn) put(row int, v *jsontext.Value) *problem {
	if v.Kind != jsontext.Number && v.Kind != jsontext.String {
		return wrongType(wantTime, v)
	}
	m, p := readMoment(c.format, v)
	if p != nil {
		return p
	}
	micros := m.wall - m.offset
	slack := int64(0)
	switch instant := c.typ.Kind == record.Timestamptz; {
	case instant && !m.hasZone:
		micros = c.zone.instant(micros)
		slack = furthestZone
	case instant:
		slack = furthestZone
	case m.hasZone:
		micros = c.zone.wall(micros)
	}
	if micros < minMoment-slack || micros > maxMoment+slack {
		return outOfRange(v, "is not within the years 1 to 9999")
	}
	if p := c.rules.check(micros, v); p != nil {
		return p
	}
	c.set(row, micros)
	return nil
}

func readMoment(f *timeFormat, v *jsontext.Value) (moment, *problem) {
	if f != nil {
		return f.moment(v)
	}
	return plainMoment(v)
}

func (c *timeColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, c.typ.Arrow(), rows)
}

// dateColumn takes dates, and times at midnight: others would lose their hours.
type dateColumn struct {
	fixed[int32]
	rules  *bounds[int32]
	format *timeFormat
}

func (c *dateColumn) put(row int, v *jsontext.Value) *problem {
	var m moment
	switch {
	case c.format != nil && (v.Kind == jsontext.String || v.Kind == jsontext.Number):
		var p *problem
		if m, p = c.format.moment(v); p != nil {
			return p
		}
	default:
		var ok bool
		if m, ok = parseMoment(v.Text()); v.Kind != jsontext.String || !ok {
			return wrongType(`a date such as "2006-01-02"; other forms need the column's format:, such as yyyymmdd or %d/%m/%Y`, v)
		}
	}
	if m.wall%microsPerDay != 0 {
		return wrongType("a date, or a time at midnight", v)
	}
	day := int32(floorDiv(m.wall, microsPerDay))
	if p := c.rules.check(day, v); p != nil {
		return p
	}
	c.set(row, day)
	return nil
}

func (c *dateColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, arrow.FixedWidthTypes.Date32, rows)
}
