package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// visits is a stream for what biwa.js sends.
var visits = shape.Definition{EventTime: "ts", Columns: []shape.Column{{Name: "event_id", Type: "varchar", NotNull: true}, {Name: "ts", Type: "timestamptz", NotNull: true},
	{Name: "event", Type: "varchar", NotNull: true}, {Name: "visitor_id", Type: "varchar", NotNull: true}, {Name: "user_id", Type: "varchar"}, {Name: "url", Type: "varchar"},
	{Name: "referer", Type: "varchar"}, {Name: "title", Type: "varchar"}, {Name: "language", Type: "varchar"}, {Name: "props", Type: "json"},
	{Name: "user_agent", Type: "varchar", From: "_request.user_agent"}},
	Dedupe: &shape.Dedupe{Key: "event_id", Window: shape.Duration(24 * time.Hour)}}

// website is a site on another origin than the node's, with the script in its pages,
// and the browser that visits it.
type website struct {
	*testkit.Node
	url string
	tab context.Context
}

func openWebsite(t *testing.T) *website {
	tab := testkit.Chromium(t)
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits}))
	site := &website{Node: n, tab: tab}
	var key string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>%s</title><script src=\"%s/biwa.js\" data-key=\"%s\" defer></script><a id=next href=/next>next</a>", r.URL.Path, n.URL, key)
	}))
	t.Cleanup(server.Close)
	site.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	key = makeKey(n, `{"name":"site","stream":"visits","origins":["`+site.url+`"]}`).Key
	return site
}

func (s *website) run(tab context.Context, actions ...chromedp.Action[chromedp.Void]) {
	s.T.Helper()
	if err := chromedp.Do(tab, actions...); err != nil {
		s.T.Fatal(err)
	}
}

func (s *website) open(tab context.Context, path string) {
	s.T.Helper()
	s.run(tab, chromedp.Navigate(s.url+path), chromedp.Poll[chromedp.Void]("window.biwa && biwa.track && 1"))
}

func (s *website) do(tab context.Context, script string) {
	s.T.Helper()
	s.run(tab, chromedp.Evaluate[chromedp.Void](script))
}

// awaitEvents waits until SQL shows so many events of a name.
func (s *website) awaitEvents(event string, want int) {
	s.T.Helper()
	last := ""
	defer func() {
		if s.T.Failed() {
			s.T.Logf("%s: %s, want %d", event, last, want)
		}
	}()
	s.Await(event, func() bool {
		last = s.One("SELECT count(*) FROM visits WHERE event = $1", event)
		return last == fmt.Sprint(want)
	})
}

// once checks that every event is there once, and the page believes so too.
func (s *website) once(tab context.Context) {
	s.T.Helper()
	s.Await("an empty queue", func() bool {
		return s.count(tab, `Object.keys(localStorage).filter(k => k.startsWith('biwa.pk_')).length`) == 0
	})
	if got := s.One("SELECT count(*) - count(DISTINCT event_id) FROM visits"); got != "0" {
		s.T.Errorf("%s events are there twice", got)
	}
	s.Balance()
}

func (s *website) count(tab context.Context, script string) int {
	s.T.Helper()
	n, err := chromedp.Run(tab, chromedp.Evaluate[int](script))
	if err != nil {
		s.T.Fatal(err)
	}
	return n
}

// must runs a command of the browser's protocol.
func must[P, R any](s *website, tab context.Context, command cdp.Command[P, R], params P) {
	s.T.Helper()
	if _, err := chromedp.Call(tab, command, params); err != nil {
		s.T.Fatal(err)
	}
}

// cut cuts a tab's network; known says whether the browser tells its pages.
func (s *website) cut(tab context.Context, known bool) {
	s.T.Helper()
	must(s, tab, network.Enable, network.EnableParams{})
	must(s, tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}}})
	must(s, tab, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: known, DownloadThroughput: -1, UploadThroughput: -1})
}

// beforeScripts runs a script in every document that a tab opens, before its own.
func (s *website) beforeScripts(tab context.Context, script string) {
	s.T.Helper()
	must(s, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

func (s *website) close(tab context.Context) {
	s.T.Helper()
	must(s, tab, page.Close, cdp.Empty{})
}

func TestScriptInChromiumSendsPagesAndEvents(t *testing.T) {
	s := openWebsite(t)
	s.open(s.tab, "/a?x=1")
	s.do(s.tab, `history.pushState({}, '', '/b'); document.title = 'page b'`)
	s.awaitEvents("page_view", 2)
	s.do(s.tab, `history.replaceState({}, '', '/b#part'); history.pushState({}, '', '/c')`)
	s.awaitEvents("page_view", 3)
	s.do(s.tab, `history.back()`)
	s.awaitEvents("page_view", 4)
	s.do(s.tab, `biwa.track('like', {article: 7, tags: ['湖', 'a "quoted" one']}); biwa.identify('reader-1'); biwa.track('follow')`)
	s.awaitEvents("follow", 1)
	s.run(s.tab, chromedp.Click("#next"))
	s.awaitEvents("page_view", 5)
	s.once(s.tab)
	got := s.Query("SELECT replace(url, $1, ''), replace(referer, $1, ''), title FROM visits WHERE event = 'page_view' ORDER BY ts", s.url)
	want := [][]string{{"/a?x=1", "", "/a"}, {"/b", "/a?x=1", "page b"}, {"/c", "/b", "page b"}, {"/b#part", "/c", "page b"}, {"/next", "/b", "/next"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("pages\n%q\nwant\n%q", got, want)
	}
	if got := s.One("SELECT CAST(props AS VARCHAR) FROM visits WHERE event = 'like'"); got != `{"article":7,"tags":["湖","a \"quoted\" one"]}` {
		t.Error(got)
	}
	if got := s.One("SELECT string_agg(event || '=' || coalesce(user_id, '-'), ' ' ORDER BY event) FROM visits WHERE event <> 'page_view'"); got != "follow=reader-1 identify=reader-1 like=-" {
		t.Error(got)
	}
	if got := s.One("SELECT count(DISTINCT visitor_id) || ' ' || min(length(visitor_id)) || ' ' || bool_and(user_agent LIKE '%Chrome%') FROM visits"); got != "1 32 true" {
		t.Errorf("visitors: %s", got)
	}
}

// The visitor goes on clicking without a network, closes the tab, and comes back
// another day.
func TestScriptInChromiumLosesNothingWithoutNetwork(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("the page knows: %v", known), func(t *testing.T) { clickWithoutNetwork(t, known) })
	}
}

func clickWithoutNetwork(t *testing.T, known bool) {
	s := openWebsite(t)
	s.open(s.tab, "/a")
	s.awaitEvents("page_view", 1)
	second, closeSecond := chromedp.NewContext(s.tab)
	defer closeSecond()
	s.open(second, "/b")
	s.awaitEvents("page_view", 2)
	s.cut(second, known)
	s.do(second, `for (let i = 0; i < 120; i++) biwa.track('click', {i, text: 'x'.repeat(700)})`)
	s.close(second)
	if got := s.One("SELECT count(*) FROM visits WHERE event = 'click'"); got != "0" {
		t.Errorf("%s clicks came without a network", got)
	}
	// The first tab is of the same site: it sends what the other left.
	s.open(s.tab, "/c")
	s.awaitEvents("click", 120)
	s.awaitEvents("page_view", 3)
	s.once(s.tab)
	if got := s.One("SELECT count(DISTINCT CAST(props->'i' AS INT)) FROM visits WHERE event = 'click'"); got != "120" {
		t.Errorf("%s different clicks", got)
	}
}

// A tab that is closed sends its last words; those that may not have arrived are
// sent by the next page, and the stream takes each once.
func TestScriptInChromiumSendsWhenATabCloses(t *testing.T) {
	s := openWebsite(t)
	for i := range 3 {
		tab, closeTab := chromedp.NewContext(s.tab)
		s.open(tab, fmt.Sprint("/", i))
		s.do(tab, `biwa.track('leave', {at: 'the last moment'})`)
		s.close(tab)
		closeTab()
	}
	s.awaitEvents("leave", 3)
	s.open(s.tab, "/back")
	s.awaitEvents("page_view", 4)
	s.once(s.tab)
}

// The server is away, then overloaded, then back.
func TestScriptInChromiumTriesAgain(t *testing.T) {
	s := openWebsite(t)
	s.open(s.tab, "/a")
	s.awaitEvents("page_view", 1)
	s.do(s.tab, `window.real = fetch; window.fetch = async (...args) => {
		const sent = await real(...args); // it arrived, and the answer is lost
		window.calls = (window.calls || 0) + 1
		if (calls == 1) throw new TypeError('the answer is lost')
		if (calls == 2) return { status: 503 }
		if (calls == 3) return { status: 429 }
		return sent
	}`)
	s.do(s.tab, `biwa.track('like')`)
	s.run(s.tab, chromedp.Poll[chromedp.Void]("window.calls == 4", chromedp.WithPollingTimeout(testkit.Patience)))
	s.once(s.tab)
	s.awaitEvents("like", 1)
	s.Await("the copies of 3 retries", func() bool { return s.One("SELECT count(*) FROM quarantine WHERE code = 'duplicate'") == "3" })
}

func TestScriptInChromiumRespectsGlobalPrivacyControl(t *testing.T) {
	s := openWebsite(t)
	s.open(s.tab, "/a")
	s.awaitEvents("page_view", 1)
	s.beforeScripts(s.tab, "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })")
	s.open(s.tab, "/b")
	s.do(s.tab, `biwa.track('like'); biwa.identify('me'); history.pushState({}, '', '/c')`)
	if kept := s.count(s.tab, `Object.keys(localStorage).length`); kept != 0 {
		t.Errorf("%d items are kept of somebody who asks not to be followed", kept)
	}
	s.Send("visits", `{"event_id":"end","ts":"2026-01-01T00:00:00Z","event":"end","visitor_id":"x"}`)
	if got := s.One("SELECT count(*) FROM visits"); got != "2" {
		t.Errorf("%s events", got)
	}
}

// A page that may not store, and calls made before the script was there.
func TestScriptInChromiumWithoutStorage(t *testing.T) {
	s := openWebsite(t)
	s.beforeScripts(s.tab, "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden') } }); window.biwa = [['track', 'early', { n: 1 }]]")
	s.open(s.tab, "/a")
	s.do(s.tab, `biwa.track('like')`)
	s.awaitEvents("like", 1)
	s.awaitEvents("early", 1)
	s.awaitEvents("page_view", 1)
	if got := s.One("SELECT count(DISTINCT visitor_id) FROM visits"); got != "1" {
		t.Errorf("%s visitors", got)
	}
}
