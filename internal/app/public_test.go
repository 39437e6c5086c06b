package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

var clicks = shape.Definition{Columns: []shape.Column{{Name: "event_id", Type: "varchar"}, {Name: "event", Type: "varchar"}, {Name: "n", Type: "bigint"},
	{Name: "key", Type: "varchar", From: "_request.key"}, {Name: "door", Type: "varchar", From: "_request.door"}},
	Dedupe: &shape.Dedupe{Key: "event_id", Window: shape.Duration(24 * 3600e9)}}

const site = "https://www.lake.example"

// makeKey makes a public key by the API.
func makeKey(n *testkit.Node, body string, headers ...string) api.NewKey {
	n.T.Helper()
	status, text, _ := n.Do(http.MethodPost, "/v1/keys", body, append(headers, "Content-Type", "application/json")...)
	var k api.NewKey
	if status != http.StatusOK || json.Unmarshal([]byte(text), &k) != nil {
		n.T.Fatalf("make a key: %d %s", status, text)
	}
	return k
}

func TestPublicKeysByAPI(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"clicks": clicks, "orders": {}}))
	k := makeKey(n, `{"name":"site","stream":"clicks","origins":["`+site+`"],"rate":3}`)
	if !strings.HasPrefix(k.Key, "pk_") || !k.Dedupe || k.Rate != 3 {
		t.Errorf("%+v", k)
	}
	send := func(body string, headers ...string) (int, string, http.Header) {
		t.Helper()
		return n.Do(http.MethodPost, "/v1/t/"+k.Key, body, headers...)
	}
	status, text, h := send("{\"event_id\":\"a\"}\n{\"event_id\":\"b\"}\n7", "Origin", site, "Content-Type", "text/plain;charset=UTF-8")
	if status != http.StatusOK || h.Get("Access-Control-Allow-Origin") != site {
		t.Fatalf("%d %s %v", status, text, h)
	}
	var answer collect.PublicAnswer
	if json.Unmarshal([]byte(text), &answer) != nil || answer.Accepted != 3 || answer.Quarantined != 1 || len(answer.Errors) != 1 || strings.Contains(text, "record_id") {
		t.Error(text)
	}
	for name, test := range map[string]struct {
		status             int
		method, path, body string
		headers            []string
	}{
		"another page":            {403, "POST", "/v1/t/" + k.Key, "{}", []string{"Origin", "https://evil.example"}},
		"another page's image":    {403, "GET", "/v1/t/" + k.Key + ".gif?a=1", "", []string{"Referer", "https://evil.example/x"}},
		"another page's question": {403, "OPTIONS", "/v1/t/" + k.Key, "", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}},
		"no such key":             {401, "POST", "/v1/t/pk_nothing", "{}", nil},
		"nothing JSON":            {400, "POST", "/v1/t/" + k.Key, "hello", nil},
		"nothing":                 {400, "POST", "/v1/t/" + k.Key, "", nil},
		"too much":                {413, "POST", "/v1/t/" + k.Key, strings.Repeat(" ", 1<<20) + "{}", nil},
		"a broken query":          {200, "GET", "/v1/t/" + k.Key + ".gif?a=%zz", "", nil}, // keeps what it can read
		"GET without .gif":        {405, "GET", "/v1/t/" + k.Key, "", nil},
		"POST to the image":       {405, "POST", "/v1/t/" + k.Key + ".gif", "{}", nil},
		"HEAD writes nothing":     {405, "HEAD", "/v1/t/" + k.Key + ".gif?a=1", "", nil},
		"the name is taken":       {409, "POST", "/v1/keys", `{"name":"site","stream":"clicks"}`, nil},
		"a key for no stream":     {404, "POST", "/v1/keys", `{"name":"x","stream":"clikcs"}`, nil},
		"a key for no origin":     {400, "POST", "/v1/keys", `{"name":"x","stream":"clicks","origins":["lake.example"]}`, nil},
		"a key without a name":    {400, "POST", "/v1/keys", `{"name":"","stream":"clicks"}`, nil},
		"a page makes a key":      {403, "POST", "/v1/keys", `{"name":"x","stream":"clicks"}`, []string{"Origin", site}},
		"no key to revoke":        {404, "DELETE", "/v1/keys/nothing", "", nil},
	} {
		if status, text, _ := n.Do(test.method, test.path, test.body, test.headers...); status != test.status {
			t.Errorf("%s: %d %s, want %d", name, status, text, test.status)
		}
	}
	status, _, h = n.Do(http.MethodOptions, "/v1/t/"+k.Key, "", "Origin", site, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != site || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "content-type") {
		t.Errorf("preflight: %d %v", status, h)
	}
	status, text, h = n.Do(http.MethodGet, "/v1/t/"+k.Key+".gif?event_id=c&event=open&n=12", "", "Referer", site+"/news")
	if status != http.StatusOK || h.Get("Content-Type") != "image/gif" || !strings.HasPrefix(text, "GIF89a") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("pixel: %d %v", status, h)
	}
	if status, _, _ := n.Do(http.MethodGet, "/v1/t/"+k.Key+".gif?event=%ff", ""); status != http.StatusOK {
		t.Errorf("a pixel that is not UTF-8: %d", status)
	}
	// A retry with the same ids adds nothing.
	if status, _, _ := send(`[{"event_id":"a"},{"event_id":"c"}]`); status != http.StatusOK {
		t.Error(status)
	}
	n.Send("clicks", `{"event_id":"z"}`) // everything before it is visible then
	if got := n.One("SELECT string_agg(event_id || ' ' || coalesce(event, '-') || ' ' || coalesce(n, 0) || ' ' || coalesce(key, '-') || ' ' || door, ', ' ORDER BY event_id) FROM clicks"); got != "a - 0 site browser, b - 0 site browser, c open 12 site pixel, z - 0 - http" {
		t.Error(got)
	}
	if got := n.One("SELECT string_agg(code, ',' ORDER BY code) FROM quarantine"); got != "duplicate,duplicate,invalid_utf8,not_an_object" {
		t.Error(got)
	}
	n.Balance()

	// The bucket holds ten seconds of the rate, 30 records; 8 are used.
	status, text, h = send(strings.Repeat("{}\n", 25))
	if status != http.StatusTooManyRequests || h.Get("Retry-After") == "" || !strings.Contains(text, "rate of 3") {
		t.Errorf("too many at once: %d %s %v", status, text, h)
	}
	before := n.One("SELECT count(*) FROM clicks")
	if status, _, _ := n.Do(http.MethodDelete, "/v1/keys/site", ""); status != http.StatusOK {
		t.Errorf("revoke: %d", status)
	}
	if status, _, _ := send("{}"); status != http.StatusUnauthorized {
		t.Errorf("a revoked key: %d", status)
	}
	n.Send("orders", `{}`)
	if after := n.One("SELECT count(*) FROM clicks"); after != before {
		t.Errorf("%s rows, and %s after what was refused", before, after)
	}
}

func TestPublicKeysOutliveTheNodeAndStandBesideOthers(t *testing.T) {
	dir, p := t.TempDir(), testkit.Project(map[string]shape.Definition{"clicks": clicks})
	n := testkit.Start(t, dir, p)
	k := makeKey(n, `{"name":"app","stream":"clicks"}`)
	n.Shutdown()
	n = testkit.Start(t, dir, p)
	guarded := n.Guarded(access.NewGuard([]access.Key{
		{Name: "me", Scopes: []access.Scope{access.Admin}, Hash: access.HashSecret("admin-secret")},
		{Name: "site", Scopes: []access.Scope{access.Public}, Hash: access.HashSecret("pk_site"), Streams: []string{"clicks"}, Origins: []string{"*"}},
	}, nil))
	admin := []string{"Authorization", "Bearer admin-secret"}
	for _, key := range []string{k.Key, "pk_site"} {
		if status, text, _ := guarded.Do(http.MethodPost, "/v1/t/"+key, `{}`); status != http.StatusOK {
			t.Errorf("%d %s", status, text)
		}
		for _, r := range []struct{ method, path, body string }{{"POST", "/v1/events/clicks", "{}"}, {"POST", "/v1/query", `{"sql":"select 1"}`}, {"GET", "/v1/keys", ""}, {"GET", "/v1/tap/clicks", ""}, {"GET", "/metrics", ""}} {
			if status, text, _ := guarded.Do(r.method, r.path, r.body, "Authorization", "Bearer "+key); status != http.StatusForbidden {
				t.Errorf("%s %s with a public key: %d %s", r.method, r.path, status, text)
			}
		}
	}
	if status, text, _ := guarded.Do(http.MethodPost, "/v1/t/"+k.Key, `{}`, "Origin", site); status != http.StatusForbidden {
		t.Errorf("a page, and the key is for none: %d %s", status, text)
	}
	// A key made behind one guard is known to all.
	made := makeKey(guarded, `{"name":"late","stream":"clicks"}`, admin...)
	if status, text, _ := n.Do(http.MethodPost, "/v1/t/"+made.Key, `{}`); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	var list api.KeyList
	_, text, _ := guarded.Do(http.MethodGet, "/v1/keys", "", admin...)
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Keys) != 4 || list.Keys[2].Name != "app" || list.Keys[2].Source != api.KeyMade || list.Keys[1].Rate != access.DefaultRate {
		t.Errorf("%v %s", err, text)
	}
	for _, secret := range []string{k.Key, made.Key, "admin-secret"} {
		if strings.Contains(text, secret) {
			t.Error("the list shows a secret")
		}
	}
	for name, status := range map[string]int{"site": http.StatusConflict, "late": http.StatusOK} {
		if got, text, _ := guarded.Do(http.MethodDelete, "/v1/keys/"+name, "", admin...); got != status {
			t.Errorf("revoke %s: %d %s", name, got, text)
		}
	}
	if status, _, _ := guarded.Do(http.MethodPost, "/v1/keys", `{"name":"site","stream":"clicks"}`, append(admin, "Content-Type", "application/json")...); status != http.StatusConflict {
		t.Errorf("a name of biwa.yaml: %d", status)
	}
}
