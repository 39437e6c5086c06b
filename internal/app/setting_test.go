package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
)

// What runs under a key ends when the key is taken back: a tap gives no record more.
func TestAReloadTakesKeysBack(t *testing.T) {
	key := func(name, secret string, scope access.Scope) access.Key {
		return access.Key{Name: name, Scopes: []access.Scope{scope}, Hash: access.HashSecret(secret)}
	}
	sender, reader := key("sender", "s3nd", access.Ingest), key("reader", "r3ad", access.Read)
	guard := access.NewGuard([]access.Key{sender, reader}, nil)
	p := newProject(t, one("s", columns("v", "int")))
	n := p.start(func(o *app.Options) { o.Guard = guard })
	guarded := n.Guarded(guard)
	send := func(body string) {
		t.Helper()
		if status, text, _ := guarded.Do(http.MethodPost, "/v1/events/s", body, "Authorization", "Bearer s3nd"); status != http.StatusOK {
			t.Fatalf("send: %d %s", status, text)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, guarded.URL+"/v1/tap/s", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer r3ad")
	tap, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Body.Close()
	send(`{"v":1}`)

	behind := httptest.NewRequest(http.MethodGet, "/", nil)
	behind.RemoteAddr = "10.0.0.1:999"
	behind.Header.Set("X-Forwarded-For", "203.0.113.9")
	if got := guard.Client(behind); got != "10.0.0.1" {
		t.Errorf("of a proxy that is not trusted yet: %s", got)
	}
	p.Keys, p.Proxies = []access.Key{sender, key("reader", "r3ad again", access.Read)}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	p.Settings = []app.Setting{{Key: "keys.sender", Value: "ingest"}, {Key: "keys.reader", Value: "read", Mark: "2"}}
	if _, err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := guard.Client(behind); got != "203.0.113.9" {
		t.Errorf("of a trusted proxy: %s", got)
	}
	send(`{"v":2}`)
	text, err := io.ReadAll(tap.Body)
	if err != nil || strings.Contains(string(text), `{"v":2}`) {
		t.Errorf("the tap of a key that was taken back gave %s, %v", text, err)
	}
	for secret, want := range map[string]int{"r3ad": http.StatusUnauthorized, "r3ad again": http.StatusOK} {
		if status, text, _ := guarded.Do(http.MethodGet, "/v1/limits", "", "Authorization", "Bearer "+secret); status != want {
			t.Errorf("with %s: %d %s", secret, status, text)
		}
	}
}

// Each limit holds from the reload on.
func TestAReloadAppliesLimits(t *testing.T) {
	p := newProject(t, map[string]shape.Definition{"s": columns("v", "int"), "own": columns("v", "int")})
	p.Limit = app.Limits{MemoryBytes: 512 << 20, DiskReserve: 1 << 20, FlushAge: time.Hour}
	n := p.start()
	limit := func(change func(l *app.Limits)) {
		t.Helper()
		change(&p.Limit)
		if _, err := n.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	status := func(body string, headers ...string) int {
		status, _, _ := n.Do(http.MethodPost, "/v1/events/s", body, headers...)
		return status
	}

	limit(func(l *app.Limits) { l.DiskReserve = 1 << 60 })
	n.Await("the doors to shut", func() bool { return status(`{"v":1}`) == http.StatusServiceUnavailable })
	limit(func(l *app.Limits) { l.DiskReserve = 1 << 20 })
	n.Await("the doors to open", func() bool { return status(`{"v":1}`) == http.StatusOK })

	limit(func(l *app.Limits) { l.BodyBytes = 4 })
	if got := status(`{"v":1}`); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body beyond the new limit: %d", got)
	}
	limit(func(l *app.Limits) { l.BodyBytes = 1 << 20 })

	// A retry is one within the window only.
	count := func() string { return n.One("SELECT count(*) FROM s WHERE v = 7") }
	again := func() { n.Send("s", `{"v":7}`, "Idempotency-Key", "k") }
	again()
	again()
	if got := count(); got != "1" {
		t.Errorf("a retry within the window: %s rows", got)
	}
	limit(func(l *app.Limits) { l.IdempotencyWindow = time.Nanosecond })
	n.Send("s", `{"v":8}`)
	again()
	if got := count(); got != "2" {
		t.Errorf("a retry beyond the window: %s rows", got)
	}

	// Rows go to files when the budget of all is used up, and when the stream says so.
	files := func(stream string) func() bool {
		return func() bool { return len(n.Files(stream)) > 0 }
	}
	if files("s")() || files("own")() {
		t.Fatal("there are files an hour early")
	}
	limit(func(l *app.Limits) { l.RecentBytes = 1 })
	n.Await("the rows to be flushed", files("s"))
	limit(func(l *app.Limits) { l.RecentBytes = 256 << 20 })
	n.Send("own", `{"v":1}`)
	own := columns("v", "int")
	own.Flush.Size = 1
	p.reload(n, map[string]shape.Definition{"s": columns("v", "int"), "own": own})
	n.Await("the rows of the stream to be flushed", files("own"))

	all, err := n.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if want := map[string]int64{"limits.body": 1 << 20, "limits.disk_reserve": 1 << 20, "limits.recent": 256 << 20, "limits.query_time": 600_000}[l.Key]; want != 0 && l.Value != want {
			t.Errorf("%s is %d, want %d", l.Key, l.Value, want)
		}
	}
	n.Balance()
}

// A refused stream leaves the settings as they were. What waits for a start is named
// until it is taken back, and what is said of a key has no secret.
func TestAReloadIsOfOnePiece(t *testing.T) {
	p := newProject(t, one("s", columns("v", "int")))
	p.Settings = []app.Setting{{Key: "listeners.http", Value: ":2492"}, {Key: "keys.me", Value: "admin", Mark: "1"}, {Key: "limits.query_time", Value: "10m"}, {Key: "limits.journal", Value: "1GiB"}}
	n := p.start()
	limit := func() time.Duration {
		t.Helper()
		all, err := n.Limits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if l.Key == "limits.query_time" {
				return time.Duration(l.Value) * time.Millisecond
			}
		}
		return 0
	}
	p.Settings = []app.Setting{{Key: "listeners.http", Value: ":80"}, {Key: "keys.me", Value: "admin", Mark: "2"}, {Key: "limits.query_time", Value: "1m"}, {Key: "limits.journal", Value: "2GiB"}}
	p.Limit.QueryTime, p.Limit.MemoryBytes, p.Limit.DiskReserve = time.Minute, 512<<20, 1<<20
	if status, text := p.tryReload(n, one("s", columns("v", "boolean"))); status != http.StatusConflict {
		t.Fatalf("a column that would lose data: %d %s", status, text)
	}
	if got := limit(); got != 10*time.Minute || n.Waiting() != nil {
		t.Errorf("after a refusal: %v, waiting %v", got, n.Waiting())
	}
	p.Streams = one("s", columns("v", "bigint"))
	for round, want := range []api.ReloadAnswer{
		{Changed: []api.StreamChange{{Stream: "s", Change: "changed", Generation: 2, Since: 1}}, Restart: []string{"listeners.http", "limits.journal"},
			Settings: []api.SettingChange{{Key: "keys.me", Was: "admin", Now: "admin, with another secret"}, {Key: "limits.query_time", Was: "10m", Now: "1m"}}},
		{Changed: []api.StreamChange{}, Restart: []string{"listeners.http", "limits.journal"}, Settings: []api.SettingChange{}},
	} {
		if got, err := n.Reload(context.Background()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("reload %d: %+v, %v, want %+v", round, got, err, want)
		}
	}
	if got := limit(); got != time.Minute {
		t.Errorf("after the reload: %v", got)
	}
	if w := n.Waiting(); len(w) != 2 || w[0] != (api.SettingChange{Key: "listeners.http", Was: ":2492", Now: ":80"}) {
		t.Errorf("waiting: %+v", w)
	}
	p.Settings = []app.Setting{{Key: "listeners.http", Value: ":2492"}, {Key: "limits.query_time", Value: "1m"}, {Key: "limits.journal", Value: "1GiB"}}
	got, err := n.Reload(context.Background())
	if err != nil || len(got.Restart) > 0 || len(got.Settings) != 1 || got.Settings[0] != (api.SettingChange{Key: "keys.me", Was: "admin"}) {
		t.Errorf("taken back: %+v, %v", got, err)
	}
	if w := n.Waiting(); len(w) != 0 {
		t.Errorf("waiting: %+v", w)
	}
}
