package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Which moments lie on a day of a zone is DuckDB's to say, for it evaluates ts::date:
// its rules of zones need not be those of this machine, days can lack their midnight or
// be left out whole. So the offsets that a zone has around a day come from DuckDB, and a
// day is taken to reach from its first moment by the largest to its last by the least.

// offsets are those of a zone from UTC around a day, in microseconds.
type offsets struct{ least, most int64 }

// offsetStep is how closely a zone's offsets are looked at, and offsetReach how far
// before and after a day's midnight in UTC: no zone was ever 16 hours away from it.
const (
	offsetStep  = 15 * time.Minute
	offsetReach = 48 * time.Hour
)

// dayOffsets remembers what was asked, by zone and day.
type dayOffsets struct {
	mu    sync.Mutex
	known map[string]offsets
}

// mostDays bounds what is remembered.
const mostDays = 4096

// around asks DuckDB, by a connection without a transaction, for a day given by its
// midnight in UTC.
func (d *dayOffsets) around(ctx context.Context, c *conn, zone *time.Location, day time.Time) (offsets, error) {
	key := zone.String() + " " + day.Format(time.DateOnly)
	d.mu.Lock()
	o, known := d.known[key]
	d.mu.Unlock()
	if known {
		return o, nil
	}
	from := day.Add(-offsetReach)
	steps := int64((2*offsetReach + 24*time.Hour) / offsetStep)
	texts, err := c.text(ctx, fmt.Sprintf("SELECT min(o)::VARCHAR || ' ' || max(o)::VARCHAR FROM (SELECT epoch_us(timezone(%s, t)) - epoch_us(t) AS o FROM (SELECT make_timestamptz(%d + i * %d) AS t FROM range(%d) r(i)))",
		record.QuoteText(zone.String()), from.UnixMicro(), offsetStep.Microseconds(), steps+1))
	if err != nil {
		return offsets{}, err
	}
	if len(texts) != 1 {
		return offsets{}, record.Errorf(record.Internal, "offsets of %s: %d rows", zone, len(texts))
	}
	if _, err := fmt.Sscan(texts[0], &o.least, &o.most); err != nil {
		return offsets{}, record.Errorf(record.Internal, "offsets of %s: %q: %w", zone, texts[0], err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= mostDays || d.known == nil {
		d.known = map[string]offsets{}
	}
	d.known[key] = o
	return o, nil
}
