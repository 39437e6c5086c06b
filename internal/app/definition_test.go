package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// project is a project that a test edits while its node runs.
type project struct {
	app.Project
	t    *testing.T
	data string
}

func newProject(t *testing.T, streams map[string]shape.Definition) *project {
	return &project{testkit.Project(streams), t, t.TempDir()}
}

func (p *project) start(change ...func(*app.Options)) *testkit.Node {
	p.t.Helper()
	return testkit.Start(p.t, p.data, p.Project, append(change, func(o *app.Options) {
		o.Read = func(context.Context) (app.Project, error) { return p.Project, nil }
	})...)
}

// reload applies an edited definition and returns what changed.
func (p *project) reload(n *testkit.Node, streams map[string]shape.Definition) []api.StreamChange {
	p.t.Helper()
	status, text := p.tryReload(n, streams)
	var a api.ReloadAnswer
	if status != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil {
		p.t.Fatalf("reload: %d %s", status, text)
	}
	return a.Changed
}

func (p *project) tryReload(n *testkit.Node, streams map[string]shape.Definition) (int, string) {
	p.t.Helper()
	p.Streams = streams
	status, text, _ := n.Do(http.MethodPost, "/v1/reload", "")
	return status, text
}

func columns(pairs ...string) shape.Definition {
	var d shape.Definition
	for i := 0; i < len(pairs); i += 2 {
		d.Columns = append(d.Columns, shape.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return d
}

func one(name string, d shape.Definition) map[string]shape.Definition {
	return map[string]shape.Definition{name: d}
}

// flat is a query's rows as one text.
func flat(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = strings.Join(r, " ")
	}
	return strings.Join(lines, "; ")
}

func TestAnAddedColumnHoldsFromANumberOfTheLog(t *testing.T) {
	p := newProject(t, one("s", columns("id", "int")))
	n := p.start()
	first := n.Send("s", `{"id":1,"note":"before"}`)
	changes := p.reload(n, one("s", columns("id", "int", "note", "varchar")))
	second := n.Send("s", `{"id":2,"note":"after"}`)
	if len(changes) != 1 || changes[0].Stream != "s" || changes[0].Change != "changed" || changes[0].Generation != 2 {
		t.Fatalf("changes %+v", changes)
	}
	if since := record.Sequence(changes[0].Since); since <= parseID(t, first.Last).Sequence() || since > parseID(t, second.First).Sequence() {
		t.Errorf("the definition holds from %d, the records are %s and %s", since, first.Last, second.First)
	}
	const rows, want = "SELECT id, note, _extra FROM s ORDER BY id", `1 <nil> map[note:before]; 2 after <nil>`
	check := func(when string) {
		t.Helper()
		if got := flat(n.Query(rows)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	check("recent")
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	if changes := p.reload(n, p.Streams); len(changes) != 0 {
		t.Errorf("the same project again changed %+v", changes)
	}
	n.Shutdown()
	n = p.start()
	check("after a restart")
	maintain(t, n)
	check("compacted")
	n.Balance()
}

func TestAnIntBecomesABigint(t *testing.T) {
	p := newProject(t, one("s", columns("v", "int")))
	n := p.start()
	n.Send("s", `{"v":1}`)
	n.Send("s", `{"v":3000000000}`) // does not fit yet
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Send("s", `{"v":2}`) // recent, of the narrow type, while the table widens
	p.reload(n, one("s", columns("v", "bigint")))
	check := func(when string) {
		t.Helper()
		got := flat(n.Query("SELECT count(*), sum(v), max(v), any_value(typeof(v)) FROM s"))
		if got != "3 9007199254740996 9007199254740993 BIGINT" {
			t.Errorf("%s: %s", when, got)
		}
	}
	n.Send("s", `{"v":9007199254740993}`)
	check("recent")
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	maintain(t, n)
	check("compacted")
	if got := n.One("SELECT code FROM quarantine"); got != record.CodeOutOfRange {
		t.Errorf("the number that did not fit is in quarantine as %s", got)
	}
	n.Shutdown()
	n = p.start()
	check("after a restart")
	n.Balance()
}

func TestAReloadThatWouldLoseDataChangesNothing(t *testing.T) {
	before := map[string]shape.Definition{"a": columns("v", "int"), "b": columns("v", "bigint", "w", "varchar")}
	for name, bad := range map[string]shape.Definition{
		"narrowed":         columns("v", "bigint", "w", "int"),
		"renamed by case":  columns("V", "bigint"),
		"wrong expression": {Columns: []shape.Column{{Name: "v", Type: "bigint"}, {Name: "x", Type: "bigint", Expr: "nothing + 1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, before)
			n := p.start()
			n.Send("a", `{"v":1}`)
			tables := "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name IN ('a', 'b', 'c') ORDER BY ALL"
			schema := flat(n.Query(tables))
			status, text := p.tryReload(n, map[string]shape.Definition{"a": columns("v", "bigint", "more", "varchar"), "b": bad, "c": columns("v", "int")})
			if status < 400 || status > 499 {
				t.Errorf("the reload answered %d %s", status, text)
			}
			if name == "narrowed" && (!strings.Contains(text, "column w") || !strings.Contains(text, "another name")) {
				t.Errorf("%s does not name the column and the way out", text)
			}
			if got := flat(n.Query(tables)); got != schema {
				t.Errorf("the tables became %s, were %s", got, schema)
			}
			if status, _, _ := n.Do(http.MethodPost, "/v1/events/c", `{"v":1}`); status != http.StatusNotFound {
				t.Errorf("the new stream answers %d", status)
			}
			n.Send("a", `{"v":3000000000,"more":"x"}`)
			if got := flat(n.Query("SELECT count(*) FROM a")) + " " + flat(n.Query("SELECT code FROM quarantine")); got != "1 "+record.CodeOutOfRange {
				t.Errorf("stream a works by another definition: %s", got)
			}
			n.Balance()
		})
	}
}

func TestAStreamAddedAndRemovedByAReload(t *testing.T) {
	p := newProject(t, one("a", columns("v", "int")))
	n := p.start()
	n.Send("a", `{"v":1}`)
	p.reload(n, map[string]shape.Definition{"a": columns("v", "int"), "b": columns("v", "int")})
	n.Send("b", `{"v":2}`)
	if changes := p.reload(n, one("a", columns("v", "int"))); len(changes) != 1 || changes[0].Change != "removed" {
		t.Errorf("changes %+v", changes)
	}
	if status, _, _ := n.Do(http.MethodPost, "/v1/events/b", `{"v":3}`); status != http.StatusNotFound {
		t.Errorf("the removed stream answers %d", status)
	}
	if got := n.One("SELECT v FROM b"); got != "2" { // its table stays
		t.Errorf("b holds %s", got)
	}
	p.reload(n, map[string]shape.Definition{"a": columns("v", "int"), "b": columns("v", "int")})
	n.Send("b", `{"v":4}`)
	n.Shutdown()
	n = p.start()
	if got := n.One("SELECT sum(v) FROM b"); got != "6" {
		t.Errorf("b holds %s", got)
	}
	n.Balance()
}

func TestRowsAreTheSameWhenTheLogIsReadAgain(t *testing.T) {
	with := func(extra ...shape.Column) shape.Definition {
		return shape.Definition{UnknownFields: shape.UnknownEvolve, Dedupe: &shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)},
			Columns: append([]shape.Column{{Name: "id", Type: "bigint", NotNull: true}, {Name: "v", Type: "int"}}, extra...)}
	}
	p := newProject(t, one("s", with()))
	n := p.start()
	n.Send("s", `{"id":1,"v":1,"surprise":"x"}`+"\n"+`{"id":1,"v":2}`)
	p.reload(n, one("s", with(shape.Column{Name: "double", Type: "bigint", Expr: "v * 2"})))
	n.Send("s", `{"id":2,"v":21,"surprise":"y"}`+"\n"+`{"v":5}`+"\n"+`{"id":1,"v":3}`)
	const rows = "SELECT _record_id::varchar, id, v, surprise, \"double\" FROM s ORDER BY 1"
	const rejects = "SELECT _record_id::varchar, code, first_record_id::varchar FROM quarantine ORDER BY 1"
	want, wantRejects := flat(n.Query(rows)), flat(n.Query(rejects))
	p.data = n.Image() // as the plug was pulled
	n = p.start()
	if got := flat(n.Query(rows)); got != want {
		t.Errorf("rows are %s, were %s", got, want)
	}
	if got := flat(n.Query(rejects)); got != wantRejects {
		t.Errorf("rejects are %s, were %s", got, wantRejects)
	}
	n.Shutdown()
	n = p.start()
	if got := flat(n.Query(rows)); got != want {
		t.Errorf("in files: rows are %s, were %s", got, want)
	}
	if s := n.Balance().Streams[0]; s.Accepted != 5 || s.Delivered != 2 || s.Deduplicated != 2 || s.Quarantined != 1 {
		t.Errorf("ledger %+v", s)
	}
}

func TestUnknownFields(t *testing.T) {
	const sent = `{"id":1,"more":{"b":[1,9007199254740993]},"n":2}` + "\n" + `{"id":2}`
	for word, want := range map[shape.UnknownFields]struct{ statement, rows, quarantined string }{
		"":                      {"SELECT id, _extra::varchar FROM s ORDER BY id", `1 {"more":{"b":[1,9007199254740993]},"n":2}; 2 <nil>`, ""},
		shape.UnknownKeep:       {"SELECT id, _extra::varchar FROM s ORDER BY id", `1 {"more":{"b":[1,9007199254740993]},"n":2}; 2 <nil>`, ""},
		shape.UnknownDrop:       {"SELECT * EXCLUDE (_record_id, _received_at) FROM s ORDER BY id", "1; 2", ""},
		shape.UnknownQuarantine: {"SELECT id FROM s ORDER BY id", "2", "unknown_field more"},
		shape.UnknownEvolve:     {"SELECT id, more::varchar, n FROM s ORDER BY id", `1 {"b":[1,9007199254740993]} 2; 2 <nil> <nil>`, ""},
	} {
		t.Run(string(word), func(t *testing.T) {
			d := columns("id", "int")
			d.UnknownFields = word
			n := newProject(t, one("s", d)).start()
			n.Send("s", sent)
			if got := flat(n.Query(want.statement)); got != want.rows {
				t.Errorf("rows %s, want %s", got, want.rows)
			}
			if got := flat(n.Query(`SELECT code, "column" FROM quarantine`)); got != want.quarantined {
				t.Errorf("quarantine %s, want %s", got, want.quarantined)
			}
			n.Balance()
		})
	}
}

func TestColumnsAreWorkedOutAsDefined(t *testing.T) {
	p := newProject(t, one("sales", shape.Definition{Filter: "event <> 'heartbeat'", Columns: []shape.Column{
		{Name: "event", Type: "varchar", Default: shape.Literal(`"sale"`)},
		{Name: "big", Type: "bigint"}, {Name: "price", Type: "decimal(38,10)"},
		{Name: "net", Type: "decimal(10,2)"}, {Name: "taxed", Type: "decimal(18,2)", Expr: "net * 1.1"},
		{Name: "payload", Type: "json", From: "log.payload", Decode: "json"},
		{Name: "country", Type: "varchar", Lookup: &shape.Lookup{Seed: "countries", Key: "code", Value: "name"}}}}))
	p.Seeds = map[string]string{"countries": "code,name\njp,日本\nfr,\"France, la\"\n"}
	n := p.start()
	n.Send("sales", strings.Join([]string{
		`{"big":9007199254740993,"price":1234567890123456789012345678.0123456789,"code":"jp","log":{"payload":"{\"a\":[1,{\"b\":\"x\"}]}"}}`,
		`{"big":-9223372036854775808,"price":"0.0000000001","code":"fr","log":{"payload":"7"}}`,
		`{"event":"heartbeat","big":1}`,
		`{"big":9007199254740991,"price":0.1,"code":"xx","net":19.99}`}, "\n"))
	got := flat(n.Query("SELECT event, big, price, payload::varchar, country FROM sales ORDER BY _record_id"))
	want := `sale 9007199254740993 1234567890123456789012345678.0123456789 {"a":[1,{"b":"x"}]} 日本; ` +
		`sale -9223372036854775808 0.0000000001 7 France, la; sale 9007199254740991 0.1000000000 <nil> <nil>`
	if got != want {
		t.Errorf("rows\n%s\nwant\n%s", got, want)
	}
	if got := n.One("SELECT taxed FROM sales WHERE country IS NULL"); got != "21.99" {
		t.Errorf("the tax is worked out as %s", got)
	}
	if got := n.One("SELECT payload->'a'->1->>'b' FROM sales WHERE big = 9007199254740993"); got != "x" {
		t.Errorf("JSON in JSON gives %s", got)
	}
	if got := n.One("SELECT sum(big) FROM sales WHERE big > 0"); got != "18014398509481984" {
		t.Errorf("the sum is %s", got)
	}
	s := n.Balance().Streams[0]
	if s.Accepted != 4 || s.Filtered+s.Delivered+s.Quarantined+s.Pending != 4 {
		t.Errorf("ledger %+v", s)
	}
	if err := n.Flush(t.Context(), "sales"); err != nil {
		t.Fatal(err)
	}
	if s := n.Balance().Streams[0]; s.Filtered != 1 || s.Pending != 0 {
		t.Errorf("ledger %+v", s)
	}
}

func TestAnExpressionThatFailsForOneRecordRejectsThatRecord(t *testing.T) {
	n := newProject(t, one("s", shape.Definition{Columns: []shape.Column{{Name: "text", Type: "varchar"}, {Name: "n", Type: "int", Expr: "CAST(text AS INTEGER)"}}})).start()
	var b strings.Builder
	for i := range 3000 {
		text := strconv.Itoa(i)
		if i%1000 == 7 {
			text += "x"
		}
		fmt.Fprintf(&b, `{"text":%q}`+"\n", text)
	}
	n.Send("s", b.String())
	if got := flat(n.Query("SELECT count(*), sum(n) FROM s")); got != "2997 4495479" {
		t.Errorf("rows %s", got)
	}
	if got := flat(n.Query(`SELECT code, "column", count(*) FROM quarantine GROUP BY ALL`)); got != "expression_failed n 3" {
		t.Errorf("quarantine %s", got)
	}
	n.Balance()
}

func TestDaysAreThoseOfTheProjectsZone(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	text := weblog(t)
	p := newProject(t, one("weblog", weblogDefinition()))
	p.Location = tokyo
	n := p.start()
	n.Send("weblog", text)
	check := func(when string) {
		t.Helper()
		for _, c := range []struct{ zone, want string }{{"", "2863 528"}, {"Asia/Tokyo", "2863 528"}, {"UTC", "2579 505"}} {
			status, text, header := n.Do(http.MethodPost, "/v1/query?format=csv", `{"sql":"SELECT count(*), count(DISTINCT ip) FROM weblog WHERE ts::date = '2015-05-20'"}`, api.TimeZoneHeader, c.zone)
			if lines := strings.Fields(strings.ReplaceAll(text, ",", " ")); status != 200 || !slices.Equal(lines[len(lines)-2:], strings.Fields(c.want)) {
				t.Errorf("%s, zone %q (%s): %s, want %s", when, c.zone, header.Get(api.TimeZoneHeader), text, c.want)
			}
		}
	}
	check("recent")
	if err := n.Flush(t.Context(), "weblog"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	maintain(t, n)
	check("compacted into local days")
	if got := n.One("SELECT count(*) FROM weblog WHERE ts_day = '2015-05-20'"); got != "2863" {
		t.Errorf("ts_day has %s rows", got)
	}
	n.Balance()
}

// Files know the least and the greatest event time; another event time is none of theirs.
func TestAnotherEventTimeLosesNoRow(t *testing.T) {
	define := func(time string) shape.Definition {
		d := columns("id", "int", "made", "timestamptz", "sent", "timestamptz")
		d.EventTime = time
		return d
	}
	p := newProject(t, one("s", define("made")))
	n := p.start()
	n.Send("s", `{"id":1,"made":"2026-05-01T00:00:00Z","sent":"2026-06-01T00:00:00Z"}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Send("s", `{"id":2,"made":"2026-05-02T00:00:00Z","sent":"2026-06-02T00:00:00Z"}`) // recent
	p.reload(n, one("s", define("sent")))
	n.Send("s", `{"id":3,"made":"2026-05-03T00:00:00Z","sent":"2026-06-03T00:00:00Z"}`)
	before := p.Streams
	p.data = n.Image() // and what is on the log by both definitions
	n.Shutdown()
	n = p.start()
	if changes := p.reload(n, before); len(changes) != 0 {
		t.Errorf("the same project again changed %+v", changes)
	}
	everywhere(t, p, n, "SELECT id FROM s WHERE sent >= '2026-06-01' AND sent < '2026-06-04' ORDER BY id", "1; 2; 3")
}

// A table from before bot_class gets it; the column is_bot that it has goes on.
func TestATableFromBeforeBotClassGetsIt(t *testing.T) {
	p := newProject(t, one("s", columns("id", "int", "user_agent", "varchar", "is_bot", "boolean")))
	n := p.start()
	n.Send("s", `{"id":1,"user_agent":"curl/8.0.1","is_bot":true}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	d := columns("id", "int", "user_agent", "varchar")
	d.Enrich = []shape.Enrichment{{Bot: &shape.Source{}}}
	p.reload(n, one("s", d))
	n.Send("s", `{"id":2,"user_agent":"curl/8.0.1"}`)
	n.Send("s", `{"id":3}`)
	everywhere(t, p, n, "SELECT id, is_bot, bot_class FROM s ORDER BY id", "1 true <nil>; 2 true library; 3 <nil> <nil>")
}
