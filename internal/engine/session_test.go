package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// visit is an event of a visitor, "" for none, at a time, the zero for none.
type visit struct {
	id      record.RecordID
	visitor string
	at      time.Time
}

func visitBatch(visits []visit) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, events.Arrow())
	defer b.Release()
	for _, v := range visits {
		b.Field(0).(*array.Int64Builder).Append(int64(v.id))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(may1.UnixMicro()))
		if v.at.IsZero() {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(v.at.UnixMicro()))
		}
		if v.visitor == "" {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.StringBuilder).Append(v.visitor)
		}
		b.Field(4).(*array.Float64Builder).Append(float64(v.id))
		b.Field(5).(*array.StringBuilder).Append(`{}`)
	}
	return b.NewRecordBatch()
}

// sessionsByHand goes through each visitor's events in order of time, as somebody
// with paper would.
func sessionsByHand(visits []visit, s world.Session) map[record.RecordID]string {
	byVisitor := map[string][]visit{}
	for _, v := range visits {
		if v.visitor != "" && !v.at.IsZero() {
			byVisitor[v.visitor] = append(byVisitor[v.visitor], v)
		}
	}
	gap, longest := s.Gap.Microseconds(), s.Longest.Microseconds()
	found := map[record.RecordID]string{}
	for visitor, list := range byVisitor {
		slices.SortFunc(list, func(a, b visit) int { return a.at.Compare(b.at) })
		var start, pause, before int64
		for i, v := range list {
			at := v.at.UnixMicro()
			mark := int64(math.Floor(float64(at)/float64(longest))) * longest
			switch {
			case i == 0 || at-before > gap:
				start, pause = at, at
			case before < mark && pause <= mark-longest:
				start = at
			}
			before = at
			found[v.id] = fmt.Sprintf("%s:%d", visitor, start/1000)
		}
	}
	return found
}

// visitTable makes a table of visits, dealt to files and recent generations in the
// order they stand in.
func visitTable(t testing.TB, e *Engine, worlds *world.Store, s world.Session, parts [][]visit, recent int) {
	t.Helper()
	var files []record.File
	var generations []*world.Generation
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		batch := visitBatch(part)
		defer batch.Release()
		if i < len(parts)-recent {
			f, err := e.WriteParquet(t.Context(), fmt.Sprintf("ev/v%d.parquet", i), events, "ts", []arrow.RecordBatch{batch})
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
			continue
		}
		name := fmt.Sprint("v", i)
		if err := e.CreateRecent(t.Context(), name, events); err != nil {
			t.Fatal(err)
		}
		if err := e.AppendRecent(t.Context(), name, []arrow.RecordBatch{batch}); err != nil {
			t.Fatal(err)
		}
		g, low, high := &world.Generation{Name: name, Schema: events}, int64(math.MaxInt64), int64(math.MinInt64)
		for _, v := range part {
			if !v.at.IsZero() {
				low, high = min(low, v.at.UnixMicro()), max(high, v.at.UnixMicro())
			}
		}
		g.Grow(int64(len(part)), low, high)
		generations = append(generations, g)
	}
	publish(worlds, "ev", events, files, generations...)
	worlds.Publish(func(d *world.Draft) { d.Table("ev").Session = &s }, nil)
}

var halfHour = world.Session{Visitor: "user_id", Gap: 30 * time.Minute, Longest: 12 * time.Hour}

func TestSessions(t *testing.T) {
	e, worlds := openEngine(t, nil)
	at := func(text string) time.Time {
		when, err := time.Parse("02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return may1.AddDate(0, 0, when.Day()-1).Add(time.Duration(when.Hour())*time.Hour + time.Duration(when.Minute())*time.Minute + time.Duration(when.Second())*time.Second)
	}
	id := func(visitor, text string) string { return fmt.Sprintf("%s:%d", visitor, at(text).UnixMilli()) }
	var all []visit
	var want []string
	add := func(visitor, when, session string) {
		v := visit{id: record.RecordID(len(all) + 1), visitor: visitor}
		if when != "" {
			v.at = at(when)
		}
		all, want = append(all, v), append(want, fmt.Sprintf("%d|%s", v.id, session))
	}
	// A gap of exactly 30 minutes is none; a second more is one. It crosses the day.
	add("a", "01 23:40:00", id("a", "01 23:40:00"))
	add("a", "02 00:10:00", id("a", "01 23:40:00"))
	add("a", "02 00:40:01", id("a", "02 00:40:01"))
	// Of the same moment, and of another visitor.
	add("a", "02 00:40:01", id("a", "02 00:40:01"))
	add("b", "02 00:00:00", id("b", "02 00:00:00"))
	// Out of order: the event that joins two sessions comes last.
	add("c", "02 10:00:00", id("c", "02 10:00:00"))
	add("c", "02 10:50:00", id("c", "02 10:00:00"))
	add("c", "02 10:25:00", id("c", "02 10:00:00"))
	add("", "02 10:00:00", "(null)")
	add("d", "", "(null)")
	// Never a pause, from 13:00 on the 1st: it is cut at the second mark after it began.
	for minute := 0; minute <= 30*60; minute += 30 {
		when := at("01 13:00:00").Add(time.Duration(minute) * time.Minute)
		start := "01 13:00:00"
		switch {
		case !when.Before(at("02 12:00:00")):
			start = "02 12:00:00"
		}
		add("bot", when.Format("02 15:04:05"), id("bot", start))
	}
	visitTable(t, e, worlds, halfHour, [][]visit{all[7:], all[3:7], all[:3]}, 1)
	got := rows(t, e, "SELECT _record_id, session_id FROM ev_sessions ORDER BY _record_id")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := rows(t, e, "SELECT count(*), count(DISTINCT session_id), max(epoch_ms(session_start)::VARCHAR = split_part(session_id, ':', 2)) FROM ev_sessions"); got[0] != fmt.Sprintf("%d|6|true", len(all)) {
		t.Error(got)
	}
	// The table itself is as it was.
	if got := rows(t, e, "SELECT count(*) FROM ev"); got[0] != fmt.Sprint(len(all)) {
		t.Error(got)
	}
	if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT session_id FROM ev"}); record.KindOf(err) != record.Invalid {
		t.Errorf("session_id of the table: %v", err)
	}
	// Late events change the sessions of the rows that are there: two become one.
	late := []visit{{1000, "a", at("02 00:25:00")}, {1001, "c", at("02 09:31:00")}}
	visitTable(t, e, worlds, halfHour, [][]visit{{}, {}, {}, late}, 1)
	if got := rows(t, e, "SELECT DISTINCT session_id FROM ev_sessions WHERE user_id IN ('a', 'c') ORDER BY 1"); strings.Join(got, " ") != id("a", "01 23:40:00")+" "+id("c", "02 09:31:00") {
		t.Error(got)
	}
	worlds.Publish(func(d *world.Draft) { d.Table("ev").Session = nil }, nil)
	if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT 1 FROM ev_sessions"}); record.KindOf(err) != record.NotFound {
		t.Errorf("sessions of a table that has none: %v", err)
	}
}

// Random visits, in random order, in files and recent rows, against the reference;
// and each condition reads the right sessions though it does not read all files.
func TestSessionsAreThoseByHand(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			s := world.Session{Visitor: "user_id", Gap: 30 * time.Minute, Longest: []time.Duration{30 * time.Minute, 2 * time.Hour, 12 * time.Hour}[seed%3]}
			e, worlds := openEngine(t, nil)
			all := randomVisits(random, s)
			want := sessionsByHand(all, s)
			visitTable(t, e, worlds, s, dealt(random, all), 5)
			conditions := []string{"true", "user_id = 'u1'", "ts IS NULL OR user_id IS NULL"}
			for range 12 {
				conditions = append(conditions, randomCondition(random, 0))
			}
			for _, where := range conditions {
				checkSessions(t, e, want, where)
			}
		})
	}
}

func checkSessions(t *testing.T, e *Engine, want map[record.RecordID]string, where string) {
	t.Helper()
	ids := rows(t, e, "SELECT _record_id FROM ev WHERE "+where+" ORDER BY _record_id")
	got := rows(t, e, "SELECT _record_id, coalesce(session_id, '') FROM ev_sessions WHERE "+where+" ORDER BY _record_id")
	if len(got) != len(ids) {
		t.Fatalf("%s: %d rows, the table has %d", where, len(got), len(ids))
	}
	for i, row := range got {
		var id record.RecordID
		if _, err := fmt.Sscan(ids[i], &id); err != nil {
			t.Fatal(err)
		}
		if row != ids[i]+"|"+want[id] {
			t.Fatalf("%s: got %s, want session %s", where, row, want[id])
		}
	}
}

// randomVisits are those of a few visitors over twelve days, with pauses about as
// long as the gap, at it exactly, and runs without any.
func randomVisits(random *rand.Rand, s world.Session) []visit {
	var all []visit
	for visitor := range 7 {
		at := may1.Add(time.Duration(random.IntN(48)) * time.Hour)
		for at.Before(may1.AddDate(0, 0, 12)) && len(all) < 4000 {
			v := visit{id: record.RecordID(len(all) + 1), visitor: fmt.Sprint("u", visitor), at: at}
			switch random.IntN(60) {
			case 0:
				v.visitor = ""
			case 1:
				v.at = time.Time{}
			}
			all = append(all, v)
			switch n := random.IntN(20); {
			case n == 0:
				at = at.Add(s.Gap)
			case n == 1:
				at = at.Add(s.Gap + time.Microsecond)
			case n == 2 && visitor > 2:
				at = at.Add(time.Duration(random.IntN(20*60)) * time.Minute)
			case n == 3: // the same moment
			case visitor == 0:
				at = at.Add(s.Gap - time.Duration(random.IntN(600))*time.Second) // goes on for days
			default:
				at = at.Add(time.Duration(random.IntN(3600)) * time.Second)
			}
		}
	}
	return all
}

// dealt parts visits as they come: most by day, in any order, some late.
func dealt(random *rand.Rand, all []visit) [][]visit {
	parts := make([][]visit, 80)
	for _, v := range all {
		i := random.IntN(len(parts))
		if !v.at.IsZero() && random.IntN(20) > 0 {
			i = int(v.at.Sub(may1)/(24*time.Hour))*6 + random.IntN(6)
		}
		parts[min(i, len(parts)-1)] = append(parts[min(i, len(parts)-1)], v)
	}
	for _, p := range parts {
		random.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	}
	return parts
}

// A query of one day reads its files and those of the reach before it, no more.
func TestSessionsReadABoundedMargin(t *testing.T) {
	e, worlds := openEngine(t, nil)
	dailyFiles(t, e, worlds, 80)
	worlds.Publish(func(d *world.Draft) { d.Table("ev").Session = &halfHour }, nil)
	for where, want := range map[string]int{
		"ts >= '2026-06-03' AND ts < '2026-06-04'":                    2, // each file is of the first second of its day: reach is 24 h 30 min
		"ts >= '2026-06-03 12:00' AND ts < '2026-06-05'":              2,
		"_record_id = 3001":                                           2,
		"_record_id BETWEEN 3001 AND 4001":                            3,
		"ts >= '2026-06-03' AND ts < '2026-06-04' AND user_id = 'u0'": 2,
		"user_id = 'nobody'":                                          0,
		"ts > '2030-01-01'":                                           0,
		"true":                                                        80,
	} {
		_, read := filesRead(t, e, Request{SQL: "SELECT count(session_id) FROM ev_sessions WHERE " + where})
		if read != want {
			t.Errorf("%s: read %d files, want %d", where, read, want)
		}
	}
}

// DuckDB may push what it learns of a join or of a LIMIT down to a scan: not here,
// where the rows before the wanted ones count.
func TestSessionsAndConditionsFoundWhileRunning(t *testing.T) {
	e, worlds := openEngine(t, nil)
	var all []visit
	for i := range 20_000 {
		all = append(all, visit{record.RecordID(i + 1), fmt.Sprint("u", i%10), may1.Add(time.Duration(i) * time.Second)})
	}
	visitTable(t, e, worlds, halfHour, [][]visit{all[10_000:], all[:10_000]}, 1)
	start := func(visitor int) string {
		return fmt.Sprintf("u%d:%d", visitor, may1.Add(time.Duration(visitor)*time.Second).UnixMilli())
	}
	for sql, want := range map[string]string{
		"SELECT session_id FROM ev_sessions ORDER BY ts DESC LIMIT 1":                                                                          start(9),
		"SELECT session_id FROM ev_sessions ORDER BY _record_id DESC LIMIT 1":                                                                  start(9),
		"SELECT session_id FROM ev_sessions JOIN (SELECT max(ts) AS ts FROM ev) USING (ts)":                                                    start(9),
		"SELECT s.session_id FROM (VALUES (20000)) v(id) JOIN ev_sessions s ON s._record_id = v.id":                                            start(9),
		"SELECT s.session_id FROM ev_sessions s SEMI JOIN (SELECT user_id, max(ts) AS ts FROM ev GROUP BY 1) m USING (user_id, ts) ORDER BY 1": start(0),
		"SELECT session_id FROM ev_sessions WHERE ts = (SELECT max(ts) FROM ev)":                                                               start(9),
		"WITH s AS (SELECT session_id, row_number() OVER (ORDER BY ts DESC) AS n FROM ev_sessions) SELECT session_id FROM s WHERE n = 1":       start(9),
	} {
		if got := rows(t, e, sql); got[0] != want {
			t.Errorf("%s: %s, want %s", sql, got[0], want)
		}
	}
	if got := rows(t, e, "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'ev%' ORDER BY 1"); strings.Join(got, " ") != "ev ev_sessions" {
		t.Error(got)
	}
	if got := rows(t, e, "DESCRIBE ev_sessions"); !strings.HasPrefix(got[len(got)-1], "session_start|TIMESTAMP WITH TIME ZONE") || len(got) != len(events)+2 {
		t.Error(got)
	}
}
