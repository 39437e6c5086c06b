package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// start measures, with a process of its own, how long an empty node takes until
// it is ready, how long one whose journal is full and was killed, and the memory
// of an idle one.
func start(ctx context.Context, o Options) (Result, error) {
	dir := filepath.Join(o.Dir, "project")
	if err := writeProject(dir); err != nil {
		return Result{}, err
	}
	empty, err := startProcess(ctx, dir)
	if err != nil {
		return Result{}, err
	}
	idle, err := anonymousMemory(empty.command.Process.Pid)
	if err != nil {
		return Result{}, errors.Join(err, empty.kill())
	}
	o.Progress("filling the journal")
	load := bodies(64)
	l := newLoad(empty.url+"/v1/events/log", load, 0)
	// The journal is trimmed at half its limit, so twice that has filled it.
	limited, cancel := context.WithTimeout(ctx, time.Duration(float64(o.Duration)*o.Scale)+time.Second)
	err = l.run(limited)
	cancel()
	if err := errors.Join(err, empty.kill()); err != nil {
		return Result{}, err
	}
	o.Progress("starting again")
	full, err := startProcess(ctx, dir)
	if err != nil {
		return Result{}, err
	}
	return Result{Value: empty.took.Seconds(), Unit: "s", Baseline: 1, Ratio: empty.took.Seconds(), Against: "1 s", Goal: "<= 1 s empty, <= 3 s with a full journal, <= 150 MB idle",
		Met:     empty.took <= time.Second && full.took <= 3*time.Second && idle <= 150,
		Details: map[string]float64{"after_kill_s": full.took.Seconds(), "idle_anonymous_mb": idle, "records_before_kill": float64(l.sent.Load())}}, full.kill()
}

func writeProject(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "streams"), 0o755); err != nil {
		return err
	}
	stream := "event_time: ts\nunknown_fields: drop\ncolumns:\n  - {name: ts, type: timestamptz}\n  - {name: url, type: varchar}\n  - {name: status, type: int}\n"
	return errors.Join(os.WriteFile(filepath.Join(dir, "biwa.yaml"), []byte("name: bench\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "streams", "log.yaml"), []byte(stream), 0o600))
}

// process is a node that runs as a process of its own.
type process struct {
	command *exec.Cmd
	url     string
	took    time.Duration // until it was ready
}

func startProcess(ctx context.Context, dir string) (*process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if given := os.Getenv("BIWA"); given != "" {
		binary = given // a test's own executable is not the node
	}
	ports := [2]int{}
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	p := &process{url: fmt.Sprintf("http://127.0.0.1:%d", ports[0])}
	p.command = exec.CommandContext(ctx, binary, "up", dir, "--http", fmt.Sprintf("127.0.0.1:%d", ports[0]), "--aws", fmt.Sprintf("127.0.0.1:%d", ports[1]))
	p.command.Stderr = os.Stderr
	began := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for {
		answer, err := http.Get(p.url + "/readyz") //nolint:noctx // a moment
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				p.took = time.Since(began)
				return p, nil
			}
		}
		if time.Since(began) > time.Minute || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("the node was not ready after %v", time.Since(began)), p.kill())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (p *process) kill() error {
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	_ = p.command.Wait() // it was killed; that is no error here
	return nil
}

// anonymousMemory is what a process holds of memory that is no file, in MB.
func anonymousMemory(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			return float64(kb) / 1024, err
		}
	}
	return 0, errors.New("no RssAnon in /proc")
}
