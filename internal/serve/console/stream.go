package console

import (
	"context"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/svg"
)

// StreamReader tells what the page of one stream shows besides the overview.
type StreamReader interface {
	// Versions lists a stream's definitions, oldest first.
	Versions(stream string) ([]Version, error)
	// Newest lists the records received last, newest first, as far as the node
	// remembers them; Sent those of one sender since a moment.
	Newest(stream string, most int) ([]Tapped, error)
	Sent(ctx context.Context, stream string, by Sender, since time.Time, most int) ([]Tapped, error)
	// Arrivals counts what a stream has received, in steps, from a moment on.
	Arrivals(ctx context.Context, stream string, from time.Time, step time.Duration) (Arrivals, error)
}

// ExampleReader makes records for people to copy.
type ExampleReader interface {
	// Example is a record that a stream takes: it was tried.
	Example(ctx context.Context, stream string) (Example, error)
}

// Example is a record for people to copy.
type Example struct {
	Line    string // one JSON object
	Browser bool   // the stream also takes what biwa.js sends
}

// Arrivals is counts by time of receipt.
type Arrivals struct {
	At     time.Time         // when they were counted
	Counts map[int64]Arrival // by the beginning of the step, in seconds since 1970
	Runs   []Run             // when the node ran, oldest first
}

// Arrival is one step's records: those in the table and those in quarantine.
type Arrival struct{ Delivered, Kept int64 }

// Run is a time during which the node ran.
type Run struct{ From, To time.Time }

// streamPage answers: is this stream flowing?
func streamPage() *page {
	return &page{path: "/streams/{stream}", entry: "streams", file: "stream.html", load: loadStream, live: []string{"verdict", "facts", "rate", "tap"}}
}

type streamData struct {
	Stream
	State    string
	Hours    int
	Chart    template.HTML
	NoChart  *gap
	Points   []point // the chart's, newest first
	Tap      []tapRow
	Versions []Version // newest first
	Clients  []client
	// NoClients is why there is no snippet.
	NoClients *gap
}

type point struct {
	From            time.Time
	Delivered, Kept int64
	PerSecond       float64
	Off             bool // no node ran
}

func loadStream(ctx context.Context, c *Console, v *Visit) (any, error) {
	s, err := v.stream(v.Request.PathValue("stream"))
	if err != nil {
		return nil, err
	}
	d := &streamData{Stream: s, State: s.State()}
	if !s.Gone && (!v.fragment || s.Total.Accepted == 0) { // the live part shows one until the first record is there
		var example Example
		d.NoClients = part(ctx, func(ctx context.Context) (err error) { example, err = c.Node.Example(ctx, s.Name); return err })
		d.Clients = v.clients(s.Name, example)
	}
	if d.Versions, err = c.Node.Versions(s.Name); err != nil {
		return nil, err
	}
	d.Hours = 24
	if v.Now.Sub(d.Versions[0].Since) < 3*time.Hour {
		d.Hours = 1 // a day's axis would be all but empty
	}
	d.Hours = v.Number("hours", d.Hours, 1, 168)
	if d.Tap, err = c.tap(ctx, v, s.Name); err != nil {
		return nil, err
	}
	if d.NoChart = d.draw(ctx, c, v); d.NoChart != nil && d.NoChart.Late {
		v.keep = append(v.keep, "rate")
	}
	for i, j := 0, len(d.Versions)-1; i < j; i, j = i+1, j-1 {
		d.Versions[i], d.Versions[j] = d.Versions[j], d.Versions[i]
	}
	return d, nil
}

// stream finds a stream of the overview.
func (v *Visit) stream(name string) (Stream, error) {
	var names []string
	for _, s := range v.Frame.Streams {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if near := nearest.Word(name, names); near != "" {
		return Stream{}, record.Errorf(record.NotFound, "there is no stream %q; did you mean %q?", name, near)
	}
	return Stream{}, record.Errorf(record.NotFound, "there is no stream %q", name)
}

// stepOf is how long a point of the chart is, for so many hours.
func stepOf(hours int) time.Duration {
	switch {
	case hours <= 2:
		return time.Minute
	case hours <= 48:
		return 10 * time.Minute
	}
	return time.Hour
}

// draw counts the arrivals and draws the rate.
func (d *streamData) draw(ctx context.Context, c *Console, v *Visit) *gap {
	step := stepOf(d.Hours)
	from := v.Now.Add(-time.Duration(d.Hours) * time.Hour).Truncate(step).Add(step)
	var a Arrivals
	if missing := part(ctx, func(ctx context.Context) (err error) { a, err = c.Node.Arrivals(ctx, d.Name, from, step); return err }); missing != nil {
		return missing
	}
	chart := svg.Chart{From: from, To: a.At, Zone: v.Location, Every: step, Date: v.day,
		Value: func(f float64) string { return strings.TrimSuffix(v.Rate(f), ".0") }}
	created := d.Versions[0].Since
	for at := from; at.Before(a.At); at = at.Add(step) {
		n := a.Counts[at.Unix()]
		p := point{From: at, Delivered: n.Delivered, Kept: n.Kept, Off: at.Add(step).Before(created) || a.off(at, at.Add(step))}
		length := min(step, a.At.Sub(at))
		if p.Off && n == (Arrival{}) || length < step/10 {
			if length == step {
				chart.Points = append(chart.Points, svg.Point{Time: at.Add(step / 2), Value: math.NaN()})
				d.Points = append([]point{p}, d.Points...)
			}
			continue
		}
		p.PerSecond = float64(n.Delivered+n.Kept) / length.Seconds()
		chart.Points = append(chart.Points, svg.Point{Time: at.Add(length / 2), Value: p.PerSecond})
		d.Points = append([]point{p}, d.Points...)
	}
	for i, r := range a.Runs {
		if i > 0 && r.From.Sub(a.Runs[i-1].To) > step/2 && r.From.After(from) && r.From.After(created) {
			gap := svg.Gap{From: a.Runs[i-1].To, To: r.From, Reason: plain(v.T("stream.stopped", r.From.Sub(a.Runs[i-1].To)))}
			if gap.From.Before(from) {
				gap.From = from
			}
			chart.Gaps = append(chart.Gaps, gap)
		}
	}
	for i, version := range d.Versions {
		if i > 0 && version.Since.After(from) {
			chart.Marks = append(chart.Marks, svg.Mark{Time: version.Since, Label: plain(v.T("stream.mark", version.Number))})
		}
	}
	chart.Sentence = d.sentence(v)
	d.Chart = svg.LineChart(chart)
	return nil
}

// off says whether no node ran at any time from one moment to another.
func (a Arrivals) off(from, to time.Time) bool {
	for _, r := range a.Runs {
		if r.From.Before(to) && r.To.After(from) {
			return false
		}
	}
	return len(a.Runs) > 0
}

// sentence says what the chart shows.
func (d *streamData) sentence(v *Visit) string {
	var most point
	for _, p := range d.Points {
		if p.PerSecond > most.PerSecond {
			most = p
		}
	}
	if most.PerSecond == 0 {
		return plain(v.T("stream.chart.none", d.Name, d.Hours))
	}
	return plain(v.T("stream.chart", d.Name, d.Hours, v.Rate(most.PerSecond), v.day(most.From.In(v.Location))+" "+most.From.In(v.Location).Format("15:04")))
}
