package console

import (
	"context"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// LedgerReader recounts, and follows one record. The accounts are the overview's, so
// that a page shows them, and their sums, as they were at one moment.
type LedgerReader interface {
	// Verify recounts all tables from their files; full also counts distinct ids.
	Verify(ctx context.Context, full bool) (ledger.Verification, error)
	// Trace is the whole life of one record.
	Trace(ctx context.Context, id record.RecordID) (api.Trace, error)
}

// ledgerPage answers: was anything lost or doubled?
func ledgerPage() *page {
	return &page{path: "/ledger", entry: "ledger", file: "ledger.html", load: loadLedger, live: []string{"books", "equation", "hours"}, actions: map[string]action{
		"verify": {scope: access.Read, run: verifyForm}}}
}

type ledgerData struct {
	Span  int           // hours shown
	Hours []ledgerHour  // newest first
	Sum   Counts        // of them
	Done  *verification // of the form
	Proof string        // a statement that counts for itself
}

// ledgerHour is an hour's account, by stream.
type ledgerHour struct {
	At   time.Time
	Now  bool // it is not over
	Rows []ledgerRow
}

type ledgerRow struct {
	Name string
	Counts
}

// verification is what a recount found.
type verification struct {
	ledger.Verification
	Full bool
	At   time.Time
	Took time.Duration
}

func loadLedger(_ context.Context, c *Console, v *Visit) (any, error) {
	f := v.Frame
	d := &ledgerData{Span: v.Number("hours", 2, 1, 168)}
	d.Done, _ = c.outcomes.get(v.Query("done")).(*verification)
	from := f.From.Add(-time.Duration(d.Span-1) * time.Hour)
	for _, s := range f.Streams {
		for _, h := range s.Hours {
			if h.Hour.Before(from) {
				continue
			}
			i := slices.IndexFunc(d.Hours, func(o ledgerHour) bool { return o.At.Equal(h.Hour) })
			if i < 0 {
				i, d.Hours = len(d.Hours), append(d.Hours, ledgerHour{At: h.Hour, Now: h.Hour.Equal(f.From)})
			}
			d.Hours[i].Rows, d.Sum = append(d.Hours[i].Rows, ledgerRow{s.Name, h.Counts}), d.Sum.Plus(h.Counts)
		}
	}
	slices.SortFunc(d.Hours, func(a, b ledgerHour) int { return b.At.Compare(a.At) })
	for i := range d.Hours {
		slices.SortStableFunc(d.Hours[i].Rows, func(a, b ledgerRow) int { return int(min(max(b.Accepted-a.Accepted, -1), 1)) })
	}
	d.Proof = d.proof(v)
	return d, nil
}

// proof is a statement that counts the rows of the busiest stream in the newest hour.
func (d *ledgerData) proof(v *Visit) string {
	if len(d.Hours) == 0 {
		return ""
	}
	h := d.Hours[0]
	return fmt.Sprintf("select count(*) as records, count(distinct _record_id) as ids\nfrom %s\nwhere _received_at >= '%s'", h.Rows[0].Name, h.At.In(v.Location).Format("2006-01-02 15:04:05-07:00"))
}

// Off are the streams whose table is not what the account says.
func (f *Frame) Off() (off []Stream) {
	for _, s := range f.Streams {
		if s.Live != s.Expected {
			off = append(off, s)
		}
	}
	return off
}

// verifyForm recounts.
func verifyForm(ctx context.Context, c *Console, v *Visit) (string, error) {
	full := v.Request.PostForm.Get("full") != ""
	began := c.Now()
	found, err := c.Node.Verify(ctx, full)
	if err != nil {
		return "", err
	}
	at := c.Now()
	return "/ledger?done=" + c.outcomes.add(&verification{found, full, at, at.Sub(began)}) + "#verify", nil
}

// Hash is the sum of hashed record ids, as tables show it.
func (v *Visit) Hash(h uint64) string { return fmt.Sprintf("%016x", h) }

// Rows is how many rows were counted.
func (v *verification) Rows() (n int64) {
	for _, t := range v.Tables {
		n += t.Counted.Count
	}
	return n
}

// Wrong is how many tables differ from their accounts.
func (v *verification) Wrong() (n int) {
	for _, t := range v.Tables {
		if !t.Balanced {
			n++
		}
	}
	return n
}

// figure is a number of a table and its class.
type figure struct {
	Text  template.HTML
	Class string
}

// Count are the figures of a row of the ledger.
func (v *Visit) Count(c Counts) []figure {
	row := []figure{{Text: template.HTML(v.N(c.Accepted))}}
	for i, n := range []int64{c.Delivered, c.Pending, c.Quarantined, c.Deduplicated, c.Filtered} {
		f := figure{Text: template.HTML(v.N(n))}
		switch {
		case n == 0:
			f.Class = "dim"
		case i == 2:
			f.Class = "shu"
		}
		row = append(row, f)
	}
	last := figure{Text: v.Signed(c.Difference()), Class: "dim"}
	if c.Difference() != 0 {
		last.Class = "shu"
	}
	return append(row, last)
}

// Seq is a number of the log.
func (v *Visit) Seq(n record.Sequence) string { return v.N(int64(n)) }
