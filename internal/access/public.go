package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// PublicKey is a public key in use.
type PublicKey struct {
	Key
	bucket *bucket
}

// Public finds a public key by its text.
func (g *Guard) Public(text string) (*PublicKey, error) {
	if k := g.keys.Load().public[HashSecret(text)]; k != nil && text != "" {
		return k, nil
	}
	return nil, record.Errorf(record.Unauthorized, "this public key is not known here: make one with biwa key create, or write it into biwa.yaml with the scope public")
}

// Stream is the one stream the key writes to.
func (k *PublicKey) Stream() string { return k.Streams[0] }

// CheckPage refuses a request that comes from a page the key is not for. Apps and
// servers name no origin, and neither do images; of those the Referer is looked at.
func (k *PublicKey) CheckPage(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		if origin = refererOrigin(r.Referer()); origin == "" {
			return nil
		}
	}
	if k.AllowsOrigin(origin) {
		return nil
	}
	return record.Errorf(record.Forbidden, "key %q is not for pages of %s: add the origin to the key's origins", k.Name, origin)
}

// AllowsOrigin says whether the key is for pages of an origin, as a browser's
// Origin header names it.
func (k *PublicKey) AllowsOrigin(origin string) bool {
	for _, pattern := range k.Origins {
		if matchOrigin(pattern, origin) {
			return true
		}
	}
	return false
}

// PublicOrigin says whether any public key is for pages of an origin: a preflight
// does not show the key when that stands in the body.
func (g *Guard) PublicOrigin(origin string) bool {
	for _, k := range g.keys.Load().public {
		if k.AllowsOrigin(origin) {
			return true
		}
	}
	return false
}

// Take counts records of a request against the key's rate.
func (k *PublicKey) Take(records int, now time.Time) error {
	wait := k.bucket.take(records, now)
	if wait == 0 {
		return nil
	}
	return &record.Error{Kind: record.Limited, Err: &RateError{Key: k.Name, Rate: k.bucket.rate, Wait: wait}}
}

// AnyOrigin stands for pages of every origin.
const AnyOrigin = "*"

const subdomains = "*."

// matchOrigin compares as browsers do: scheme and host in any letter case, the
// port exactly. https://*.example.com takes every host below example.com.
func matchOrigin(pattern, origin string) bool {
	if pattern == AnyOrigin {
		return true
	}
	scheme, host, ok := strings.Cut(pattern, "://")
	gotScheme, gotHost, isOrigin := strings.Cut(origin, "://")
	if !ok || !isOrigin || !strings.EqualFold(scheme, gotScheme) {
		return false
	}
	parent, wild := strings.CutPrefix(host, subdomains)
	if !wild {
		return strings.EqualFold(host, gotHost)
	}
	cut := len(gotHost) - len(parent)
	return cut > 1 && gotHost[cut-1] == '.' && strings.EqualFold(gotHost[cut:], parent)
}

// CheckOrigin says what is wrong with one of a key's origins.
func CheckOrigin(pattern string) error {
	if pattern == AnyOrigin {
		return nil
	}
	u, err := url.Parse(strings.Replace(pattern, "://"+subdomains, "://", 1))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return record.Errorf(record.Invalid, "%q is no origin: write https://www.example.com, https://*.example.com, or * for every page", pattern)
	case u.Path != "":
		return record.Errorf(record.Invalid, "%q has a path, and an origin ends with the host or the port: write %s://%s", pattern, u.Scheme, strings.TrimSuffix(pattern[len(u.Scheme)+3:], u.Path))
	case strings.Contains(u.Host, "*"):
		return record.Errorf(record.Invalid, "%q: a * stands for whole subdomains at the beginning, as in https://*.example.com", pattern)
	}
	return nil
}

// refererOrigin is the origin of the page that a Referer names, "" without one.
func refererOrigin(referer string) string {
	u, err := url.Parse(referer)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Usage is how a public key is used: records a second.
type Usage struct {
	Key             string
	Rate, Now, Peak int64
}

// Usages are all public keys' by name.
func (g *Guard) Usages(now time.Time) []Usage {
	var all []Usage
	for _, k := range g.keys.Load().public {
		last, most := k.bucket.usage(now)
		all = append(all, Usage{k.Name, int64(k.bucket.rate), last, most})
	}
	slices.SortFunc(all, func(a, b Usage) int { return strings.Compare(a.Key, b.Key) })
	return all
}
