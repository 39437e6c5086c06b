package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/service"
)

// Post sends lines to a stream under an idempotency key; without an error they are
// acknowledged.
type Post func(ctx context.Context, stream, key string, lines []byte) error

// Traffic sends a generator's records at a rate.
type Traffic struct {
	generator    *Generator
	perSecond    float64
	clock        service.Clock
	post         Post
	acknowledged *Acknowledged
	start        time.Time
	made         float64 // records since the start
	requests     int64
}

// NewTraffic returns traffic of some records a second. What is acknowledged is
// noted.
func NewTraffic(g *Generator, perSecond float64, clock service.Clock, acknowledged *Acknowledged, post Post) *Traffic {
	return &Traffic{generator: g, perSecond: perSecond, clock: clock, post: post, acknowledged: acknowledged, start: clock.Now()}
}

// step is how often records are sent.
const step = 100 * time.Millisecond

// maxBehind bounds what is made up for after a pause.
const maxBehind = 2 * time.Second

// Run sends until ctx ends.
func (t *Traffic) Run(ctx context.Context) error {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.runOnce(ctx, tick.C); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// batch is lines for one stream.
type batch struct {
	lines   bytes.Buffer
	records int
	last    int64 // the highest number of them, 0 without one
}

type batches map[string]*batch

func (b batches) add(l Line) {
	if b[l.Stream] == nil {
		b[l.Stream] = &batch{}
	}
	to := b[l.Stream]
	to.lines.Write(append(l.Text[:len(l.Text):len(l.Text)], '\n'))
	to.records++
	to.last = max(to.last, l.Number)
}

// runOnce sends what is due.
func (t *Traffic) runOnce(ctx context.Context, again <-chan time.Time) error {
	return t.send(ctx, t.due(), again)
}

// send sends batches one after the other. A request that fails is sent again under
// its key, so that it counts once.
func (t *Traffic) send(ctx context.Context, due batches, again <-chan time.Time) error {
	for stream, b := range due {
		t.requests++
		key := fmt.Sprintf("demo-%d-%d-%s", t.start.UnixMicro(), t.requests, stream)
		var err error
		for attempt := 0; attempt < 300; attempt++ {
			if err = t.post(ctx, stream, key, b.lines.Bytes()); err == nil {
				break
			}
			select {
			case <-again:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return errors.Join(errors.New("the door does not take the traffic"), err)
		}
		t.acknowledged.note(t.clock.Now(), b.records, b.last)
	}
	return nil
}

// History sends records of the past, so that there is more than one day to look at:
// n of them over the time before now.
func (t *Traffic) History(ctx context.Context, n int, over time.Duration) error {
	const atOnce = 1000
	tick := time.NewTicker(step)
	defer tick.Stop()
	for i := 0; i < n; {
		due := batches{}
		for range min(atOnce, n-i) {
			due.add(t.generator.Next(t.start.Add(-over + time.Duration(i)*(over/time.Duration(n)))))
			i++
		}
		if err := t.send(ctx, due, tick.C); err != nil {
			return err
		}
	}
	t.acknowledged.forgetRecent() // that was no rate of traffic
	t.start = t.clock.Now()
	return nil
}

// due makes the records that the time since the start has brought, by stream.
func (t *Traffic) due() batches {
	now := t.clock.Now()
	target := now.Sub(t.start).Seconds() * t.perSecond
	if behind := maxBehind.Seconds() * t.perSecond; target-t.made > behind {
		t.made = target - behind
	}
	due := batches{}
	for ; t.made+1 <= target; t.made++ {
		due.add(t.generator.Next(now))
	}
	return due
}
