package shape

import (
	"strings"
	"testing"
	"time"
)

// Digits mean one time only where the column says which.
func TestNothingIsGuessedInTimes(t *testing.T) {
	for _, value := range []string{
		`"1431857103"`, `"1431857103250"`, `"1431857103.5"`, `"20150517"`, `"20150517100503"`, `"0"`, `"-1"`, `"1e9"`, `" 1431857103"`,
		`0`, `-1`, `1`, `20150517`, `20150517100503`, `631151999`, `4133980800`, `631151999999`, `4133980800000`, `631151999999999`, `1e30`, `99999999999`,
	} {
		for _, typ := range []string{"timestamptz", "timestamp"} {
			s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: typ}}}, Options{})
			b := shaped(t, s, `{"x":`+value+`}`)
			if len(b.Rejects) != 1 {
				t.Errorf("%s %s is %s", typ, value, cell(b, 0, "x"))
				continue
			}
			if r := b.Rejects[0]; r.Column != "x" || !strings.Contains(r.Message, strings.TrimSpace(value)) || !strings.Contains(r.Message, "format:") {
				t.Errorf("%s %s: %s", typ, value, r.Message)
			}
		}
	}
}

// No number is a time of the years 1990 to 2100 in two units.
func TestUnitsOfEpochsDoNotOverlap(t *testing.T) {
	for factor := int64(1); factor < 1e9; factor *= 1e3 {
		if lastSecond*factor >= firstSecond*factor*1e3 {
			t.Errorf("from %d on", firstSecond*factor*1e3)
		}
	}
}

func TestFormats(t *testing.T) {
	tests := []struct{ typ, format, value, want string }{
		{"timestamptz", "epoch_s", `"1431857103"`, "2015-05-17T10:05:03Z"},
		{"timestamptz", "epoch_s", `1431857103.25`, "2015-05-17T10:05:03.25Z"},
		{"timestamptz", "epoch_s", `-1`, "1969-12-31T23:59:59Z"},
		{"timestamptz", "epoch_s", `0`, "1970-01-01T00:00:00Z"},
		{"timestamptz", "epoch_s", `1431857103250`, "out_of_range: column x: 1431857103250 as epoch_s is not within the years 1 to 9999"},
		{"timestamptz", "epoch_s", `"2015-05-17T10:05:03Z"`, `wrong_type: column x: expected a number of the column's format epoch_s, found "2015-05-17T10:05:03Z"`},
		{"timestamptz", "epoch_ms", `"1431857103250"`, "2015-05-17T10:05:03.25Z"},
		{"timestamptz", "epoch_ms", `1`, "1970-01-01T00:00:00.001Z"},
		{"timestamptz", "epoch_us", `1431857103250001`, "2015-05-17T10:05:03.250001Z"},
		{"timestamptz", "epoch_ns", `"1431857103250001999"`, "2015-05-17T10:05:03.250001Z"},
		{"timestamptz", "epoch_ns", `1431857103`, "1970-01-01T00:00:01.431857Z"},
		{"timestamp", "epoch_s", `1431857103`, "2015-05-17 19:05:03"},
		{"timestamptz", "yyyymmdd", `"20150517"`, "2015-05-16T15:00:00Z"},
		{"timestamptz", "yyyymmdd", `20150517`, "2015-05-16T15:00:00Z"},
		{"timestamptz", "yyyymmdd", `"20150229"`, `wrong_type: column x: expected a time of the column's format yyyymmdd, found "20150229"`},
		{"timestamptz", "yyyymmdd", `"2015-05-17"`, `wrong_type: column x: expected a time of the column's format yyyymmdd, found "2015-05-17"`},
		{"date", "yyyymmdd", `20150517`, "2015-05-17"},
		{"date", "%d/%m/%Y", `"03/04/2015"`, "2015-04-03"},
		{"date", "%-d.%-m.%Y", `"3.4.2015"`, "2015-04-03"},
		{"date", "%Y-%j", `"2016-366"`, "2016-12-31"},
		{"date", "%Y-%j", `"2015-366"`, `wrong_type: column x: expected a time of the column's format %Y-%j, found "2015-366"`},
		{"timestamptz", "%d/%b/%Y:%H:%M:%S %z", `"17/May/2015:10:05:03 +0000"`, "2015-05-17T10:05:03Z"},
		{"timestamptz", "%d/%b/%Y:%H:%M:%S %z", `"17/may/2015:10:05:03 -0330"`, "2015-05-17T13:35:03Z"},
		{"timestamptz", "%d/%b/%Y:%H:%M:%S %z", `"17/May/2015:10:05:03 +0000 "`, `wrong_type: column x: expected a time of the column's format %d/%b/%Y:%H:%M:%S %z, found "17/May/2015:10:05:03 +0000 "`},
		{"timestamptz", "%a, %d %b %Y %T %z", `"Sun, 17 May 2015 10:05:03 +09:00"`, "2015-05-17T01:05:03Z"},
		{"timestamptz", "%a, %d %b %Y %T %z", `"Mon, 17 May 2015 10:05:03 +09:00"`, `wrong_type: column x: expected a time of the column's format %a, %d %b %Y %T %z, found "Mon, 17 May 2015 10:05:03 +09:00"`},
		{"timestamptz", "%-m/%-d/%Y %-I:%M %p", `"5/7/2015 12:05 AM"`, "2015-05-06T15:05:00Z"},
		{"timestamptz", "%-m/%-d/%Y %-I:%M %p", `"5/7/2015 12:05 pm"`, "2015-05-07T03:05:00Z"},
		{"timestamptz", "%Y%m%d%H%M%S.%f", `"20150517100503.5"`, "2015-05-17T01:05:03.5Z"},
		{"timestamptz", "%Y%m%d%H%M%S", `"20150517123060"`, "2015-05-17T03:31:00Z"},
		{"timestamptz", "%B %d, %Y", `"September 05, 2015"`, "2015-09-04T15:00:00Z"},
		{"timestamptz", "100%% %F", `"100% 2015-05-17"`, "2015-05-16T15:00:00Z"},
	}
	for _, tt := range tests {
		s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: tt.typ, Format: tt.format}}}, Options{})
		if got := verdict(t, s, "x", `{"x":`+tt.value+`}`); got != tt.want {
			t.Errorf("%s %s %s\ngot  %s\nwant %s", tt.typ, tt.format, tt.value, got, tt.want)
		}
	}
}

func TestFormatMistakes(t *testing.T) {
	tests := []struct{ typ, format, want string }{
		{"varchar", "epoch_s", "columns[0].format: column x is varchar, and a format is of times and dates; give the column the type timestamptz, timestamp or date"},
		{"date", "epoch_s", "column x is a date, and its format epoch_s has a time of day"},
		{"timestamptz", "epoch", "did you mean epoch_s?"},
		{"timestamptz", "YYYY-MM-DD", "is neither one of epoch_s, epoch_ms"},
		{"timestamptz", "%d/%m/%y", "a year of two digits is of no known century: send four and write %Y"},
		{"timestamptz", "%Y-%m-%d %H:%M:%S %Z", "names of zones mean several: send offsets and write %z"},
		{"timestamptz", "%d/%m", "has no year (%Y)"},
		{"timestamptz", "%Y-%m", "has no month (%m, %b) or no day (%d)"},
		{"timestamptz", "%Y-%m-%d %I:%M", "hours are %H, or %I together with %p"},
		{"timestamptz", "%Y-%m-%d %M", "has a smaller part of the day without the larger one"},
		{"timestamptz", "%Y%-m%d", "where it ends is not known"},
		{"timestamptz", "%Y%m%d %j", "says the day in two ways"},
		{"timestamptz", "%Y-%Y-%m-%d", "has %Y twice"},
		{"timestamptz", "%Y-%m-%d %", "write %% for a percent sign"},
		{"timestamptz", "%Y-%m-%-Y", "write %Y"},
	}
	for _, tt := range tests {
		got := Check(Definition{Columns: []Column{{Name: "x", Type: tt.typ, Format: tt.format}}}, Options{}).Error()
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s %s\ngot  %s\nwant %s", tt.typ, tt.format, got, tt.want)
		}
	}
}

// What package time writes by a layout is read by the format that says the same.
func FuzzFormat(f *testing.F) {
	f.Add(int64(0), 0)
	f.Add(int64(-62135596800), 1)
	f.Add(int64(253402300799), 2)
	layouts := []struct{ layout, format string }{
		{"02/Jan/2006:15:04:05 -0700", "%d/%b/%Y:%H:%M:%S %z"},
		{"Monday, January 2 2006 3:04:05 PM -07:00", "%A, %B %-d %Y %-I:%M:%S %p %z"},
		{"2006-002T15:04:05Z07:00", "%Y-%jT%T%z"},
		{"20060102150405", "%Y%m%d%H%M%S"},
	}
	f.Fuzz(func(t *testing.T, second int64, which int) {
		at := time.Unix(second, 0).UTC()
		if at.Year() < 1 || at.Year() > 9999 {
			return
		}
		l := layouts[uint(which)%uint(len(layouts))]
		format, _, err := parseFormat(l.format)
		if err != nil {
			t.Fatal(err)
		}
		text := at.Format(l.layout)
		m, ok := format.read([]byte(text))
		if !ok || m.wall-m.offset != at.UnixMicro() {
			t.Fatalf("%s by %s: %d, want %d", text, l.format, m.wall-m.offset, at.UnixMicro())
		}
	})
}

func FuzzFormatPattern(f *testing.F) {
	f.Add("%Y-%m-%d", "2015-05-17")
	f.Add("%-d%%%b%Y %f", "")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if format, _, err := parseFormat(pattern); err == nil {
			format.read([]byte(text))
		}
	})
}
