package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// renamed gives a definition's column, by its place, the names that it had.
func renamed(d shape.Definition, at int, before ...string) shape.Definition {
	d.Columns[at].RenamedFrom = before
	return d
}

// queryRefused says what a query answers that cannot be.
func queryRefused(n *testkit.Node, sql string) string {
	n.T.Helper()
	status, text, _ := n.Do(http.MethodPost, "/v1/query", `{"sql":"`+sql+`"}`)
	if status != http.StatusBadRequest {
		n.T.Errorf("%s: %d %s", sql, status, text)
	}
	return text
}

// everywhere checks an answer while rows are recent, in files, after a restart and
// after a compaction.
func everywhere(t *testing.T, p *project, n *testkit.Node, sql, want string) {
	t.Helper()
	check := func(when string) {
		t.Helper()
		if got := flat(n.Query(sql)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	check("recent")
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	n.Shutdown()
	n = p.start()
	check("after a restart")
	maintain(t, n)
	check("compacted")
	n.Balance()
}

func TestARenamedColumnKeepsItsValues(t *testing.T) {
	p := newProject(t, one("s", columns("id", "int", "user_id", "varchar")))
	n := p.start()
	n.Send("s", `{"id":1,"user_id":"in a file"}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Send("s", `{"id":2,"user_id":"recent"}`)
	changes := p.reload(n, one("s", renamed(columns("id", "int", "uid", "varchar"), 1, "user_id")))
	if len(changes) != 1 || strings.Join(changes[0].Columns, "; ") != "column user_id is renamed to uid" {
		t.Errorf("changes %+v", changes)
	}
	n.Send("s", `{"id":3,"uid":"new","user_id":"a field of its own"}`)
	if text := queryRefused(n, "SELECT user_id FROM s"); !strings.Contains(text, "table s calls it uid now") {
		t.Errorf("by the old name: %s", text)
	}
	if text := queryRefused(n, "SELECT x.user_id FROM s x"); !strings.Contains(text, "table s calls it uid now") {
		t.Errorf("by the old name of a named table: %s", text)
	}
	if changes := p.reload(n, p.Streams); len(changes) != 0 {
		t.Errorf("the same project again changed %+v", changes)
	}
	everywhere(t, p, n, "SELECT id, uid, _extra FROM s ORDER BY id", "1 in a file <nil>; 2 recent <nil>; 3 new map[user_id:a field of its own]")
}

// What was on the log by an older definition, and in no file, goes into the columns as
// they are called when it is delivered.
func TestARenameHoldsForWhatIsOnTheLog(t *testing.T) {
	before := columns("id", "int", "a", "int", "b", "int", "junk", "varchar")
	before.EventTime = "ts"
	before.Columns = append(before.Columns, shape.Column{Name: "ts", Type: "timestamptz"})
	after := renamed(renamed(columns("id", "int", "a", "int", "b", "int"), 1, "b"), 2, "a") // they change places
	after.Dropped = []string{"junk"}
	after.EventTime = "moment"
	after.Columns = append(after.Columns, shape.Column{Name: "moment", Type: "timestamptz", RenamedFrom: shape.Names{"ts"}})

	p := newProject(t, one("s", before))
	hold := make(chan struct{})
	held := func(o *app.Options) { o.Hold = hold }
	killed := p.start(held)
	for _, line := range []string{`{"id":1,"a":10,"b":20,"junk":"x","ts":"2026-05-01T00:00:00Z"}`, `{"id":2,"a":11,"b":21,"ts":"2026-05-02T00:00:00Z"}`} {
		if status, text, _ := killed.Do(http.MethodPost, "/v1/events/s", line); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	p.reload(killed, one("s", after))
	if status, text, _ := killed.Do(http.MethodPost, "/v1/events/s", `{"id":3,"a":22,"b":12,"moment":"2026-05-03T00:00:00Z"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	p.data = killed.Image()
	n := p.start(held)
	close(hold)
	n.Await("the log is delivered", func() bool { return n.One("SELECT count(*) FROM s") == "3" })
	if got := n.One("SELECT count(*) FROM s WHERE moment >= '2026-05-02'"); got != "2" {
		t.Errorf("%s rows by the renamed event time, want 2", got)
	}
	everywhere(t, p, n, "SELECT id, a, b, moment::date::varchar FROM s ORDER BY id", "1 20 10 2026-05-01; 2 21 11 2026-05-02; 3 22 12 2026-05-03")
}

// The columns by which a table has its time, its partitions, its keys, its sessions and
// its enrichments may be renamed like any other.
func TestColumnsWithAPartToPlayAreRenamed(t *testing.T) {
	define := func(ts, site, key, visitor, url string, renames bool) shape.Definition {
		d := columns(ts, "timestamptz", site, "varchar", key, "varchar", visitor, "varchar", url, "varchar")
		if renames {
			for i, name := range []string{"ts", "site", "event_id", "visitor_id", "url"} {
				d.Columns[i].RenamedFrom = shape.Names{name}
				d.Columns[i].From = name
			}
		}
		d.EventTime, d.Partition = ts, []string{site, "day(" + ts + ")"}
		d.Dedupe = &shape.Dedupe{Key: key, Window: shape.Duration(3600e9)}
		d.Enrich = []shape.Enrichment{{URL: &shape.Source{Column: url}}, {Session: &shape.SessionSource{Column: visitor}}}
		return d
	}
	p := newProject(t, one("s", define("ts", "site", "event_id", "visitor_id", "url", false)))
	n := p.start()
	first := `{"ts":"2026-05-01T10:00:00Z","site":"a","event_id":"1","visitor_id":"v","url":"https://shop.example/x"}`
	n.Send("s", first)
	maintain(t, n) // a file of a partition
	n.Send("s", strings.NewReplacer("10:00", "10:05", `"1"`, `"2"`).Replace(first))
	p.reload(n, one("s", define("moment", "place", "eid", "who", "page", true)))
	n.Send("s", first) // a copy
	n.Send("s", strings.NewReplacer("10:00", "10:10", `"1"`, `"3"`).Replace(first))
	// Its page reads files of both names, and recent rows.
	if status, page, _ := n.Do(http.MethodGet, "/tables/s", ""); status != http.StatusOK || !strings.Contains(page, "moment_day") || strings.Contains(page, `class="said bad"`) {
		t.Errorf("the table's page: %d %s", status, page)
	}
	if got := n.One("SELECT count(DISTINCT session_id) FROM s_sessions"); got != "1" {
		t.Errorf("%s sessions, want 1", got)
	}
	if got := n.One("SELECT string_agg(column_name, ' ') FROM (DESCRIBE s)"); got != "_record_id _received_at moment place eid who page page_host page_path utm_source utm_medium utm_campaign moment_day _extra" {
		t.Errorf("columns %s", got)
	}
	if got := n.One("SELECT count(*) FROM quarantine WHERE code = 'duplicate'"); got != "1" {
		t.Errorf("%s copies, want 1", got)
	}
	everywhere(t, p, n, "SELECT eid, place, strftime(moment, '%H:%M'), moment_day::varchar, page_host FROM s WHERE moment < '2026-05-02' AND moment_day = '2026-05-01' ORDER BY eid",
		"1 a 10:00 2026-05-01 shop.example; 2 a 10:05 2026-05-01 shop.example; 3 a 10:10 2026-05-01 shop.example")
}

// A node that skipped a version finds the name that its table has among those that a
// column had.
func TestRenamesOverVersions(t *testing.T) {
	second := one("s", renamed(columns("id", "int", "b", "varchar"), 1, "a"))
	third := one("s", renamed(columns("id", "int", "c", "varchar"), 1, "b", "a"))
	for name, versions := range map[string][]map[string]shape.Definition{"every version": {second, third}, "one skipped": {third}} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, one("s", columns("id", "int", "a", "varchar")))
			n := p.start()
			n.Send("s", `{"id":1,"a":"kept"}`)
			for _, v := range versions {
				p.reload(n, v)
			}
			// The first name is free: a new column may have it, which is none of the old.
			fourth := renamed(columns("id", "int", "c", "varchar", "a", "varchar"), 1, "b", "a")
			p.reload(n, one("s", fourth))
			n.Send("s", `{"id":2,"c":"new","a":"another"}`)
			everywhere(t, p, n, "SELECT id, c, a FROM s ORDER BY id", "1 kept <nil>; 2 new another")
		})
	}
}

func TestARenameThatCannotBeChangesNothing(t *testing.T) {
	p := newProject(t, map[string]shape.Definition{"s": columns("id", "int", "user_id", "varchar", "uid", "varchar"), "t": columns("v", "int")})
	n := p.start()
	n.Send("s", `{"id":1,"user_id":"x","uid":"y"}`)
	good := p.Streams
	for name, c := range map[string]struct {
		d    shape.Definition
		want string
	}{
		"no source":            {renamed(columns("id", "int", "name", "varchar"), 1, "user_ident"), "the table has no column user_ident to rename to name; did you mean user_id?"},
		"no source, none near": {renamed(columns("id", "int", "name", "varchar"), 1, "zzz"), "write all names that it had, the newest first"},
		"a target":             {renamed(columns("id", "int", "uid", "varchar"), 1, "user_id"), "the table has a column uid already: user_id cannot become it"},
		"another type":         {renamed(columns("id", "int", "name", "int"), 1, "user_id"), "column name is varchar and cannot become int"},
		"twice":                {renamed(renamed(columns("p", "varchar", "q", "varchar"), 0, "uid"), 1, "uid"), "uid is renamed to p and to q"},
		"itself":               {renamed(columns("uid", "varchar"), 0, "uid"), "column uid is renamed from itself"},
		"dropped, though":      {dropping(columns("uid", "varchar"), "uid"), "uid is dropped and a column of the stream"},
		"of ours":              {dropping(columns("id", "int"), "_record_id"), "only Biwa's own columns do"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := p.tryReload(n, map[string]shape.Definition{"s": c.d, "t": columns("v", "bigint")})
			if status < 400 || status >= 500 || !strings.Contains(text, c.want) {
				t.Errorf("%d %s, want %s", status, text, c.want)
			}
			if changes := p.reload(n, good); len(changes) != 0 {
				t.Errorf("it left %+v", changes)
			}
		})
	}
	if got := n.One("SELECT typeof(v) FROM (SELECT NULL::INT) LEFT JOIN t ON true"); got != "INTEGER" {
		t.Errorf("the column of the other stream is %s", got)
	}
}

func dropping(d shape.Definition, names ...string) shape.Definition {
	d.Dropped = names
	return d
}

func TestADroppedColumnIsGone(t *testing.T) {
	p := newProject(t, one("s", columns("id", "int", "secret", "varchar")))
	n := p.start()
	n.Send("s", `{"id":1,"secret":"in a file"}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Send("s", `{"id":2,"secret":"recent"}`)
	evolving := dropping(columns("id", "int"), "secret")
	evolving.UnknownFields = shape.UnknownEvolve
	changes := p.reload(n, one("s", evolving))
	if len(changes) != 1 || strings.Join(changes[0].Columns, "; ") != "column secret is dropped" {
		t.Errorf("changes %+v", changes)
	}
	n.Send("s", `{"id":3,"secret":"makes no column"}`)
	if text := queryRefused(n, "SELECT secret FROM s"); !strings.Contains(text, "it was dropped from table s") {
		t.Errorf("the dropped column: %s", text)
	}
	// A later column of the name is another one.
	p.reload(n, one("s", columns("id", "int", "secret", "int")))
	n.Send("s", `{"id":4,"secret":44}`)
	everywhere(t, p, n, "SELECT id, secret, _extra FROM s ORDER BY id", "1 <nil> <nil>; 2 <nil> <nil>; 3 <nil> map[secret:makes no column]; 4 44 <nil>")
}

func TestAColumnThatDividesTheFilesIsNotDropped(t *testing.T) {
	d := columns("id", "int", "site", "varchar")
	d.Partition = []string{"site"}
	p := newProject(t, one("s", d))
	n := p.start()
	n.Send("s", `{"id":1,"site":"a"}`)
	if status, text := p.tryReload(n, one("s", dropping(columns("id", "int"), "site"))); status != http.StatusConflict || !strings.Contains(text, "column site divides the files") {
		t.Errorf("%d %s", status, text)
	}
}
