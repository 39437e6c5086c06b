// Package access decides who may do what: keys with scopes where the project has
// keys, else whoever reaches the loopback address by its own name.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/biwa-data/biwa/internal/record"
)

// Scope is what a key allows. Admin allows everything.
type Scope string

// Scopes. A public key stands in pages and apps for everyone to read: it may write
// to its one stream by the doors made for it, and do nothing else.
const (
	Ingest Scope = "ingest"
	Read   Scope = "read"
	Admin  Scope = "admin"
	Public Scope = "public"
)

// Key is a key as it is kept: its secret only as a hash.
type Key struct {
	Name    string
	Scopes  []Scope
	Hash    [32]byte // SHA-256 of the secret, which is random, so no salt is needed
	Streams []string // that an ingest key may write to; empty for all
	// Secret is needed to check AWS signatures, which are made with it; "" if the
	// project only holds the hash.
	Secret string
	// Origins are the pages a public key works on, Rate is how many records a
	// second it brings at most; 0 is DefaultRate.
	Origins []string
	Rate    int
}

// RateOrDefault is how many records a second a public key brings at most.
func (k *Key) RateOrDefault() int {
	if k.Rate <= 0 {
		return DefaultRate
	}
	return k.Rate
}

func (k *Key) isPublic() bool { return slices.Contains(k.Scopes, Public) }

// HashSecret is how a secret is kept.
func HashSecret(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// ParseHash reads the form "sha256:<64 hexadecimal digits>".
func ParseHash(text string) (hash [32]byte, err error) {
	digits, ok := strings.CutPrefix(text, "sha256:")
	raw, bad := hex.DecodeString(digits)
	if !ok || bad != nil || len(raw) != len(hash) {
		return hash, record.Errorf(record.Invalid, "want sha256: and 64 hexadecimal digits")
	}
	return [32]byte(raw), nil
}

// Guard checks requests. Its keys can be replaced while it is in use.
type Guard struct {
	keys    atomic.Pointer[keySet]
	change  sync.Mutex                     // one change of the keys at a time
	trusted atomic.Pointer[[]netip.Prefix] // proxies whose X-Forwarded-For is believed
}

// NewGuard makes a guard; without keys it lets in only requests that name a
// loopback host.
func NewGuard(keys []Key, trustedProxies []netip.Prefix) *Guard {
	g := &Guard{}
	g.Trust(trustedProxies)
	g.keys.Store(newKeySet(keys, nil, nil))
	return g
}

// Trust puts other proxies in the place of those whose X-Forwarded-For is believed.
func (g *Guard) Trust(proxies []netip.Prefix) { g.trusted.Store(&proxies) }

// Open says whether there are no keys but public ones.
func (g *Guard) Open() bool { return g.keys.Load().open }

// KeyByName finds a key, for doors whose clients sign instead of showing it.
func (g *Guard) KeyByName(name string) (Key, bool) {
	configured := g.keys.Load().configured
	i := slices.IndexFunc(configured, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return configured[i], true
}

// Check returns the name of the key the request shows, or why it may not pass.
// stream is "" where the scope is not for one stream.
func (g *Guard) Check(r *http.Request, scope Scope, stream string) (string, error) {
	set := g.keys.Load()
	if set.open {
		return "", CheckHost(r)
	}
	secret := shown(r)
	if secret == "" {
		return "", record.Errorf(record.Unauthorized, "a key is needed: send it as Authorization: Bearer <key>")
	}
	hash := HashSecret(secret)
	for i := range set.configured {
		k := &set.configured[i]
		if subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1 {
			return k.Name, k.Allows(scope, stream)
		}
	}
	if set.public[hash] != nil {
		return "", record.Errorf(record.Forbidden, "key %q is public: it can only write, by /v1/t/{key} and the calls of Segment's SDKs", set.public[hash].Name)
	}
	return "", record.Errorf(record.Unauthorized, "this key is not known here")
}

// Allows says whether the key may do something; the error names what is missing.
func (k *Key) Allows(scope Scope, stream string) error {
	if !slices.Contains(k.Scopes, scope) && !slices.Contains(k.Scopes, Admin) {
		return record.Errorf(record.Forbidden, "key %q may not do this: it lacks the scope %s", k.Name, scope)
	}
	if stream != "" && len(k.Streams) > 0 && !slices.Contains(k.Streams, stream) {
		return record.Errorf(record.Forbidden, "key %q may not write to stream %q", k.Name, stream)
	}
	return nil
}

func shown(r *http.Request) string {
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(secret)
	}
	if user, password, ok := r.BasicAuth(); ok {
		if password != "" {
			return password
		}
		return user
	}
	return r.Header.Get("X-Api-Key")
}

// CheckHost refuses a request whose Host or Origin is not a loopback name: a web
// page elsewhere that has its name resolve to this machine must not get in.
func CheckHost(r *http.Request) error {
	if !loopback(r.Host) {
		return record.Errorf(record.Forbidden, "host %q: without keys this node answers only to localhost; configure keys in biwa.yaml to serve others", r.Host)
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	_, host, ok := strings.Cut(origin, "://")
	if !ok || !loopback(host) {
		return record.Errorf(record.Forbidden, "origin %q: without keys this node answers only to pages of localhost", origin)
	}
	return nil
}

func loopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Client is the address a request comes from: the last one in X-Forwarded-For
// that is not a trusted proxy, if the connection itself comes from one.
func (g *Guard) Client(r *http.Request) string {
	at := remote(r.RemoteAddr)
	if !g.isTrusted(at) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := remote(strings.TrimSpace(hops[i]))
		if _, err := netip.ParseAddr(hop); err != nil {
			return at
		}
		at = hop
		if !g.isTrusted(at) {
			return at
		}
	}
	return at
}

func remote(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

func (g *Guard) isTrusted(address string) bool {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(*g.trusted.Load(), func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
