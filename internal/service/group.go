package service

import (
	"context"
	"errors"
	"sync"
)

// Group runs functions in the background until it is stopped or one fails.
//
// Invariant: after Stop has returned none of its functions runs.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
}

var errStopped = errors.New("stopped")

// NewGroup returns a group that also ends when parent does.
func NewGroup(parent context.Context) *Group {
	ctx, cancel := context.WithCancelCause(parent)
	return &Group{ctx: ctx, cancel: cancel}
}

// Go starts fn. An error other than the context's ends the whole group.
func (g *Group) Go(fn func(ctx context.Context) error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := fn(g.ctx); err != nil && !errors.Is(err, context.Canceled) {
			g.cancel(err)
		}
	}()
}

// Done is closed when the group ends, by Stop or by a failure.
func (g *Group) Done() <-chan struct{} { return g.ctx.Done() }

// Err is the failure that ended the group, nil if it runs or was stopped.
func (g *Group) Err() error {
	err := context.Cause(g.ctx)
	if err == nil || errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Stop ends the group and waits; it may be called more than once.
func (g *Group) Stop() error {
	g.cancel(errStopped)
	g.wg.Wait()
	return g.Err()
}
