package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/record"
)

// server makes a server of a project folder and the flags. Further keys hold besides
// those of the project.
func (f *serverFlags) server(cmd *cobra.Command, dir string, keys ...project.Key) (*server, error) {
	s := &server{out: cmd.OutOrStdout(), log: f.logger()}
	p, forNode, err := f.read(cmd.Context(), dir, keys)
	if err != nil {
		return nil, err
	}
	s.http, s.aws = f.addresses(p.Config)
	s.guard = access.NewGuard(forNode.Keys, forNode.Proxies)
	s.options = app.Options{Data: f.folder(dir, p.Config.Storage.Data), Project: forNode, Guard: s.guard, Log: s.log,
		Read: func(ctx context.Context) (app.Project, error) {
			p, forNode, err := f.read(ctx, dir, keys)
			if err == nil {
				err = s.refuseOpen(f, p, forNode.Keys)
			}
			if err != nil {
				return app.Project{}, record.Errorf(record.Invalid, "%w", err)
			}
			return forNode, nil
		}}
	return s, nil
}

// read reads a project, and as a node runs it.
func (f *serverFlags) read(ctx context.Context, dir string, keys []project.Key) (*project.Project, app.Project, error) {
	p, err := load(ctx, dir)
	if err != nil {
		return nil, app.Project{}, err
	}
	p.Config.Keys = append(p.Config.Keys, keys...)
	forNode, err := f.forNode(p)
	return p, forNode, err
}

// addresses are those of the HTTP and the AWS port: the flags win.
func (f *serverFlags) addresses(c project.Config) (http, aws string) {
	return either(f.http, c.Listeners.HTTP), either(f.aws, c.Listeners.AWS)
}

// settings are all keys of biwa.yaml, with what the flags say in place of what they
// win over.
func (f *serverFlags) settings(c project.Config) []app.Setting {
	c.Listeners.HTTP, c.Listeners.AWS = f.addresses(c)
	c.Listeners.Postgres = either(f.postgres, c.Listeners.Postgres)
	c.Storage.Data = either(f.data, c.Storage.Data)
	var list []app.Setting
	for _, s := range c.Settings() {
		list = append(list, app.Setting(s))
	}
	return list
}

// refuseOpen refuses a project without keys while the node is reached from beyond this
// machine, or would be after a restart, which would refuse it too.
func (s *server) refuseOpen(f *serverFlags, p *project.Project, keys []access.Key) error {
	if !access.AllPublic(keys) {
		return nil
	}
	http, aws := f.addresses(p.Config)
	for i, door := range []struct{ key, next string }{{"listeners.http", http}, {"listeners.aws", aws}} {
		problem := project.Problem{File: p.Written.File()}
		switch l := s.listeners[i]; {
		case l != nil && !addressOnLoopback(l.Addr().String()):
			problem.Message = fmt.Sprintf("the node listens on %s, and without keys it may listen on loopback only", l.Addr())
			problem.Suggestion = "keep a key that is not public, or restart the node on loopback"
		case door.next != project.Off && !addressOnLoopback(door.next):
			problem.Message = fmt.Sprintf("%s is %s, and a node without keys listens on loopback only", door.key, door.next)
			problem.Suggestion = "add keys, or write 127.0.0.1 and the port"
		default:
			continue
		}
		if problem.Line, problem.Column, _ = p.Written.Find(door.key); problem.Line == 0 {
			problem.Line, problem.Column, _ = p.Written.Find("keys")
		}
		return fmt.Errorf("1 mistake in %s:\n%w", p.Dir, project.Problems{problem})
	}
	return nil
}

func addressOnLoopback(address string) bool {
	host, _, err := splitAddress(address)
	return err == nil && onLoopback(host)
}

// accessKeys are the keys of a project as requests are checked with them.
func accessKeys(c project.Config) (keys []access.Key, err error) {
	for _, k := range c.Keys {
		key := access.Key{Name: k.Name, Scopes: []access.Scope{access.Scope(k.Scope)}, Streams: k.Streams, Secret: k.Secret, Hash: access.HashSecret(k.Secret), Origins: k.Origins, Rate: k.Rate}
		if k.Secret == "" {
			if key.Hash, err = access.ParseHash(k.Hash); err != nil {
				return nil, fmt.Errorf("key %s: %w", k.Name, err)
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// trustedProxies are the proxies of a project as networks.
func trustedProxies(c project.Config) (proxies []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, record.Errorf(record.Invalid, "trusted_proxies: %q is no address or network", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		proxies = append(proxies, prefix)
	}
	return proxies, nil
}
