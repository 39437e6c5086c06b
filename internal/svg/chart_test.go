package svg_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/svg"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no time zone data on this machine: ", err)
	}
	return z
}

// points are one value every interval from from on; the values are given.
func points(from time.Time, every time.Duration, values ...float64) []svg.Point {
	var points []svg.Point
	for i, v := range values {
		points = append(points, svg.Point{Time: from.Add(time.Duration(i) * every), Value: v})
	}
	return points
}

// wellFormed fails the test unless text is XML with nothing but presentation attributes.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if element, ok := token.(xml.StartElement); ok {
			for _, a := range element.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("<%s> has %s", element.Name.Local, a.Name.Local)
				}
			}
		}
	}
}

type label struct {
	x    float64 // percent
	text string
}

// labels are the ticks of a chart in order.
func labels(chart string) []label {
	var found []label
	for _, m := range regexp.MustCompile(`<g[^>]*><line class="axis"[^>]*/><text x="([0-9.]+)%"[^>]*>([^<]*)</text>`).FindAllStringSubmatch(chart, -1) {
		x, _ := strconv.ParseFloat(m[1], 64)
		found = append(found, label{x, m[2]})
	}
	return found
}

func texts(found []label) string {
	var all []string
	for _, l := range found {
		all = append(all, l.text)
	}
	return strings.Join(all, " | ")
}

func TestTicks(t *testing.T) {
	tokyo := zone(t, "Asia/Tokyo")
	for _, c := range []struct {
		from, to, want string
	}{
		{"2026-11-20T15:00:00", "2026-11-21T14:58:00", "15:00 | 18:00 | 21:00 | 00:00 Sat 21 Nov | 03:00 | 06:00 | 09:00 | 12:00 | 14:58"},
		{"2026-11-21T00:00:00", "2026-11-21T14:58:00", "00:00 Sat 21 Nov | 02:00 | 04:00 | 06:00 | 08:00 | 10:00 | 12:00 | 14:58"},
		{"2026-11-21T14:00:00", "2026-11-21T15:00:00", "14:00 | 14:10 | 14:20 | 14:30 | 14:40 | 14:50 | 15:00"},
		{"2026-11-21T14:57:30", "2026-11-21T14:58:00", "14:57:30 | 14:57:35 | 14:57:40 | 14:57:45 | 14:57:50 | 14:57:55 | 14:58:00"},
		{"2026-11-14T12:00:00", "2026-11-21T12:00:00", "Sun 15 Nov | Mon 16 Nov | Tue 17 Nov | Wed 18 Nov | Thu 19 Nov | Fri 20 Nov | 12:00"},
		{"2026-09-21T00:00:00", "2026-11-21T00:00:00", "Mon 21 Sep | Mon 28 Sep | Mon 5 Oct | Mon 12 Oct | Mon 19 Oct | Mon 26 Oct | Mon 2 Nov | Mon 9 Nov | Sat 21 Nov"},
		{"2025-11-21T00:00:00", "2026-11-21T00:00:00", "Jan 2026 | Apr 2026 | Jul 2026 | Oct 2026 | Sat 21 Nov"},
		{"2006-01-01T00:00:00", "2026-11-21T00:00:00", "2006 | 2010 | 2014 | 2018 | 2022 | Sat 21 Nov"},
	} {
		from, err := time.ParseInLocation("2006-01-02T15:04:05", c.from, tokyo)
		if err != nil {
			t.Fatal(err)
		}
		to, _ := time.ParseInLocation("2006-01-02T15:04:05", c.to, tokyo)
		chart := string(svg.LineChart(svg.Chart{From: from, To: to, Zone: tokyo}))
		wellFormed(t, chart)
		got := texts(labels(chart))
		if got != c.want {
			t.Errorf("%s to %s:\n got %s\nwant %s", c.from, c.to, got, c.want)
		}
	}
}

// A clock that jumps bends nothing: an hour is as wide as it was long, and the ticks are at round local hours.
func TestTicksAcrossClockChanges(t *testing.T) {
	for _, c := range []struct {
		zone, from, to string
		want           string
		widths         []float64 // hours between the ticks, as they went by
	}{
		// 29 March 2026: 02:00 does not exist. 25 October 2026: 02:00 to 03:00 comes twice.
		{"Europe/Berlin", "2026-03-29T00:00:00", "2026-03-29T08:00:00", "00:00 Sun 29 Mar | 01:00 | 03:00 | 04:00 | 05:00 | 06:00 | 07:00 | 08:00", []float64{1, 1, 1, 1, 1, 1, 1}},
		{"Europe/Berlin", "2026-10-25T00:00:00", "2026-10-25T06:00:00", "00:00 Sun 25 Oct | 01:00 | 02:00 | 03:00 | 04:00 | 05:00 | 06:00", []float64{1, 1, 2, 1, 1, 1}},
		{"America/New_York", "2026-03-07T12:00:00", "2026-03-09T00:00:00", "12:00 | 18:00 | 00:00 Sun 8 Mar | 06:00 | 12:00 | 18:00 | 00:00", []float64{6, 6, 5, 6, 6, 6}},
		// Lebanon's clock jumps at midnight, so that the day begins at one.
		{"Asia/Beirut", "2026-03-26T00:00:00", "2026-03-31T12:00:00", "", nil},
	} {
		z := zone(t, c.zone)
		from, _ := time.ParseInLocation("2006-01-02T15:04:05", c.from, z)
		to, _ := time.ParseInLocation("2006-01-02T15:04:05", c.to, z)
		got := labels(string(svg.LineChart(svg.Chart{From: from, To: to, Zone: z})))
		if c.want == "" {
			for i := 1; i < len(got); i++ {
				if got[i].x <= got[i-1].x {
					t.Errorf("%s: %v", c.zone, got)
				}
			}
			continue
		}
		if texts(got) != c.want {
			t.Errorf("%s: got %s\nwant %s", c.zone, texts(got), c.want)
			continue
		}
		total := to.Sub(from).Hours()
		for i, hours := range c.widths {
			if width := (got[i+1].x - got[i].x) / 100 * total; math.Abs(width-hours) > 0.01 {
				t.Errorf("%s: %s to %s is %.2f h wide, took %.2f", c.zone, got[i].text, got[i+1].text, width, hours)
			}
		}
	}
}

func TestGapsStayGaps(t *testing.T) {
	from := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	nan := math.NaN()
	chart := svg.Chart{
		From: from, To: from.Add(10 * time.Hour), Every: time.Hour,
		Points: append(points(from, time.Hour, 1, 2, nan, 0, 4, 5, 6), svg.Point{Time: from.Add(9 * time.Hour), Value: 3}),
		Gaps:   []svg.Gap{{From: from.Add(4*time.Hour + 30*time.Minute), To: from.Add(5*time.Hour + 30*time.Minute), Reason: "stopped <1 h>"}},
	}
	text := string(svg.LineChart(chart))
	wellFormed(t, text)
	line := regexp.MustCompile(`class="ln"[^>]*d="([^"]*)"`).FindStringSubmatch(text)[1]
	// two points; missing; zero and four; the gap with a point in it; six alone; nothing for two hours; three alone
	if want := "M0 85.7L100 71.4M300 100L400 42.7M600 14.1L600 14.1M900 57L900 57"; line != want {
		t.Errorf("line %s\nwant %s", line, want)
	}
	if !strings.Contains(text, `<path class="hole" d="M450 92v8H550v-8"/>`) || !strings.Contains(text, "stopped &lt;1 h&gt;") {
		t.Errorf("the gap is not bracketed: %s", text)
	}
	bars := string(svg.BarChart(chart))
	wellFormed(t, bars)
	if n := strings.Count(bars, `class="bk"`); n != 6 {
		t.Errorf("%d bars, want 6", n)
	}
}

func TestLabelsAndSentence(t *testing.T) {
	from := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	chart := svg.Chart{From: from, To: from.Add(4 * time.Hour), Points: points(from, time.Hour, 100, 1027, 10, 402), Marks: []svg.Mark{{Time: from.Add(time.Hour), Label: `definition "7" & more`}}}
	text := string(svg.LineChart(chart))
	wellFormed(t, text)
	for _, want := range []string{
		`aria-label="From 00:00 Sat 21 Nov to 04:00 Sat 21 Nov: highest 1,027 at 01:00 Sat 21 Nov, last 402."`,
		`role="img"`, `preserveAspectRatio="none"`, `viewBox="0 0 1000 100"`, `>500</text>`, `>1,000</text>`, `>1,027</text>`, `>402</text>`,
		`definition &#34;7&#34; &amp; more`, `<circle class="s5" cx="75%"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	chart.Sentence = `"quoted" <views>`
	if text := string(svg.BarChart(chart)); !strings.Contains(text, `aria-label="&#34;quoted&#34; &lt;views&gt;"`) {
		t.Error("the sentence is not escaped")
	}
	if text := string(svg.LineChart(svg.Chart{From: from, To: from.Add(time.Hour)})); !strings.Contains(text, "no data.") || strings.Contains(text, "NaN") {
		t.Errorf("an empty chart: %s", text)
	}
}

// In a young chart all labels stand at the right edge: each has its own height.
func TestLabelsOfMarksStandAboveThoseOfPoints(t *testing.T) {
	from := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	ys := func(chart, attributes string) (found []float64) {
		for _, m := range regexp.MustCompile(`<text`+attributes+` y="([0-9.]+)"`).FindAllStringSubmatch(chart, -1) {
			y, _ := strconv.ParseFloat(m[1], 64)
			found = append(found, y)
		}
		return found
	}
	const peak = ` class="peak" x="[0-9.]+%"`
	for _, height := range []int{110, 150} {
		c := svg.Chart{From: from, To: from.Add(time.Hour), Every: time.Minute, Height: height, Points: points(from.Add(50*time.Minute), time.Minute, 3, 8, 2, 1, 0, 0, 0, 0, 0, 7.9)}
		plain := ys(string(svg.LineChart(c)), peak)
		c.Marks = []svg.Mark{{Time: from.Add(59 * time.Minute), Label: "definition 2"}}
		text := string(svg.LineChart(c))
		marks, peaks := ys(text, ` x="[0-9.]+%" dx="-4"`), ys(text, peak)
		if len(plain) != 2 || len(marks) != 1 || len(peaks) != 2 {
			t.Fatalf("labels at %v, with a mark %v and %v in\n%s", plain, marks, peaks, text)
		}
		for i := range peaks {
			if plain[i] < 9 { // else it stands in what is above the chart
				t.Errorf("%d px: a label at %v", height, plain[i])
			}
			if peaks[i] < marks[0]+12 {
				t.Errorf("%d px: a label at %v, below a mark's at %v", height, peaks[i], marks[0])
			}
		}
	}
}

func TestHeatStrip(t *testing.T) {
	nan := math.NaN()
	cells := func(f func(int) float64) (cells []float64) {
		for i := range 62 {
			cells = append(cells, f(i))
		}
		return cells
	}
	h := svg.Heat{
		First: time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC), Days: 62, Today: "today",
		Rows: []svg.HeatRow{
			{Name: "main", Cells: cells(func(i int) float64 { return float64(1000 * (i + 1)) })},
			{Name: "<docs>", Cells: cells(func(i int) float64 { return []float64{0, nan, 500}[i%3] }), Holes: []svg.Hole{{Day: 43, Label: "docs, 3 Nov: no rows"}}},
		},
	}
	text := string(svg.HeatStrip(h))
	wellFormed(t, text)
	steps := h.Steps()
	for i := 1; i < len(steps); i++ {
		if steps[i] < steps[i-1] {
			t.Errorf("steps %v", steps)
		}
	}
	for i := 1; i <= 5; i++ {
		if !strings.Contains(text, fmt.Sprintf(`<path class="s%d" d=`, i)) {
			t.Errorf("nothing at depth %d", i)
		}
	}
	count := func(class string) int {
		m := regexp.MustCompile(`<path class="` + class + `"[^>]* d="([^"]*)"`).FindStringSubmatch(text)
		if m == nil {
			return 0
		}
		return strings.Count(m[1], "M")
	}
	// 43 is one of the 21 days without a number; 0, 3, … are zero.
	if filled := count("s1") + count("s2") + count("s3") + count("s4") + count("s5"); filled != 62+20 || count("e") != 21 || count("hole") != 1 {
		t.Errorf("%d cells filled, %d zero, %d holes", filled, count("e"), count("hole"))
	}
	for _, want := range []string{"&lt;docs&gt;", "docs, 3 Nov: no rows", ">today</text>", ">21 Sep</text>", `aria-label="21 Sep to 21 Nov, 2 rows. Highest 62,000: main, 21 Nov. Without data: 1."`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.4: "0.4", 4.129: "4.13", 999: "999", 1000: "1,000", 1234567.8: "1,234,568", -12: "−12", 100.4: "100"} {
		if got := svg.Thousands(v); got != want {
			t.Errorf("%v gave %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]float64{565: 500, 2.6: 2.5, 2.4: 2, 9.9: 5, 1: 1, 0.55: 0.5, 0: 1} {
		if got := svg.RoundStep(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("step for %v is %v, want %v", v, got, want)
		}
	}
}

func FuzzLineChart(f *testing.F) {
	f.Add(int64(1764000000), int64(86400), int64(600), 3.5, -1.0, "Asia/Tokyo")
	f.Fuzz(func(t *testing.T, from, span, every int64, a, b float64, name string) {
		z, err := time.LoadLocation(name)
		if err != nil {
			z = time.UTC
		}
		start := time.Unix(from%1e10, 0)
		c := svg.Chart{From: start, To: start.Add(time.Duration(span%1e9) * time.Second), Zone: z, Every: time.Duration(every%1e6) * time.Second}
		for i := range 20 {
			c.Points = append(c.Points, svg.Point{Time: start.Add(time.Duration(i) * c.Every), Value: a + b*float64(i)})
		}
		text := string(svg.LineChart(c)) + string(svg.BarChart(c))
		wellFormed(t, text)
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Fatalf("not a number in %s", text)
		}
		if len(labels(text)) > 2*11 {
			t.Fatalf("%d ticks", len(labels(text)))
		}
	})
}
