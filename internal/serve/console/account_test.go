package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/testkit"
)

const likesFile = `description: What readers like.
event_time: ts
columns:
  - {name: ts, type: timestamptz, not_null: true}
  - {name: page, type: varchar}
  - {name: event, type: varchar, one_of: [view, like], from: what}
  - name: stars
    type: int
    max: 5
dedupe:
  key: page
  window: 1d
`

// folder is a project on disk and the node that runs it.
type folder struct {
	*testkit.Node
	dir string
}

func startFolder(t *testing.T, change ...func(*app.Options)) *folder {
	t.Helper()
	f := &folder{dir: t.TempDir()}
	f.write(t, "biwa.yaml", "name: test\nlimits:\n  # small\n  body: 1MiB\n")
	f.write(t, "streams/likes.yaml", likesFile)
	read := func(context.Context) (app.Project, error) {
		p, problems := project.Load(f.dir, os.LookupEnv)
		if len(problems) > 0 {
			return app.Project{}, problems
		}
		sources := map[string]app.Source{}
		for name, source := range p.Sources {
			sources[name] = source
		}
		return app.Project{Name: "test", Location: time.UTC, Streams: p.Streams, Config: p.Written,
			Sources: sources}, nil
	}
	p, err := read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change = append(change, func(o *app.Options) { o.Read, o.Project.Limit.BodyBytes = read, 1<<20 })
	f.Node = testkit.Start(t, t.TempDir(), p, change...)
	return f
}

func (f *folder) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// some sends a record that fits, its copy, three that do not, and one that is no JSON.
func (f *folder) some() {
	f.T.Helper()
	at := now()
	f.Send("likes", fmt.Sprintf(`{"ts":%[1]q,"page":"/a","what":"view"}
{"ts":%[1]q,"page":"/a","what":"view"}
{"ts":%[1]q,"page":"/b","what":"<b>buy</b>"}
{"ts":%[1]q,"page":"/c","what":"buy"}
{"ts":%[1]q,"page":"/d","what":"view","stars":9}
{"ts":%[1]q,`, at), "Prefer", "handling=lenient")
}

func TestQuarantineNamesReasonAndRule(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	wants(t, b.get("/quarantine"), "Nothing was rejected.", "handling=lenient")
	f.some()
	page := b.get("/quarantine")
	wants(t, page, "4 records, this hour, for 3 reasons.", "1 duplicate", `<code>streams/likes.yaml:6</code>`, `<code>streams/likes.yaml:9</code>`, ">the door<", "and 1 other value",
		"<mark>&#34;buy&#34;</mark>", "<mark>one_of: [view, like]</mark>", `<span class="ln">6</span>`, "streams/likes.yaml, definition 1",
		"With definition 1, 0 of 2 would pass.", "Change line 6 first.")
	wants(t, b.get("/quarantine?at=2"), "&lt;b&gt;buy&lt;/b&gt;", "2 of 2")
	wants(t, b.get("/quarantine?pick="+url.QueryEscape("likes/out_of_range/stars")), "<mark>9</mark>", "<mark>max: 5</mark>")
	wants(t, b.get("/quarantine?pick="+url.QueryEscape("likes/invalid_json/")), "No definition can mend these", "byte ", "<mark>")
	if none := b.get("/quarantine?stream=likes&since=24h"); strings.Contains(none, "<b>buy") {
		t.Error("a record's text is markup")
	}
	_, page = b.do(http.MethodGet, "/quarantine", "", "Accept-Language", "ja")
	wants(t, page, "この 1 時間で 4 件、理由は 3 つです。", "定義 1 では 2 件中 0 件が通ります。", "先に 6 行目を直してください。")
}

// TestAllPagesCountTheSameInQuarantine compares the rail, Home, the streams and the
// page of quarantine while no file has the broken record, and after.
func TestAllPagesCountTheSameInQuarantine(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	f.Send("likes", fmt.Sprintf(`{"ts":%q,"page":"/a","what":"buy"}`, now()))
	same := func(when string) {
		f.Await(when+": the rail", func() bool { return strings.Contains(b.get("/"), `<data class="bad">1</data>`) })
		home := b.get("/")
		wants(t, home, `<text class="b q" x="470" y="280">quarantined 1</text>`, `<text class="b q" x="360" y="324" text-anchor="end">1</text>`,
			`quarantined in shape</th><td></td><td class="n">1</td>`, ", 1 quarantined, ", `class="fq"`)
		wants(t, b.get("/streams"), `<td class="n shu">1</td>`, `<td class="n">1</td><td class="n">1</td><td></td>`)
		wants(t, b.get("/streams/likes"), "1 of 1 records this hour were rejected.", "100\u00a0%")
		wants(t, b.get("/quarantine?since=hour"), "1 record, this hour, for 1 reason.")
	}
	const pending = "1 of them is in no file yet; the ledger counts it as pending."
	same("recent")
	f.Await("the page to know where it is", func() bool { return strings.Contains(b.get("/quarantine?since=hour"), pending) })
	wants(t, b.get("/quarantine?since=all"), pending)
	wants(t, b.get("/ledger"), `<dt>pending</dt><dd>1</dd>`, `<dt>quarantined</dt><dd>0</dd>`)
	_, page := b.do(http.MethodGet, "/quarantine", "", "Accept-Language", "ja")
	wants(t, page, "うち 1 件はまだファイルになく、台帳では配送待ちです。")

	if err := f.Flush(t.Context(), "likes"); err != nil {
		t.Fatal(err)
	}
	f.Await("the commit", func() bool {
		return strings.Contains(b.get("/ledger"), `<dt>quarantined</dt><dd class="shu">1</dd>`)
	})
	same("committed")
	if strings.Contains(b.get("/quarantine"), "in no file yet") {
		t.Error("what a file has is called pending")
	}
}

// TestMendingSaysWhenASavedFileHolds: a node that watches its folder needs no reload.
func TestMendingSaysWhenASavedFileHolds(t *testing.T) {
	const atOnce = "Save the file: it is applied within a second, and holds from the next record on."
	for _, watched := range []bool{false, true} {
		f := startFolder(t, func(o *app.Options) { o.Watched = watched })
		f.some()
		page := visitor(t, f.Node).get("/quarantine")
		if got := strings.Contains(page, atOnce); got != watched {
			t.Errorf("watched %v, the page says that saving is enough: %v", watched, got)
		}
		if got := strings.Contains(page, "curl -X POST "+f.URL+"/v1/reload"); got == watched {
			t.Errorf("watched %v, the page says how to reload: %v", watched, got)
		}
		wants(t, page, "Add the value to the list")
	}
}

// fieldsOf are the hidden fields of the form on the page of quarantine.
func fieldsOf(page string) (fields []string) {
	form := page[strings.Index(page, `action="/quarantine#replay"`):]
	for _, m := range regexp.MustCompile(`type="hidden" name="(stream|code|column|id)" value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		fields = append(fields, m[1], m[2])
	}
	return fields
}

func TestReplayFromTheConsole(t *testing.T) {
	f := startFolder(t)
	f.some()
	b := visitor(t, f.Node)
	page := b.get("/quarantine")
	fields := fieldsOf(page)
	answer, text := b.post(page, "/quarantine", append(fields, "do", "try", "which", "all")...)
	if answer.Request.Method != http.MethodGet {
		t.Error("no redirect after the form")
	}
	wants(t, text, "with definition 1, 0 of 2 would pass. Nothing was written.")
	f.write(t, "streams/likes.yaml", strings.Replace(likesFile, "[view, like]", `[view, like, buy, "<b>buy</b>"]`, 1))
	if _, err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	page = b.get("/quarantine")
	wants(t, page, "With definition 2, 2 of 2 would pass.", "Replay 2")
	_, one := b.post(page, "/quarantine", append(fields, "do", "replay", "which", "one")...)
	wants(t, one, "with definition 2: 1 of 1 are now in their table, 0 stay.")
	_, all := b.post(page, "/quarantine", append(fields, "do", "replay", "which", "all")...)
	wants(t, all, "1 of 1 are now in their table")
	if got := f.One("SELECT count(*) FROM likes WHERE event LIKE '%buy%'"); got != "2" {
		t.Errorf("%s records came back", got)
	}
	f.Balance()
	if answer, _ := b.do(http.MethodPost, "/quarantine", "do=replay&stream=likes&code=out_of_range&column=stars&which=all"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a form without its token: %s", answer.Status)
	}
	if answer, text := b.post(page, "/quarantine", "do", "replay", "stream", "nothing"); answer.StatusCode != http.StatusNotFound || !strings.Contains(text, "there is no stream") {
		t.Errorf("a stream that is not there: %s", answer.Status)
	}
}

func TestWhoMayOnlyLookCannotReplay(t *testing.T) {
	f := startFolder(t)
	f.some()
	keys := []access.Key{{Name: "looker", Scopes: []access.Scope{access.Read}, Hash: access.HashSecret("look")}}
	b := visitor(t, f.Guarded(access.NewGuard(keys, nil)))
	b.post(b.get("/"), "/login", "key", "look", "back", "/")
	page := b.get("/quarantine")
	wants(t, page, `value="replay" disabled`, "This needs the role admin; you have read.")
	if answer, _ := b.post(page, "/quarantine", append(fieldsOf(page), "do", "replay")...); answer.StatusCode != http.StatusForbidden {
		t.Error(answer.Status)
	}
	if answer, _ := b.post(page, "/quarantine", append(fieldsOf(page), "do", "try")...); answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
}

func TestLedgerPageAddsUpAndRecounts(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	wants(t, b.get("/ledger"), "No record yet.", "No record was received in this time.", "None was noted.")
	f.some()
	if err := f.Flush(t.Context(), "likes"); err != nil {
		t.Fatal(err)
	}
	var page string
	f.Await("the ledger", func() bool { page = b.get("/ledger"); return strings.Contains(page, "No. 6 in, 6 explained.") })
	wants(t, page, "<dt>delivered</dt><dd>1</dd>", `<dt>quarantined</dt><dd class="shu">4</dd>`, "<dt>deduplicated</dt><dd>1</dd>", "balanced",
		`<th scope="row"><a href="/streams/likes">likes</a></th><td class="n">6</td><td class="n">1</td><td class="n dim">0</td><td class="n shu">4</td><td class="n">1</td>`, "count(distinct _record_id)")
	_, page = b.post(page, "/ledger", "do", "verify", "full", "1")
	wants(t, page, "6 rows in 2 tables, each as the account says.", `<a href="/tables/likes">likes</a>`)
	if found := regexp.MustCompile(`<code>([0-9a-f]{16})</code></td><td class="n"><code>([0-9a-f]{16})</code>`).FindAllStringSubmatch(page, -1); len(found) != 2 || found[0][1] != found[0][2] || found[1][1] != found[1][2] {
		t.Errorf("hashes %v", found)
	}
	if answer, _ := b.do(http.MethodPost, "/ledger", "do=verify"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a form without its token: %s", answer.Status)
	}
	_, page = b.do(http.MethodGet, "/ledger", "", "Accept-Language", "ja")
	wants(t, page, "受付 6 件、すべてに説明がつきます。")
}

func TestTracePageTellsARecordsLife(t *testing.T) {
	f := startFolder(t)
	f.some()
	b := visitor(t, f.Node)
	id := f.One("SELECT _record_id::varchar FROM likes")
	page := b.get("/trace?id=" + id)
	wants(t, page, "It is in likes.", "HTTP /v1/events, record 1 of 6 of its request", "by definition 1 of the stream", "to be committed", "<code>event</code>", ">changed<")
	if err := f.Flush(t.Context(), "likes"); err != nil {
		t.Fatal(err)
	}
	wants(t, b.get("/trace?id="+id), ".parquet, 1 row", "snapshot ", "committed: row, offset and ledger line in one transaction")
	rejected := f.One("SELECT max(_record_id)::varchar FROM quarantine WHERE code = 'not_allowed'")
	wants(t, b.get("/trace?id="+rejected), "It is in quarantine.", "not_allowed: ", `pick=likes%2fnot_allowed%2fevent`)
	copied := f.One("SELECT _record_id::varchar FROM quarantine WHERE code = 'duplicate'")
	wants(t, b.get("/trace?id="+copied), "It is a copy of record "+id)
	wants(t, b.get("/trace"), "Give its id.")
	for wrong, want := range map[string]int{"x": http.StatusBadRequest, "12345678901": http.StatusNotFound} {
		if answer, text := b.do(http.MethodGet, "/trace?id="+wrong, ""); answer.StatusCode != want || !strings.Contains(text, "It is not here.") {
			t.Errorf("%s: %s", wrong, answer.Status)
		}
	}
	_, page = b.do(http.MethodGet, "/trace?id="+id, "", "Accept-Language", "ja")
	wants(t, page, "likes にあります。", "定義 1 による")
}

func TestLimitsPageSaysWhatSetsEach(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	f.some()
	f.Query("SELECT count(*) FROM likes")
	var page string
	f.Await("the limits", func() bool { page = b.get("/limits"); return strings.Contains(page, "<code>likes</code>") })
	wants(t, page, "What will stop me, and when?", `<code>limits.body</code> <code class="dim">biwa.yaml:4</code>`, "1.0\u00a0MB", `<code>limits.journal</code> <span class="dim">default</span>`,
		`<code>dedupe.max_keys</code> <span class="dim">default</span>`, "50,000,000", "disk, free", "stops at")
	limits, err := f.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	peaks := map[string]int64{}
	for _, l := range limits {
		peaks[l.Key] = l.Peak
		if l.Unit != "bytes free" && l.Key != "idempotency.window" && l.Peak < l.Now {
			t.Errorf("%s: the peak %d is below %d", l.Key, l.Peak, l.Now)
		}
	}
	for _, key := range []string{"limits.body", "limits.in_flight", "limits.journal", "limits.recent", "limits.disk_reserve", "dedupe.max_keys"} {
		if peaks[key] <= 0 {
			t.Errorf("%s: no peak after 6 records", key)
		}
	}
	_, page = b.do(http.MethodGet, "/limits", "", "Accept-Language", "ja")
	wants(t, page, "何が、いつ上限に達しますか", "重複判定のキー")
}
