package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// incidentsShown is how many incidents a report lists.
const incidentsShown = 100

// Report is the accounts of all streams. Balanced is found from the rows of the
// tables' files, not from the counters alone.
type Report struct {
	Balanced   bool            `json:"balanced"`
	Streams    []StreamReport  `json:"streams"`
	Quarantine TableReport     `json:"quarantine"`
	Incidents  []meta.Incident `json:"incidents,omitempty"`
}

// StreamReport is the account of one stream, in records.
type StreamReport struct {
	ID           record.StreamID `json:"-"`
	Name         string          `json:"name"`
	State        string          `json:"state,omitempty"` // whoever knows the project sets it
	Accepted     int64           `json:"accepted"`        // pending ones among them
	Delivered    int64           `json:"delivered"`
	Quarantined  int64           `json:"quarantined"`
	Deduplicated int64           `json:"deduplicated"`
	Filtered     int64           `json:"filtered"`
	Removed      int64           `json:"removed"`
	Pending      int64           `json:"pending"`
	TableReport
	Hours []HourLine `json:"hours,omitempty"` // by hour of receipt, oldest first
}

// The states of a stream.
const (
	StreamActive  = "active"
	StreamRemoved = "removed" // from the project; its table and its account stay
)

// HourLine is the account of a stream for one hour of receipt.
type HourLine struct {
	Hour         time.Time `json:"hour"`
	Accepted     int64     `json:"accepted"` // and decided
	Delivered    int64     `json:"delivered"`
	Quarantined  int64     `json:"quarantined"`
	Deduplicated int64     `json:"deduplicated"`
	Filtered     int64     `json:"filtered"`
}

// TableReport compares a table with its account.
type TableReport struct {
	Live     int64 `json:"live"`     // rows in the table's files
	Expected int64 `json:"expected"` // by the account
	Balanced bool  `json:"balanced"`
}

// Summary reports the accounts, and those of each hour of receipt from a moment on;
// both are read at one moment, so they add up. pending is how many records of a
// stream are in the log and not yet in a table.
func (l *Ledger) Summary(ctx context.Context, since time.Time, pending func(record.StreamID) int64) (Report, error) {
	var b books
	hours := map[record.StreamID][]HourLine{}
	report := Report{Balanced: true, Streams: []StreamReport{}}
	err := l.meta.View(ctx, func(q meta.Querier) (err error) {
		if b, err = readBooks(ctx, q); err != nil {
			return err
		}
		for _, a := range b.accounts {
			if a.active {
				if hours[a.id], err = readHours(ctx, q, a.id, since); err != nil {
					return err
				}
			}
		}
		report.Incidents, err = meta.Incidents(ctx, q, incidentsShown)
		return err
	})
	if err != nil {
		return Report{}, fmt.Errorf("ledger: %w", err)
	}
	for _, a := range b.accounts {
		s := a.report(pending(a.id))
		s.TableReport = b.compare(a.name)
		s.Balanced = s.Balanced && a.Balanced()
		report.Balanced = report.Balanced && s.Balanced
		if a.active {
			s.Hours = hours[a.id]
			report.Streams = append(report.Streams, s)
		}
	}
	report.Quarantine = b.compare(record.QuarantineTable)
	report.Balanced = report.Balanced && report.Quarantine.Balanced
	return report, nil
}

func (a *account) report(pending int64) StreamReport {
	return StreamReport{ID: a.id, Name: a.name, Accepted: a.Accepted.Count + pending, Delivered: a.Delivered.Count,
		Quarantined: a.Quarantined.Count, Deduplicated: a.Deduplicated.Count, Filtered: a.Filtered.Count,
		Removed: a.removed.Count, Pending: pending}
}

func (b *books) compare(table string) TableReport {
	r := TableReport{Live: b.live[table], Expected: b.expected(table).Count}
	r.Balanced = r.Live == r.Expected
	return r
}

// readHours adds up a stream's ledger by hour of receipt from a moment on; hours
// without records are left out.
func readHours(ctx context.Context, q meta.Querier, stream record.StreamID, since time.Time) (list []HourLine, err error) {
	byHour := map[int64]Counts{}
	err = eachLine(ctx, q, "stream_id = ? AND hour >= ?", []any{stream.String(), since.UnixMicro()},
		func(line *line) { byHour[line.hour] = byHour[line.hour].plus(line.Counts) })
	for hour, c := range byHour {
		list = append(list, HourLine{time.UnixMicro(hour).UTC(), c.Accepted.Count, c.Delivered.Count, c.Quarantined.Count, c.Deduplicated.Count, c.Filtered.Count})
	}
	slices.SortFunc(list, func(a, b HourLine) int { return a.Hour.Compare(b.Hour) })
	return list, err
}
