package access

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

func TestWithoutKeysOnlyLoopbackNamesAreServed(t *testing.T) {
	g := NewGuard(nil, nil)
	for _, test := range []struct {
		host, origin string
		ok           bool
	}{
		{"localhost:2492", "", true}, {"127.0.0.1", "", true}, {"[::1]:2492", "", true}, {"shop.localhost", "", true},
		{"localhost:2492", "http://localhost:3000", true},
		{"evil.example", "", false}, {"evil.example:2492", "", false}, {"", "", false}, {"127.0.0.1.evil.example", "", false}, {"10.0.0.1", "", false},
		{"localhost", "https://evil.example", false}, {"localhost", "null", false}, {"localhost", "http://localhost.evil.example", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = test.host
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if _, err := g.Check(r, Read, ""); (err == nil) != test.ok || err != nil && record.KindOf(err) != record.Forbidden {
			t.Errorf("host %q, origin %q: %v", test.host, test.origin, err)
		}
	}
}

func TestKeysAndScopes(t *testing.T) {
	g := NewGuard([]Key{
		{Name: "site", Scopes: []Scope{Ingest}, Hash: HashSecret("s1"), Streams: []string{"events"}},
		{Name: "me", Scopes: []Scope{Admin}, Hash: HashSecret("s2")},
		{Name: "report", Scopes: []Scope{Read}, Hash: HashSecret("s3")},
	}, nil)
	for _, test := range []struct {
		secret string
		scope  Scope
		stream string
		kind   record.Kind // Internal stands for no error
	}{
		{"s1", Ingest, "events", record.Internal}, {"s1", Ingest, "orders", record.Forbidden}, {"s1", Read, "", record.Forbidden},
		{"s2", Admin, "", record.Internal}, {"s2", Ingest, "orders", record.Internal}, {"s3", Read, "", record.Internal}, {"s3", Admin, "", record.Forbidden},
		{"", Read, "", record.Unauthorized}, {"s4", Read, "", record.Unauthorized},
	} {
		for _, header := range []string{"bearer", "api key", "basic"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			switch {
			case test.secret == "":
			case header == "bearer":
				r.Header.Set("Authorization", "Bearer "+test.secret)
			case header == "api key":
				r.Header.Set("X-Api-Key", test.secret)
			default:
				r.SetBasicAuth(test.secret, "")
			}
			_, err := g.Check(r, test.scope, test.stream)
			if (err == nil) != (test.kind == record.Internal) || err != nil && record.KindOf(err) != test.kind {
				t.Errorf("secret %q as %s for %s %s: %v", test.secret, header, test.scope, test.stream, err)
			}
		}
	}
}

func TestClientBehindTrustedProxies(t *testing.T) {
	g := NewGuard(nil, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for _, test := range []struct{ remote, forwarded, want string }{
		{"203.0.113.7:1234", "", "203.0.113.7"},
		{"203.0.113.7:1234", "198.51.100.1", "203.0.113.7"}, // not a proxy of ours: what it says is not believed
		{"10.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1234", "192.0.2.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:1234", "", "10.0.0.1"},
		{"10.0.0.1:1234", "nonsense", "10.0.0.1"},
		{"10.0.0.1:1234", "10.0.0.3", "10.0.0.3"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := g.Client(r); got != test.want {
			t.Errorf("from %s, forwarded for %q: %s, want %s", test.remote, test.forwarded, got, test.want)
		}
	}
}

func FuzzSignatureHeader(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/firehose/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	g := NewGuard([]Key{{Name: "A", Secret: "s", Scopes: []Scope{Ingest}}}, nil)
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", header)
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		if _, err := g.CheckSignature(r, nil, Ingest, "", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
			t.Error("a made-up signature was accepted")
		}
	})
}
