package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/access"
)

func sqlPath(sql string, more ...string) string {
	q := url.Values{"q": {sql}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/sql?" + q.Encode()
}

func TestSQLPageAnswers(t *testing.T) {
	n := start(t)
	n.Send("visits", `{"ts":"2026-01-01T00:00:00Z","page":"/湖","seconds":1200}`+"\n"+`{"ts":"2026-01-02T00:00:00Z","page":"/b","seconds":300}`+"\n"+`{"ts":"2026-01-04T00:00:00Z","page":null,"seconds":1}`)
	if err := n.Flush(t.Context(), "visits"); err != nil {
		t.Fatal(err)
	}
	b := visitor(t, n)
	wants(t, b.get("/sql"), "Ask it in SQL.", "2 tables, 3 rows", `aria-current="page">SQL`, "<code>seconds</code> <small>double</small>", "Nothing asked yet.")
	sql := "select page, seconds from visits where seconds > 1 order by seconds desc"
	page := b.get(sqlPath(sql))
	wants(t, page, "2 rows in ", "Read 1 of 1 file, ", "/湖", ">1,200<", "seconds as a bar", `width="88"`, `width="22"`, "seconds &gt; 1", "format=csv")
	wants(t, b.get("/sql"), `<code>select page, seconds`)
	_, page = b.do(http.MethodGet, sqlPath(sql), "", "Accept-Language", "ja")
	wants(t, page, "2 行、", "1 ファイル中 1 つを読みました")
	wants(t, b.get(sqlPath("select * from visits where page is null")), `<span class="dim">null</span>`, `href="/trace?id=`)
	wants(t, b.get(sqlPath("select * from visits where false")), "No row meets the statement.")
	wants(t, b.get(sqlPath("select 1 as one")), "No table was read.")
	if other := visitor(t, n).get("/sql"); strings.Contains(other, "select page") {
		t.Error("another visitor sees the history")
	}
}

func TestSQLPageDrawsTimes(t *testing.T) {
	b := visitor(t, start(t))
	sql := "select timestamptz '2026-03-01 00:00:00+00' + interval (i) day as day, i * 1000 as views, i as readers from range(1, 6) r(i) where i <> 4"
	page := b.get(sqlPath(sql))
	wants(t, page, `role="img"`, "views, readers", "every 1&nbsp;d", "4 rows in", "5,000")
	if line := page[strings.Index(page, `class="ln"`):]; strings.Count(line[:strings.Index(line, "/>")], "M") != 2 {
		t.Errorf("the missing day is joined: %s", line[:200])
	}
	wants(t, b.get(sqlPath(sql, "chart", "bar")), `class="bk"`, `name="chart" value="bar"`)
	wants(t, b.get(sqlPath(sql, "tz", "Asia/Tokyo")), "Asia/Tokyo</small>", "2026-03-02T09:00:00&#43;09:00", "<option selected>Asia/Tokyo</option>")
	if twice := b.get(sqlPath("select date '2026-03-01' as day, i as n from range(3) r(i)")); strings.Contains(twice, `class="chart"`) {
		t.Error("a chart of one time with three values")
	}
}

func TestSQLPageShowsMistakes(t *testing.T) {
	b := visitor(t, start(t))
	for sql, want := range map[string][]string{
		"select page\nfrom visit":      {"A mistake in line 2, column 6.", `<span class="ln">2</span>from <mark>visit</mark>`, "Did you mean visits?", "%0Afrom&#43;visits"},
		"select pge from visits":       {"column 8", "<mark>pge</mark>", "Did you mean page?"},
		"selec 1":                      {"<mark>selec</mark>"},
		"select '湖', nosuch(1)":        {"column 13", "<mark>nosuch</mark>"},
		"select <script>":              {"&lt;script&gt;"},
		"drop table visits":            {"only statements that read"},
		"select cast(page as int) +":   {"alert"},
		"select error('stop') as a":    {"stop"},
		"select 1; select 2":           {"one statement at a time"},
		"select * from visits limit x": {"line 1"},
	} {
		answer, page := b.do(http.MethodGet, sqlPath(sql), "")
		if answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("%s: %s", sql, answer.Status)
		}
		wants(t, page, append(want, "</textarea>")...)
	}
	answer, page := b.do(http.MethodGet, sqlPath("select 1", "tz", "Asia/Kyoto"), "")
	if answer.StatusCode != http.StatusBadRequest {
		t.Error(answer.Status)
	}
	wants(t, page, "Asia/Kyoto")
}

func TestSQLResultsAreDownloaded(t *testing.T) {
	n := start(t)
	keys := []access.Key{{Name: "looker", Scopes: []access.Scope{access.Read}, Hash: access.HashSecret("look")}}
	b := visitor(t, n.Guarded(access.NewGuard(keys, nil)))
	path := "/sql/download?q=" + url.QueryEscape("select i as n from range(2000) r(i) order by i") + "&format="
	if _, page := b.do(http.MethodGet, path+"csv", ""); !strings.Contains(page, "Log in with a key") {
		t.Error("without a session")
	}
	b.post(b.get("/"), "/login", "key", "look", "back", "/")
	for format, head := range map[string]string{"csv": "n\n0\n1\n", "json": `{"columns":`, "parquet": "PAR1"} {
		answer, text := b.do(http.MethodGet, path+format, "")
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(text, head) || !strings.HasSuffix(answer.Header.Get("Content-Disposition"), "."+format) {
			t.Errorf("%s: %s, %q, %.20s", format, answer.Status, answer.Header.Get("Content-Disposition"), text)
		}
		if format == "csv" && strings.Count(text, "\n") != 2001 {
			t.Errorf("%d lines", strings.Count(text, "\n"))
		}
	}
	for _, site := range []string{"cross-site", "same-site", "none"} {
		if answer, _ := b.do(http.MethodGet, path+"csv", "", "Sec-Fetch-Site", site); answer.StatusCode != http.StatusForbidden {
			t.Errorf("a download for %s: %s", site, answer.Status)
		}
	}
	wants(t, b.get("/sql/words"), `"tables":[`, `"quarantine"`, `"count"`, `"time_bucket"`)
}

// An address fills the editor; only a page of ours runs it.
func TestAnAddressRunsNothing(t *testing.T) {
	b := visitor(t, start(t))
	path := sqlPath("select 6 * 7 as answer")
	for name, headers := range map[string][]string{
		"another site":              {"Sec-Fetch-Site", "cross-site"},
		"a site of the same domain": {"Sec-Fetch-Site", "same-site"},
		"a bookmark or a mail":      {"Sec-Fetch-Site", "none"},
		"an old browser, elsewhere": {"Sec-Fetch-Site", "", "Referer", "http://elsewhere.example/sql"},
		"an old browser, a mail":    {"Sec-Fetch-Site", ""},
	} {
		answer, page := b.do(http.MethodGet, path, "", headers...)
		if answer.StatusCode != http.StatusOK || !strings.Contains(page, "select 6 * 7 as answer</textarea>") || !strings.Contains(page, "Not run yet") || strings.Contains(page, ">42<") {
			t.Errorf("%s: %s, %.200s", name, answer.Status, page)
		}
	}
	for name, headers := range map[string][]string{
		"a page of ours":       {"Sec-Fetch-Site", "same-origin"},
		"an old browser, ours": {"Sec-Fetch-Site", "", "Referer", b.url + "/sql"},
	} {
		if _, page := b.do(http.MethodGet, path, "", headers...); !strings.Contains(page, ">42<") {
			t.Errorf("%s: %.200s", name, page)
		}
	}
}

func TestSQLPageSaysWhichFilesItRead(t *testing.T) {
	n := start(t)
	for day := range 5 {
		n.Send("visits", fmt.Sprintf(`{"ts":%q,"page":"/a"}`, time.Date(2026, 2, 1+day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)))
		if err := n.Flush(t.Context(), "visits"); err != nil {
			t.Fatal(err)
		}
	}
	n.Send("visits", `{"ts":"2026-02-09T00:00:00Z"}`)
	page := visitor(t, n).get(sqlPath("select count(*) as n from visits where ts >= '2026-02-03' and ts < '2026-02-05'"))
	wants(t, page, "Read 2 of 5 files (ts), ")
}
