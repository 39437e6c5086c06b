package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/project"
)

// listening is a listener of which only the address matters.
type listening struct {
	net.Listener
	at *net.TCPAddr
}

func (l listening) Addr() net.Addr { return l.at }

// A project without keys is refused while the node is reached from elsewhere, and when
// the next start would refuse it.
func TestANodeThatIsReachedKeepsAKey(t *testing.T) {
	everywhere, here := &net.TCPAddr{IP: net.IPv4zero, Port: 2492}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2492}
	admin := []access.Key{{Name: "me", Scopes: []access.Scope{access.Admin}}}
	public := []access.Key{{Name: "site", Scopes: []access.Scope{access.Public}}}
	for _, c := range []struct {
		name, config string
		flags        serverFlags
		at           *net.TCPAddr
		keys         []access.Key
		want         string // "" for none
	}{
		{"keys are left", "name: x\n", serverFlags{}, everywhere, admin, ""},
		{"the last key is gone", "name: x\nlisteners: {http: \"0.0.0.0:2492\"}\n", serverFlags{}, everywhere, nil, "biwa.yaml:2:13: the node listens on 0.0.0.0:2492, and without keys"},
		{"only a public key is left", "name: x\nkeys: []\n", serverFlags{http: "0.0.0.0:2492"}, everywhere, public, "biwa.yaml:2:1: the node listens on 0.0.0.0:2492"},
		{"the last key is gone, and the next start is on loopback", "name: x\n", serverFlags{}, everywhere, nil, "biwa.yaml: the node listens on 0.0.0.0:2492"},
		{"the next start would refuse it", "name: x\nlisteners:\n  aws: 192.0.2.1:4566\n", serverFlags{}, here, nil, "biwa.yaml:3:3: listeners.aws is 192.0.2.1:4566, and a node without keys"},
		{"a flag keeps it on loopback", "name: x\nlisteners: {http: \"0.0.0.0:2492\", aws: off}\n", serverFlags{http: "localhost:2492"}, here, nil, ""},
		{"on loopback", "name: x\n", serverFlags{}, here, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "biwa.yaml"), []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			p, problems := project.Load(dir, func(string) (string, bool) { return "", false })
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			s := &server{listeners: [2]net.Listener{listening{at: c.at}}}
			err := s.refuseOpen(&c.flags, p, c.keys)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
