package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Questions whose answers were once wrong, each with its rows; what is right, plain
// DuckDB says of a table of its own with the same rows.

// sample is a row. Its time is UTC, or what a clock on the wall shows; at zero null.
type sample struct {
	at   time.Time
	user string
	x    float64
	a    int // 0 is null
}

// sampleTable makes the table log: of each part a file, compacted if wanted, but of the
// last ones recent generations; and recent.plain with all the rows.
func sampleTable(t *testing.T, kind record.TypeKind, zone string, parts [][]sample, recent int, compact bool) (*Engine, *world.Store) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	e, worlds := openEngine(t, func(o *Options) { o.Location = location })
	schema := record.Schema{{Name: record.ColumnRecordID, Type: bigint, FieldID: 1}, {Name: "t", Type: record.Type{Kind: kind}, FieldID: 2}, {Name: "user_id", Type: varchar, FieldID: 3},
		{Name: "x", Type: record.Type{Kind: record.Double}, FieldID: 4}, {Name: "a", Type: bigint, FieldID: 5}}
	check(e.CreateRecent(t.Context(), "plain", schema))
	var files []record.File
	var generations []*world.Generation
	id := int64(0)
	for i, part := range parts {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
		low, high := int64(math.MaxInt64), int64(math.MinInt64)
		for _, s := range part {
			id++
			b.Field(0).(*array.Int64Builder).Append(id)
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(s.at.UnixMicro()))
			b.Field(2).(*array.StringBuilder).Append(s.user)
			b.Field(3).(*array.Float64Builder).Append(s.x)
			if s.a == 0 {
				b.Field(4).AppendNull()
			} else {
				b.Field(4).(*array.Int64Builder).Append(int64(s.a))
			}
			low, high = min(low, s.at.UnixMicro()), max(high, s.at.UnixMicro())
		}
		batch := b.NewRecordBatch()
		b.Release()
		defer batch.Release()
		list := []arrow.RecordBatch{batch}
		check(e.AppendRecent(t.Context(), "plain", list))
		if i < len(parts)-recent {
			f, err := e.WriteParquet(t.Context(), fmt.Sprintf("log/%d.parquet", i), schema, "t", list)
			check(err)
			files = append(files, f)
			continue
		}
		g := &world.Generation{Name: fmt.Sprint("log", i), Schema: schema}
		check(e.CreateRecent(t.Context(), g.Name, schema))
		check(e.AppendRecent(t.Context(), g.Name, list))
		g.Grow(int64(len(part)), low, high)
		generations = append(generations, g)
	}
	if compact {
		files, err = e.Rewrite(t.Context(), record.RewriteJob{Sources: files, Schema: schema, TimeColumn: "t", SortBy: []string{"t", record.ColumnRecordID},
			Path: func(_ []any, n int) string { return fmt.Sprintf("log/sorted%d.parquet", n) }})
		check(err)
	}
	worlds.Publish(func(d *world.Draft) {
		w := d.Table("log")
		w.Schema, w.SchemaVersion, w.TimeColumn, w.Session = schema, 1, "t", &halfHour
		w.Files, w.Recent = world.FileIndex{}.Add(files...), generations
	}, nil)
	return e, worlds
}

// sameAnswer asks of log, in the engine's zone, and of the plain table; it gives what
// both say, and how many files were not read.
func sameAnswer(t *testing.T, e *Engine, what, where string) (answer string, skipped int) {
	t.Helper()
	want, _, err := one(t.Context(), e, Request{SQL: "SELECT " + what + " FROM recent.plain WHERE " + where, Admin: true})
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	got, skipped, err := one(t.Context(), e, Request{SQL: "SELECT " + what + " FROM log WHERE " + where})
	if err != nil || got != want {
		t.Errorf("%s: %s, %v; plain DuckDB gives %s", where, got, err, want)
	}
	return got, skipped
}

// dayQuestions are all ways to ask for a day by a time.
func dayQuestions(day string) []string {
	var list []string
	for _, op := range []string{"=", "<", "<=", ">", ">=", "<>"} {
		list = append(list, fmt.Sprintf("t::date %s '%s'", op, day), fmt.Sprintf("t %s '%s'", op, day), fmt.Sprintf("date_trunc('day', t) %s '%s'", op, day))
	}
	return append(list, fmt.Sprintf("t::date BETWEEN '%s' AND '%s'", day, day), fmt.Sprintf("NOT t::date > '%s'", day))
}

// hourly is 24 parts of a day, visitors coming and going.
func hourly(day time.Time, each int) (parts [][]sample) {
	for hour := range 24 {
		var part []sample
		for i := range each {
			part = append(part, sample{at: day.Add(time.Duration(hour)*time.Hour + time.Duration(i)*time.Minute), user: fmt.Sprintf("u%d", (hour*each+i)*7%60), x: 1, a: 1})
		}
		parts = append(parts, part)
	}
	return parts
}

func TestDaysOfTimesWithoutZone(t *testing.T) {
	parts := append(hourly(may1, 18), []sample{{at: may1.Add(time.Minute), user: "u1", x: 1, a: 1}})
	e, _ := sampleTable(t, record.Timestamp, "Asia/Tokyo", parts, 1, false)
	if got, _ := sameAnswer(t, e, "count(*)", "t::date <= '2026-05-01'"); got != fmt.Sprint(24*18+1) {
		t.Errorf("%s rows of the day", got)
	}
	skipped := 0
	for _, day := range []string{"2026-04-30", "2026-05-01", "2026-05-02"} {
		for _, q := range dayQuestions(day) {
			_, n := sameAnswer(t, e, "count(*), sum(_record_id)", q)
			skipped += n
		}
	}
	if skipped == 0 {
		t.Error("no file was skipped: nothing was tested")
	}
}

func TestSessionsOfTimesWithoutZone(t *testing.T) {
	parts := hourly(may1, 18)
	e, _ := sampleTable(t, record.Timestamp, "Asia/Tokyo", parts, 2, false)
	var visits []visit
	for _, part := range parts {
		for _, s := range part {
			visits = append(visits, visit{record.RecordID(len(visits) + 1), s.user, s.at})
		}
	}
	sessions := map[string]bool{}
	for _, s := range sessionsByHand(visits, halfHour) {
		sessions[s] = true
	}
	for _, where := range []string{"t::date <= '2026-05-01'", "t::date = '2026-05-01'", "t < '2026-05-02'", "t >= '2026-05-01'"} {
		if got := rows(t, e, "SELECT count(DISTINCT session_id), count(*) FROM log_sessions WHERE "+where); got[0] != fmt.Sprintf("%d|%d", len(sessions), len(visits)) {
			t.Errorf("%s: sessions and rows %s, want %d and %d", where, got, len(sessions), len(visits))
		}
	}
}

func TestRecentRowsOfTimesWithoutZone(t *testing.T) {
	recent := make([]sample, 60_000)
	for i := range recent {
		recent[i] = sample{at: may1.Add(15*time.Hour + time.Duration(i)*time.Millisecond), user: "u", x: 1, a: 1}
	}
	e, _ := sampleTable(t, record.Timestamp, "Asia/Tokyo", [][]sample{{{at: may1, user: "u", x: 1, a: 1}}, recent}, 1, false)
	if got, _ := sameAnswer(t, e, "count(*)", "t::date <= '2026-05-01'"); got != "60001" {
		t.Errorf("%s rows", got)
	}
	for _, q := range dayQuestions("2026-05-01") {
		sameAnswer(t, e, "count(*), sum(_record_id)", q)
	}
}

// TestDaysWithoutMidnight asks for days that a zone begins late, or leaves out.
func TestDaysWithoutMidnight(t *testing.T) {
	for _, c := range []struct{ zone, day string }{
		{"Pacific/Apia", "2011-12-29"}, {"Pacific/Apia", "2011-12-30"}, {"America/Asuncion", "2018-10-07"}, {"America/Sao_Paulo", "2018-11-04"},
		{"Africa/Cairo", "2023-04-28"}, {"Pacific/Kwajalein", "1993-08-21"},
	} {
		t.Run(strings.ReplaceAll(c.zone, "/", "-")+" "+c.day, func(t *testing.T) {
			middle, err := time.Parse(time.DateOnly, c.day)
			if err != nil {
				t.Fatal(err)
			}
			var parts [][]sample
			for i := range 180 { // three days and a half, of twenty-eight minutes each
				parts = append(parts, []sample{{at: middle.Add(-42*time.Hour + time.Duration(i)*28*time.Minute), user: "u", x: 1, a: 1}})
			}
			e, _ := sampleTable(t, record.Timestamptz, c.zone, parts, 3, false)
			skipped := 0
			for around := -1; around <= 1; around++ {
				for _, q := range dayQuestions(middle.AddDate(0, 0, around).Format(time.DateOnly)) {
					_, n := sameAnswer(t, e, "count(*), sum(_record_id)", q)
					skipped += n
				}
			}
			if skipped == 0 {
				t.Error("no file was skipped: nothing was tested")
			}
		})
	}
}

func TestZeroIsFoundWhateverItsSign(t *testing.T) {
	var part []sample
	for i := range 5000 {
		s := sample{at: may1.Add(time.Duration(i) * time.Second), user: "u", x: float64(i%40 + 1), a: 1}
		if i%50 < 4 && i < 461*50/4 {
			s.x = math.Copysign(0, float64(i%5)-0.5)
		}
		part = append(part, s)
	}
	for _, compact := range []bool{false, true} {
		e, _ := sampleTable(t, record.Timestamptz, "UTC", [][]sample{part}, 0, compact)
		for _, q := range []string{"x = 0", "x = '-0.0'::DOUBLE", "x <> 0", "x IN (0, 50)", "x IS NOT DISTINCT FROM 0", "x <= 0", "x >= 0", "x < 0", "x BETWEEN -0.5 AND 0", "NOT x > 0", "x = 0 OR x = 7", "x::float = 0"} {
			sameAnswer(t, e, "count(*), sum(_record_id)", q)
		}
	}
}

func TestRowGroupsOfNulls(t *testing.T) {
	var parts [][]sample
	for file := range 6 {
		var part []sample
		for i := range 300 {
			s := sample{at: may1.Add(time.Duration(file*300+i) * time.Second), user: "u", x: 1}
			if file%2 == 0 {
				s.a = i%9 + 1
			}
			part = append(part, s)
		}
		parts = append(parts, part)
	}
	for _, compact := range []bool{false, true} {
		e, _ := sampleTable(t, record.Timestamptz, "UTC", parts, 1, compact)
		for _, q := range []string{"(a > 5 OR a IS DISTINCT FROM 3)", "a IS DISTINCT FROM 3", "NOT (a = 3 AND a IS NOT NULL)", "a > 5 OR a IS NULL", "a IS NOT DISTINCT FROM NULL", "(a > 5) IS NOT TRUE", "(a = 3) IS DISTINCT FROM true",
			"coalesce(a, 0) <> 3", "a NOT IN (3, 5) OR a IS NULL", "a <> ALL (SELECT 3) OR a IS NULL", "CASE WHEN a = 3 THEN false ELSE true END", "a IS DISTINCT FROM 3 AND (a < 2 OR a IS DISTINCT FROM 7)"} {
			sameAnswer(t, e, "count(*), sum(_record_id)", q)
		}
	}
}

// TestAJoinOfAWidenedColumnStreams: rows of files that hold the type of today come
// while one from before is still to be read.
func TestAJoinOfAWidenedColumnStreams(t *testing.T) {
	e, worlds := openEngine(t, nil)
	old := record.Schema{{Name: record.ColumnRecordID, Type: bigint, FieldID: 1}, {Name: "ts", Type: record.Type{Kind: record.Timestamptz}, FieldID: 2}, {Name: "i", Type: record.Type{Kind: record.Int}, FieldID: 3}}
	wide := record.Schema{old[0], old[1], {Name: "i", Type: bigint, FieldID: 3}}
	write := func(name string, schema record.Schema, n int) record.File {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
		defer b.Release()
		for k := range n {
			b.Field(0).(*array.Int64Builder).Append(int64(k))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(may1.UnixMicro()))
			if into, ok := b.Field(2).(*array.Int64Builder); ok {
				into.Append(int64(k%100) * 1_000_007)
			} else {
				b.Field(2).(*array.Int32Builder).Append(int32(k%100) * 1_000_007)
			}
		}
		batch := b.NewRecordBatch()
		defer batch.Release()
		f, err := e.WriteParquet(t.Context(), name, schema, "ts", []arrow.RecordBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	publish(worlds, "big", wide, []record.File{write("old.parquet", old, 300), write("new.parquet", wide, 60_000)})
	publish(worlds, "small", wide, []record.File{write("small.parquet", wide, 100)})
	for range 3 {
		got := rows(t, e, "SELECT big._record_id FROM big JOIN small USING (i) WHERE small._record_id % 10 = 3")
		if want := (300 + 60_000) / 10; len(got) != want {
			t.Fatalf("%d rows, want %d", len(got), want)
		}
	}
}

// TestAColumnThatRecentRowsLack asks of a column that was added since they came: it is
// null in them, whatever stands beside it.
func TestAColumnThatRecentRowsLack(t *testing.T) {
	e, worlds := openEngine(t, nil)
	now := record.Schema{{Name: record.ColumnRecordID, Type: bigint, FieldID: 1}, {Name: "n", Type: bigint, FieldID: 2}, {Name: "s", Type: varchar, FieldID: 3}}
	old := now[:2]
	b := array.NewRecordBuilder(memory.DefaultAllocator, old.Arrow())
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	b.Field(1).(*array.Int64Builder).Append(3)
	batch := b.NewRecordBatch()
	defer batch.Release()
	if err := e.CreateRecent(t.Context(), "before", old); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendRecent(t.Context(), "before", []arrow.RecordBatch{batch}); err != nil {
		t.Fatal(err)
	}
	g := &world.Generation{Name: "before", Schema: old}
	g.Grow(1, 0, 0)
	worlds.Publish(func(d *world.Draft) {
		w := d.Table("log")
		w.Schema, w.SchemaVersion, w.Recent = now, 2, []*world.Generation{g}
	}, nil)
	for where, want := range map[string]string{
		"s LIKE '%'": "0", "contains(s, '')": "0", "s IS NULL": "1", "n = 3 OR s LIKE '%'": "1",
		"n = 77 OR s LIKE '%'": "0", "n = 77 OR contains(s, '')": "0", "n = 77 OR starts_with(s, '')": "0", "n > 77 OR s LIKE '%%'": "0", "NOT (n = 77 OR s LIKE '%')": "0",
	} {
		if got, _, err := one(t.Context(), e, Request{SQL: "SELECT count(*) FROM log WHERE " + where}); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s %v rows, want %s", where, got, err, want)
		}
	}
	got, _, err := one(t.Context(), e, Request{SQL: "SELECT count(*) FROM (SELECT n, NULL::VARCHAR AS s FROM recent.before) WHERE n = 77 OR contains(s, '')", Admin: true})
	if err != nil || strings.Contains(got, "0") {
		t.Errorf("DuckDB answers that right: adaptedColumns need not hide NULL (%s, %v)", got, err)
	}
}
