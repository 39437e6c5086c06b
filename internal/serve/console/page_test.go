package console_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// visits is the stream of most tests.
var visits = shape.Definition{Description: "What readers do.", EventTime: "ts", Columns: []shape.Column{
	{Name: "ts", Type: "timestamptz", NotNull: true, Description: "when it happened"},
	{Name: "page", Type: "varchar"},
	{Name: "seconds", Type: "double", Min: shape.Literal("0")},
}}

func start(t *testing.T) *testkit.Node {
	t.Helper()
	return testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits}))
}

// browser is a visitor without scripts.
type browser struct {
	t    *testing.T
	url  string
	http *http.Client
	head http.Header
}

func visitor(t *testing.T, n *testkit.Node) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, url: n.URL, http: &http.Client{Jar: jar}, head: http.Header{"Accept": {"text/html"}}}
}

// do sends a request and follows redirects.
func (b *browser) do(method, path, body string, headers ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = b.head.Clone()
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else { // a link of a page of ours
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer, string(text)
}

// get opens a page that must be there.
func (b *browser) get(path string) string {
	b.t.Helper()
	answer, text := b.do(http.MethodGet, path, "")
	if answer.StatusCode != http.StatusOK {
		b.t.Fatalf("GET %s: %s\n%s", path, answer.Status, text)
	}
	return text
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// csrf is the form field of a page.
func csrf(t *testing.T, page string) string {
	t.Helper()
	m := csrfField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no form field csrf:\n%s", page)
	}
	return m[1]
}

// post fills in a form of a page.
func (b *browser) post(page, path string, fields ...string) (*http.Response, string) {
	b.t.Helper()
	form := url.Values{"csrf": {csrf(b.t, page)}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form.Encode())
}

func wants(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q:\n%s", want, page)
		}
	}
}

func TestEveryPageSaysWhatItMayLoad(t *testing.T) {
	b := visitor(t, start(t))
	for _, path := range []string{"/", "/no/such/page", "/console/style.css"} {
		answer, _ := b.do(http.MethodGet, path, "")
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", path)
		}
	}
}

func TestPagesSpeakTwoLanguages(t *testing.T) {
	b := visitor(t, start(t))
	page := b.get("/")
	wants(t, page, `<html lang="en"`, "Is everything right?")
	_, page = b.post(page, "/preference", "language", "ja", "back", "/?refresh=5")
	wants(t, page, `<html lang="ja"`, "すべて正常ですか", `http-equiv="refresh" content="5"`)
	b = visitor(t, start(t))
	b.head.Set("Accept-Language", "ja-JP,ja;q=0.9,en;q=0.5")
	wants(t, b.get("/"), `<html lang="ja"`)
}

func TestThemeIsKept(t *testing.T) {
	b := visitor(t, start(t))
	_, page := b.post(b.get("/"), "/preference", "theme", "dark", "back", "//elsewhere.example/")
	wants(t, page, `data-theme="dark"`)
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	b := visitor(t, start(t))
	form := url.Values{"csrf": {csrf(t, b.get("/"))}, "theme": {"dark"}}.Encode()
	for name, headers := range map[string][]string{
		"another site's page":   {"Sec-Fetch-Site", "cross-site"},
		"another origin":        {"Origin", "https://elsewhere.example"},
		"another loopback port": {"Origin", "http://localhost:1"},
		"another host":          {"Host", "elsewhere.example"},
	} {
		if answer, text := b.do(http.MethodPost, "/preference", form, headers...); answer.StatusCode != http.StatusForbidden || strings.Contains(text, `data-theme="dark"`) {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
	if answer, _ := b.do(http.MethodPost, "/preference", "csrf=00&theme=dark"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a wrong token: %s", answer.Status)
	}
	if answer, _ := visitor(t, start(t)).do(http.MethodPost, "/preference", form); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a token without its cookie: %s", answer.Status)
	}
	if answer, _ := b.do(http.MethodGet, "/", "", "Host", "elsewhere.example"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page for another host: %s", answer.Status)
	}
}

func TestKeysOpenTheConsole(t *testing.T) {
	n := start(t)
	keys := []access.Key{{Name: "looker", Scopes: []access.Scope{access.Read}, Hash: access.HashSecret("look")},
		{Name: "boss", Scopes: []access.Scope{access.Admin}, Hash: access.HashSecret("rule")},
		{Name: "sender", Scopes: []access.Scope{access.Ingest}, Hash: access.HashSecret("send")}}
	guarded := n.Guarded(access.NewGuard(keys, nil))
	b := visitor(t, guarded)
	login := b.get("/?refresh=5")
	wants(t, login, "Log in with a key", `name="back" value="/?refresh=5"`)
	for _, wrong := range []string{"send", "nothing", ""} {
		if answer, text := b.post(login, "/login", "key", wrong, "back", "/"); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "not known here") {
			t.Errorf("key %q: %s", wrong, answer.Status)
		}
	}
	_, page := b.post(login, "/login", "key", "look", "back", "/")
	wants(t, page, "Is everything right?", "log out looker")
	if _, page = b.post(page, "/logout"); !strings.Contains(page, "Log in with a key") {
		t.Errorf("after the logout:\n%s", page)
	}
	// The same session where the key's secret is another one.
	b.post(b.get("/"), "/login", "key", "look", "back", "/")
	keys[0].Hash = access.HashSecret("changed")
	b.url = n.Guarded(access.NewGuard(keys, nil)).URL
	wants(t, b.get("/"), "Log in with a key")
	if answer, _ := visitor(t, guarded).do(http.MethodGet, "/", "", "Authorization", "Bearer look"); answer.StatusCode != http.StatusOK {
		t.Errorf("with the key in the header: %s", answer.Status)
	}
}

func TestOneTimeLinkLetsOneBrowserIn(t *testing.T) {
	n := start(t)
	path, err := n.LoginPath(t.Context())
	if err != nil || path == "" {
		t.Fatalf("%q, %v", path, err)
	}
	if again, err := n.LoginPath(t.Context()); again != "" || err != nil {
		t.Errorf("a second link: %q, %v", again, err)
	}
	guarded := n.Guarded(access.NewGuard([]access.Key{{Name: "boss", Scopes: []access.Scope{access.Admin}, Hash: access.HashSecret("rule")}}, nil))
	link, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	token := link.Query().Get("once")
	visitor(t, guarded).get(path) // who only looks at the link does not use it up
	b := visitor(t, guarded)
	_, page := b.post(b.get(path), "/login", "once", token)
	wants(t, page, "Is everything right?")
	late := visitor(t, guarded)
	if answer, text := late.post(late.get(path), "/login", "once", token); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "used already") {
		t.Errorf("a second use: %s", answer.Status)
	}
}
