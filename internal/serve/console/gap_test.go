package console_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// TestABusyNodesPagesShowTheRest takes the one place for heavy queries, so that what the
// pages ask waits: each still shows what needs no query, and says what is missing.
func TestABusyNodesPagesShowTheRest(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits}), func(o *app.Options) { o.Project.Limit.HeavyQueries = 1 })
	var body strings.Builder
	noise := make([]byte, 384<<10)
	for range 56 { // 28 MiB that hardly compress: reading them is heavy
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&body, `{"ts":%q,"page":%q,"seconds":1}`+"\n", now(), base64.StdEncoding.EncodeToString(noise))
	}
	n.Send("visits", body.String())
	n.Send("visits", `{"ts":"`+now()+`","page":"/b","seconds":-1}`)
	if err := n.Flush(t.Context(), "visits"); err != nil {
		t.Fatal(err)
	}
	id := n.One("SELECT max(_record_id)::varchar FROM visits")
	busy, err := n.Engine().Query(t.Context(), api.Query{SQL: "SELECT * FROM visits"}) // its rows are not read
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	b := visitor(t, n)
	const late = "This took longer than 2\u00a0s"
	missing := map[string][]string{
		"/tables/visits":         {"It has 56 rows.", "<dt>files</dt><dd>1</dd>", "Ask in SQL", `href="/tables/visits">Look again`, "not counted", "without partition"},
		"/tables/quarantine":     {"It has 1 row.", "Ask in SQL"},
		"/streams/visits":        {"1 of 57 records this hour were rejected.", "the stream was added", "Look again"},
		"/quarantine?since=hour": {"1 record, this hour.", "Ask in SQL"},
		"/trace?id=" + id:        {"The log has it.", "on disk, before the client had its answer", "Ask in SQL"},
	}
	for path, texts := range missing {
		page := b.get(path)
		wants(t, page, append(texts, strings.ReplaceAll(late, "\u00a0", "&nbsp;"))...)
		for _, wrong := range []string{"no rows yet", "Nothing was rejected", "It is in"} {
			if strings.Contains(page, wrong) {
				t.Errorf("%s: a page that could not look says %q", path, wrong)
			}
		}
	}
	if err := busy.Close(); err != nil {
		t.Fatal(err)
	}
	for path := range missing {
		n.Await(path+" to be whole", func() bool { return !strings.Contains(b.get(path), "This took longer") })
	}
	wants(t, b.get("/trace?id="+id), "It is in visits.")
}

// TestAStatementThatTakesTooLongLeavesThePage: the editor, the history and the tables
// are there all the same.
func TestAStatementThatTakesTooLongLeavesThePage(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits}), func(o *app.Options) { o.Project.Limit.QueryTime = time.Second })
	b := visitor(t, n)
	statement := "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
	answer, page := b.do(http.MethodGet, "/sql?"+url.Values{"q": {statement}}.Encode(), "")
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
	wants(t, page, "No result after ", "download the result", `format=csv`, "<code>visits</code>", statement+"</textarea>", "failed")
}
