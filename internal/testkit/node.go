// Package testkit starts whole nodes inside a test, on real parts: JetStream,
// SQLite, DuckDB and files. Only tests import it.
package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/shape"
)

// Node is a node under test, with a server for its HTTP door.
type Node struct {
	*app.Node
	T   testing.TB
	URL string
	AWS string

	data    string
	servers []*httptest.Server
	stopped bool
}

// Patience bounds every wait of a test; it is no measure of speed.
const Patience = time.Minute

// Past is a deadline that has gone by.
var Past = time.Unix(0, 0)

// Project is a project of streams, in UTC.
func Project(streams map[string]shape.Definition) app.Project {
	return app.Project{Name: "test", Location: time.UTC, Streams: streams}
}

// Start starts a node on a folder; it is stopped when the test ends.
func Start(t testing.TB, data string, p app.Project, change ...func(*app.Options)) *Node {
	t.Helper()
	o := app.Options{Data: data, Project: p, Log: slog.New(slog.NewTextHandler(logTo{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	// Small, so that many nodes fit on one machine; a small disk must not fail a test.
	o.Project.Limit.MemoryBytes, o.Project.Limit.DiskReserve = 512<<20, 1<<20
	for _, c := range change {
		c(&o)
	}
	if read := o.Read; read != nil { // a reload keeps the limits, unless the test changes them
		o.Read = func(ctx context.Context) (app.Project, error) {
			p, err := read(ctx)
			if p.Limit == (app.Limits{}) {
				p.Limit = o.Project.Limit
			}
			return p, err
		}
	}
	node, err := app.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	guard := access.NewGuard(nil, nil)
	n := &Node{Node: node, T: t, data: data}
	for _, h := range []http.Handler{node.HTTP(guard, "test"), node.AWS(guard)} {
		n.servers = append(n.servers, httptest.NewServer(h))
	}
	n.URL, n.AWS = n.servers[0].URL, n.servers[1].URL
	t.Cleanup(n.Shutdown)
	n.Await("ready", func() bool { return node.Started() == nil })
	return n
}

// Guarded is the same node behind another guard, on an address of its own.
func (n *Node) Guarded(guard *access.Guard) *Node {
	server := httptest.NewServer(n.HTTP(guard, "test"))
	n.servers = append(n.servers, server)
	return &Node{Node: n.Node, T: n.T, URL: server.URL, stopped: true}
}

type logTo struct{ t testing.TB }

func (l logTo) Write(line []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(line))
	return len(line), nil
}

// Shutdown stops the node in order; it may be called more than once.
func (n *Node) Shutdown() {
	if n.stopped {
		return
	}
	n.stopped = true
	for _, s := range n.servers {
		s.CloseClientConnections()
		s.Close()
	}
	if err := n.Stop(); err != nil {
		n.T.Errorf("stop: %v", err)
	}
}

// Image is a copy of the data folder as it is on disk now, which is what a node
// that is killed now would leave. It needs the node to be idle for a moment.
func (n *Node) Image() string {
	n.T.Helper()
	for range 100 {
		before, dir := n.fingerprint(), n.T.TempDir()
		err := copyFolder(dir, n.data)
		if err == nil && n.fingerprint() == before {
			return dir
		}
	}
	n.T.Fatal("the data folder does not come to rest")
	return ""
}

// fingerprint changes whenever a file does.
func (n *Node) fingerprint() string {
	var b strings.Builder
	_ = filepath.WalkDir(n.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went away: the next fingerprint differs
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular() || name == "ballast": // 64 MiB of nothing
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	})
}

// Await waits until something is so.
func (n *Node) Await(what string, is func() bool) {
	n.T.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			n.T.Fatalf("waited %v for: %s", Patience, what)
		}
	}
}

// Do sends a request and returns the status and the body.
func (n *Node) Do(method, path, body string, headers ...string) (int, string, http.Header) {
	n.T.Helper()
	r, err := http.NewRequest(method, n.URL+path, strings.NewReader(body))
	if err != nil {
		n.T.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		n.T.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		n.T.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// Send sends records and waits until SQL sees them.
func (n *Node) Send(stream, body string, headers ...string) collect.Answer {
	n.T.Helper()
	status, text, _ := n.Do(http.MethodPost, "/v1/events/"+stream+"?wait=queryable", body, headers...)
	var a collect.Answer
	if status != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil {
		n.T.Fatalf("send to %s: %d %s", stream, status, text)
	}
	return a
}

// Query runs a statement and returns its rows, cells as text.
func (n *Node) Query(sql string, params ...any) [][]string {
	n.T.Helper()
	body, err := json.Marshal(map[string]any{"sql": sql, "params": params})
	if err != nil {
		n.T.Fatal(err)
	}
	status, text, _ := n.Do(http.MethodPost, "/v1/query", string(body))
	if status != http.StatusOK {
		n.T.Fatalf("query %s: %d %s", sql, status, text)
	}
	var a struct {
		Rows  [][]any
		Error string
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&a); err != nil || a.Error != "" {
		n.T.Fatalf("query %s: %v %s", sql, err, text)
	}
	rows := make([][]string, len(a.Rows))
	for i, row := range a.Rows {
		for _, cell := range row {
			rows[i] = append(rows[i], fmt.Sprint(cell))
		}
	}
	return rows
}

// One is the single cell of a query's answer.
func (n *Node) One(sql string, params ...any) string {
	n.T.Helper()
	rows := n.Query(sql, params...)
	if len(rows) != 1 || len(rows[0]) != 1 {
		n.T.Fatalf("%s gave %v, want one cell", sql, rows)
	}
	return rows[0][0]
}

// Balance checks the ledger and the files behind it, and returns the report.
func (n *Node) Balance() ledger.Report {
	n.T.Helper()
	report, err := n.Ledger(context.Background())
	if err != nil {
		n.T.Fatal(err)
	}
	if !report.Balanced {
		n.T.Errorf("the ledger does not balance: %+v", report)
	}
	v, err := n.Verify(context.Background(), true)
	if err != nil {
		n.T.Fatal(err)
	}
	if !v.Balanced {
		n.T.Errorf("the files do not hold what was answered for: %+v", v)
	}
	return report
}
