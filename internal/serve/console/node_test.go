package console_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// now writes an event time that is believed.
func now() string { return time.Now().UTC().Format(time.RFC3339) }

// fill sends three records that fit and one that does not, and commits them.
func fill(t *testing.T, n *testkit.Node) {
	t.Helper()
	at := now()
	n.Send("visits", fmt.Sprintf(`{"ts":%q,"page":"/a","seconds":1.5}
{"ts":%q,"page":"/湖","seconds":20}
{"ts":%q,"page":null}
{"ts":%q,"page":"/b","seconds":-1}`, at, at, at, at), "User-Agent", "<b>tester</b>")
	if err := n.Flush(t.Context(), "visits"); err != nil {
		t.Fatal(err)
	}
}

func TestHomeSaysWhatBecameOfEachRecord(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	page := b.get("/")
	wants(t, page, "No record yet.", "curl "+n.URL+"/v1/events/visits", "Stream <a href=\"/streams/visits\">visits</a> added", "Node started", "version 1, since")
	fill(t, n)
	n.Query("SELECT 1")
	n.Await("the overview to be read again", func() bool { page = b.get("/"); return strings.Contains(page, "accepted 4 · balanced") })
	wants(t, page, "Yes, every record is accounted for.", `<dt>accepted</dt><dd>4</dd>`, `<dt>delivered</dt><dd>3</dd>`, `<dt>quarantined</dt><dd class="shu">1</dd>`,
		`<data class="bad">1</data>`, "HTTP /v1/events", "1 query", `role="group" aria-label="The way of a record since`, "All times are UTC (UTC+0)")
}

// TestTheUprightRiverStaysInItsBox: the widest edge may be the first, which begins near
// the heading, or a later one.
func TestTheUprightRiverStaysInItsBox(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	line := `{"ts":"` + now() + `","page":"/a"}` + "\n"
	edge := regexp.MustCompile(`stroke-width="([0-9.]+)" d="M184 ([0-9.]+)C`)
	check := func(doors int) {
		t.Helper()
		var found [][]string
		n.Await(fmt.Sprintf("%d doors on Home", doors), func() bool {
			page := b.get("/")
			found = edge.FindAllStringSubmatch(page[strings.Index(page, `<svg class="map tall"`):], -1)
			return len(found) == doors
		})
		bottom := 0.0
		for i, m := range found {
			width, _ := strconv.ParseFloat(m[1], 64)
			y, _ := strconv.ParseFloat(m[2], 64)
			if y-width/2 < bottom-0.1 {
				t.Errorf("%d doors: edge %d from %.1f on reaches above %.1f", doors, i, y-width/2, bottom)
			}
			bottom = y + width/2
		}
	}
	n.Send("visits", strings.Repeat(line, 10))
	check(1)
	put, err := json.Marshal(map[string]any{"DeliveryStreamName": "visits", "Record": map[string]any{"Data": []byte(line)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, n.AWS, strings.NewReader(string(put)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "Firehose_20150804.PutRecord")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	check(2)
}

// TestABrokenBalanceIsSeenEverywhere takes a row out of the index of files behind
// the node's back.
func TestABrokenBalanceIsSeenEverywhere(t *testing.T) {
	dir := t.TempDir()
	n := testkit.Start(t, dir, testkit.Project(map[string]shape.Definition{"visits": visits}))
	fill(t, n)
	db, err := sql.Open("sqlite", filepath.Join(dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA busy_timeout = 10000; UPDATE files SET rows = rows - 1 WHERE table_name = 'visits'"); err != nil {
		t.Fatal(err)
	}
	b := visitor(t, n)
	var page string
	n.Await("the difference", func() bool { page = b.get("/"); return strings.Contains(page, `class="off"`) })
	wants(t, page, "No: the ledger does not balance.", "accepted 4 · 1 missing", `<data class="bad">≠</data>`, `<dl class="eq off">`, "The account says 3 rows, the table has 2.")
	wants(t, b.get("/streams"), "1 stream wants a look.")
}

func TestStreamPageShowsRateTapAndSnippets(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	wants(t, b.get("/streams/visits"), "No record yet.", "Send one.")
	fill(t, n)
	var page string
	n.Await("the tap", func() bool {
		page = b.get("/streams/visits")
		return strings.Contains(page, "1 of 4 records this hour were rejected")
	})
	wants(t, page, `/湖`, "25.0", "curl "+n.URL+"/v1/events/visits", "browser", "Fluent Bit", "the stream was added", "streams/visits.yaml",
		`role="img"`, "The same as a table", `href="/streams/visits?refresh=0"`, "this hour", "What readers do.")
	if strings.Contains(page, "<b>tester") {
		t.Error("a client's text is markup")
	}
	wants(t, b.get("/streams"), `<a href="/streams/visits">visits</a>`, "What readers do.")
	wants(t, b.get("/streams/visits?hours=168"), "168 hours to now")
	answer, text := b.do(http.MethodGet, "/streams/visit", "")
	if answer.StatusCode != http.StatusNotFound || !strings.Contains(text, "did you mean &#34;visits&#34;?") {
		t.Errorf("%s\n%s", answer.Status, text)
	}
}

func TestYourRecordsAreMarked(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	b.head.Set("User-Agent", "visitor/1")
	n.Send("visits", `{"ts":"`+now()+`","page":"/mine"}`, "User-Agent", "visitor/1")
	n.Send("visits", `{"ts":"`+now()+`","page":"/theirs"}`, "User-Agent", "someone/1")
	page := b.get("/streams/visits")
	if got := strings.Count(page, `<tr class="you`); got != 1 {
		t.Errorf("%d rows are marked, want 1:\n%s", got, page)
	}
}

// TestYourRecordsStayInTheTap sends many more records by others than the tap has rows.
func TestYourRecordsStayInTheTap(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	b.head.Set("User-Agent", "visitor/1")
	line := func(page string) string { return `{"ts":"` + now() + `","page":"` + page + `"}` }
	n.Send("visits", strings.Join([]string{line("/mine/1"), line("/mine/2"), line("/mine/3")}, "\n"), "User-Agent", "visitor/1")
	n.Send("visits", strings.Repeat(line("/theirs")+"\n", 300), "User-Agent", "someone/1")
	for range 20 {
		n.Send("visits", line("/theirs"), "User-Agent", "someone/1")
	}
	n.Send("visits", line("/mine/4"), "User-Agent", "visitor/1")
	n.Send("visits", line("/theirs/last"), "User-Agent", "someone/1")
	var order []string
	page := b.get("/streams/visits")
	for _, m := range regexp.MustCompile(`page&#34;:&#34;(/[a-z/0-9]*)`).FindAllStringSubmatch(page[strings.Index(page, `<section id="tap">`):], -1) {
		order = append(order, m[1])
	}
	want := "/theirs/last /mine/4 " + strings.Repeat("/theirs ", 7) + "/mine/3 /mine/2 /mine/1"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("the tap has %s, want %s", got, want)
	}
	if got := strings.Count(page, `<tr class="you`); got != 4 {
		t.Errorf("%d rows are marked, want 4", got)
	}
	wants(t, page, "<b>yours:</b>")
	for i := range 20 { // no more than half the rows
		n.Send("visits", line(fmt.Sprintf("/mine/%d", 5+i)), "User-Agent", "visitor/1")
	}
	n.Send("visits", strings.Repeat(line("/theirs")+"\n", 30), "User-Agent", "someone/1")
	page = b.get("/streams/visits")
	if got := strings.Count(page, `<tr class="you`); got != 6 {
		t.Errorf("%d rows are marked, want 6", got)
	}
	wants(t, page, "/mine/24", "/mine/19")
	if theirs := visitor(t, n).get("/streams/visits"); strings.Contains(theirs, `<tr class="you`) {
		t.Error("another visitor has them marked too")
	}
}

func TestDefinitionsAreListedWithWhatChanged(t *testing.T) {
	project := testkit.Project(map[string]shape.Definition{"visits": visits})
	n := testkit.Start(t, t.TempDir(), project, func(o *app.Options) {
		o.Read = func(context.Context) (app.Project, error) { return project, nil }
	})
	changed := visits
	changed.Columns = append(append([]shape.Column(nil), visits.Columns...), shape.Column{Name: "amount", Type: "decimal(18,2)"})
	changed.Columns[2].Min = nil
	changed.UnknownFields = shape.UnknownDrop
	project = testkit.Project(map[string]shape.Definition{"visits": changed})
	if _, err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := visitor(t, n)
	wants(t, b.get("/streams/visits"), "+ <code>amount</code> decimal(18,2)", "<code>seconds</code> min: absent, was 0", "unknown_fields: drop, was")
	n.Await("Home to have it", func() bool { return strings.Contains(b.get("/"), "definition 2") })
	wants(t, b.get("/"), "version 2, since")

	project.Streams["visits"] = shape.Definition{Columns: []shape.Column{{Name: "ts", Type: "timestmap"}}}
	if _, err := n.Reload(t.Context()); err == nil {
		t.Fatal("a mistake was applied")
	}
	var page string
	n.Await("Home to say so", func() bool {
		page = b.get("/")
		return strings.Contains(page, "Version 3 was not applied")
	})
	wants(t, page, "Version 2 runs on.", "timestmap", "1 thing wants a look.", "version 2, since")
}

func TestTablePagesShowColumnsDaysFilesAndRows(t *testing.T) {
	daily := visits
	daily.Partition = []string{"page", "day(ts)"}
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits, "daily": daily}))
	fill(t, n)
	b := visitor(t, n)
	wants(t, b.get("/tables"), "4 rows in 3 tables.", `<a href="/tables/visits">visits</a>`, `<a href="/tables/quarantine">quarantine</a>`)
	page := b.get("/tables/visits")
	wants(t, page, "when it happened", "<td class=\"n\">33.3\u00a0%</td>", `<td class="bound">1.5</td><td class="bound">20.0</td>`, `<td class="bound">/a</td><td class="bound">/湖</td>`,
		"flush", "without partition", `<a href="/trace?id=`, `>/湖</td>`, "It has 3 rows.", "+\u20093")
	n.Send("visits", `{"ts":"`+now()+`","page":"/0","seconds":99}`) // recent, in no file yet
	n.Await("recent rows to be in the columns", func() bool { return strings.Contains(b.get("/tables/visits"), `<td class="bound">99.0</td>`) })
	wants(t, b.get("/tables/quarantine"), "the reason in words", "out_of_range")
	wants(t, b.get("/tables/daily"), "The table has no rows yet.", "curl "+n.URL+"/v1/events/daily")

	// A day that is missing between others is a hole; another page's day is not.
	var lines strings.Builder
	for day := range 10 {
		at := time.Now().UTC().AddDate(0, 0, -day).Format(time.RFC3339)
		if day != 4 {
			fmt.Fprintf(&lines, "{\"ts\":%q,\"page\":\"main\"}\n", at)
		}
		fmt.Fprintf(&lines, "{\"ts\":%q,\"page\":\"blog\"}\n", at)
	}
	n.Send("daily", lines.String())
	if err := n.Flush(t.Context(), "daily"); err != nil {
		t.Fatal(err)
	}
	page = b.get("/tables/daily")
	wants(t, page, "1 day has no rows.", "page × ts_day", "young, not yet compacted", `class="hole"`)
	missing := time.Now().UTC().AddDate(0, 0, -4).Format("2\u00a0Jan")
	wants(t, page, "main, "+missing+": no rows")
	if answer, _ := b.do(http.MethodGet, "/tables/none", ""); answer.StatusCode != http.StatusNotFound {
		t.Error(answer.Status)
	}
}

// paths are all pages that need no more than a stream.
var paths = []string{"/", "/streams", "/streams/visits", "/tables", "/tables/visits", "/tables/" + record.QuarantineTable, "/sql", "/quarantine", "/ledger", "/trace", "/limits"}

func TestEveryPageInJapanese(t *testing.T) {
	n := start(t)
	fill(t, n)
	b := visitor(t, n)
	b.head.Set("Accept-Language", "ja")
	for _, path := range paths {
		page := b.get(path)
		wants(t, page, `<html lang="ja"`, "時刻はすべて", "ホーム")
		if strings.Count(page, "<h1") != 1 {
			t.Errorf("%s: want one h1", path)
		}
		if strings.Contains(page, "Skip to") || strings.Contains(page, "The same as") {
			t.Errorf("%s: English words are left", path)
		}
	}
}

// TestLiveFragmentsFollowRecords reads server-sent events until a record that was
// sent meanwhile is in the tap, and the sum in the masthead has it.
func TestLiveFragmentsFollowRecords(t *testing.T) {
	n := start(t)
	b := visitor(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/streams/visits?live=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatal(got)
	}
	n.Send("visits", `{"ts":"`+now()+`","page":"/while-watching"}`)
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	inTap, inSum, fragment := false, false, ""
	for lines.Scan() && !(inTap && inSum) {
		line := lines.Text()
		if strings.HasPrefix(line, "data: <") && strings.Contains(line, "id=\"") {
			fragment = line
		}
		inTap = inTap || strings.Contains(line, "/while-watching")
		inSum = inSum || strings.Contains(fragment, `id="sum"`) && strings.Contains(line, "accepted 1 ")
	}
	if !inTap || !inSum {
		t.Errorf("in the tap %v, in the sum %v: %v", inTap, inSum, lines.Err())
	}
	n.EndTaps() // a node that stops ends live pages
	for lines.Scan() {
	}
	if ctx.Err() != nil {
		t.Error("the live page did not end with the node's taps")
	}
}
