package console

import (
	"html"
	"math"
	"testing"
	"time"
)

func speaker(t *testing.T, l Language, zone string) *Visit {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return &Visit{Language: l, Location: location, Now: time.Date(2026, 11, 21, 5, 58, 12, 0, time.UTC).In(location)}
}

func TestNumbersInBothLanguages(t *testing.T) {
	en, ja := speaker(t, English, "Asia/Tokyo"), speaker(t, Japanese, "Asia/Tokyo")
	for _, c := range []struct{ got, want string }{
		{en.N(41208), "41,208"}, {en.N(-1204), "−\u20091,204"}, {en.N(0), "0"}, {en.N(int64(math.MinInt64)), "−\u20099,223,372,036,854,775,808"},
		{string(en.Signed(238)), "+\u2009238"}, {string(en.Signed(0)), "0"},
		{en.Big(9_999_999), "9,999,999"}, {en.Big(412_600_000), "412.6\u00a0M"}, {ja.Big(412_600_000), "4.13\u00a0億"}, {ja.Big(38_214_907), "3,821\u00a0万"},
		{en.Rate(0), "0"}, {en.Rate(0.016), "0.02"}, {en.Rate(4.1), "4.1"}, {en.Rate(1204.4), "1,204"},
		{en.Share(11, 14630), "0.08\u00a0%"}, {en.Share(0, 5), "0\u00a0%"}, {en.Share(0, 0), "0\u00a0%"}, {en.Share(9999, 10000), "99.9\u00a0%"}, {en.Share(5, 5), "100\u00a0%"}, {en.Share(1, 1e6), "<\u20090.01\u00a0%"},
		{en.Bytes(842_000_000), "842\u00a0MB"}, {en.Bytes(6_200_000_000), "6.2\u00a0GB"}, {en.Bytes(999), "999\u00a0B"}, {en.Bytes(999_700), "1.0\u00a0MB"},
		{en.Span(6 * time.Millisecond), "6\u00a0ms"}, {en.Span(400 * time.Millisecond), "0.4\u00a0s"}, {ja.Span(46 * time.Second), "46 秒"},
		{en.Span(13 * time.Minute), "13\u00a0min"}, {ja.Span(2*time.Hour + 5*time.Minute), "2 時間 5 分"}, {en.Span(9 * time.Second), "9\u00a0s"},
		{string(en.T("home.looks", 1)), "1 thing wants a look."}, {string(en.T("home.looks", 3)), "3 things want a look."},
		{string(en.T("look.flush", "<b>&")), "The last flush failed and is tried again; nothing is lost. &lt;b&gt;&amp;"},
	} {
		if got := html.UnescapeString(c.got); got != html.UnescapeString(c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTimesHaveTheirZone(t *testing.T) {
	at := time.Date(2026, 11, 21, 5, 14, 0, 0, time.UTC)
	en, ja := speaker(t, English, "Asia/Tokyo"), speaker(t, Japanese, "Asia/Tokyo")
	for _, c := range []struct{ got, want string }{
		{string(en.Time(at)), `<time datetime="2026-11-21T14:14:00+09:00">14:14:00</time>`},
		{string(en.Time(at.AddDate(0, 0, -1))), "<time datetime=\"2026-11-20T14:14:00+09:00\">20\u00a0Nov 14:14</time>"},
		{string(ja.Short(at.AddDate(0, 0, -1))), `<time datetime="2026-11-20T14:14:00+09:00">11月20日</time>`},
		{string(en.Day(at.AddDate(-1, 0, 0))), "<time datetime=\"2025-11-21T14:14:00+09:00\">21\u00a0Nov\u00a02025</time>"},
		{string(en.Time(time.Time{})), ""},
		{en.Offset(), "UTC+9"}, {speaker(t, English, "America/St_Johns").Offset(), "UTC−3:30"}, {speaker(t, English, "UTC").Offset(), "UTC+0"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestRiverIsToScale(t *testing.T) {
	r := newRiver(passage{doors: []Door{{Name: "http", Hour: 900}, {Name: "firehose", Hour: 100}, {Name: "browser"}},
		outlets: []Door{{Name: "http", Hour: 3}}, reaches: [3]int64{1000, 990, 500}, rows: 412_600_000})
	for i, want := range []string{"43.6", "4.8", "0.0"} {
		if got := r.Flat.Doors[i].Width; got != want {
			t.Errorf("door %d is %s wide, want %s", i, got, want)
		}
	}
	if r.Line != 200_000_000 || r.Depths != 3 {
		t.Errorf("%d rows a line, %d depths", r.Line, r.Depths)
	}
	for _, rows := range []int64{0, 1, 3, 4, 99, 100_000, math.MaxInt64} {
		line, depths := depthLine(rows)
		if depths < 0 || depths > 4 || rows > 0 && (line <= 0 || depths < 1) {
			t.Errorf("%d rows: line %d, depths %d", rows, line, depths)
		}
	}
	empty := newRiver(passage{})
	if len(empty.Flat.Lake) != 1 || empty.Flat.Lake[0].Class != "e" {
		t.Errorf("an empty lake: %+v", empty.Flat.Lake)
	}
}

func TestHolesAreDaysThatShouldHaveRows(t *testing.T) {
	missing := math.NaN()
	for _, c := range []struct {
		cells []float64
		want  int
	}{
		{[]float64{5, 4, missing, 6, 7, 5}, 1},
		{[]float64{missing, missing, 5, 5, 5}, 0}, // before the first day
		{[]float64{5, 5, 5, missing, missing}, 0}, // after the last one
		{[]float64{5, missing, missing, 5, missing, 5}, 0},
		{[]float64{missing, missing}, 0},
	} {
		if got := holesIn(c.cells); len(got) != c.want {
			t.Errorf("%v: %v, want %d holes", c.cells, got, c.want)
		}
	}
}
