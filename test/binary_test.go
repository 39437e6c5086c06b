// Package test runs the real binary: scripts that read like a manual, and kill -9,
// damage and a full disk under load.
package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/ledger"
)

// patience bounds every wait; it is no measure of speed.
const patience = 2 * time.Minute

// binary is the folder with biwa: of $BIWA, or built for this run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "biwa-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "biwa")
	if given := os.Getenv("BIWA"); given != "" {
		full, err := filepath.Abs(given)
		if err != nil {
			return "", err
		}
		return dir, os.Symlink(full, path)
	}
	build := exec.Command("go", "build", "-tags=duckdb_arrow", "-o", path, "../cmd/biwa")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binary(); err == nil {
		_ = os.RemoveAll(dir) // it lies in the system's temporary folder
	}
	os.Exit(code)
}

// node is a running biwa up.
type node struct {
	demo      bool     // of biwa demo, with its supervisor; else biwa up
	dir, work string   // project; where commands run
	flags     []string // besides the addresses
	env       []string
	http, aws string // addresses
	log       logBuffer

	cmd    *exec.Cmd
	exited chan error
	said   int // how often the log said that the node is ready before this start
}

const readyWords = "Ctrl-C stops it"

// logBuffer takes what a process prints.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newNode is a node that has yet to start; its ports stay the same when it is
// started again.
func newNode(work, dir string, flags ...string) (*node, error) {
	n := &node{dir: dir, work: work, flags: flags, env: os.Environ()}
	for _, address := range []*string{&n.http, &n.aws} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*address = l.Addr().String()
		defer l.Close()
	}
	return n, nil
}

func (n *node) url() string { return "http://" + n.http }

// launch starts the process and does not wait.
func (n *node) launch() error {
	dir, err := binary()
	if err != nil {
		return err
	}
	command := []string{"up", n.dir}
	if n.demo {
		command = []string{"demo", "--dir", n.dir}
	}
	n.cmd = exec.Command(filepath.Join(dir, "biwa"), slices.Concat(command, []string{"--http", n.http, "--aws", n.aws}, n.flags)...)
	n.cmd.Dir, n.cmd.Env, n.cmd.Stdout, n.cmd.Stderr = n.work, n.env, &n.log, &n.log
	n.said = strings.Count(n.log.String(), readyWords)
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }(n.cmd, n.exited)
	return nil
}

// start starts the node and waits until it is ready.
func (n *node) start() error {
	if err := n.launch(); err != nil {
		return err
	}
	return n.awaitReady()
}

func (n *node) awaitReady() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		select {
		case err := <-n.exited:
			n.exited <- err
			return fmt.Errorf("biwa up ended before it was ready: %w\n%s", err, n.log.String())
		case <-deadline:
			return fmt.Errorf("biwa up is not ready after %v\n%s", patience, n.log.String())
		case <-tick.C:
		}
		answer, err := http.Get(n.url() + "/readyz")
		if err != nil {
			continue
		}
		why, _ := io.ReadAll(answer.Body) // an answer that breaks off is none
		answer.Body.Close()
		// On a full disk a node starts, answers queries and says that it takes no records.
		started := answer.StatusCode == http.StatusOK || strings.Contains(string(why), "limits.disk_reserve")
		if started && strings.Count(n.log.String(), readyWords) > n.said {
			return nil
		}
	}
}

// kill ends the process as a power cut to it does, and waits until it is gone.
func (n *node) kill() error {
	if n.cmd == nil {
		return nil
	}
	_ = n.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
	<-n.exited
	n.cmd = nil
	return nil
}

// stop ends the node in order.
func (n *node) stop() error {
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-n.exited:
		n.cmd = nil
		if err != nil {
			return fmt.Errorf("stop: %w\n%s", err, n.log.String())
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the node does not stop\n%s", n.log.String())
	}
}

// errEnded is what a node's exit with an error is.
var errEnded = errors.New("biwa up ended with an error")

// end ends the node in order, wherever it is; errEnded if it has ended with an
// error, by itself or now.
func (n *node) end() error {
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case err := <-n.exited:
		n.cmd = nil
		if err != nil {
			return fmt.Errorf("%w: %w", errEnded, err)
		}
		return nil
	case <-time.After(patience):
		return errors.New("the node does not stop")
	}
}

// await polls until something is so.
func await(is func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// biwa runs a command against the node and returns what it prints.
func (n *node) biwa(args ...string) (stdout string, code int, err error) {
	dir, err := binary()
	if err != nil {
		return "", 0, err
	}
	cmd := exec.Command(filepath.Join(dir, "biwa"), args...)
	cmd.Dir, cmd.Env = n.work, append(n.env, "BIWA_URL="+n.url())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("biwa %s: %w\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), cmd.ProcessState.ExitCode(), err
}

// ledger is the node's account.
func (n *node) ledger(t *testing.T) (r ledger.Report) {
	t.Helper()
	out, _, err := n.biwa("ledger", "--json")
	if uerr := json.Unmarshal([]byte(out), &r); uerr != nil {
		t.Fatalf("ledger: %v %v", uerr, err)
	}
	return r
}

// column runs a statement of one column, as text.
func (n *node) column(t *testing.T, statement string) (cells []string) {
	t.Helper()
	out, _, err := n.biwa("sql", "--format", "json", "-c", statement)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Rows [][]string }
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	for _, row := range answer.Rows {
		cells = append(cells, row[0])
	}
	return cells
}

// post sends a body and decodes the answer, whatever its status.
func (n *node) post(t *testing.T, path, body string, answer any) int {
	t.Helper()
	r, err := http.Post(n.url()+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if answer == nil {
		return r.StatusCode
	}
	if err := json.NewDecoder(r.Body).Decode(answer); err != nil {
		t.Fatalf("post %s: status %d: %v", path, r.StatusCode, err)
	}
	return r.StatusCode
}
