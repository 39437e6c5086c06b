package engine

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// question is a statement around conditions. In its text <hourly> is a table and
// <hourly_sessions> the view of its sessions; "?" is where each condition goes, in order.
type question struct {
	text   string
	wheres []where
}

// where is a condition in a question, and the name its columns are called by there.
type where struct {
	*condition
	table string
}

// differNames are all zones of the database that Go knows too.
var differNames []string

func learnZones(t *testing.T, e *Engine) {
	differNames = nil
	for _, name := range rows(t, e, "SELECT name FROM pg_timezone_names() ORDER BY 1") {
		if _, err := time.LoadLocation(name); err == nil && name != "Local" {
			differNames = append(differNames, name)
		}
	}
	if len(differNames) < 300 {
		t.Fatalf("%d zones", len(differNames))
	}
}

// differZone is one of the hard zones, or any.
func differZone(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return pick(r, "UTC", "Asia/Tokyo", "America/New_York", "Pacific/Apia", "America/Asuncion", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Europe/Dublin", "Pacific/Kwajalein")
	}
	return pick(r, differNames...)
}

// differCounts begins most questions. It counts x + 0, for DuckDB's own tables do not
// always keep the sign of -0.0.
const differCounts = "SELECT count(*), coalesce(sum(_record_id), 0), count(DISTINCT n), min(s), max(x + 0)::VARCHAR FROM "

// differQuestion is a question to one table or two.
func differQuestion(r *rand.Rand) question {
	t, u := differTables[r.IntN(len(differTables))], differTables[r.IntN(len(differTables))]
	on := func(t differTable, name string) where { return where{differCondition(r, t, 0), name} }
	one, two := "<"+t.name+">", "<"+u.name+">"
	switch r.IntN(22) {
	case 0, 1:
		key := pick(r, "a.n = b.n", "a.day = b.day", "a.s = b.s AND a.b = b.b", "a.d = b.d", "a.x = b.x", "a._record_id = b._record_id", "a.local = b.local", "a.ts::date = b.day", "a.n IS NOT DISTINCT FROM b.n AND a.day = b.day")
		return question{"SELECT count(*), sum(a._record_id), sum(b._record_id), count(DISTINCT a.d) FROM " + one + " AS a " + pick(r, "", "LEFT ", "RIGHT ", "FULL ") + "JOIN " + two + " AS b ON " + key + " WHERE (?) " + pick(r, "AND", "OR") + " (?)",
			[]where{on(t, "a."), on(u, "b.")}}
	case 2:
		return question{"SELECT count(*), sum(a._record_id), sum(b._record_id) FROM " + one + " AS a " + pick(r, "", "LEFT ") + "JOIN " + two + " AS b ON a.day = b.day AND (?)", []where{on(u, "b.")}}
	case 3:
		column := pick(r, "n", "s", "day", "d")
		return question{"SELECT count(*), sum(a._record_id) FROM " + one + " AS a WHERE (?) AND a." + column + pick(r, " IN", " NOT IN") + " (SELECT b." + column + " FROM " + two + " AS b WHERE (?))", []where{on(t, "a."), on(u, "b.")}}
	case 4:
		return question{"SELECT count(*), sum(a._record_id) FROM " + one + " AS a WHERE " + pick(r, "", "NOT ") + "EXISTS (SELECT 1 FROM " + two + " AS b WHERE b.day = a.day AND (?)) " + pick(r, "AND", "OR") + " (?)", []where{on(u, "b."), on(t, "a.")}}
	case 5, 6:
		window := pick(r, "row_number() OVER (PARTITION BY day ORDER BY _record_id)", "lag(n) OVER (ORDER BY _record_id)", "sum(d) OVER (PARTITION BY s, b)", "count(*) OVER (PARTITION BY ts)", "first_value(s) OVER (PARTITION BY n ORDER BY ts NULLS LAST, _record_id)", "max(_record_id) OVER (ORDER BY local RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW)")
		return question{"SELECT count(*), count(w), min(w)::VARCHAR, max(w)::VARCHAR, sum(_record_id) FROM (SELECT *, " + window + " AS w FROM " + one + ") WHERE ?", []where{on(t, "")}}
	case 7:
		return question{"WITH c AS " + pick(r, "", "MATERIALIZED ", "NOT MATERIALIZED ") + "(SELECT * FROM " + one + " WHERE ?) SELECT (SELECT count(*) FROM c), (SELECT sum(_record_id) FROM c WHERE ?), (SELECT count(DISTINCT day) FROM c WHERE ?)", []where{on(t, ""), on(t, ""), on(t, "")}}
	case 8:
		return question{"SELECT count(*), min(k)::VARCHAR, max(k)::VARCHAR FROM (SELECT DISTINCT " + pick(r, "day AS k, b", "n AS k", "date_trunc('hour', ts) AS k", "s AS k, day", "ts::date AS k") + " FROM " + one + " WHERE ?)", []where{on(t, "")}}
	case 9:
		return question{"SELECT " + pick(r, "day", "b", "s", "n") + " AS k, count(*), sum(d), min(ts)::VARCHAR FROM " + one + " WHERE ? GROUP BY 1 " + pick(r, "", "HAVING count(*) > 2 ") + "ORDER BY 1 NULLS LAST", []where{on(t, "")}}
	case 10, 11:
		return question{"SELECT _record_id, n, s, ts::VARCHAR, local::VARCHAR, d::VARCHAR FROM " + one + " WHERE ? ORDER BY " + pick(r, "ts", "local", "n", "day", "s", "d") + pick(r, "", " DESC") + pick(r, " NULLS FIRST", " NULLS LAST") + ", _record_id LIMIT " + pick(r, "1", "5", "20") + pick(r, "", " OFFSET 3"), []where{on(t, "")}}
	case 12:
		return question{"SELECT count(*), sum(_record_id) FROM (SELECT _record_id, n FROM " + one + " WHERE ? " + pick(r, "UNION ALL", "UNION", "INTERSECT", "EXCEPT") + " SELECT _record_id, n FROM " + two + " WHERE ?)", []where{on(t, ""), on(u, "")}}
	case 13, 14:
		return question{"SELECT count(*), count(DISTINCT session_id), sum(_record_id), min(session_start)::VARCHAR, max(session_start)::VARCHAR FROM <" + t.name + "_sessions> WHERE ?", []where{on(t, "")}}
	case 15:
		return question{"SELECT count(*), count(session_id), sum(b._record_id) FROM <" + t.name + "_sessions> AS a JOIN " + two + " AS b ON a._record_id = b._record_id WHERE (?) AND (?)", []where{on(t, "a."), on(u, "b.")}}
	}
	return question{differCounts + one + " WHERE ?", []where{on(t, "")}}
}

var placed = regexp.MustCompile(`<([a-z]+)(_sessions)?>`)

// statement is the question with its parameters; plain asks the table that is DuckDB's own.
func (q question) statement(plain bool) (sql string, params []any) {
	var text strings.Builder
	for i, part := range strings.Split(q.text, "?") {
		text.WriteString(placed.ReplaceAllStringFunc(part, func(name string) string {
			m := placed.FindStringSubmatch(name)
			switch {
			case !plain:
				return m[1] + m[2]
			case m[2] == "":
				return "recent.plain_" + m[1]
			}
			return "(" + plainSessions(m[1]) + ")"
		}))
		if i < len(q.wheres) {
			text.WriteString(q.wheres[i].text(q.wheres[i].table, &params))
		}
	}
	return text.String(), params
}

// plainSessions works out the sessions of all of a table's rows.
func plainSessions(name string) string {
	for _, t := range differTables {
		if t.name == name {
			s := &sessions{differSession, t.time}
			return s.query(differSchema, "recent.plain_"+name, "-9000000000000000", "9000000000000000")
		}
	}
	return ""
}

// answers gives one question's rows of both sides, or nothing where both fail, and how
// many files were skipped.
func answers(ctx context.Context, e *Engine, q question, zone *time.Location) (got, want string, skipped int, err error) {
	sql, params := q.statement(true)
	want, _, wrong := one(ctx, e, Request{SQL: sql, Params: params, Location: zone, Admin: true})
	sql, params = q.statement(false)
	got, skipped, err = one(ctx, e, Request{SQL: sql, Params: params, Location: zone})
	if wrong != nil {
		if err == nil {
			return got, "error: " + wrong.Error(), skipped, nil
		}
		return "", "", skipped, nil
	}
	return got, want, skipped, err
}

func one(ctx context.Context, e *Engine, r Request) (rows string, skipped int, err error) {
	res, err := e.Query(ctx, r)
	if err != nil {
		return "", 0, err
	}
	defer res.Close()
	list, err := remaining(ctx, res)
	return strings.Join(list, "\n"), res.Stats().FilesSkipped, err
}

// smallest cuts a question's conditions down while its answers still differ.
func smallest(q question, differs func(question) bool) question {
	for i, w := range q.wheres {
		for _, less := range w.lesser() {
			fewer := question{q.text, append([]where(nil), q.wheres...)}
			fewer.wheres[i].condition = less
			if differs(fewer) {
				return smallest(fewer, differs)
			}
		}
	}
	return q
}

// lesser are the conditions that are a step smaller.
func (c *condition) lesser() []*condition {
	list := append([]*condition(nil), c.parts...)
	for i, p := range c.parts {
		if len(c.parts) > 2 {
			list = append(list, &condition{join: c.join, parts: append(append([]*condition(nil), c.parts[:i]...), c.parts[i+1:]...)})
		}
		for _, less := range p.lesser() {
			parts := append([]*condition(nil), c.parts...)
			parts[i] = less
			list = append(list, &condition{join: c.join, parts: parts})
		}
	}
	if c.leaf != "true" && c.leaf != "false" {
		list = append(list, &condition{leaf: "true"}, &condition{leaf: "false"})
	}
	return list
}

// TestAnswersAreThoseOfPlainDuckDB asks a thousand questions; BIWA_DIFFER and BIWA_SEED
// set another number and another seed, as `make soak` does.
func TestAnswersAreThoseOfPlainDuckDB(t *testing.T) {
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	seed := uint64(number("BIWA_SEED", 1))
	r := rand.New(rand.NewPCG(seed, 7))
	e, _ := differWorld(t, r)
	learnZones(t, e)
	pruned, failed, asked := 0, 0, number("BIWA_DIFFER", 1000)
	for range asked {
		q := differQuestion(r)
		zone, err := time.LoadLocation(differZone(r))
		if err != nil {
			t.Fatal(err)
		}
		differs := func(q question) bool {
			got, want, skipped, err := answers(t.Context(), e, q, zone)
			if skipped > 0 {
				pruned++
			}
			if err == nil && got == "" && want == "" {
				failed++
			}
			return err != nil || got != want
		}
		if differs(q) {
			q = smallest(q, differs)
			got, want, _, err := answers(t.Context(), e, q, zone)
			sql, params := q.statement(false)
			t.Errorf("seed %d, in %s: %s %v\n got %s %v\nwant %s", seed, zone, sql, params, got, err, want)
		}
	}
	if pruned == 0 || failed > asked/4 {
		t.Errorf("of %d questions %d skipped files, %d found nothing or failed on both sides: too little was tested", asked, pruned, failed)
	}
}

// TestJoinsOfWidenedColumns: DuckDB could not join them.
func TestJoinsOfWidenedColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	e, _ := differWorld(t, r)
	for _, text := range []string{
		"SELECT count(*), sum(a._record_id), sum(b._record_id), count(DISTINCT a.d) FROM <apia> AS a LEFT JOIN <walled> AS b ON a.d = b.d WHERE b.local::date < DATE '2026-05-02'",
		"SELECT count(*), sum(a._record_id), sum(b._record_id) FROM <autumn> AS a JOIN <apia_sessions> AS b ON a.d = b.d WHERE b._record_id % 3 = 1",
		"SELECT a._record_id, b._record_id, a.d::VARCHAR FROM <apia> AS a JOIN <walled> AS b ON a.d = b.d WHERE b._record_id % 5 = 1 ORDER BY 1, 2",
	} {
		got, want, _, err := answers(t.Context(), e, question{text: text}, time.UTC)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
}
