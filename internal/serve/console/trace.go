package console

import (
	"context"
	"html/template"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// tracePage answers: what became of this record?
func tracePage() *page {
	return &page{path: "/trace", entry: "ledger", file: "trace.html", load: loadTrace}
}

type traceData struct {
	ID      string
	Problem error
	api.Trace
	Found     bool
	NoFate    *gap // why it is not said what became of it
	Lines     []codeLine
	Committed time.Time
	Rewritten time.Time
	Values    []tracedValue
	Query     string // that shows the record
}

// tracedValue is a column of the row, and the field it came from.
type tracedValue struct {
	Column, Sent, Stored string
	Was, Changed         bool // a field of the name was sent; its value is another one
}

func loadTrace(ctx context.Context, c *Console, v *Visit) (any, error) {
	d := &traceData{ID: strings.NewReplacer(",", "", " ", "", "_", "").Replace(v.Query("id"))}
	if d.ID == "" {
		return d, nil
	}
	id, err := record.ParseRecordID(d.ID)
	if err == nil {
		d.NoFate = part(ctx, func(ctx context.Context) error { d.Trace, err = c.Node.Trace(ctx, id); return err })
	}
	switch {
	case err != nil && d.Line != "": // the log has it, and SQL does not tell what became of it
	case err != nil && problem.Status(err) >= 500:
		return nil, err
	case err != nil:
		d.Problem, v.status = err, problem.Status(err)
		return d, nil //nolint:nilerr // the page shows it
	}
	d.Found, d.Lines = true, d.lines()
	if d.File != nil {
		d.Committed, _ = time.Parse(time.RFC3339Nano, d.File.Committed) // zero: unknown
		if r := d.File.Rewritten; r != nil {
			d.Rewritten, _ = time.Parse(time.RFC3339Nano, r.Committed)
		}
	}
	table := d.Stream
	if d.Verdict == "quarantined" || d.Verdict == "deduplicated" {
		table = record.QuarantineTable
	}
	d.Query = "select *\nfrom " + table + "\nwhere _record_id = " + id.String()
	d.compare()
	return d, nil
}

// lines are the record's members; what its reason names is marked.
func (d *traceData) lines() []codeLine {
	if d.Reason == nil {
		return recordLines(d.Line, "", "")
	}
	return recordLines(d.Line, d.Reason.Column, d.Reason.Message)
}

// compare puts what was stored beside what was sent.
func (d *traceData) compare() {
	sent, _ := membersOf(d.Line)
	stored, ok := membersOf(string(d.Row))
	if !ok {
		return
	}
	changed := map[string]bool{}
	for _, c := range d.Coercions {
		changed[c.Column] = true
	}
	for _, m := range stored {
		value := tracedValue{Column: m.name, Stored: cut(m.value), Changed: changed[m.name]}
		for _, s := range sent {
			if s.name == m.name {
				value.Sent, value.Was = cut(s.value), true
			}
		}
		d.Values = append(d.Values, value)
	}
}

// Pick is the reason's name on the page of quarantine.
func (d *traceData) Pick() string { return Reason{d.Stream, d.Reason.Code, d.Reason.Column}.Pick() }

// Stamp is a time to the millisecond, with its day where that is another one.
func (v *Visit) Stamp(t time.Time) template.HTML {
	local := t.In(v.Location)
	if sameDay(local, v.Now) {
		return v.Milli(t)
	}
	return v.stamped(local, v.day(local)+" "+local.Format("15:04:05.000"))
}

// Add is a number beside another one.
func (v *Visit) Add(n, by int) int { return n + by }

// Columns are the names of columns whose values were changed.
func (v *Visit) Columns(changed []api.TraceCoercion) string {
	var names []string
	for _, c := range changed {
		names = append(names, c.Column)
	}
	return strings.Join(names, ", ")
}
