package console

import (
	"html/template"
	"time"
)

// Time is a moment as people write it, in the project's zone: the time of day
// today, else the day and the time. Its element has the whole of it with offset.
func (v *Visit) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	local := t.In(v.Location)
	if sameDay(local, v.Now) {
		return v.stamped(local, local.Format("15:04:05"))
	}
	return v.stamped(local, v.day(local)+" "+local.Format("15:04"))
}

// Short is Time to the minute, or only the day where it was another.
func (v *Visit) Short(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	local := t.In(v.Location)
	if sameDay(local, v.Now) {
		return v.stamped(local, local.Format("15:04"))
	}
	return v.stamped(local, v.day(local))
}

// Clock is the time of day.
func (v *Visit) Clock(t time.Time) template.HTML {
	local := t.In(v.Location)
	return v.stamped(local, local.Format("15:04:05"))
}

// Minute is the time of day to the minute.
func (v *Visit) Minute(t time.Time) template.HTML {
	local := t.In(v.Location)
	return v.stamped(local, local.Format("15:04"))
}

// Day is a day of the project's zone.
func (v *Visit) Day(t time.Time) template.HTML {
	local := t.In(v.Location)
	return v.stamped(local, v.day(local))
}

func (v *Visit) day(local time.Time) string {
	switch {
	case v.Language == Japanese && local.Year() == v.Now.Year():
		return local.Format("1月2日")
	case v.Language == Japanese:
		return local.Format("2006年1月2日")
	case local.Year() == v.Now.Year():
		return local.Format("2\u00a0Jan")
	}
	return local.Format("2\u00a0Jan\u00a02006")
}

func (v *Visit) stamped(local time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + local.Format("2006-01-02T15:04:05.999Z07:00") + `">` + text + `</time>`)
}

// Zone is the name of the project's zone.
func (v *Visit) Zone() string { return v.Location.String() }

// Offset is the zone's distance from UTC now: UTC+9, UTC−3:30.
func (v *Visit) Offset() string {
	_, seconds := v.Now.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	text := "UTC" + sign + v.N(seconds/3600)
	if rest := seconds % 3600 / 60; rest != 0 {
		text += ":" + string(rune('0'+rest/10)) + string(rune('0'+rest%10))
	}
	return text
}

func sameDay(a, b time.Time) bool {
	y, m, d := a.Date()
	Y, M, D := b.Date()
	return y == Y && m == M && d == D
}

// Milli is the time of day to the millisecond.
func (v *Visit) Milli(t time.Time) template.HTML {
	local := t.In(v.Location)
	return v.stamped(local, local.Format("15:04:05.000"))
}
