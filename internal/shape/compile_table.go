package shape

import (
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// This file compiles the keys of a definition that speak of the table as a
// whole: its time, its partition, its duplicates.

// names are the columns that a key can speak of.
func (c *compiler) names() []string {
	names := make([]string, 0, len(c.shaper.schema))
	for _, col := range c.shaper.schema {
		names = append(names, col.Name)
	}
	return names
}

// find is a column's place in the schema; without it a mistake is noted, unless
// the column is there and has been complained of already.
func (c *compiler) find(path, name string) int {
	at := c.shaper.schema.Index(name)
	if _, broken := c.lower[name]; at < 0 && !broken {
		c.mistakes.add(path, didYouMean(name, c.names()), "there is no column %s", name)
	}
	return at
}

func (c *compiler) eventTime() {
	s := c.shaper
	s.timeColumn, s.timeAt = record.ColumnReceivedAt, 1
	s.timeRange.off = true
	if name := c.def.EventTime; name != "" && name != record.ColumnReceivedAt {
		at := c.find("event_time", name)
		if at < 0 {
			return
		}
		switch typ := s.schema[at].Type; typ.Kind {
		case record.Timestamptz:
		case record.Timestamp:
			s.timeIsWall = true
		default:
			c.mistakes.add("event_time", "give it the type timestamptz", "column %s is %s, and an event time is timestamptz or timestamp", name, typ)
			return
		}
		s.timeColumn, s.timeAt = name, at
		for _, e := range s.expressions {
			s.timeIsExpression = s.timeIsExpression || e == at
		}
		s.timeRange.off = false
	}
	c.timeRange()
}

// defaultSince and defaultAhead bound event times where time_range says nothing:
// clocks that were never set are before, clocks that are wrong ahead.
const (
	defaultSince = "1990-01-01"
	defaultAhead = Duration(day)
)

func (c *compiler) timeRange() {
	def, r := c.def.TimeRange, &c.shaper.timeRange
	r.off = r.off || def.Off
	since := def.Since
	if since == "" {
		since = defaultSince
	}
	m, ok := parseMoment([]byte(since))
	if !ok {
		c.mistakes.add("time_range.since", "write a date such as 1990-01-01", "%q is not a date", since)
	}
	r.since = m.wall - m.offset
	if !m.hasZone {
		z := newZone(c.options.Location)
		r.since = z.instant(r.since)
	}
	r.past = time.Duration(def.Past).Microseconds()
	r.ahead = time.Duration(def.Ahead).Microseconds()
	if def.Ahead == 0 {
		r.ahead = time.Duration(defaultAhead).Microseconds()
	}
}

// timeRange is which event times are believed, in microseconds.
type timeRange struct {
	off         bool
	since       int64
	past, ahead int64 // from receipt; a past of 0 is without end
}

func (r *timeRange) bounds(received int64) (low, high int64) {
	if r.off {
		return minMoment, maxMoment
	}
	low = r.since
	if r.past > 0 {
		low = max(low, received-r.past)
	}
	return low, received + r.ahead
}

func (c *compiler) partition() {
	s := c.shaper
	seen := map[PartitionTerm]bool{}
	for i, text := range c.def.Partition {
		path := fmt.Sprintf("partition[%d]", i)
		term, err := ParsePartition(text)
		if err != nil {
			c.mistakes.add(path, "", "%v", err)
			continue
		}
		if seen[term] {
			c.mistakes.add(path, "take one of them out", "%s is there twice", text)
			continue
		}
		seen[term] = true
		if !knownFunction(term.Function) {
			c.mistakes.add(path, didYouMean(term.Function, PartitionFunctions()), "%s is no function of partitions", term.Function)
			continue
		}
		at := c.find(path, term.Column)
		if at < 0 {
			continue
		}
		output, err := term.output(s.schema[at].Type)
		if err != nil {
			c.mistakes.add(path, "", "%v", err)
			continue
		}
		if term.Function == "" {
			s.partitionBy = append(s.partitionBy, term.Column)
			continue
		}
		p := partition{term: term, source: at, target: len(s.schema), fallback: at == s.timeAt, typ: output.Type}
		if c.addColumn(path, output) {
			s.partitions = append(s.partitions, p)
			s.partitionBy = append(s.partitionBy, output.Name)
		}
	}
}

func knownFunction(name string) bool {
	for _, f := range PartitionFunctions() {
		if f == name {
			return true
		}
	}
	return name == ""
}

func (c *compiler) dedupe() {
	d := c.def.Dedupe
	if d == nil {
		return
	}
	if d.Key == "" {
		c.mistakes.add("dedupe", "write key: and the column that names an event", "dedupe has no key")
	} else if at := c.find("dedupe.key", d.Key); at >= 0 {
		switch typ := c.shaper.schema[at].Type; typ.Kind {
		case record.JSON, record.Array, record.Struct, record.Double:
			c.mistakes.add("dedupe.key", "use a varchar or bigint column", "column %s is %s, which is no key", d.Key, typ)
		default:
			c.shaper.dedupeAt = at
		}
	}
	if d.Window <= 0 {
		c.mistakes.add("dedupe.window", "write a duration such as 24h", "dedupe has no window")
	}
	if d.MaxKeys < 0 {
		c.mistakes.add("dedupe.max_keys", "write a whole number such as 50000000", "max_keys is below 0")
	}
	switch d.OnFull {
	case "", "shorten", "refuse":
	default:
		c.mistakes.add("dedupe.on_full", didYouMean(d.OnFull, []string{"shorten", "refuse"}), "on_full knows no %q", d.OnFull)
	}
}
