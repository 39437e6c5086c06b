package shape

import (
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// timeFormat is how a column's times are written, where the column says so. Then
// nothing else is read as a time.
type timeFormat struct {
	text  string
	epoch bool
	unit  int // of an epoch: digits between it and the microsecond
	parts []formatPart
}

// formatPart is a text that stands as it is, or a field of the time.
type formatPart struct {
	literal string
	field   byte // its letter in strftime; 0 for a literal
	short   bool // %-d: one digit or two
}

var epochUnits = map[string]int{"epoch_s": 6, "epoch_ms": 3, "epoch_us": 0, "epoch_ns": -3}

// formatWords are the formats with a name; any other is a pattern.
var formatWords = []string{"epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "yyyymmdd"}

// formatFields are the letters that patterns may have, and what to write in
// place of those whose text could be read in two ways.
const formatFields = "YmdbBjHIMSfpzaA"

var formatInstead = map[byte]string{
	'y': "a year of two digits is of no known century: send four and write %Y",
	'Z': "names of zones mean several: send offsets and write %z",
	's': "write format: epoch_s",
	'D': "write %m/%d/%Y, for a year of two digits is of no known century",
	'c': "write its fields one by one", 'x': "write its fields one by one", 'X': "write %H:%M:%S",
	'e': "write %-d", 'h': "write %b", 'k': "write %-H", 'l': "write %-I", 'N': "write %f",
}

// parseFormat compiles format: of a column.
func parseFormat(text string) (f *timeFormat, suggestion string, err error) {
	if unit, ok := epochUnits[text]; ok {
		return &timeFormat{text: text, epoch: true, unit: unit}, "", nil
	}
	pattern := text
	if text == "yyyymmdd" {
		pattern = "%Y%m%d"
	}
	if !strings.Contains(pattern, "%") {
		return nil, didYouMean(text, formatWords), fmt.Errorf("format %q is neither one of %s nor a pattern such as %%d/%%b/%%Y:%%H:%%M:%%S %%z", text, strings.Join(formatWords, ", "))
	}
	f = &timeFormat{text: text}
	pattern = strings.NewReplacer("%%", "%%", "%T", "%H:%M:%S", "%F", "%Y-%m-%d", "%R", "%H:%M").Replace(pattern)
	for len(pattern) > 0 {
		at := strings.IndexByte(pattern, '%')
		if at != 0 {
			if at < 0 {
				at = len(pattern)
			}
			f.parts = append(f.parts, formatPart{literal: pattern[:at]})
			pattern = pattern[at:]
			continue
		}
		p := formatPart{}
		pattern = pattern[1:]
		if p.short = strings.HasPrefix(pattern, "-"); p.short {
			pattern = pattern[1:]
		}
		if pattern == "" {
			return nil, "write %% for a percent sign", fmt.Errorf("format %q ends with a lone %%", text)
		}
		p.field, pattern = pattern[0], pattern[1:]
		switch {
		case p.field == '%' && !p.short:
			p = formatPart{literal: "%"}
		case strings.IndexByte(formatFields, p.field) < 0:
			return nil, formatInstead[p.field], fmt.Errorf("format %q: %%%c is not a field that can be read exactly", text, p.field)
		case p.short && strings.IndexByte("mdHIMS", p.field) < 0:
			return nil, fmt.Sprintf("write %%%c", p.field), fmt.Errorf("format %q: %%-%c is not a field", text, p.field)
		}
		f.parts = append(f.parts, p)
	}
	return f, "", f.complete()
}

// complete says what a pattern lacks, has twice, or leaves open.
func (f *timeFormat) complete() error {
	count := map[byte]int{}
	for i, p := range f.parts {
		if p.field == 0 {
			continue
		}
		if count[p.field]++; count[p.field] > 1 {
			return fmt.Errorf("format %q has %%%c twice", f.text, p.field)
		}
		if p.field != 'f' && !p.short || i+1 == len(f.parts) {
			continue
		}
		next := f.parts[i+1]
		if strings.IndexByte("YmdjHIMSf", next.field) >= 0 && next.field != 0 || next.literal != "" && isDigit(next.literal[0]) {
			return fmt.Errorf("format %q: digits follow a field of no fixed length, so where it ends is not known", f.text)
		}
	}
	months := count['m'] + count['b'] + count['B']
	switch {
	case count['Y'] == 0:
		return fmt.Errorf("format %q has no year (%%Y)", f.text)
	case count['j'] == 1 && months+count['d'] > 0, months > 1:
		return fmt.Errorf("format %q says the day in two ways", f.text)
	case count['j'] == 0 && (months == 0 || count['d'] == 0):
		return fmt.Errorf("format %q has no month (%%m, %%b) or no day (%%d)", f.text)
	case count['H'] == 1 && count['I']+count['p'] > 0, count['I'] != count['p']:
		return fmt.Errorf("format %q: hours are %%H, or %%I together with %%p", f.text)
	case count['M'] > count['H']+count['I'], count['S'] > count['M'], count['f'] > count['S']:
		return fmt.Errorf("format %q has a smaller part of the day without the larger one", f.text)
	}
	return nil
}

// timeOfDay says whether the pattern has one.
func (f *timeFormat) timeOfDay() bool {
	for _, p := range f.parts {
		if p.field == 'H' || p.field == 'I' {
			return true
		}
	}
	return f.epoch
}

var (
	monthNames = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	dayNames   = []string{"thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"} // 1970 began on a Thursday
)

// read reads a text by the pattern: all of it, or it is no time.
func (f *timeFormat) read(s []byte) (m moment, ok bool) {
	var year, yearDay, hour, minute, second, micros, half int64
	var month, day, weekday int64 = 1, 1, -1
	for _, p := range f.parts {
		ok = true
		switch p.field {
		case 0:
			if ok = strings.HasPrefix(string(s), p.literal); ok {
				s = s[len(p.literal):]
			}
		case 'Y':
			year, s, ok = digitsOf(s, 4, false)
		case 'j':
			yearDay, s, ok = digitsOf(s, 3, false)
			ok = ok && yearDay > 0
		case 'm':
			month, s, ok = digitsOf(s, 2, p.short)
		case 'd':
			day, s, ok = digitsOf(s, 2, p.short)
		case 'H':
			hour, s, ok = digitsOf(s, 2, p.short)
			ok = ok && hour <= 23
		case 'I':
			hour, s, ok = digitsOf(s, 2, p.short)
			ok = ok && hour >= 1 && hour <= 12
			hour %= 12
		case 'M':
			minute, s, ok = digitsOf(s, 2, p.short)
			ok = ok && minute <= 59
		case 'S':
			second, s, ok = digitsOf(s, 2, p.short)
			ok = ok && second <= 60
		case 'f':
			micros, s, ok = fractionOf(s)
		case 'b', 'B':
			month, s, ok = nameOf(s, monthNames, p.field == 'B')
			month++
		case 'a', 'A':
			weekday, s, ok = nameOf(s, dayNames, p.field == 'A')
		case 'p':
			half, s, ok = nameOf(s, []string{"am", "pm"}, true)
		case 'z':
			m.offset, s, ok = zoneOf(s)
			m.hasZone = true
		}
		if !ok {
			return m, false
		}
	}
	if len(s) > 0 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return m, false
	}
	days := daysOf(year, month, day)
	if yearDay > 0 {
		days = daysOf(year, 1, 1) + yearDay - 1
		if days >= daysOf(year+1, 1, 1) {
			return m, false
		}
	}
	if weekday >= 0 && (days%7+7)%7 != weekday {
		return m, false
	}
	m.wall = days*microsPerDay + (((hour+12*half)*60+minute)*60+second)*microsPerSecond + micros
	return m, true
}

// digitsOf reads exactly n digits; with short, one or two.
func digitsOf(s []byte, n int, short bool) (v int64, rest []byte, ok bool) {
	i := 0
	for ; i < n && i < len(s) && isDigit(s[i]); i++ {
		v = v*10 + int64(s[i]-'0')
	}
	return v, s[i:], i == n || short && i > 0
}

// fractionOf reads the digits of a second's fraction; those beyond the
// microsecond are cut off.
func fractionOf(s []byte) (micros int64, rest []byte, ok bool) {
	i := 0
	for unit := int64(microsPerSecond / 10); i < len(s) && isDigit(s[i]); i++ {
		micros += int64(s[i]-'0') * unit
		unit /= 10
	}
	return micros, s[i:], i > 0
}

// nameOf reads one of the names, or the first three letters of one.
func nameOf(s []byte, names []string, whole bool) (at int64, rest []byte, ok bool) {
	for i, name := range names {
		if !whole {
			name = name[:3]
		}
		if len(s) >= len(name) && equalFold(s[:len(name)], name) {
			return int64(i), s[len(name):], true
		}
	}
	return 0, s, false
}

// zoneOf reads Z, +09, +0900, +09:00 at the start of a text, in microseconds.
func zoneOf(s []byte) (offset int64, rest []byte, ok bool) {
	end := 0
	for end < len(s) && (isDigit(s[end]) || strings.IndexByte("+-:Zz", s[end]) >= 0) {
		end++
	}
	seconds, hasZone, ok := parseOffset(s[:end])
	return seconds * microsPerSecond, s[end:], ok && hasZone
}

// moment reads a value that is written as the format says.
func (f *timeFormat) moment(v *jsontext.Value) (m moment, p *problem) {
	if !f.epoch {
		m, ok := f.read(v.Text())
		if !ok {
			return m, wrongType("a time of the column's format "+f.text, v)
		}
		return m, nil
	}
	micros, fits, ok := parseEpoch(v.Text(), f.unit)
	switch {
	case !ok:
		return m, wrongType("a number of the column's format "+f.text, v)
	case !fits:
		return m, outOfRange(v, "as "+f.text+" is not within the years 1 to 9999")
	}
	return moment{wall: micros, hasZone: true}, nil
}

// Numbers of a column without a format are taken for seconds, milliseconds,
// microseconds or nanoseconds since 1970 if that is a time of the years 1990 to
// 2100. No number is that in two of the units, so nothing is guessed.
const (
	firstSecond = 631152000  // 1990-01-01
	lastSecond  = 4133980800 // 2101-01-01, the first that is none
)

// plainMoment reads a value of a column without a format.
func plainMoment(v *jsontext.Value) (m moment, p *problem) {
	text := v.Text()
	if v.Kind == jsontext.String {
		m, ok := parseMoment(text)
		if ok {
			return m, nil
		}
		if _, form := parseNumber(text); form != notNumber {
			return m, problemf(record.CodeWrongType, `expected %s, found %s: digits in a string can mean several times; say which with the column's format: epoch_s, epoch_ms, epoch_us, epoch_ns, yyyymmdd or a pattern such as %%Y%%m%%d%%H%%M%%S`, wantTime, head(v.Raw))
		}
		return m, wrongType(wantTime+"; other forms need the column's format:, such as %d/%b/%Y:%H:%M:%S %z", v)
	}
	if n, form := parseNumber(text); form == exactNumber && !n.negative {
		whole := wholePart(n)
		for _, u := range [...]struct {
			factor int64
			digits int
		}{{1, 6}, {1e3, 3}, {1e6, 0}, {1e9, -3}} {
			if whole >= firstSecond*u.factor && whole/u.factor < lastSecond {
				micros, _, _ := parseEpoch(text, u.digits)
				return moment{wall: micros, hasZone: true}, nil
			}
		}
	}
	return m, outOfRange(v, "is no time of the years 1990 to 2100 in seconds, milliseconds, microseconds or nanoseconds since 1970; for other times say the column's format: epoch_s, epoch_ms, epoch_us, epoch_ns or yyyymmdd")
}
