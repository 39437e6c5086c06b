package console

import (
	"context"
	"html/template"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// homePage answers: is everything right?
func homePage() *page {
	return &page{path: "/", entry: "home", file: "home.html", load: loadHome, live: []string{"answer", "way", "balance", "looks", "changes"}}
}

// homeData is what Home shows besides the frame.
type homeData struct {
	River river
	// Since is when the counts at the doors begin: the hour's or the node's.
	Since     time.Time
	PerSecond float64
	Asked     int64
	Visible   time.Duration // the slowest stream's
	Passed    int64         // records that SQL sees, or that were kept out
	Shaped    int64
	Send      string // a command that sends the first record
	Looks     []look
	Title     string        // of the drawing, for who does not see it
	Age       time.Duration // of the oldest row that is in no file
}

// look is something that wants a look.
type look struct {
	State string
	What  template.HTML
	Why   template.HTML
	Value template.HTML
}

func loadHome(ctx context.Context, c *Console, v *Visit) (any, error) {
	f := v.Frame
	d := homeData{Since: f.From, Looks: v.looks()}
	if f.Started.After(d.Since) {
		d.Since = f.Started
	}
	if d.Verdict(f) == "home.empty" && len(f.Active()) > 0 {
		d.Send = c.send(ctx, v, f.Active()[0].Name)
	}
	doors := f.Doors
	var in int64
	for _, door := range doors {
		in += door.Hour
		d.PerSecond += door.PerSecond
	}
	if before := f.Hour.Accepted - in; f.Started.After(f.From) && before > 0 {
		doors = append(doors[:len(doors):len(doors)], Door{Name: doorBefore, Hour: before})
	}
	if len(doors) > doorsShown {
		rest := Door{Name: doorRest}
		for _, door := range doors[doorsShown-1:] {
			rest.Hour, rest.PerSecond = rest.Hour+door.Hour, rest.PerSecond+door.PerSecond
		}
		doors = append(doors[:doorsShown-1:doorsShown-1], rest)
	}
	outlets := make([]Door, len(f.Outlets))
	for i, o := range f.Outlets {
		outlets[i] = Door(o)
		d.Asked += o.Hour
	}
	for _, s := range f.Streams {
		d.Visible = max(d.Visible, s.Visible)
	}
	d.Passed = f.Hour.Accepted - f.Journal.Waiting
	d.Shaped = max(0, d.Passed-f.Kept-f.Discarded-f.Hour.Deduplicated-f.Hour.Filtered)
	if !f.OldestRow.IsZero() {
		d.Age = max(time.Second, f.At.Sub(f.OldestRow))
	}
	d.Title = plain(v.T("home.title.map", f.From.In(v.Location).Format("15:04"), f.Hour.Accepted, f.Journal.Waiting, f.Kept, f.Recent, f.Hour.Delivered))
	d.River = newRiver(passage{doors, outlets, [3]int64{d.Passed, d.Shaped, f.Hour.Delivered}, f.LakeRows})
	return d, nil
}

// Names of doors that are none: what came before the node began to count, and
// those there is no room for.
const (
	doorBefore = "before"
	doorRest   = "rest"
)

// Door is the name of a door.
func (v *Visit) Door(name string) template.HTML {
	if name == doorBefore {
		return v.T("door.before", v.Frame.Started.In(v.Location).Format("15:04")) // no element: it stands in a drawing
	}
	if _, ok := messages["door."+name]; ok {
		return v.T("door." + name)
	}
	return template.HTML(template.HTMLEscapeString(name))
}

// NarrowDoor is the name of a door where there is little room.
func (v *Visit) NarrowDoor(name string) template.HTML {
	if name == doorBefore {
		return v.T("door.before.narrow", v.Frame.Started.In(v.Location).Format("15:04"))
	}
	return v.Door(name)
}

// Outlet is the name of a way out.
func (v *Visit) Outlet(name string) template.HTML {
	if _, ok := messages["outlet."+name]; ok {
		return v.T("outlet." + name)
	}
	return template.HTML(template.HTMLEscapeString(name))
}

// behindTime is how long records may take to be seen before a stream is late.
const behindTime = 10 * time.Second

// looks lists what is wrong, late or near a limit, the worst first.
func (v *Visit) looks() (found []look) {
	f := v.Frame
	for _, s := range f.Streams {
		link := v.T("look.stream", s.Name)
		if !s.Balanced {
			found = append(found, look{"fail", link, v.T("look.balance", s.Expected, s.Live), v.T("look.rows", v.Signed(s.Live-s.Expected))})
		}
	}
	for _, t := range f.Troubles {
		found = append(found, look{"fail", v.trouble(t), v.because(t), v.Short(t.Since)})
	}
	if q := f.Quarantine; !q.Balanced {
		found = append(found, look{"fail", v.T("look.quarantine"), v.T("look.balance", q.Expected, q.Live), v.T("look.rows", v.Signed(q.Live-q.Expected))})
	}
	if f.Refusal.Text != "" {
		found = append(found, look{"fail", v.T("look.refused", f.Version+1), v.T("look.refused.why", f.Refusal.Text, f.Version), v.Short(f.Refusal.At)})
	}
	for _, i := range f.Incidents {
		if f.At.Sub(i.At) < 24*time.Hour {
			found = append(found, look{"fail", v.T("look.incident", i.Kind), v.T("look.range", i.Detail, int64(i.From), int64(i.To)), v.Short(i.At)})
		}
	}
	for _, s := range f.Streams {
		if s.Late() {
			found = append(found, look{"late", v.T("look.stream", s.Name), v.T("look.waiting", s.Waiting), ""})
		}
	}
	for _, s := range f.Restart {
		found = append(found, look{"late", v.T("look.restart", s.Key), v.T("look.restart.why", v.value(s.Was), v.value(s.Now)), ""})
	}
	for _, l := range f.Near() {
		found = append(found, look{"near", v.T("look.limit", v.LimitName(l)), v.T("look.near", v.Quantity(l.Now, l.Unit), v.Quantity(l.Value, l.Unit), v.LimitWhat(l), l.Key), template.HTML(v.Share(int64(used(l)*1000), 1000))})
	}
	return found
}

// trouble names what fails: the last word is the stream's name.
func (v *Visit) trouble(t Trouble) template.HTML {
	if t.Name == "query" {
		return v.T("look.trouble.query")
	}
	for _, kind := range []string{"flush", "recent", "drop"} {
		if stream, ok := strings.CutPrefix(t.Name, kind+" "); ok {
			return v.T("look.trouble."+kind, stream)
		}
	}
	return template.HTML(template.HTMLEscapeString(t.Name))
}

// because says how often it failed, and why.
func (v *Visit) because(t Trouble) template.HTML {
	if t.Name == "query" {
		return v.T("look.trouble.queries", t.Count, t.Text)
	}
	if strings.HasPrefix(t.Name, "drop ") {
		return v.T("look.trouble.drops", t.Count, t.Text)
	}
	return v.T("look.trouble", t.Count, t.Text)
}

// Worst is the gravest state among looks, "" without one.
func (d homeData) Worst() string {
	if len(d.Looks) == 0 {
		return ""
	}
	return d.Looks[0].State
}

// LimitName is the name of a limit.
func (v *Visit) LimitName(l api.Limit) template.HTML { return v.named("limit."+l.Key, l.Name) }

// LimitWhat says what happens at a limit.
func (v *Visit) LimitWhat(l api.Limit) template.HTML { return v.named("limit."+l.Key+".what", l.What) }

// named is a message if there is one, else a text as it is.
func (v *Visit) named(key, other string) template.HTML {
	if _, ok := messages[key]; ok {
		return v.T(key)
	}
	return template.HTML(template.HTMLEscapeString(other))
}

// Quantity writes a number of a limit's unit.
func (v *Visit) Quantity(n int64, unit string) string {
	switch unit {
	case "bytes", "bytes free":
		return v.Bytes(n)
	case "milliseconds":
		return v.Span(time.Duration(n) * time.Millisecond)
	}
	return v.N(n)
}

// Verdict is the answer's message: only another one is read aloud.
func (d homeData) Verdict(f *Frame) string {
	switch {
	case !f.Balanced:
		return "home.no"
	case f.Total == Counts{} && f.LakeRows == 0:
		return "home.empty"
	}
	return "home.yes"
}
