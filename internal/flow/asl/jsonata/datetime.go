package jsonata

import (
	"math"
	"time"
)

// day is a day's length in milliseconds.
const day = 1000 * 60 * 60 * 24

// maxMillis is the last time that ECMAScript knows, in milliseconds from 1970 on; the first is as far before it.
const maxMillis = 8.64e15

var (
	dayNames   = []string{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	monthNames = []string{
		"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
	}
)

// instant is a time of ECMAScript's, which need not be a valid one.
type instant struct {
	millis float64
	utc    time.Time
	valid  bool
}

func newInstant(millis float64) instant {
	millis = math.Trunc(millis)
	i := instant{millis: millis, valid: math.Abs(millis) <= maxMillis}
	if i.valid {
		i.utc = time.UnixMilli(int64(millis)).UTC()
	}
	return i
}

// utcMillis is the time of a date and time of day, each part of which may be out of its range; months count from 0, and years up to 99
// are those of the twentieth century.
func utcMillis(year, month, date, hour, minute, second, milli float64) float64 {
	if y := math.Trunc(year); y >= 0 && y <= 99 {
		year = 1900 + y
	}
	year, month = math.Trunc(year), math.Trunc(month)
	year += math.Floor(month / 12)
	month -= math.Floor(month/12) * 12
	if math.IsNaN(year+month) || math.Abs(year) > 400_000 {
		return math.NaN()
	}
	first := time.Date(int(year), time.Month(int(month)+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	millis := float64(first) + (math.Trunc(date)-1)*day
	millis += math.Trunc(hour)*3_600_000 + math.Trunc(minute)*60_000 + math.Trunc(second)*1000 + math.Trunc(milli)
	if !(math.Abs(millis) <= maxMillis) {
		return math.NaN()
	}
	return millis
}

// firstWeek is the start of the first week of a month (from 0): the one with its first Thursday. Weeks begin on Monday.
func firstWeek(year, month float64) float64 {
	first := utcMillis(year, month, 1, 0, 0, 0, 0)
	weekday := newInstant(first).weekday()
	if weekday > 4 {
		return first + (8-weekday)*day
	}
	return first - (weekday-1)*day
}

// weekday is 1 on Monday to 7 on Sunday.
func (i instant) weekday() float64 {
	if !i.valid {
		return math.NaN()
	}
	return float64((int(i.utc.Weekday())+6)%7 + 1)
}

// fragment is a component of the time; not a number for one that is no number.
func (i instant) fragment(component byte) float64 {
	if !i.valid {
		return math.NaN()
	}
	year, month, date := i.utc.Date()
	y, m := float64(year), float64(month-1)
	today := utcMillis(y, m, float64(date), 0, 0, 0, 0)
	switch component {
	case 'Y':
		return y
	case 'M':
		return m + 1
	case 'D':
		return float64(date)
	case 'd':
		return (today-utcMillis(y, 0, 1, 0, 0, 0, 0))/day + 1
	case 'F':
		return i.weekday()
	case 'W':
		return week(today, firstWeek(y, 0), firstWeek(y+1, 0), firstWeek(y-1, 0), 52)
	case 'w':
		return week(today, firstWeek(y, m), firstWeek(y, m+1), firstWeek(y, m-1), 4)
	case 'X':
		switch {
		case i.millis < firstWeek(y, 0):
			return y - 1
		case i.millis >= firstWeek(y+1, 0):
			return y + 1
		}
		return y
	case 'x':
		switch {
		case i.millis < firstWeek(y, m):
			return math.Mod(m+11, 12) + 1
		case i.millis >= firstWeek(y, m+1):
			return math.Mod(m+1, 12) + 1
		}
		return m + 1
	case 'H':
		return float64(i.utc.Hour())
	case 'h':
		return float64((i.utc.Hour()+11)%12 + 1)
	case 'm':
		return float64(i.utc.Minute())
	case 's':
		return float64(i.utc.Second())
	case 'f':
		return float64(i.utc.Nanosecond() / 1_000_000)
	}
	return math.NaN()
}

// week is the number of a day's week in a year or month, given where the first weeks of this, the next and the one before begin.
func week(today, first, next, previous, usual float64) float64 {
	n := (today-first)/(7*day) + 1
	if n > usual {
		if today >= next {
			n = 1
		}
	} else if n < 1 {
		n = (today-previous)/(7*day) + 1
	}
	return math.Floor(n)
}
