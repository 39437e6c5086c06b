package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/demo"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Environ's variables by which a node knows that it is the demo's.
const (
	demoSupervisor = "BIWA_DEMO_SUPERVISOR" // address
	demoToken      = "BIWA_DEMO_TOKEN"
)

// demoKey is the public key of the demo's site. Everybody may know it, and it is for
// pages of this node alone.
const demoKey = "pk_demo_of_a_publishing_site"

// runNode runs the demo's node, a child of its supervisor.
func (d *demonstration) runNode(cmd *cobra.Command, supervisor string) error {
	ctx := cmd.Context()
	var doors [2]*door
	for i := range doors {
		f := os.NewFile(uintptr(3+i), "door")
		if l, err := net.FileListener(f); err == nil { // what is no socket is a door that is off
			doors[i] = &door{Listener: l}
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("the demo's node inherits no doors: %w", err)
		}
	}
	if doors[0] == nil {
		return errors.New("the demo's node inherits no doors")
	}
	saves, err := project.NewWatcher(d.dir)
	if err != nil {
		return err
	}
	defer saves.Close()
	base := urlOf(doors[0])
	s, err := d.flags.server(cmd, d.dir, project.Key{Name: "demo-site", Scope: string(access.Public), Secret: demoKey, Streams: []string{"page_views"},
		Origins: []string{base, strings.Replace(base, "localhost", "127.0.0.1", 1)}})
	if err != nil {
		return err
	}
	s.saves = saves
	site := &demoSite{Remote: demo.Remote{URL: supervisor, Token: os.Getenv(demoToken), HTTP: &http.Client{}}, dir: d.dir, client: &client{base: base, http: &http.Client{}}}
	for i, l := range doors {
		if l != nil {
			s.inherited[i] = l
			site.doors = append(site.doors, l)
		}
	}
	s.options.Demo, site.server = site, s
	if err := s.start(ctx); err != nil {
		return err
	}
	return errors.Join(s.wait(ctx), s.stop())
}

// door is a listener that can be shut without an error: who comes then waits in the
// kernel's queue, which the supervisor holds open, for the next process.
type door struct {
	net.Listener
	shut atomic.Bool
}

// Accept waits for a connection; of a door that is shut none comes.
func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil && d.shut.Load() {
		select {} // until the process ends, which is now
	}
	return c, err
}

// demoSite is what the demo's pages have of the demo.
type demoSite struct {
	demo.Remote
	dir    string
	doors  []*door
	client *client
	server *server
}

// Key is the public key of the site's pages.
func (s *demoSite) Key() string { return demoKey }

// Articles are those of the site.
func (s *demoSite) Articles() []console.Article { return demo.Stories() }

// Shut keeps further connections waiting for the next process.
func (s *demoSite) Shut() {
	for _, d := range s.doors {
		d.shut.Store(true)
		_ = d.Listener.Close() // the supervisor's own is still open
	}
}

// streamFile is where a stream's definition is.
func (s *demoSite) streamFile(dir, stream string) string {
	return filepath.Join(dir, "streams", stream+".yaml")
}

// Definition is a stream's file.
func (s *demoSite) Definition(stream string) (string, error) {
	text, err := os.ReadFile(s.streamFile(s.dir, stream))
	if errors.Is(err, fs.ErrNotExist) {
		return "", record.Errorf(record.NotFound, "there is no streams/%s.yaml in %s", stream, s.dir)
	}
	return string(text), err
}

// Define checks the project with another text for a stream's file, in a copy, and
// only then saves and applies it.
func (s *demoSite) Define(ctx context.Context, stream, text string) error {
	copied, err := os.MkdirTemp("", "biwa-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	for _, folder := range []string{"streams", "seeds"} {
		if err := os.CopyFS(filepath.Join(copied, folder), os.DirFS(filepath.Join(s.dir, folder))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("check streams/%s.yaml: %w", stream, err)
		}
	}
	config, err := os.ReadFile(filepath.Join(s.dir, "biwa.yaml"))
	if err != nil {
		return err
	}
	err = errors.Join(os.WriteFile(filepath.Join(copied, "biwa.yaml"), config, 0o600), os.WriteFile(s.streamFile(copied, stream), []byte(text), 0o600))
	if err != nil {
		return err
	}
	p, problems := project.Load(copied, os.LookupEnv)
	bound, err := bind(ctx, p)
	if err != nil {
		return err
	}
	if problems = append(problems, bound...); len(problems) > 0 {
		return record.Errorf(record.Invalid, "%w", problems)
	}
	// A new file in the place of the old: whoever reads sees one of them whole.
	file := s.streamFile(s.dir, stream)
	next := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o644), os.Rename(next, file)); err != nil {
		return fmt.Errorf("save streams/%s.yaml: %w", stream, err)
	}
	_, err = s.server.node.Reload(ctx)
	return err
}

// Send sends one record by the HTTP door, and waits until SQL sees it.
func (s *demoSite) Send(ctx context.Context, stream, userAgent string, line []byte) (record.RecordID, error) {
	var answer collect.Answer
	r, err := s.client.do(ctx, http.MethodPost, "/v1/events/"+stream+"?wait=queryable", bytes.NewReader(line),
		map[string]string{"Content-Type": "application/x-ndjson", "Prefer": "handling=lenient", "User-Agent": userAgent})
	if err != nil {
		return 0, record.Errorf(record.Invalid, "%w", err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("send to %s: %w", stream, err)
	}
	return record.ParseRecordID(answer.First)
}
