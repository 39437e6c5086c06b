package demo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/biwa-data/biwa/internal/service"
)

// Keeper runs a process, and runs it again whenever a signal has ended it.
type Keeper struct {
	command func() *exec.Cmd
	clock   service.Clock
	died    func(pid int, at time.Time)

	mu       sync.Mutex
	running  *exec.Cmd // nil while none is
	since    time.Time
	stopping bool
	ended    chan struct{}
	err      error
}

// NewKeeper returns a keeper of what command makes. died is told of each process that
// a signal has ended, before the next one starts.
func NewKeeper(command func() *exec.Cmd, clock service.Clock, died func(pid int, at time.Time)) *Keeper {
	return &Keeper{command: command, clock: clock, died: died, ended: make(chan struct{})}
}

// A process that lives shorter than this, so many times, will not live.
const (
	shortLife  = 2 * time.Second
	shortLives = 5
)

// stopTime is how long a process may take to stop in order.
const stopTime = time.Minute

// Start runs the first process, and keeps one running until Stop.
func (k *Keeper) Start() {
	go func() {
		defer close(k.ended)
		// On Linux the process ends with the thread that made it, so that no keeper
		// that is killed leaves one behind. The thread is this goroutine's alone.
		runtime.LockOSThread()
		k.err = k.keep()
	}()
}

func (k *Keeper) keep() error {
	for short := 0; ; {
		cmd, err := k.run()
		if err != nil {
			return err
		}
		err = cmd.Wait()
		at := k.clock.Now()
		k.mu.Lock()
		k.running = nil
		stopping, lived := k.stopping, at.Sub(k.since)
		k.mu.Unlock()
		var exit *exec.ExitError
		bySignal := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
		switch {
		case stopping && err == nil, stopping && bySignal:
			return nil
		case !bySignal && err != nil:
			return fmt.Errorf("the node has ended: %w", err)
		case lived >= shortLife:
			short = 0
		}
		if short++; short > shortLives {
			return errors.Join(fmt.Errorf("the node ends again and again, the last time after %v", lived.Round(time.Millisecond)), err)
		}
		k.died(cmd.Process.Pid, at)
	}
}

// run starts a process.
func (k *Keeper) run() (*exec.Cmd, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	cmd := k.command()
	if k.stopping {
		return nil, context.Canceled
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	k.running, k.since = cmd, k.clock.Now()
	return cmd, nil
}

// Process is the running process and since when it runs; 0 while none does.
func (k *Keeper) Process() (pid int, since time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		return 0, time.Time{}
	}
	return k.running.Process.Pid, k.since
}

// Kill ends the running process with SIGKILL: it is asked nothing and told nothing.
func (k *Keeper) Kill() error { return k.signal(syscall.SIGKILL) }

func (k *Keeper) signal(s syscall.Signal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		return errors.New("no node is running: it is being started")
	}
	return k.running.Process.Signal(s)
}

// Ended is closed when the keeper keeps nothing more.
func (k *Keeper) Ended() <-chan struct{} { return k.ended }

// Stop ends the process in order and waits; it may be called more than once.
func (k *Keeper) Stop() error {
	k.mu.Lock()
	k.stopping = true
	k.mu.Unlock()
	_ = k.signal(syscall.SIGTERM) // it may have ended
	select {
	case <-k.ended:
	case <-time.After(stopTime):
		_ = k.signal(syscall.SIGKILL) // what it had accepted is on disk
		<-k.ended
	}
	if errors.Is(k.err, context.Canceled) {
		return nil
	}
	return k.err
}
