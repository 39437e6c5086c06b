package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Overview is the whole node now.
func (p pagesOf) Overview(ctx context.Context) (console.Overview, error) {
	n := p.node
	o := console.Overview{At: n.clock.Now(), Started: n.began}
	o.From = o.At.Truncate(time.Hour)
	o.Doors, o.Outlets = n.doorsNow(), n.outletsNow()
	report, fared, err := n.account(ctx)
	if err != nil {
		return o, err
	}
	o.Balanced, o.Quarantine, o.Incidents = report.Balanced, report.Quarantine, report.Incidents
	o.Difference = report.Quarantine.Live - report.Quarantine.Expected
	discarded, err := n.discarded(ctx, o.From)
	if err != nil {
		return o, err
	}
	n.addStreams(&o, report, fared, discarded)
	log := n.journal.Stats()
	o.Journal.Bytes, o.Journal.MaxBytes, o.Journal.Behind = log.Bytes, log.MaxBytes, int64(log.Last-min(log.Archived, log.Last))
	if r := n.refusal.Load(); r != nil {
		o.Refusal = *r
	}
	o.Troubles, o.Restart = n.health.list(), n.Waiting()
	if o.Limits, err = n.Limits(ctx); err != nil {
		return o, err
	}
	return o, n.meta.View(ctx, func(q meta.Querier) error {
		v, err := readVersion(ctx, q)
		if err != nil {
			return err
		}
		o.Version, o.Since = v.Number, v.At
		o.Changes, err = n.changes(ctx, q)
		return err
	})
}

// discarded is how many of the records of an hour were discarded, by stream.
func (n *Node) discarded(ctx context.Context, hour time.Time) (map[record.StreamID]int64, error) {
	counts := map[record.StreamID]int64{}
	return counts, n.meta.View(ctx, func(q meta.Querier) (err error) {
		for _, s := range n.list() {
			if counts[s.id], err = discardedIn(ctx, q, s.id, hour); err != nil {
				return err
			}
		}
		return nil
	})
}

// addStreams adds each stream, and the sums of all.
func (n *Node) addStreams(o *console.Overview, report ledger.Report, fared map[record.StreamID]deliver.Status, discarded map[record.StreamID]int64) {
	inflow := n.inflow.Readings()
	for _, s := range n.list() {
		i := slices.IndexFunc(report.Streams, func(r ledger.StreamReport) bool { return r.Name == s.name })
		if i < 0 {
			continue // it came after the ledger was read
		}
		row := n.streamNow(s, &report.Streams[i], fared[s.id], o.At)
		row.Discarded = discarded[s.id]
		row.Kept -= row.Discarded
		for at, r := range inflow {
			if at.stream == s.id {
				row.PerSecond += r.PerSecond
				row.Last = later(row.Last, r.Last)
			}
		}
		o.Total, o.Hour = o.Total.Plus(row.Total), o.Hour.Plus(row.Hour)
		o.Kept, o.Discarded = o.Kept+row.Kept, o.Discarded+row.Discarded
		o.Difference += row.Live - row.Expected
		o.Recent += row.Recent
		o.Journal.Waiting += row.Waiting
		o.LakeRows, o.LakeFiles, o.LakeBytes = o.LakeRows+row.Live, o.LakeFiles+row.Files, o.LakeBytes+row.Bytes
		if !row.Oldest.IsZero() && (o.OldestRow.IsZero() || row.Oldest.Before(o.OldestRow)) {
			o.OldestRow = row.Oldest
		}
		o.Streams = append(o.Streams, row)
	}
	// The numbers come one after the other while records flow.
	o.Journal.Waiting = min(o.Journal.Waiting, o.Hour.Pending)
}

// streamNow is one stream with its account.
func (n *Node) streamNow(s *stream, a *ledger.StreamReport, status deliver.Status, now time.Time) console.Stream {
	g := s.newest()
	row := console.Stream{Name: s.name, Gone: n.stateOf(s.name) == ledger.StreamRemoved, Description: g.stored.Definition.Description, Definition: g.number, Since: g.applied, Failure: status.Failure,
		Balanced: a.Balanced, Live: a.Live, Expected: a.Expected, Removed: a.Removed, Waiting: n.journal.Pending(s.id, status.Visible),
		Seen: n.seenOf(status), Visible: status.Shown, Landed: status.Landed, Watermark: status.Watermark}
	row.Total = console.Counts{Accepted: a.Accepted, Delivered: a.Delivered, Pending: a.Pending, Quarantined: a.Quarantined,
		Deduplicated: a.Deduplicated, Filtered: a.Filtered}
	row.Hours = hoursOf(a, status.Held, now)
	for _, h := range row.Hours {
		if !h.Hour.Before(now.Truncate(time.Hour)) {
			row.Hour = row.Hour.Plus(h.Counts)
		}
	}
	row.Kept = row.Hour.Quarantined
	for _, h := range status.Held {
		row.Unfiled += h.Kept
		if !h.Quarter.Before(now.Truncate(time.Hour)) {
			row.Kept += h.Kept
		}
	}
	if a.Pending > 0 {
		row.Oldest = status.Oldest
	}
	if t := n.worlds.Current().Table(s.name); t != nil {
		row.Files, row.Bytes = t.Files.Len(), t.Files.Bytes()
		for _, recent := range t.Recent {
			row.Recent += recent.Rows()
		}
	}
	return row
}

// hoursOf are the hours of a stream's account, oldest first; together they are the
// account, as far back as it is told by hour. What is pending belongs to the hours
// that the worker knows of it, and the rest, which the worker has not taken yet, to
// the present one.
func hoursOf(a *ledger.StreamReport, held []deliver.Held, now time.Time) []console.HourCounts {
	var hours []console.HourCounts
	hour := func(at time.Time) *console.HourCounts {
		at = at.UTC().Truncate(time.Hour)
		i := slices.IndexFunc(hours, func(h console.HourCounts) bool { return h.Hour.Equal(at) })
		if i < 0 {
			i, hours = len(hours), append(hours, console.HourCounts{Hour: at})
		}
		return &hours[i]
	}
	for _, h := range a.Hours {
		hour(h.Hour).Counts = console.Counts{Accepted: h.Accepted, Delivered: h.Delivered, Quarantined: h.Quarantined, Deduplicated: h.Deduplicated, Filtered: h.Filtered}
	}
	rest := a.Pending
	for _, t := range held {
		if pending := min(t.Accepted.Count, rest); pending > 0 {
			h := hour(t.Quarter)
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

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// doorsNow adds up what came in by each kind of door, the busiest first.
func (n *Node) doorsNow() (doors []console.Door) {
	for at, r := range n.inflow.Readings() {
		i := slices.IndexFunc(doors, func(d console.Door) bool { return d.Name == at.door })
		if i < 0 {
			i = len(doors)
			doors = append(doors, console.Door{Name: at.door})
		}
		doors[i].Hour += r.Hour
		doors[i].PerSecond += r.PerSecond
	}
	slices.SortFunc(doors, func(a, b console.Door) int { return cmp.Or(cmp.Compare(b.Hour, a.Hour), cmp.Compare(a.Name, b.Name)) })
	return doors
}

// outletsNow are the queries by who asked.
func (n *Node) outletsNow() (outlets []console.Outlet) {
	readings := n.asked.Readings()
	for _, name := range []string{"http", "console"} {
		r := readings[name]
		outlets = append(outlets, console.Outlet{Name: name, Hour: r.Hour, PerSecond: r.PerSecond})
	}
	return outlets
}
