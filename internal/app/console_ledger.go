package app

import (
	"context"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Accounts are the streams' accounts by hour of receipt, pending records among them.
func (p pagesOf) Accounts(ctx context.Context) (console.Accounts, error) {
	n := p.node
	report, err := n.Ledger(ctx)
	if err != nil {
		return console.Accounts{}, err
	}
	a := console.Accounts{At: n.clock.Now(), Quarantine: report.Quarantine}
	for _, r := range report.Streams {
		s := n.byName(r.Name)
		if s == nil {
			continue // it left the project since
		}
		a.Streams = append(a.Streams, console.StreamAccount{Name: r.Name, Removed: r.Removed, TableReport: r.TableReport, Hours: n.hoursOf(s, r, a.At)})
	}
	return a, nil
}

// hoursOf are the hours of a stream's account, oldest first. What is pending belongs
// to the hours that its worker knows of it, and the rest, which the worker has not
// taken yet, to the present one.
func (n *Node) hoursOf(s *stream, r ledger.StreamReport, now time.Time) []console.HourCounts {
	var hours []console.HourCounts
	hour := func(at time.Time) *console.HourCounts {
		at = at.UTC().Truncate(time.Hour)
		i := slices.IndexFunc(hours, func(h console.HourCounts) bool { return h.Hour.Equal(at) })
		if i < 0 {
			i, hours = len(hours), append(hours, console.HourCounts{Hour: at})
		}
		return &hours[i]
	}
	for _, h := range r.Hours {
		hour(h.Hour).Counts = console.Counts{Accepted: h.Accepted, Delivered: h.Delivered, Quarantined: h.Quarantined, Deduplicated: h.Deduplicated, Filtered: h.Filtered}
	}
	rest := r.Pending
	for _, held := range s.worker.Status().Held {
		if pending := min(held.Accepted.Count, rest); pending > 0 {
			h := hour(held.Quarter)
			h.Pending, h.Accepted, rest = h.Pending+pending, h.Accepted+pending, rest-pending
		}
	}
	if rest > 0 {
		h := hour(now)
		h.Pending, h.Accepted = h.Pending+rest, h.Accepted+rest
	}
	slices.SortFunc(hours, func(a, b console.HourCounts) int { return a.Hour.Compare(b.Hour) })
	return hours
}

// Verify recounts the tables from their files.
func (p pagesOf) Verify(ctx context.Context, full bool) (ledger.Verification, error) {
	return p.node.Verify(ctx, full)
}

// Trace is the whole life of one record.
func (p pagesOf) Trace(ctx context.Context, id record.RecordID) (api.Trace, error) {
	return p.node.Trace(ctx, id)
}
