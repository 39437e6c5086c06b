package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// What a clock in a zone shows at a moment is DuckDB's to say, for it evaluates ts::date
// and ts::varchar, and its rules of zones need not be those of this machine: Accra in
// 1919 and a hundred others differ. So the times of results are printed by rules that
// DuckDB was asked for.

// Between these moments, in seconds, DuckDB is asked, every zoneStep; before them a zone
// has the offset of the first, after them its last 400 years again and again: so long is
// the period of the calendar. They begin after the last change that follows no rule, of
// Morocco in 2087.
var (
	zoneFirst = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	zoneLast  = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	zoneEnd   = time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

const (
	zoneStep   = 12 * 3600           // seconds; no zone has changed its offset twice within it
	zonePeriod = 146_097 * 24 * 3600 // 400 years
	mostZones  = 64                  // that are remembered
)

// change is a moment from which a zone has another offset, both in seconds.
type change struct{ at, offset int64 }

// zones remembers the zones that were asked for.
type zones struct {
	mu    sync.Mutex
	known map[string]*time.Location
}

// of is a zone by DuckDB's rules, under the same name.
func (z *zones) of(ctx context.Context, c *conn, zone *time.Location) (*time.Location, error) {
	if zone == time.UTC {
		return zone, nil
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if l := z.known[zone.String()]; l != nil {
		return l, nil
	}
	// Whoever asks first may go away: the next one need not begin anew.
	first, changes, err := changesOf(context.WithoutCancel(ctx), c, zone.String())
	if err != nil {
		return nil, fmt.Errorf("rules of zone %s: %w", zone, err)
	}
	l, err := time.LoadLocationFromTZData(zone.String(), zoneData(first, repeated(changes)))
	if err != nil {
		return nil, record.Errorf(record.Internal, "rules of zone %s: %w", zone, err)
	}
	if z.known == nil || len(z.known) >= mostZones {
		z.known = map[string]*time.Location{}
	}
	z.known[zone.String()] = l
	return l, nil
}

// offsetAt is SQL for a zone's offset in seconds at a moment that SQL gives in seconds.
func offsetAt(zone, at string) string {
	return fmt.Sprintf("((epoch_us(timezone(%s, make_timestamptz((%s) * 1000000))) - (%s) * 1000000) // 1000000)", record.QuoteText(zone), at, at)
}

// changesOf asks DuckDB for the offset that a zone had first, and for its changes.
func changesOf(ctx context.Context, c *conn, zone string) (first int64, changes []change, err error) {
	texts, err := c.text(ctx, fmt.Sprintf(`SELECT i::VARCHAR || ' ' || o::VARCHAR FROM (SELECT i, o, lag(o) OVER (ORDER BY i) AS before
		FROM (SELECT i, %s AS o FROM range(%d) r(i))) WHERE o IS DISTINCT FROM before ORDER BY i`,
		offsetAt(zone, fmt.Sprintf("%d + i * %d", zoneFirst, zoneStep)), (zoneLast-zoneFirst)/zoneStep+1))
	if err != nil {
		return 0, nil, err
	}
	for _, text := range texts {
		var i int64
		var found change
		if _, err := fmt.Sscan(text, &i, &found.offset); err != nil {
			return 0, nil, record.Errorf(record.Internal, "%q: %w", text, err)
		}
		found.at = zoneFirst + i*zoneStep
		changes = append(changes, found)
	}
	if len(changes) == 0 {
		return 0, nil, record.Errorf(record.Internal, "DuckDB gave no offset")
	}
	first, changes = changes[0].offset, changes[1:]
	return first, changes, narrow(ctx, c, zone, first, changes)
}

// narrow moves each change, which is known to lie within the step before, to its second.
func narrow(ctx context.Context, c *conn, zone string, first int64, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	before := make([]int64, len(changes)) // the last moment that is known to have the offset before
	for i := range changes {
		before[i] = changes[i].at - zoneStep
	}
	for {
		var asked []int
		var moments []string
		for i := range changes {
			if changes[i].at-before[i] > 1 {
				asked = append(asked, i)
				moments = append(moments, fmt.Sprint(before[i]+(changes[i].at-before[i])/2))
			}
		}
		if len(asked) == 0 {
			return nil
		}
		texts, err := c.text(ctx, "SELECT "+offsetAt(zone, "t")+"::VARCHAR FROM (SELECT unnest(["+strings.Join(moments, ",")+"]::BIGINT[]) AS t)")
		if err != nil {
			return err
		}
		if len(texts) != len(asked) {
			return record.Errorf(record.Internal, "DuckDB gave %d offsets for %d moments", len(texts), len(asked))
		}
		for k, i := range asked {
			middle := before[i] + (changes[i].at-before[i])/2
			old := first
			if i > 0 {
				old = changes[i-1].offset
			}
			if texts[k] == fmt.Sprint(old) {
				before[i] = middle
			} else {
				changes[i].at = middle
			}
		}
	}
}

// repeated goes on with the changes of the last period, to the end of year 10000.
func repeated(changes []change) []change {
	from, _ := slices.BinarySearchFunc(changes, zoneLast-zonePeriod, func(c change, at int64) int { return int(c.at - at) })
	last := slices.Clone(changes[from:])
	for shift := int64(zonePeriod); zoneLast-zonePeriod+shift < zoneEnd; shift += zonePeriod {
		for _, c := range last {
			changes = append(changes, change{c.at + shift, c.offset})
		}
	}
	return changes
}

// zoneData writes a zone as a file of version 2 of RFC 8536, whose block for old readers
// is empty.
func zoneData(first int64, changes []change) []byte {
	offsets := []int64{first}
	for _, c := range changes {
		if !slices.Contains(offsets, c.offset) {
			offsets = append(offsets, c.offset)
		}
	}
	var b bytes.Buffer
	header := func(times, types, characters int) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		for _, n := range []int{0, 0, 0, times, types, characters} {
			_ = binary.Write(&b, binary.BigEndian, uint32(n)) // a buffer takes everything
		}
	}
	header(0, 0, 0)
	header(len(changes), len(offsets), 4)
	for _, c := range changes {
		_ = binary.Write(&b, binary.BigEndian, c.at)
	}
	for _, c := range changes {
		b.WriteByte(byte(slices.Index(offsets, c.offset)))
	}
	for _, o := range offsets {
		_ = binary.Write(&b, binary.BigEndian, int32(o))
		b.Write([]byte{0, 0}) // not daylight saving; the name begins at 0
	}
	b.WriteString("-00\x00\n\n")
	return b.Bytes()
}
