package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/world"
)

func TestEditsLeadBack(t *testing.T) {
	text := "abc def ghi"
	edits := []edit{{8, 3, "G"}, {0, 3, "ABCDE"}}
	if got := apply(text, edits); got != "ABCDE def G" {
		t.Fatalf("applied: %s", got)
	}
	for at, want := range map[int]int{0: 0, 4: 0, 5: 3, 6: 4, 10: 8, 11: 11} {
		if got := original(edits, at); got != want {
			t.Errorf("offset %d leads to %d, want %d", at, got, want)
		}
	}
}

func TestExplainPrefix(t *testing.T) {
	for text, rest := range map[string]string{
		"SELECT 1": "SELECT 1", "EXPLAIN SELECT 1": " SELECT 1", "  explain analyze SELECT 1": " SELECT 1", "EXPLAIN (FORMAT json) SELECT 1": " SELECT 1",
		"EXPLAIN (ANALYZE, FORMAT json) SELECT 1": " SELECT 1", "EXPLAIN (SELECT 1)": " (SELECT 1)", "-- x\nEXPLAIN/* */ SELECT 1": "/* */ SELECT 1",
		"explained": "explained", "": "", "EXPLAIN": "", "EXPLAIN (": " (",
	} {
		if got := text[explainPrefix(text):]; got != rest {
			t.Errorf("%q leaves %q, want %q", text, got, rest)
		}
	}
}

func TestTranslateFormat(t *testing.T) {
	for in, want := range map[string]string{
		"YYYY-MM-DD HH24:MI:SS.MS": "%Y-%m-%d %H:%M:%S.%g", `"YYYY" DD`: "YYYY %d", "100%": "100%%", "DDD/DD": "%j/%d", "FMDD": "%d", `"`: `"`, "": "",
	} {
		if got := translateFormat(in, postgresFormat); got != want {
			t.Errorf("to_char %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"%Y-%m-%d %H:%i:%s": "%Y-%m-%d %H:%M:%S", "%%M %M": "%%M %B", "%T": "%H:%M:%S", "湖%i": "湖%M"} {
		if got := translateFormat(in, mysqlFormat); got != want {
			t.Errorf("date_format %q is %q, want %q", in, got, want)
		}
	}
}

// FuzzInspect looks for statements whose edits make them unreadable, or that
// are let through though DuckDB runs something else than a query.
func FuzzInspect(f *testing.F) {
	for _, text := range []string{
		"SELECT dateadd(day, 1, ts) FROM ev", `SELECT "day" FROM public.ev e, e.payload p`, "EXPLAIN SELECT to_char(ts, 'YYYY') -- x", "SELECT datediff ( mon , a , b ) FROM information_schema . tables AS t",
		"WITH a AS (SELECT 1) SELECT * FROM a, a.b", "SELECT 1; SELECT 2", "SELECT '\u00a0', dateadd(day,1,x)", "DESCRIBE ev", "FROM ev SELECT date_part(year, ts)",
	} {
		f.Add(text)
	}
	worlds := world.NewStore()
	e, err := Open(context.Background(), worlds, Options{Root: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	publish(worlds, "ev", events, nil)
	f.Fuzz(func(t *testing.T, text string) {
		views, err := e.catalog.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		st, err := e.inspect(t.Context(), text, views)
		if err != nil {
			return
		}
		if _, err := e.parse(t.Context(), e.planner, st.plain()); err != nil {
			t.Errorf("%q became %q: %v", text, st.plain(), err)
		}
		for at := range len(st.text) {
			if back := original(st.src.edits, at); back < 0 || back > len(text) {
				t.Errorf("%q: offset %d leads to %d", text, at, back)
			}
		}
	})
}

func TestPivotNamesItsValuesOrSaysWhy(t *testing.T) {
	e, _ := openEngine(t, nil)
	const from = "(SELECT 1 a, 'x' b UNION ALL SELECT 2, 'y') "
	for _, sql := range []string{"PIVOT " + from + "ON b IN ('x', 'y') USING sum(a)", "SELECT x, y FROM " + from + "PIVOT (sum(a) FOR b IN ('x', 'y'))", "WITH p AS (PIVOT " + from + "ON b IN ('x', 'y') USING sum(a)) SELECT * FROM p"} {
		if got, err := tryRows(t.Context(), e, Request{SQL: sql}); err != nil || got[0] != "1|2" {
			t.Errorf("%s: %v %v", sql, got, err)
		}
	}
	for _, sql := range []string{"PIVOT " + from + "ON b USING sum(a)", "select * from (pivot " + from + "on b using sum(a))"} {
		if _, err := tryRows(t.Context(), e, Request{SQL: sql}); err == nil || !strings.Contains(err.Error(), "PIVOT must name its values") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
