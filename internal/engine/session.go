package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// A table with sessions has a second view, <table>_sessions: its rows, each with the
// session it belongs to. Nothing of it is stored. A session is worked out from the
// event times of all rows of the visitor at hand, so neither late events nor their
// order of arrival can make it wrong.
//
// The rule. An event after a pause, or a visitor's first, starts a session. Marks
// stand at the multiples of Longest since 1970. If a visitor goes on from one mark to
// the next without a pause, the first event at or after the latter starts a session too.
//
// So where an event's session starts depends on the visitor's events of the 2*Longest
// before it, and on whether each of those came after a pause:
//
//	       m-L                m        t
//	───┬────┼─────────────────┼────────●───   m the mark at or before t, L Longest
//	   └gap─┘
//
// It is the last event in (m-L, t] that came after a pause; without one, the first in
// [m, t]. That is why reach is what must be read before the rows that are wanted, and
// why the first row that is read, which only seems to come after a pause, does no harm:
// it stands before m-L.
const sessionSuffix = "_sessions"

// Columns that the view adds.
const (
	sessionID    = "session_id"
	sessionStart = "session_start"
)

// sessions is what a view needs to tell a table's sessions apart.
type sessions struct {
	world.Session
	timeColumn string
}

// sessionsOf is the sessions of a table, nil if it has none.
func sessionsOf(t *world.Table) *sessions {
	if t.Session == nil || t.Schema.Index(t.Session.Visitor) < 0 || t.Schema.Index(t.TimeColumn) < 0 {
		return nil
	}
	return &sessions{*t.Session, t.TimeColumn}
}

// same says whether two views tell sessions apart alike; nil is none.
func (s *sessions) same(o *sessions) bool {
	return s == o || s != nil && o != nil && *s == *o
}

// reach is how long before an event those stand that its session depends on.
func (s *sessions) reach() time.Duration { return 2*s.Longest + s.Gap }

// columns are those of the view: of a table that has some of the same name, they win.
func (s *sessions) columns(table record.Schema) record.Schema {
	columns := slices.DeleteFunc(slices.Clone(table), func(c record.Column) bool {
		return strings.EqualFold(c.Name, sessionID) || strings.EqualFold(c.Name, sessionStart)
	})
	return append(columns, record.Column{Name: sessionID, Type: record.Type{Kind: record.Varchar}},
		record.Column{Name: sessionStart, Type: table[table.Index(s.timeColumn)].Type})
}

// query selects the view's columns from the rows of rows between two moments, given
// in microseconds. Peers of one moment are
// in each other's window frame, so they share a session in whatever order they stand.
func (s *sessions) query(table record.Schema, rows, from, to string) string {
	moment := "make_timestamptz"
	if table[table.Index(s.timeColumn)].Type.Kind == record.Timestamp {
		moment = "make_timestamp"
	}
	columns := s.columns(table)
	return strings.NewReplacer(
		"{columns}", nameList(columns[:len(columns)-2]), "{visitor}", record.QuoteName(s.Visitor), "{time}", record.QuoteName(s.timeColumn), "{moment}", moment,
		"{gap}", fmt.Sprint(s.Gap.Microseconds()), "{longest}", fmt.Sprint(s.Longest.Microseconds()), "{rows}", rows, "{from}", from, "{to}", to).Replace(`
SELECT {columns},
  CASE WHEN {visitor} IS NOT NULL AND {time} IS NOT NULL THEN {visitor}::VARCHAR || ':' || (_session_at // 1000)::VARCHAR END AS session_id,
  CASE WHEN {visitor} IS NOT NULL AND {time} IS NOT NULL THEN {moment}(_session_at) END AS session_start
FROM (SELECT *, CASE WHEN _session_pause > _session_mark - {longest} THEN _session_pause ELSE _session_first END AS _session_at
FROM (SELECT *,
    max(CASE WHEN _session_before IS NULL OR _session_us - _session_before > {gap} THEN _session_us END) OVER visitor AS _session_pause,
    max(CASE WHEN _session_before IS NULL OR _session_before < _session_mark THEN _session_us END) OVER visitor AS _session_first
  FROM (SELECT *, lag(_session_us) OVER (PARTITION BY {visitor} ORDER BY _session_us) AS _session_before
    FROM (SELECT *, epoch_us({time}) AS _session_us, epoch_us({time}) - (epoch_us({time}) % {longest} + {longest}) % {longest} AS _session_mark FROM {rows}
      WHERE {time} BETWEEN {moment}({from}) AND {moment}({to}) OR {time} IS NULL))
  WINDOW visitor AS (PARTITION BY {visitor} ORDER BY _session_us)))`)
}

// period is a range of event times in microseconds, both ends in it.
type period struct{ from, to int64 }

// nothing is a period without a moment.
var nothing = period{0, -1}

// reached widens what a part found, the files and generations with wanted rows, by
// those with rows that the wanted rows' sessions depend on.
func (p *part) reached(s *sessions) {
	periods := p.periods(s)
	p.reach = nothing
	if n := len(periods); n > 0 {
		p.reach = period{periods[0].from, periods[n-1].to}
	}
	visitor := limits{columns: slices.DeleteFunc(slices.Clone(p.wanted.columns), func(c columnLimit) bool { return c.column.Name != s.Visitor })}
	found, recent := map[*record.File]bool{}, map[*world.Generation]bool{}
	for _, f := range p.files {
		found[f] = true
	}
	for _, g := range p.recent {
		recent[g] = true
	}
	for _, sp := range periods {
		b := world.Everything
		b.MinTime, b.MaxTime = sp.from, sp.to
		p.table.Files.Find(b, func(f *record.File) bool {
			if f.Rows > 0 && f.HasTime && !found[f] && visitor.admits(f) {
				found[f] = true
				p.files = append(p.files, f)
			}
			return true
		})
		for _, g := range p.table.Recent {
			if !recent[g] && g.Overlaps(b) {
				recent[g] = true
				p.recent = append(p.recent, g)
			}
		}
	}
}

// Between them lie DuckDB's times, in microseconds, but for the infinities.
const firstMoment, lastMoment = -9223372022400000000, math.MaxInt64 - 1

// periods are the event times that wanted rows' sessions depend on, in order and apart.
func (p *part) periods(s *sessions) []period {
	var all []period
	add := func(from, to int64) {
		from, to = max(from, p.wanted.bounds.MinTime), min(to, p.wanted.bounds.MaxTime)
		if from > to {
			return
		}
		from = max(from, firstMoment+s.reach().Microseconds()) - s.reach().Microseconds()
		all = append(all, period{from, min(to, lastMoment)})
	}
	for _, f := range p.files {
		if f.HasTime {
			add(f.MinTime, f.MaxTime)
		} else { // it may be that of another column, see lake's retime.go
			add(math.MinInt64, math.MaxInt64)
		}
	}
	for _, g := range p.recent {
		if from, to, ok := g.Times(); ok {
			add(from, to)
		}
	}
	slices.SortFunc(all, func(a, b period) int { return cmp.Compare(a.from, b.from) })
	joined := all[:0]
	for _, sp := range all {
		if n := len(joined); n > 0 && sp.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, sp.to)
			continue
		}
		joined = append(joined, sp)
	}
	return joined
}
