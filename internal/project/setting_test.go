package project

import (
	"maps"
	"strings"
	"testing"
)

// The settings are all of biwa.yaml, with defaults, and no secret.
func TestSettings(t *testing.T) {
	config := `name: shop
keys:
  - {name: me, scope: admin, secret: "admin-c0ffee-5512-aa"}
  - {name: site, scope: public, hash: "sha256:` + strings.Repeat("ab", 32) + `", streams: [s], origins: ["https://a.example"], rate: 9}
trusted_proxies: [10.0.0.1, 10.1.0.0/16]
limits: {query_time: 90s}
environments:
  production:
    limits: {recent: 1GiB}
`
	dir := folder(t, "biwa.yaml", config, "streams/s.yaml", "columns: [{name: a, type: int}]\n")
	p, problems := Load(dir, func(name string) (string, bool) { return "production", name == environmentVariable })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := map[string]string{}
	for _, s := range p.Config.Settings() {
		got[s.Key] = s.Value
		if strings.Contains(s.Value+s.Mark, "c0ffee") {
			t.Errorf("%s tells a secret: %+v", s.Key, s)
		}
		if (s.Mark != "") != strings.HasPrefix(s.Key, "keys.") {
			t.Errorf("%s has the mark %q", s.Key, s.Mark)
		}
	}
	want := map[string]string{"name": "shop", "timezone": "UTC", "bundle": "single", "storage.data": "data", "listeners.http": ":2492", "listeners.aws": ":4566", "listeners.postgres": "off",
		"keys.me": "admin", "keys.site": "public, streams s, origins https://a.example, rate 9", "trusted_proxies": "10.0.0.1, 10.1.0.0/16",
		"limits.body": "32MiB", "limits.in_flight": "64MiB", "limits.journal": "1GiB", "limits.recent": "1GiB", "limits.memory": "2GiB", "limits.temp": "16GiB", "limits.disk_reserve": "1GiB", "limits.evolve_columns": "32",
		"limits.heavy_queries": "2", "limits.queue": "64", "limits.query_time": "1m30s", "limits.idle_read": "1m", "idempotency.window": "1d", "flush.size": "64MiB", "flush.age": "10s", "archive.retention": ""}
	if !maps.Equal(got, want) {
		t.Errorf("settings\n%v, want\n%v", got, want)
	}
}
