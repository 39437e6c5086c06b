package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		pattern, origin string
		ok              bool
	}{
		{"*", "https://anything.example", true}, {"*", "null", true},
		{"https://www.example.com", "https://www.example.com", true}, {"https://www.example.com", "HTTPS://WWW.Example.COM", true},
		{"https://www.example.com", "http://www.example.com", false}, {"https://www.example.com", "https://www.example.com:8443", false},
		{"https://www.example.com", "https://www.example.com.evil.example", false}, {"https://www.example.com", "null", false},
		{"http://localhost:3000", "http://localhost:3000", true}, {"http://localhost:3000", "http://localhost:3001", false},
		{"https://*.example.com", "https://a.example.com", true}, {"https://*.example.com", "https://a.b.example.com", true},
		{"https://*.example.com", "https://example.com", false}, {"https://*.example.com", "https://.example.com", false},
		{"https://*.example.com", "https://evilexample.com", false}, {"https://*.example.com", "https://a.example.com.evil.example", false},
	} {
		if got := matchOrigin(test.pattern, test.origin); got != test.ok {
			t.Errorf("%s for a page of %s: %v", test.pattern, test.origin, got)
		}
	}
	for _, pattern := range []string{"*", "https://example.com", "http://localhost:3000", "https://*.example.com", "http://[::1]:8080"} {
		if err := CheckOrigin(pattern); err != nil {
			t.Error(err)
		}
	}
	for _, pattern := range []string{"", "example.com", "https://", "https://example.com/", "https://example.com/path", "ftp://example.com", "https://a.*.com", "https://u@example.com", "https://*", "null"} {
		if err := CheckOrigin(pattern); record.KindOf(err) != record.Invalid {
			t.Errorf("%q is taken for an origin: %v", pattern, err)
		}
	}
}

func TestPublicKeyIsForItsPagesAndNothingElse(t *testing.T) {
	g := NewGuard([]Key{{Name: "site", Scopes: []Scope{Public}, Hash: HashSecret("pk_site"), Streams: []string{"events"}, Origins: []string{"https://www.example.com"}}}, nil)
	if !g.Open() {
		t.Error("a node with public keys only has nobody who may control it")
	}
	k, err := g.Public("pk_site")
	if err != nil || k.Stream() != "events" {
		t.Fatal(k, err)
	}
	for _, test := range []struct {
		origin, referer string
		ok              bool
	}{
		{"", "", true}, {"https://www.example.com", "", true}, {"https://evil.example", "", false}, {"null", "", false},
		{"", "https://www.example.com/a/page", true}, {"", "https://evil.example/", false}, {"", "not an address", true},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Origin", test.origin)
		r.Header.Set("Referer", test.referer)
		if err := k.CheckPage(r); (err == nil) != test.ok || err != nil && record.KindOf(err) != record.Forbidden {
			t.Errorf("origin %q, referer %q: %v", test.origin, test.referer, err)
		}
	}
	g.Replace(append([]Key{{Name: "me", Scopes: []Scope{Admin}, Hash: HashSecret("s2")}}, g.Configured()...))
	for _, scope := range []Scope{Ingest, Read, Admin} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer pk_site")
		if _, err := g.Check(r, scope, "events"); record.KindOf(err) != record.Forbidden {
			t.Errorf("a public key at %s: %v", scope, err)
		}
	}
	for _, text := range []string{"", "s2", "pk_other"} {
		if _, err := g.Public(text); record.KindOf(err) != record.Unauthorized {
			t.Errorf("%q as a public key: %v", text, err)
		}
	}
}

func TestMadeKeysHoldAtOnce(t *testing.T) {
	g := NewGuard(nil, nil)
	made := Key{Name: "app", Scopes: []Scope{Public}, Hash: HashSecret("pk_app"), Streams: []string{"events"}}
	g.ReplaceMade([]Key{made})
	k, err := g.Public("pk_app")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	if err := k.Take(DefaultRate*10, now); err != nil {
		t.Fatal(err)
	}
	g.Replace([]Key{{Name: "me", Scopes: []Scope{Admin}, Hash: HashSecret("s")}})
	if k, err = g.Public("pk_app"); err != nil {
		t.Fatal("a change of biwa.yaml's keys lost a made one:", err)
	}
	if err := k.Take(1, now); err == nil {
		t.Error("a change of other keys filled the bucket")
	}
	g.ReplaceMade(nil)
	if _, err := g.Public("pk_app"); err == nil {
		t.Error("a revoked key is let in")
	}
}

func TestBucket(t *testing.T) {
	at := time.Unix(1000, 0)
	b := newBucket(10) // holds 100
	for i, step := range []struct {
		after time.Duration
		n     int
		wait  time.Duration
	}{
		{0, 60, 0}, {0, 40, 0}, {0, 1, 100 * time.Millisecond}, {50 * time.Millisecond, 1, 50 * time.Millisecond}, {50 * time.Millisecond, 1, 0},
		{time.Second, 11, 100 * time.Millisecond}, {0, 10, 0}, {-time.Hour, 1, 100 * time.Millisecond}, {time.Hour + time.Second, 5, 0},
		{time.Hour, 250, 0}, {time.Second, 1, 14100 * time.Millisecond}, {14100 * time.Millisecond, 1, 0},
	} {
		at = at.Add(step.after)
		if got := b.take(step.n, at); (got - step.wait).Abs() > time.Microsecond {
			t.Errorf("step %d: take %d waits %v, want %v", i, step.n, got, step.wait)
		}
	}
	g := NewGuard([]Key{{Name: "site", Scopes: []Scope{Public}, Hash: HashSecret("pk"), Streams: []string{"events"}, Rate: 1}}, nil)
	k, _ := g.Public("pk")
	if err := k.Take(25, at); err != nil {
		t.Error(err)
	}
	err := k.Take(5, at)
	var rate *RateError
	if record.KindOf(err) != record.Limited || !errors.As(err, &rate) || rate.RetryAfter() != 20 {
		t.Errorf("%v", err)
	}
}
