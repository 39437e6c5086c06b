package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// messages is a stream for Segment's messages.
var messages = shape.Definition{EventTime: "ts", Columns: []shape.Column{{Name: "message_id", Type: "varchar", From: "messageId"}, {Name: "ts", Type: "timestamptz", From: "timestamp", NotNull: true},
	{Name: "type", Type: "varchar", NotNull: true}, {Name: "event", Type: "varchar"}, {Name: "name", Type: "varchar"}, {Name: "user_id", Type: "varchar", From: "userId"},
	{Name: "anonymous_id", Type: "varchar", From: "anonymousId"}, {Name: "group_id", Type: "varchar", From: "groupId"}, {Name: "previous_id", Type: "varchar", From: "previousId"},
	{Name: "properties", Type: "json"}, {Name: "traits", Type: "json"}, {Name: "context", Type: "json"}, {Name: "library", Type: "varchar", From: "context.library.name"},
	{Name: "door", Type: "varchar", From: "_request.door"}},
	Dedupe: &shape.Dedupe{Key: "message_id", Window: shape.Duration(24 * time.Hour)}}

// segmentTools is where scripts/tools puts Segment's SDKs.
func segmentTools(t *testing.T, sdk string) string {
	dir, err := filepath.Abs(filepath.Join("..", "..", ".tools", "segment"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@segment", sdk)); err != nil {
		t.Skipf("SKIPPED LOUDLY: @segment/%s is not in .tools/segment; scripts/tools installs it", sdk)
	}
	return dir
}

func startForSegment(t *testing.T, key string) (*testkit.Node, string) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"messages": messages}))
	return n, makeKey(n, key).Key
}

const nodeScript = `
const { Analytics } = require('@segment/analytics-node')
const [host, writeKey, count] = process.argv.slice(1)
const analytics = new Analytics({ host, writeKey, flushAt: 15, flushInterval: 50 })
analytics.on('error', e => { console.error('error', e.reason || e); process.exitCode = 1 })
const userId = 'u1', anonymousId = 'a1'
analytics.identify({ userId, anonymousId, traits: { plan: 'pro', 都市: '大津' } })
analytics.track({ userId, event: 'Ordered', properties: { total: 12.5 }, timestamp: new Date('2026-05-01T12:00:00Z') })
analytics.track({ userId, event: 'Again', messageId: 'mine' })
analytics.track({ userId, event: 'Again', messageId: 'mine' })
analytics.page({ anonymousId, name: 'Home', properties: { url: 'https://lake.example/' } })
analytics.screen({ anonymousId, name: 'Settings' })
analytics.group({ userId, groupId: 'g1' })
analytics.alias({ userId, previousId: 'old' })
for (let i = 0; i < +count; i++) analytics.track({ userId, event: 'Many', properties: { i } })
analytics.closeAndFlush({ timeout: 60000 }).then(() => console.log('done'))
`

// The real SDK for Node, at a key whose rate it exceeds: it heeds the 429.
func TestSegmentNodeSDK(t *testing.T) {
	dir := segmentTools(t, "analytics-node")
	n, key := startForSegment(t, `{"name":"server","stream":"messages","rate":10}`)
	const many = 120
	run := exec.Command("node", "-e", nodeScript, "--", n.URL, key, fmt.Sprint(many))
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "done") {
		t.Fatalf("%v\n%s", err, out)
	}
	n.Await("all messages", func() bool { return n.One("SELECT count(*) FROM messages") == fmt.Sprint(many+7) })
	if got := n.One("SELECT count(*) - count(DISTINCT message_id) || ' ' || count(DISTINCT properties->>'i') FROM messages"); got != fmt.Sprint("0 ", many) {
		t.Error(got)
	}
	got := n.Query(`SELECT type, coalesce(event, name, group_id, previous_id, traits->>'都市', ''), coalesce(user_id, anonymous_id), door, library FROM messages
		WHERE event IS DISTINCT FROM 'Many' ORDER BY type, event`)
	want := `[[alias old u1 segment @segment/analytics-node] [group g1 u1 segment @segment/analytics-node] [identify 大津 u1 segment @segment/analytics-node] ` +
		`[page Home a1 segment @segment/analytics-node] [screen Settings a1 segment @segment/analytics-node] ` +
		`[track Again u1 segment @segment/analytics-node] [track Ordered u1 segment @segment/analytics-node]]`
	if fmt.Sprint(got) != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
	// This machine's clock is the SDK's: the correction moves it by the way only.
	if got := n.One("SELECT abs(epoch(ts) - epoch(TIMESTAMPTZ '2026-05-01 12:00:00+00')) < 60 FROM messages WHERE event = 'Ordered'"); got != "true" {
		t.Error("the time of an event that named one is", n.One("SELECT ts FROM messages WHERE event = 'Ordered'"))
	}
	n.Balance()
}

// The real SDK for browsers, as its package has it for a <script>.
func TestSegmentBrowserSDKInChromium(t *testing.T) {
	dir := segmentTools(t, "analytics-next")
	for _, strategy := range []string{"standard", "batching"} {
		t.Run(strategy, func(t *testing.T) {
			tab := testkit.Chromium(t)
			n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"messages": messages}))
			files := http.FileServer(http.Dir(filepath.Join(dir, "node_modules", "@segment", "analytics-next", "dist", "umd")))
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, ".js") {
					files.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, `<!doctype html><title>shop</title><script src="/index.js"></script>`)
			}))
			t.Cleanup(server.Close)
			page := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
			key := makeKey(n, `{"name":"site","stream":"messages","origins":["`+page+`"]}`).Key
			settings, _ := json.Marshal(map[string]any{"writeKey": key, "cdnURL": n.URL})
			script := `(async () => {
				const analytics = AnalyticsNext.AnalyticsBrowser.load(` + string(settings) + `, { integrations: { 'Segment.io': { deliveryStrategy: { strategy: '` + strategy + `', config: { size: 3, timeout: 200 } } } } })
				await analytics.page('Shop')
				await analytics.identify('u1', { plan: 'pro' })
				await analytics.track('Bought', { price: 12.5 })
				await analytics.group('g1')
				await analytics.alias('u2', 'u1')
				await analytics.screen('Cart')
				return true
			})()`
			if err := chromedp.Do(tab, chromedp.Navigate(page+"/cart?a=1"), chromedp.Poll[chromedp.Void]("window.AnalyticsNext && 1")); err != nil {
				t.Fatal(err)
			}
			if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
				t.Fatal(err)
			}
			n.Await("all messages", func() bool { return n.One("SELECT count(DISTINCT message_id) FROM messages") == "6" })
			got := n.Query("SELECT type, coalesce(event, name, group_id, previous_id, traits->>'plan') AS what, user_id FROM messages ORDER BY type")
			if want := "[[alias u1 u1] [group g1 u1] [identify pro u1] [page Shop <nil>] [screen Cart u1] [track Bought u1]]"; fmt.Sprint(got) != want {
				t.Errorf("got\n%v\nwant\n%s", got, want)
			}
			if got := n.One("SELECT string_agg(DISTINCT (context->'page'->>'path') || ' ' || length(anonymous_id) || ' ' || door, ',') FROM messages"); got != "/cart 36 segment" {
				t.Error(got)
			}
			n.Balance()
		})
	}
}

func TestSegmentCalls(t *testing.T) {
	n, key := startForSegment(t, `{"name":"app","stream":"messages","origins":["`+site+`"]}`)
	call := func(path, body string, headers ...string) (int, string) {
		t.Helper()
		status, text, _ := n.Do(http.MethodPost, path, body, headers...)
		return status, strings.TrimSpace(text)
	}
	basic := func(user string) []string {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.SetBasicAuth(user, "")
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for _, path := range []string{"track", "page", "screen", "identify", "group", "alias", "t", "p", "s", "i", "g", "a"} {
		if status, text := call("/v1/"+path, `{"messageId":"`+path+`","userId":"u"}`, basic(key)...); status != http.StatusOK || text != `{"success":true}` {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for path, body := range map[string]string{"/v1/batch": `{"writeKey":"` + key + `","batch":[{"type":"track","messageId":"x1"},{"type":"page","messageId":"x2"},"no message"]}`,
		"/v1/b": `{"writeKey":"` + key + `","batch":[{"type":"track","messageId":"x1"}]}`, "/v1/import": `{"writeKey":"` + key + `","batch":[]}`, "/v1/m": `{"series":[{"type":"Counter"}]}`} {
		if status, text := call(path, body, "Content-Type", "text/plain", "Origin", site); status != http.StatusOK || text != `{"success":true}` {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for name, test := range map[string]struct {
		status     int
		path, body string
		headers    []string
	}{
		"no key":               {401, "/v1/track", `{"userId":"u"}`, nil},
		"another key":          {401, "/v1/track", `{"userId":"u"}`, basic("pk_other")},
		"another key, in body": {401, "/v1/track", `{"userId":"u","writeKey":"other"}`, nil},
		"another page":         {403, "/v1/track", `{"writeKey":"` + key + `"}`, []string{"Origin", "https://evil.example"}},
		"no JSON":              {400, "/v1/track", `userId=u`, basic(key)},
		"no batch":             {400, "/v1/batch", `{"userId":"u"}`, basic(key)},
		"a message too large":  {400, "/v1/track", `{"a":"` + strings.Repeat("x", 33<<10) + `"}`, basic(key)},
		"a batch too large":    {400, "/v1/batch", `{"batch":[{"a":"` + strings.Repeat("x", 501<<10) + `"}]}`, basic(key)},
		"no such path":         {404, "/v1/tracks", `{}`, basic(key)},
	} {
		if status, text := call(test.path, test.body, test.headers...); status != test.status {
			t.Errorf("%s: %d %s, want %d", name, status, text, test.status)
		}
	}
	if status, _, _ := n.Do(http.MethodGet, "/v1/track", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", status)
	}
	status, _, h := n.Do(http.MethodOptions, "/v1/t", "", "Origin", site, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-retry-count")
	if status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != site || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "x-retry-count") {
		t.Errorf("preflight: %d %v", status, h)
	}
	status, text, _ := n.Do(http.MethodGet, "/v1/projects/"+key+"/settings", "", "Origin", site, "X-Forwarded-Proto", "https")
	var settings struct {
		Integrations map[string]struct{ APIKey, APIHost, Protocol string }
	}
	if err := json.Unmarshal([]byte(text), &settings); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if s := settings.Integrations["Segment.io"]; s.APIKey != key || s.APIHost != strings.TrimPrefix(n.URL, "http://")+"/v1" || s.Protocol != "https" {
		t.Errorf("%+v", s)
	}
	n.Await("messages", func() bool { return n.One("SELECT count(*) FROM messages") == "14" })
	n.Await("copies", func() bool {
		return n.One("SELECT string_agg(code, ' ' ORDER BY code) FROM quarantine") == "duplicate not_an_object"
	})
	if got := n.One("SELECT string_agg(type || count, ' ' ORDER BY type) FROM (SELECT type, count(*) AS count FROM messages GROUP BY type)"); got != "alias2 group2 identify2 page3 screen2 track3" {
		t.Error(got)
	}
	n.Balance()
}
