package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/service"
)

// Post sends lines to a stream under an idempotency key.
type Post func(ctx context.Context, stream, key string, lines []byte) error

// Traffic sends a generator's records at a rate.
type Traffic struct {
	generator *Generator
	perSecond float64
	clock     service.Clock
	post      Post
	start     time.Time
	made      float64 // records since the start
}

// NewTraffic returns traffic of some records a second.
func NewTraffic(g *Generator, perSecond float64, clock service.Clock, post Post) *Traffic {
	return &Traffic{generator: g, perSecond: perSecond, clock: clock, post: post, start: clock.Now()}
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

// runOnce sends what is due. A request that fails is sent again under its key, so
// that it counts once.
func (t *Traffic) runOnce(ctx context.Context, again <-chan time.Time) error {
	for stream, lines := range t.due() {
		key := fmt.Sprintf("demo-%d-%.0f-%s", t.start.UnixMicro(), t.made, stream)
		var err error
		for attempt := 0; attempt < 100; attempt++ {
			if err = t.post(ctx, stream, key, lines); err == nil {
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
	}
	return nil
}

// due makes the records that the time since the start has brought, by stream.
func (t *Traffic) due() map[string][]byte {
	now := t.clock.Now()
	target := now.Sub(t.start).Seconds() * t.perSecond
	if behind := maxBehind.Seconds() * t.perSecond; target-t.made > behind {
		t.made = target - behind
	}
	lines := map[string]*bytes.Buffer{}
	for ; t.made+1 <= target; t.made++ {
		l := t.generator.Next(now)
		if lines[l.Stream] == nil {
			lines[l.Stream] = &bytes.Buffer{}
		}
		lines[l.Stream].Write(append(l.Text[:len(l.Text):len(l.Text)], '\n'))
	}
	texts := map[string][]byte{}
	for stream, b := range lines {
		texts[stream] = b.Bytes()
	}
	return texts
}
