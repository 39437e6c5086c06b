package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/svg"
)

// tourPage answers: can a record be lost? It is the demo's five minutes.
func tourPage() *page {
	return &page{path: "/tour", entry: "tour", file: "tour.html", load: loadTour, live: []string{"step", "click", "trial"},
		actions: map[string]action{
			"send":   {access.Admin, sendBroken},
			"define": {access.Admin, define},
			"replay": {access.Admin, replay},
		}}
}

type tourData struct {
	DemoState
	Step     int // from 1
	Mine     []click
	Creators []audience
	Sites    []audience
	Tap      []tapRow
	Zone     string // in which days are counted
	Days     []day
	Moved    moved
	Sent     sent
	Text     string // of the definition
	Record   string // to send
	Chart    template.HTML
	NoCounts *gap // why some of it is not there
}

// audience is a row of page views and visitors.
type audience struct {
	Name     *string `json:"name"`
	Views    int64   `json:"views"`
	Visitors int64   `json:"visitors"`
}

// day counts the page views of a day.
type day struct {
	Day     string `json:"day"`
	Records int64  `json:"records"`
}

// moved counts the page views whose day is another one in the other zone.
type moved struct {
	Records int64 `json:"records"`
	Moved   int64 `json:"moved"`
}

// sent is the record that the visitor sent, and where it is now.
type sent struct {
	ID                       string
	Code, Column, Message    string // why it is in quarantine
	Quarantined, Delivered   bool
	Line                     string
	Tried, MovedNow, LeftNow int // by the replay before
	Replayed                 bool
}

// The statements that the page shows beside what they answer.
const (
	creatorsSQL = `select creator as name, count(*) as views, count(distinct visitor_id) as visitors
from page_views where ts >= now() - interval 1 minute and is_bot is not true
group by creator order by views desc, name limit 8`
	sitesSQL = `select nullif(referer_host, '') as name, count(*) as views, count(distinct visitor_id) as visitors
from page_views where ts >= now() - interval 1 minute and is_bot is not true
group by name order by views desc, name limit 8`
)

func daysSQL(zone string) string {
	return `select strftime(ts at time zone '` + zone + `', '%Y-%m-%d') as day, count(*) as records
from page_views where ts >= now() - interval 2 days group by day order by day`
}

func movedSQL(zone string) string {
	return `select count(*) as records, count(*) filter
  (where (ts at time zone 'UTC')::date <> (ts at time zone '` + zone + `')::date) as moved
from page_views where ts >= now() - interval 2 days`
}

// brokenStream takes the record that is broken and mended.
const brokenStream = "action_logs"

func loadTour(ctx context.Context, c *Console, v *Visit) (any, error) {
	d := tourData{Zone: v.Zone()}
	var err error
	if d.DemoState, err = c.Demo.State(ctx); err != nil {
		return nil, err
	}
	if v.Choice("zone", "", "UTC") != "" {
		d.Zone = "UTC"
	}
	var all []moved
	d.NoCounts = part(ctx, func(ctx context.Context) error {
		return errors.Join(c.Node.Rows(ctx, clicksSQL, &d.Mine), c.Node.Rows(ctx, creatorsSQL, &d.Creators), c.Node.Rows(ctx, sitesSQL, &d.Sites),
			c.Node.Rows(ctx, daysSQL(d.Zone), &d.Days), c.Node.Rows(ctx, movedSQL(v.Zone()), &all))
	})
	d.NoCounts = cmp.Or(d.NoCounts, part(ctx, func(ctx context.Context) error { return d.follow(ctx, c, v) }))
	if len(all) > 0 {
		d.Moved = all[0]
	}
	if d.Tap, err = c.tap(ctx, v, viewStream); err != nil {
		return nil, err
	}
	if d.Text, err = c.Demo.Definition(brokenStream); err != nil {
		return nil, err
	}
	d.Record = `{"event_id":"me-` + strings.ToLower(rand.Text()[:8]) + `","ts":"` + v.Now.UTC().Format("2006-01-02T15:04:05Z") + `","reader_id":7,"event":"share","article_id":101}`
	d.draw(v)
	d.Step = d.step(v)
	return d, nil
}

// step is the first step that the visitor has yet to take.
func (d *tourData) step(v *Visit) int {
	for i, taken := range []bool{len(d.Mine) > 0, v.Query("zone") != "", d.Sent.Delivered, len(d.Trials) > 0} {
		if !taken {
			return i + 1
		}
	}
	return 5
}

// StepClass is the class of a step.
func (d tourData) StepClass(step int) string {
	switch {
	case step < d.Step:
		return "past"
	case step == d.Step:
		return "here"
	}
	return ""
}

// follow finds where the record is that the URL names.
func (d *tourData) follow(ctx context.Context, c *Console, v *Visit) error {
	s := &d.Sent
	id, err := record.ParseRecordID(v.Query("sent"))
	if err != nil {
		return nil //nolint:nilerr // none was sent
	}
	s.ID = id.String()
	var kept []struct {
		Code    string `json:"code"`
		Column  string `json:"column"`
		Message string `json:"message"`
		Line    string `json:"line"`
	}
	if err := c.Node.Rows(ctx, `select code, coalesce("column", '') as "column", coalesce(message, '') as message, line from quarantine where _record_id = `+s.ID, &kept); err != nil {
		return err
	}
	if len(kept) > 0 {
		k := kept[0]
		s.Quarantined, s.Code, s.Column, s.Message, s.Line = true, k.Code, k.Column, k.Message, k.Line
	}
	var there []struct{ N int64 }
	if err := c.Node.Rows(ctx, "select count(*) as N from "+brokenStream+" where _record_id = "+s.ID, &there); err != nil {
		return err
	}
	s.Delivered = len(there) > 0 && there[0].N > 0
	if v.Query("tried") != "" {
		s.Replayed, s.Tried, s.MovedNow, s.LeftNow = true, v.Number("tried", 0, 0, 1<<31-1), v.Number("moved", 0, 0, 1<<31-1), v.Number("left", 0, 0, 1<<31-1)
	}
	return nil
}

// sendBroken sends what was typed, which is one record.
func sendBroken(ctx context.Context, c *Console, v *Visit) (string, error) {
	line := strings.TrimSpace(strings.ReplaceAll(v.Request.PostFormValue("record"), "\n", " "))
	if line == "" {
		return "", record.Errorf(record.Invalid, "there is no record: write one, such as {\"event\":\"share\"}")
	}
	id, err := c.Demo.Send(ctx, brokenStream, v.Request.UserAgent(), []byte(line))
	if err != nil {
		return "", err
	}
	return tourAt(v, url.Values{"sent": {id.String()}}, "mend"), nil
}

// define saves another definition, if the project is right with it.
func define(ctx context.Context, c *Console, v *Visit) (string, error) {
	text := strings.ReplaceAll(v.Request.PostFormValue("text"), "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if err := c.Demo.Define(ctx, brokenStream, text); err != nil {
		return "", err
	}
	return tourAt(v, url.Values{"defined": {"1"}}, "replay"), nil
}

func replay(ctx context.Context, c *Console, v *Visit) (string, error) {
	a, err := c.Node.Replay(ctx, api.ReplayRequest{Stream: brokenStream})
	if err != nil {
		return "", err
	}
	return tourAt(v, url.Values{"tried": {strconv.FormatInt(a.Tried, 10)}, "moved": {strconv.FormatInt(a.Moved, 10)}, "left": {strconv.FormatInt(a.Left, 10)}}, "replay"), nil
}

// tourAt is the page's address with further state.
func tourAt(v *Visit, add url.Values, anchor string) string {
	q := v.Request.URL.Query()
	for key, value := range add {
		q[key] = value
	}
	return "/tour?" + q.Encode() + "#" + anchor
}

// CreatorsSQL asks for the creators.
func (d tourData) CreatorsSQL() string { return creatorsSQL }

// MovedSQL compares the days of UTC with those of a zone.
func (d tourData) MovedSQL(zone string) string { return movedSQL(zone) }

// Lines is how many lines the definition has.
func (d tourData) Lines() int { return strings.Count(d.Text, "\n") + 1 }

// Last is the last trial, nil before the first.
func (d tourData) Last() *Trial {
	if len(d.Trials) == 0 {
		return nil
	}
	return &d.Trials[len(d.Trials)-1]
}

// chartTime is how far the chart goes back.
const chartTime = 40 * time.Second

// draw draws the records acknowledged a second, with the times without a node.
func (d *tourData) draw(v *Visit) {
	if d.DemoState.Step <= 0 {
		return
	}
	step := d.DemoState.Step
	to := v.Now.Truncate(step) // the step that has not ended is left out
	from := to.Add(-chartTime)
	chart := svg.Chart{From: from, To: to, Zone: v.Location, Every: step, Height: 110, Date: v.day, Value: func(f float64) string { return strings.TrimSuffix(v.Rate(f), ".0") }}
	for _, t := range d.Trials {
		end := t.At.Add(t.Down)
		if t.Down == 0 {
			end = to
		}
		if end.After(from) {
			chart.Gaps = append(chart.Gaps, svg.Gap{From: later(from, t.At), To: end, Reason: plain(v.T("tour.gap", v.Took(end.Sub(t.At))))})
		}
	}
	var most float64
	for at := from; at.Before(to); at = at.Add(step) {
		n := d.Recent[at.UnixNano()/int64(step)]
		off := func(g svg.Gap) bool { return at.Before(g.To) && at.Add(step).After(g.From) }
		if n == 0 && slices.ContainsFunc(chart.Gaps, off) {
			continue // missing, which is not zero
		}
		rate := float64(n) / step.Seconds()
		most = max(most, rate)
		chart.Points = append(chart.Points, svg.Point{Time: at.Add(step / 2), Value: rate})
	}
	chart.Sentence = plain(v.T("tour.chart", v.Rate(most)))
	d.Chart = svg.LineChart(chart)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// kill has this process killed. The answer is on its way before, and who follows it
// waits at the door for the next process.
func (c *Console) kill(w http.ResponseWriter, r *http.Request) {
	if !c.trusted(w, r) {
		return
	}
	v, ok := c.visit(w, r, access.Admin)
	if !ok {
		return
	}
	c.Demo.Shut()
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0") // whole without another byte
	http.Redirect(w, r, tourAt(v, nil, "kill"), http.StatusSeeOther)
	_ = http.NewResponseController(w).Flush() // who asked may be gone
	if err := c.Demo.Kill(context.WithoutCancel(r.Context())); err != nil {
		c.Log.Warn("kill", "error", err)
	}
}

// Asked is the query of the page's address, with its question mark.
func (v *Visit) Asked() string {
	_, query, _ := strings.Cut(v.With(), "?")
	if query != "" {
		query = "?" + query
	}
	return query
}

// Mistaken says whether a form was refused, by its name.
func (v *Visit) Mistaken(do string) bool { return v.Refused != nil && v.Form.Get("do") == do }
