package project

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/shape"
)

// checkConfig notes what is wrong with biwa.yaml beyond what reading it shows.
func (p *Project) checkConfig(doc *document) {
	c := &p.Config
	note := func(path, suggestion, format string, args ...any) {
		doc.add(doc.place(path), suggestion, format, args...)
	}
	if c.Bundle != "single" {
		suggestion := ""
		if c.Bundle == "cluster" {
			suggestion = "the cluster is not built yet; write single"
		}
		note("bundle", orElse(suggestion, "write single"), "there is no bundle %q", c.Bundle)
	}
	for path, address := range map[string]string{"listeners.http": c.Listeners.HTTP, "listeners.aws": c.Listeners.AWS, "listeners.postgres": c.Listeners.Postgres} {
		if err := checkAddress(address); err != nil {
			note(path, "write host:port such as 127.0.0.1:2492, :2492 for every address, or off", "%v", err)
		}
	}
	for i, proxy := range c.TrustedProxies {
		_, notAddress := netip.ParseAddr(proxy)
		_, notNetwork := netip.ParsePrefix(proxy)
		if notAddress != nil && notNetwork != nil {
			note(fmt.Sprintf("trusted_proxies[%d]", i), "write an address such as 10.0.0.1, or a network such as 10.0.0.0/8", "%q is no address or network", proxy)
		}
	}
	for path, n := range map[string]int{"limits.heavy_queries": c.Limits.HeavyQueries, "limits.queue": c.Limits.Queue, "limits.evolve_columns": c.Limits.EvolveColumns} {
		if n < 1 {
			note(path, "", "%d is less than 1", n)
		}
	}
	if c.Limits.Memory < minMemory {
		note("limits.memory", "", "%s is less than the %s that SQL needs", c.Limits.Memory, minMemory)
	}
	for name, e := range c.Environments {
		if len(e.Environments) > 0 {
			note(environmentsPath+name+".environments", "", "an environment has no environments of its own")
		}
	}
	p.checkKeys(doc, note)
}

// minMemory is the least limits.memory with which the SQL engine starts.
const minMemory shape.Size = 128 << 20

// loadLocation finds the project's time zone, which streams need to be checked.
func (p *Project) loadLocation(doc *document) {
	location, err := time.LoadLocation(p.Config.Timezone)
	if err != nil || p.Config.Timezone == "Local" {
		suggestion := "write an IANA name such as Asia/Tokyo or Europe/Berlin"
		if zone := zoneNames[strings.ToUpper(p.Config.Timezone)]; zone != "" {
			suggestion = "did you mean " + zone + "?"
		} else if near := nearest.Word(p.Config.Timezone, commonZones()); near != "" {
			suggestion = "did you mean " + near + "?"
		}
		doc.add(doc.place("timezone"), suggestion, "there is no time zone %q", p.Config.Timezone)
		return
	}
	p.Location = location
}

// zoneNames are zones by what people call them, for suggestions.
var zoneNames = map[string]string{
	"JST": "Asia/Tokyo", "JAPAN": "Asia/Tokyo", "TOKYO": "Asia/Tokyo", "KST": "Asia/Seoul", "SEOUL": "Asia/Seoul", "IST": "Asia/Kolkata", "SGT": "Asia/Singapore",
	"HKT": "Asia/Hong_Kong", "BEIJING": "Asia/Shanghai", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "EDT": "America/New_York",
	"CDT": "America/Chicago", "BST": "Europe/London", "LONDON": "Europe/London", "CEST": "Europe/Berlin", "BERLIN": "Europe/Berlin", "PARIS": "Europe/Paris",
	"AEST": "Australia/Sydney", "SYDNEY": "Australia/Sydney", "BRT": "America/Sao_Paulo", "Z": "UTC", "ZULU": "UTC",
}

func commonZones() []string {
	var zones []string
	for _, z := range zoneNames {
		zones = append(zones, z)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

func checkAddress(address string) error {
	if address == Off {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address to listen on", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535", address)
	}
	return nil
}

// minSecretBytes is the shortest secret that is not guessed in a day.
const minSecretBytes = 16

var scopes = []string{"ingest", "read", "admin", string(access.Public)}

func (p *Project) checkKeys(doc *document, note func(path, suggestion, format string, args ...any)) {
	seen := map[string]bool{}
	for i, k := range p.Config.Keys {
		path := fmt.Sprintf("keys[%d]", i)
		switch {
		case k.Name == "":
			note(path, "write name: and a name", "the key has no name")
		case seen[k.Name]:
			note(path+".name", "rename one of them", "two keys are called %s", k.Name)
		}
		seen[k.Name] = true
		if !slices.Contains(scopes, k.Scope) {
			note(path+".scope", "write one of "+strings.Join(scopes, ", "), "key %s: there is no scope %q", k.Name, k.Scope)
		}
		digits, isHash := strings.CutPrefix(k.Hash, "sha256:")
		sum, err := hex.DecodeString(digits)
		switch {
		case k.Secret == "" && k.Hash == "" && doc.keys[path+".secret"] == nil: // else it is known that it cannot be read
			note(path, "write secret: ${NAME:?} or hash: sha256:…", "key %s has no secret", k.Name)
		case k.Secret != "" && k.Hash != "":
			note(path+".hash", "take one of them out", "key %s has a secret and a hash", k.Name)
		case k.Hash != "" && (!isHash || err != nil || len(sum) != 32):
			note(path+".hash", "write sha256: and 64 hexadecimal digits", "key %s: the hash does not read", k.Name)
		case k.Secret != "" && len(k.Secret) < minSecretBytes:
			note(path+".secret", "make one with: openssl rand -hex 24", "key %s: a secret has at least %d characters", k.Name, minSecretBytes)
		}
		for j, stream := range k.Streams {
			if _, ok := p.Streams[stream]; !ok {
				note(fmt.Sprintf("%s.streams[%d]", path, j), suggestKey(stream, p.StreamNames()), "key %s: there is no stream %s", k.Name, stream)
			}
		}
		checkPublic(k, path, note)
	}
}

// checkPublic notes what is wrong with the keys of a key that public keys have.
func checkPublic(k Key, path string, note func(path, suggestion, format string, args ...any)) {
	if access.Scope(k.Scope) != access.Public {
		for word, given := range map[string]bool{"origins": len(k.Origins) > 0, "rate": k.Rate != 0} {
			if given {
				note(path+"."+word, "take it out, or write scope: public", "key %s: only a public key has %s", k.Name, word)
			}
		}
		return
	}
	if len(k.Streams) != 1 {
		note(path, "write streams: and one stream", "key %s: a public key writes to exactly one stream, this one names %d", k.Name, len(k.Streams))
	}
	for i, origin := range k.Origins {
		if err := access.CheckOrigin(origin); err != nil {
			note(fmt.Sprintf("%s.origins[%d]", path, i), "", "key %s: %v", k.Name, err)
		}
	}
	if k.Rate < 0 {
		note(path+".rate", "write how many records a second it may bring", "key %s: %d is less than 1", k.Name, k.Rate)
	}
}
