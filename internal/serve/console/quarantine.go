package console

import (
	"context"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// QuarantineReader tells what was rejected, and tries it again.
type QuarantineReader interface {
	// Rejections are the quarantined records by reason, the reason with most first: of
	// one stream or, with "", of all; since a moment or, with the zero time, ever.
	Rejections(ctx context.Context, seen Seen, stream string, since time.Time) ([]Rejection, error)
	// Rejected is a reason's at-th newest record, counted from 1.
	Rejected(ctx context.Context, seen Seen, r Reason, at int) (Rejected, error)
	// Try says how many of the newest records of a reason would pass now.
	Try(ctx context.Context, r api.ReplayRequest, newest int) (api.ReplayAnswer, error)
	// Replay moves those that pass into their table.
	Replay(ctx context.Context, r api.ReplayRequest) (api.ReplayAnswer, error)
}

// Reason is what records were rejected for. Column is "" where no one column is to
// blame.
type Reason struct{ Stream, Code, Column string }

// Rejection is a reason and the records it has.
type Rejection struct {
	Reason
	Count       int64
	Messages    int64  // different ones
	Message     string // the newest
	First, Last time.Time
	Hopeless    bool // no definition can mend it
	Rule        Rule
}

// Rule is the line of a definition that rejects. File is "" where the definition was
// not read from one, or where the door rejects.
type Rule struct {
	Definition   int    // the running one's number
	File, Text   string // relative to the project, and all of it
	Line, Column int    // from 1
	Path         string // of what stands there, such as columns[2].one_of
	Field        string // of the record that the rule is for, "" where it is none
}

// Rejected is one quarantined record.
type Rejected struct {
	ID                record.RecordID
	At, Of            int64 // of the reason's records, the newest is 1
	Message, Line     string
	ReceivedAt        time.Time // zero where the raw archive no longer has the request
	Door, Key, Client string
}

// quarantinePage answers: what was rejected, and why?
func quarantinePage() *page {
	return &page{path: "/quarantine", entry: "quarantine", file: "quarantine.html", load: loadQuarantine, fresh: true, live: []string{"held", "reasons"}, actions: map[string]action{
		"try":    {scope: access.Read, run: func(ctx context.Context, c *Console, v *Visit) (string, error) { return replayForm(ctx, c, v, false) }},
		"replay": {scope: access.Admin, run: func(ctx context.Context, c *Console, v *Visit) (string, error) { return replayForm(ctx, c, v, true) }},
	}}
}

// newestTried is how many records the page tries by itself; a form tries all.
const (
	newestTried = 20
	allTried    = 20_000
)

// windows are the times that the page can show, the shortest first.
var windows = []string{"hour", "24h", "7d", "90d", "all"}

type quarantineData struct {
	Window     string // of windows
	Windows    []string
	Stream     string // "" for all
	Reasons    []Rejection
	Count      int64 // of their records
	Duplicates int64
	Unfiled    int64 // of Count, those that are in no file yet
	Chosen     *Rejection
	One        Rejected
	Lines      []codeLine // of the record
	Rule       []codeLine // of the definition
	Tried      api.ReplayAnswer
	Done       *replayed
	// Why the reasons, the record, and what would become of it are not there.
	NoReasons, NoOne, NoTry *gap
}

// replayed is what a form has done.
type replayed struct {
	api.ReplayAnswer
	Wrote      bool
	Stream     string
	Definition int
	At         time.Time
}

func loadQuarantine(ctx context.Context, c *Console, v *Visit) (any, error) {
	d := &quarantineData{Stream: v.Query("stream"), Windows: windows}
	if d.Stream != "" {
		if _, err := v.stream(d.Stream); err != nil {
			return nil, err
		}
	}
	d.NoReasons = part(ctx, func(ctx context.Context) error { return d.find(ctx, c, v) })
	if v.fragment {
		if d.NoReasons != nil && d.NoReasons.Late {
			v.keep = append(v.keep, "held", "reasons")
		}
		return d, nil
	}
	d.Done, _ = c.outcomes.get(v.Query("done")).(*replayed)
	if d.choose(v); d.Chosen == nil {
		return d, nil
	}
	together(func() {
		d.NoOne = part(ctx, func(ctx context.Context) (err error) {
			d.One, err = c.Node.Rejected(ctx, v.Frame.Seen(), d.Chosen.Reason, v.Number("at", 1, 1, 1<<31))
			return err
		})
	}, func() {
		if !d.Chosen.Hopeless {
			d.NoTry = part(ctx, func(ctx context.Context) (err error) {
				d.Tried, err = c.Node.Try(ctx, d.Chosen.request(), newestTried)
				return err // such as of a stream that left the project
			})
		}
	})
	d.Lines = recordLines(d.One.Line, d.Chosen.Rule.Field, d.One.Message)
	d.Rule = ruleLines(d.Chosen.Rule)
	return d, nil
}

// since is when a window begins.
func since(window string, v *Visit) time.Time {
	switch window {
	case "hour":
		return v.Frame.From
	case "24h":
		return v.Now.Add(-24 * time.Hour)
	case "7d":
		return v.Now.AddDate(0, 0, -7)
	case "90d":
		return v.Now.AddDate(0, 0, -90)
	}
	return time.Time{}
}

// find reads the reasons of the window that the URL names, or of the shortest one
// that has any.
func (d *quarantineData) find(ctx context.Context, c *Console, v *Visit) error {
	try := windows
	if chosen := v.Choice("since", append([]string{""}, windows...)...); chosen != "" {
		try = []string{chosen}
	}
	for _, d.Window = range try {
		all, err := c.Node.Rejections(ctx, v.Frame.Seen(), d.Stream, since(d.Window, v))
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Code == record.CodeDuplicate {
				d.Duplicates += r.Count
				continue
			}
			d.Reasons, d.Count = append(d.Reasons, r), d.Count+r.Count
		}
		if d.Count > 0 {
			d.Unfiled = min(d.Count, d.unfiled(v.Frame))
			return nil
		}
		d.Duplicates = 0
	}
	return nil
}

// unfiled counts what no file has, of the stream and the window.
func (d *quarantineData) unfiled(f *Frame) (n int64) {
	for _, s := range f.Streams {
		switch {
		case d.Stream != "" && d.Stream != s.Name:
		case d.Window == "hour":
			n += s.Kept + s.Discarded - s.Hour.Quarantined
		default:
			n += s.Unfiled
		}
	}
	return n
}

// choose finds the reason that the URL names, else the first.
func (d *quarantineData) choose(v *Visit) {
	pick := v.Query("pick")
	for i := range d.Reasons {
		if d.Reasons[i].Pick() == pick {
			d.Chosen = &d.Reasons[i]
			return
		}
	}
	if len(d.Reasons) > 0 && pick == "" {
		d.Chosen = &d.Reasons[0]
	}
}

// Pick names a reason in the URL.
func (r Reason) Pick() string { return strings.Join([]string{r.Stream, r.Code, r.Column}, "/") }

// SQL is the statement that shows the reason's records.
func (r Reason) SQL() string {
	text := "select _record_id, _received_at, message, line\nfrom quarantine\nwhere stream = " + record.QuoteText(r.Stream) + " and code = " + record.QuoteText(r.Code)
	if r.Column != "" {
		text += ` and "column" = ` + record.QuoteText(r.Column)
	}
	return text + "\norder by _record_id desc"
}

// SQL is the statement that counts the records by reason.
func (d *quarantineData) SQL() string {
	text := "select stream, code, \"column\", count(*) as records, max(message) as one_of_them\nfrom quarantine"
	if d.Stream != "" {
		text += "\nwhere stream = " + record.QuoteText(d.Stream)
	}
	return text + "\ngroup by all order by records desc"
}

func (r Reason) request() api.ReplayRequest {
	return api.ReplayRequest{Stream: r.Stream, Code: r.Code, Column: r.Column}
}

// Words is the newest message without the column's name, which stands before it.
func (r Rejection) Words() string { return strings.TrimPrefix(r.Message, "column "+r.Column+": ") }

// Place is the rule's file and line.
func (r Rule) Place() string { return r.File + ":" + strconv.Itoa(r.Line) }

// AllPass says whether what was tried would all pass.
func (d *quarantineData) AllPass() bool { return d.Tried.Tried > 0 && d.Tried.Left == 0 }

// Mend is the message that says what to change, by the code.
func (d *quarantineData) Mend() string {
	key := "quarantine.mend." + d.Chosen.Code
	if _, ok := messages[key]; ok {
		return key
	}
	return "quarantine.mend"
}

// Watched says whether a saved file of the project is applied at once.
func (v *Visit) Watched() bool { return v.options.Watched }

// replayForm tries the records of a reason again.
func replayForm(ctx context.Context, c *Console, v *Visit, write bool) (string, error) {
	f := v.Request.PostForm
	reason := Reason{f.Get("stream"), f.Get("code"), f.Get("column")}
	request := reason.request()
	if f.Get("which") == "one" {
		request.RecordID = f.Get("id")
	}
	done := &replayed{Wrote: write, Stream: reason.Stream, At: c.Now()}
	var err error
	if write {
		done.ReplayAnswer, err = c.Node.Replay(ctx, request)
	} else {
		done.ReplayAnswer, err = c.Node.Try(ctx, request, allTried)
	}
	if err != nil {
		return "", err
	}
	versions, err := c.Node.Versions(reason.Stream)
	if err != nil {
		return "", err
	}
	done.Definition = versions[len(versions)-1].Number
	q := url.Values{"done": {c.outcomes.add(done)}, "pick": {reason.Pick()}}
	for _, key := range []string{"since", "at"} {
		if value := f.Get(key); value != "" {
			q.Set(key, value)
		}
	}
	return "/quarantine?" + q.Encode() + "#replay", nil
}

// Window names one of the page's windows.
func (v *Visit) Window(name string) template.HTML {
	return v.T(map[string]string{"hour": "quarantine.hour", "24h": "quarantine.h24", "7d": "quarantine.d7", "90d": "quarantine.d90", "all": "quarantine.all"}[name])
}

// Chose says whether a reason is the one whose record is shown.
func (v *Visit) Chose(r Reason) bool {
	d := v.Data.(*quarantineData)
	if d.Chosen == nil { // of a fragment, which does not look for one
		pick := v.Query("pick")
		return pick == r.Pick() || pick == "" && d.Reasons[0].Reason == r
	}
	return d.Chosen.Reason == r
}

// TraceLink is a record id that leads to the record's life.
func (v *Visit) TraceLink(id record.RecordID) template.HTML {
	return template.HTML(`<a href="/trace?id=` + id.String() + `">` + id.String() + `</a>`)
}

// Minus is a less b.
func (v *Visit) Minus(a, b int64) int64 { return a - b }

// More and Less are the numbers beside one, for the URL.
func (v *Visit) More(n int64) string { return strconv.FormatInt(n+1, 10) }
func (v *Visit) Less(n int64) string { return strconv.FormatInt(n-1, 10) }
