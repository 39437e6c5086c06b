package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// dailyFiles makes a table of n files, each of one hour of its own day.
func dailyFiles(t testing.TB, e *Engine, worlds *world.Store, n int) {
	t.Helper()
	var files []record.File
	for i := range n {
		files = append(files, writeEvents(t, e, fmt.Sprintf("ev/%d.parquet", i), record.RecordID(1+i*1000), 5, may1.AddDate(0, 0, i)))
	}
	publish(worlds, "ev", events, files)
}

func filesRead(t testing.TB, e *Engine, r Request) (rows []string, read int) {
	t.Helper()
	res, err := e.Query(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v", r.SQL, err)
	}
	read = res.Stats().FilesRead
	if s := res.Stats(); s.FilesRead+s.FilesSkipped != 80 && s.FilesRead > 0 {
		t.Errorf("%s: stats %+v", r.SQL, s)
	}
	_ = res.Close()
	rows, err = tryRows(t.Context(), e, r)
	if err != nil {
		t.Fatalf("%s: %v", r.SQL, err)
	}
	return rows, read
}

func TestFilesAreSkipped(t *testing.T) {
	e, worlds := openEngine(t, nil)
	dailyFiles(t, e, worlds, 80)
	for _, c := range []struct {
		where, want string
		read        int
		params      []any
	}{
		{"true", "400", 80, nil},
		{"ts >= '2026-05-03' AND ts < '2026-05-04'", "5", 1, nil},
		{"ts BETWEEN '2026-05-03' AND '2026-05-05'", "11", 3, nil},
		{"date_trunc('day', ts) = '2026-05-03'", "5", 1, nil},
		{"ts::date = '2026-05-03'", "5", 1, nil},
		{"ts::date >= '2026-07-18'", "10", 2, nil},
		{"ts::date < '2026-05-02'", "5", 1, nil},
		{"_record_id = 3001", "1", 1, nil},
		{"_record_id BETWEEN 3001 AND 4001 AND amount > 0", "4", 2, nil},
		{"ts >= '2026-05-03' OR amount = 0", "392", 80, nil},
		{"ts IS NULL OR ts < '2026-05-02'", "5", 80, nil},
		{"NOT (ts >= '2026-05-02')", "5", 1, nil},
		{"ts > '2030-01-01'", "0", 0, nil},
		{"ts >= $1 AND ts < $2", "5", 1, []any{may1, may1.AddDate(0, 0, 1)}},
		{"ts < now() - INTERVAL '1000 years'", "0", 0, nil},
		{"ts >= timestamp '2026-07-19'", "5", 1, nil},
		{"user_id = 'nobody'", "0", 0, nil},
		{"user_id = 'u0' AND ts < '2026-05-02'", "1", 1, nil},
		{"user_id = ''' AND ts>=''2099-01-01''::TIMESTAMP WITH TIME ZONE AND ''' OR true", "400", 80, nil},
		{"EXISTS (SELECT 1 FROM ev b WHERE b._record_id = ev._record_id AND b.ts < '2026-05-03')", "10", 80, nil},
	} {
		got, read := filesRead(t, e, Request{SQL: "SELECT count(*) FROM ev WHERE " + c.where, Params: c.params})
		if got[0] != c.want || read != c.read {
			t.Errorf("%s: %s rows of %d files, want %s of %d", c.where, got[0], read, c.want, c.read)
		}
	}
	for sql, want := range map[string]int{
		"DESCRIBE ev": 0, "SUMMARIZE ev": 80, "EXPLAIN SELECT * FROM ev WHERE ts < '2026-05-02'": 1,
		"SELECT * FROM ev a JOIN ev b USING (_record_id) WHERE a.ts < '2026-05-02' AND b.ts < '2026-05-04'":                  3,
		"WITH x AS (SELECT * FROM ev) SELECT (SELECT count(*) FROM x WHERE ts < '2026-05-02'), (SELECT count(*) FROM x)":     80,
		"SELECT * FROM ev WHERE ts < '2026-05-02' UNION ALL SELECT * FROM ev WHERE ts >= '2026-05-02' AND ts < '2026-05-03'": 2,
		"SELECT * FROM (VALUES (1)) t(x) LEFT JOIN ev ON (ts < '2026-05-02' AND x = 1)":                                      1,
		"SELECT count(*) FILTER (WHERE ts < '2026-05-02') FROM ev":                                                           80,
		"SELECT * FROM ev ORDER BY ts LIMIT 1":                                                                               80,
	} {
		if _, read := filesRead(t, e, Request{SQL: sql}); read != want {
			t.Errorf("%s read %d files, want %d", sql, read, want)
		}
	}
	tokyo := Request{SQL: "SELECT count(*) FROM ev WHERE ts::date = '2026-05-03'", Location: zone(t, "Asia/Tokyo")}
	if got, read := filesRead(t, e, tokyo); got[0] != "5" || read > 2 {
		t.Errorf("in Tokyo: %v of %d files", got, read)
	}
}

// TestSkippingChangesNoAnswer compares random conditions with and without files
// to skip.
func TestSkippingChangesNoAnswer(t *testing.T) {
	e, worlds := openEngine(t, nil)
	dailyFiles(t, e, worlds, 70)
	random := rand.New(rand.NewPCG(1, 2))
	all := e.readParquet(worlds.Current().Table("ev").Files.All(), events)
	for range 60 {
		where := randomCondition(random, 0)
		got := rows(t, e, "SELECT count(*), sum(_record_id) FROM ev WHERE "+where)
		want, err := tryRows(t.Context(), e, Request{SQL: "SELECT count(*), sum(_record_id) FROM " + all + " WHERE " + where, Admin: true})
		if err != nil || got[0] != want[0] {
			t.Fatalf("%s: %v, want %v, %v", where, got, want, err)
		}
	}
}

func randomCondition(r *rand.Rand, depth int) string {
	at := func() string {
		return "'" + may1.Add(time.Duration(r.IntN(75*24*60))*time.Minute).Format(time.DateTime) + "'"
	}
	op := []string{"<", "<=", "=", ">=", ">", "<>"}[r.IntN(6)]
	switch n := r.IntN(12); {
	case n < 4 && depth < 3:
		return "(" + randomCondition(r, depth+1) + []string{" AND ", " OR "}[n%2] + randomCondition(r, depth+1) + ")"
	case n == 4 && depth < 3:
		return "NOT " + randomCondition(r, depth+1)
	case n < 7:
		return "ts " + op + " " + at()
	case n == 7:
		return "ts::date " + op + " '" + may1.AddDate(0, 0, r.IntN(75)).Format(time.DateOnly) + "'"
	case n == 8:
		return fmt.Sprintf("_record_id %s %d", op, r.IntN(75000))
	case n == 9:
		return "ts BETWEEN " + at() + " AND " + at()
	case n == 10:
		return fmt.Sprintf("user_id %s 'u%d'", op, r.IntN(6))
	}
	return []string{"ts IS NOT NULL", "ts IN (" + at() + ", " + at() + ")", "user_id LIKE 'u1%'", "date_trunc('week', ts) = date_trunc('week', timestamptz " + at() + ")"}[r.IntN(4)]
}

func TestReadFilters(t *testing.T) {
	micros := func(text string) int64 {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMicro()
	}
	all := world.Everything
	from := func(day string) world.Bounds { b := all; b.MinTime = micros(day); return b }
	for text, want := range map[string]world.Bounds{
		"ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE":                                from("2026-05-01"),
		"ts>='2026-05-01 09:00:00+09'::TIMESTAMP WITH TIME ZONE":                                from("2026-05-01"),
		"ts>='2026-05-01 05:30:00+05:30'::TIMESTAMP WITH TIME ZONE":                             from("2026-05-01"),
		"((ts >= '2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE) AND (user_id = 'a OR b'))": from("2026-05-01"),
		"u='x' AND ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE":                      from("2026-05-01"),
		"ts>='2026-05-01 00:00:00'::TIMESTAMP":                                                  all, // of another type
		"ts>='2026-05-01 00:00:00'::TIMESTAMP WITH TIME ZONE":                                   all, // no offset
		"ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE OR u='x'":                       all,
		"(u = 1) OR (v = 2) AND ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE":         all,
		"NOT (ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE)":                          all,
		"ts!='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE":                                all,
		"ts>=infinity": all,
		"ts>='infinity'::TIMESTAMP WITH TIME ZONE":                                all,
		"tsx>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE":                 all,
		"user_id=' AND ts>=''2026-05-01 00:00:00+00''::TIMESTAMP WITH TIME ZONE'": all,
		"_record_id>=5 AND _record_id<=9":                                         {MinTime: all.MinTime, MaxTime: all.MaxTime, MinID: 5, MaxID: 9},
		"_record_id=5.5":                                                          all,
		"_record_id>=5::HUGEINT":                                                  all,
		"optional: _record_id IN (1, 2)":                                          all,
		"'":                                                                       all,
		"":                                                                        all,
		"(":                                                                       all,
		"ts":                                                                      all,
		"=":                                                                       all,
	} {
		r := filterReader{schema: events, timeColumn: "ts", offsets: inUTC, found: noLimits}
		if r.read(text); r.found.bounds != want {
			t.Errorf("%s: %+v, want %+v", text, r.found.bounds, want)
		}
	}
}

func FuzzReadFilters(f *testing.F) {
	for _, text := range []string{
		"ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE AND user_id='it''s'", "((_record_id >= 1) AND (NOT (x OR y)))", "(CAST(ts AS DATE) = '2026-05-01'::DATE)", "a OR b", "'", "((",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := filterReader{schema: events, timeColumn: "ts", offsets: inUTC, found: noLimits}
		r.read(text)
		if strings.Contains(text, " OR ") && !strings.ContainsAny(text, `'"()[]{}`) && (r.found.bounds != world.Everything || r.found.columns != nil) {
			t.Errorf("%q limits %+v", text, r.found)
		}
		// What is understood alone is not lost in a conjunction, nor taken from an OR.
		either := filterReader{schema: events, timeColumn: "ts", offsets: inUTC, found: noLimits}
		if either.read("(" + text + ") OR (amount > 1)"); either.found.bounds != world.Everything {
			if _, balanced := conjuncts(text); balanced {
				t.Errorf("an OR of %q limits %+v", text, either.found)
			}
		}
	})
}

// inUTC are the offsets of a zone that has none.
func inUTC(time.Time) (offsets, error) { return offsets{}, nil }
