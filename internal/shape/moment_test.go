package shape

import (
	"testing"
	"testing/quick"
	"time"
)

const otherForms = "; other forms need the column's format:, such as %d/%b/%Y:%H:%M:%S %z"

func TestTimes(t *testing.T) {
	tests := []struct{ typ, value, want string }{
		{"timestamptz", `"2015-05-17T10:05:03+00:00"`, "2015-05-17T10:05:03Z"},
		{"timestamptz", `"2015-05-17T10:05:03.123456789Z"`, "2015-05-17T10:05:03.123456Z"},
		{"timestamptz", `"2015-05-17 10:05:03.5 +0900"`, "2015-05-17T01:05:03.5Z"},
		{"timestamptz", `"2015-05-17 10:05+09"`, "2015-05-17T01:05:00Z"},
		{"timestamptz", `"2015-05-17 10:05:03 UTC"`, "2015-05-17T10:05:03Z"},
		{"timestamptz", `"2015-05-17T10:05:03"`, "2015-05-17T01:05:03Z"},
		{"timestamptz", `"2015-05-17"`, "2015-05-16T15:00:00Z"},
		{"timestamptz", `"2016-12-31T23:59:60Z"`, "2017-01-01T00:00:00Z"},
		{"timestamptz", `1431857103`, "2015-05-17T10:05:03Z"},
		{"timestamptz", `1431857103.25`, "2015-05-17T10:05:03.25Z"},
		{"timestamptz", `1431857103250`, "2015-05-17T10:05:03.25Z"},
		{"timestamptz", `631152000`, "1990-01-01T00:00:00Z"},
		{"timestamptz", `4133980799999`, "2100-12-31T23:59:59.999Z"},
		{"timestamptz", `4133980799999999`, "2100-12-31T23:59:59.999999Z"},
		{"timestamptz", `"2015-05-17T12:30:60Z"`, "2015-05-17T12:31:00Z"},
		{"timestamptz", `"1887-01-01T00:00:00+09:18:59"`, "1886-12-31T14:41:01Z"},
		{"timestamptz", `"0001-01-01T00:00:00"`, "0000-12-31T14:41:01Z"},
		{"timestamptz", `"9999-12-31T23:59:59.999999Z"`, "9999-12-31T23:59:59.999999Z"},
		{"timestamp", `"9999-12-31T23:59:59.999999"`, "9999-12-31 23:59:59.999999"},
		{"timestamp", `"9999-12-31T23:59:59Z"`, `out_of_range: column x: "9999-12-31T23:59:59Z" is not within the years 1 to 9999`},
		{"timestamptz", `1431857103250001`, "2015-05-17T10:05:03.250001Z"},
		{"timestamptz", `1431857103250001999`, "2015-05-17T10:05:03.250001Z"},
		{"timestamptz", `1.431857103e9`, "2015-05-17T10:05:03Z"},
		{"timestamptz", `"0000-01-01"`, `wrong_type: column x: expected ` + wantTime + otherForms + `, found "0000-01-01"`},
		{"timestamptz", `"2015-02-29T00:00:00Z"`, `wrong_type: column x: expected ` + wantTime + otherForms + `, found "2015-02-29T00:00:00Z"`},
		{"timestamptz", `"2015-05-17T24:00:00Z"`, `wrong_type: column x: expected ` + wantTime + otherForms + `, found "2015-05-17T24:00:00Z"`},
		{"timestamptz", `"17/May/2015:10:05:03 +0000"`, `wrong_type: column x: expected ` + wantTime + otherForms + `, found "17/May/2015:10:05:03 +0000"`},
		{"timestamptz", `true`, `wrong_type: column x: expected ` + wantTime + `, found true`},
		{"timestamp", `"2015-05-17T10:05:03"`, "2015-05-17 10:05:03"},
		{"timestamp", `"2015-05-17T10:05:03Z"`, "2015-05-17 19:05:03"},
		{"timestamp", `1431857103`, "2015-05-17 19:05:03"},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.value, func(t *testing.T) {
			s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: tt.typ}}}, Options{})
			if got := verdict(t, s, "x", `{"x":`+tt.value+`}`); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// As clocks are set forward 02:30 does not occur and is taken an hour later; as
// they are set back it occurs twice and is the first of the two.
func TestClockChanges(t *testing.T) {
	tests := []struct{ zone, value, want string }{
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31T00:59:59Z"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"},
		{"Europe/Berlin", "2024-03-31 03:30:00", "2024-03-31T01:30:00Z"},
		{"Europe/Berlin", "2024-10-27 01:59:59", "2024-10-26T23:59:59Z"},
		{"Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z"},
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27T02:00:00Z"},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03T05:30:00Z"},
		{"America/New_York", "2024-03-10 02:30:00", "2024-03-10T07:30:00Z"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00Z"}, // a day that never was
	}
	for _, tt := range tests {
		s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: "timestamptz"}}}, Options{Location: mustLoad(tt.zone)})
		if got := verdict(t, s, "x", `{"x":"`+tt.value+`"}`); got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.value, tt.zone, got, tt.want)
		}
	}
}

// Our calendar and zones agree with package time's.
func TestCalendar(t *testing.T) {
	z := newZone(mustLoad("America/Sao_Paulo"))
	agree := func(second uint32) bool {
		instant := time.Unix(int64(second), 0).In(z.location)
		wall := z.wall(int64(second) * microsPerSecond)
		year, month, day := dateOf(floorDiv(wall, microsPerDay))
		y, m, d := instant.Date()
		back := z.instant(wall)
		_, offset := instant.Zone()
		again := z.wall(back) == wall // of a time that occurs twice the first
		return int(year) == y && int(month) == int(m) && int(day) == d && again && wall == (int64(second)+int64(offset))*microsPerSecond &&
			daysOf(year, month, day) == floorDiv(wall, microsPerDay)
	}
	if err := quick.Check(agree, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
}

func TestEventTime(t *testing.T) {
	column := []Column{{Name: "ts", Type: "timestamptz"}}
	tests := []struct {
		name  string
		r     TimeRange
		value string
		want  string
	}{
		{"now", TimeRange{}, "2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"},
		{"an hour ahead", TimeRange{}, "2024-05-02T11:59:59Z", "2024-05-02T11:59:59Z"},
		{"two days ahead", TimeRange{}, "2024-05-03T12:00:00Z", "time_out_of_range: column ts: 2024-05-03T21:00:00+09:00 is after 2024-05-02T21:00:00+09:00, the last time that is believed (time_range)"},
		{"never set", TimeRange{}, "1970-01-01T00:00:00Z", "time_out_of_range: column ts: 1970-01-01T09:00:00+09:00 is before 1990-01-01T00:00:00+09:00, the first time that is believed (time_range)"},
		{"off", TimeRange{Off: true}, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"since", TimeRange{Since: "1950-01-01"}, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"past", TimeRange{Past: Duration(90 * day)}, "2024-01-01T00:00:00Z", "time_out_of_range: column ts: 2024-01-01T09:00:00+09:00 is before 2024-02-01T21:00:00+09:00, the first time that is believed (time_range)"},
		{"ahead", TimeRange{Ahead: Duration(time.Hour)}, "2024-05-01T13:00:01Z", "time_out_of_range: column ts: 2024-05-01T22:00:01+09:00 is after 2024-05-01T22:00:00+09:00, the last time that is believed (time_range)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := compiled(t, Definition{EventTime: "ts", TimeRange: tt.r, Columns: column}, Options{})
			if got := verdict(t, s, "ts", `{"ts":"`+tt.value+`"}`); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	s := compiled(t, Definition{EventTime: "ts", Columns: column}, Options{})
	if b := shaped(t, s, `{}`, `{"ts":null}`); b.MinTime <= b.MaxTime {
		t.Errorf("times %d to %d of rows without any", b.MinTime, b.MaxTime)
	}
	b := shaped(t, s, `{"ts":1714500000}`, `{}`, `{"ts":1714400000}`)
	if b.MinTime != 1714400000e6 || b.MaxTime != 1714500000e6 {
		t.Errorf("times %d to %d", b.MinTime, b.MaxTime)
	}
}
