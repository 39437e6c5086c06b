package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/service"
)

// Node is the node as a client sees it.
type Node interface {
	Ready(ctx context.Context) error
	// Count runs a statement with one row of two numbers.
	Count(ctx context.Context, sql string) (a, b int64, err error)
}

// Supervisor keeps the demo's node running and proves after each death of it that
// nothing was lost. It outlives the node, and so does what it knows.
type Supervisor struct {
	Keeper       *Keeper
	Acknowledged *Acknowledged
	Node         Node
	Clock        service.Clock
	Run          int64   // of the generator
	Rate         float64 // records a second; 0 for none

	work   *service.Group
	mu     sync.Mutex
	trials []console.Trial // oldest first
}

// trialsKept is how many trials are remembered.
const trialsKept = 20

// Start begins to take trials, until ctx ends.
func (s *Supervisor) Start(ctx context.Context) { s.work = service.NewGroup(ctx) }

// Stop ends trials that have not ended, and waits.
func (s *Supervisor) Stop() error { return s.work.Stop() }

// Died begins a trial: the node was killed.
func (s *Supervisor) Died(pid int, at time.Time) {
	s.mu.Lock()
	s.trials = append(s.trials, console.Trial{At: at, Pid: pid})
	s.trials = s.trials[max(0, len(s.trials)-trialsKept):]
	s.mu.Unlock()
	s.work.Go(func(ctx context.Context) error {
		result := s.try(ctx, console.Trial{At: at, Pid: pid})
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.trials {
			if s.trials[i].Pid == pid && s.trials[i].At.Equal(at) {
				s.trials[i] = result
			}
		}
		return nil
	})
}

// A trial's patience: until the node is back, and until what was acknowledged is
// found, for SQL sees a record a moment after its answer.
const (
	backTime  = 5 * time.Minute
	foundTime = 15 * time.Second
	lookEvery = 10 * time.Millisecond
)

// try waits until the node is back and counts.
func (s *Supervisor) try(ctx context.Context, t console.Trial) console.Trial {
	before, _ := s.Acknowledged.Number()
	err := until(ctx, backTime, func(ctx context.Context) error { return s.Node.Ready(ctx) })
	if err != nil {
		t.Failure = err.Error()
		return t
	}
	t.Down = s.Clock.Now().Sub(t.At)
	if s.Rate > 0 {
		// Only what was written after the death as well makes the count whole.
		s.awaitMore(ctx, before)
	}
	t.Acknowledged, _ = s.Acknowledged.Number()
	t.SQL = fmt.Sprintf("select count(distinct n) as found, count(n) - count(distinct n) as twice\nfrom page_views where run = %d and n <= %d", s.Run, t.Acknowledged)
	err = until(ctx, foundTime, func(ctx context.Context) (err error) {
		t.Found, t.Twice, err = s.Node.Count(ctx, t.SQL)
		if err == nil && t.Found < t.Acknowledged {
			err = fmt.Errorf("%d of %d acknowledged records are found", t.Found, t.Acknowledged)
		}
		return err
	})
	if err != nil && ctx.Err() == nil && t.Found == t.Acknowledged {
		t.Failure = err.Error()
	}
	t.Done = s.Clock.Now()
	return t
}

// awaitMore waits until more than some numbers are acknowledged.
func (s *Supervisor) awaitMore(ctx context.Context, than int64) {
	ctx, cancel := context.WithTimeout(ctx, foundTime)
	defer cancel()
	for {
		number, more := s.Acknowledged.Number()
		if number > than {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// until tries until there is no error, or for so long; it returns the last error.
func until(ctx context.Context, patience time.Duration, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// State is what the demo's pages show of it.
func (s *Supervisor) State() console.DemoState {
	state := console.DemoState{Rate: s.Rate, Run: s.Run, Records: s.Acknowledged.Records(), Step: AcknowledgedStep, Recent: s.Acknowledged.Recent()}
	state.Acknowledged, _ = s.Acknowledged.Number()
	state.Pid, state.Since = s.Keeper.Process()
	s.mu.Lock()
	defer s.mu.Unlock()
	state.Trials = slices.Clone(s.trials)
	return state
}
