package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
)

// intake measures how many records a second are on disk when they are answered.
// The peer is what the machine can do at most: a file to which the same writers
// append the same bytes, one fsync for all that wait. Delivery is held, for it is
// measured by land and chain.
func intake(ctx context.Context, o Options) (Result, error) {
	load := bodies(64)
	o.Progress("raw file with group-commit fsync")
	raw, err := rawFile(ctx, filepath.Join(o.Dir, "raw"), load, o.Duration/4)
	if err != nil {
		return Result{}, err
	}
	hold := make(chan struct{})
	n, err := startNodeWith(ctx, o.Dir, map[string]shape.Definition{"log": definition(false)}, func(o *app.Options) {
		o.Hold, o.Project.Limit.JournalBytes = hold, 64<<30
	})
	if err != nil {
		return Result{}, err
	}
	defer func() { close(hold); n.stop() }() //nolint:errcheck // the figure has been taken by then
	l := newLoad(n.url+"/v1/events/log", load, 0)
	o.Progress("HTTP intake")
	limited, cancel := context.WithTimeout(ctx, o.Duration/4)
	defer cancel()
	began := time.Now()
	if err := l.run(limited); err != nil {
		return Result{}, err
	}
	rate := float64(l.sent.Load()) / time.Since(began).Seconds()
	return Result{Value: rate, Unit: "records/s", Baseline: raw, Ratio: rate / raw, Against: "a raw append-only file with group-commit fsync of the same bytes",
		Goal: "ratio >= 0.60", Met: rate/raw >= 0.6, Details: map[string]float64{"refused_requests": float64(l.refused.Load())}}, nil
}

// rawFile is the peer: writers hand over buffers, one goroutine writes all that
// wait and fsyncs once.
func rawFile(ctx context.Context, path string, load [][]byte, d time.Duration) (float64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	type write struct {
		body []byte
		done chan error
	}
	queue := make(chan write, connections)
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	records := 0
	for c := range connections {
		wg.Go(func() {
			for i := c; ctx.Err() == nil; i++ {
				w := write{load[i%len(load)], make(chan error, 1)}
				select {
				case queue <- w:
				case <-ctx.Done():
					return
				}
				if <-w.done != nil {
					return
				}
				mu.Lock()
				records += recordsPerBody
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	go func() { wg.Wait(); close(queue) }()
	for w := range queue {
		waiting := []write{w}
		for len(queue) > 0 && len(waiting) < connections {
			waiting = append(waiting, <-queue)
		}
		var err error
		for _, w := range waiting {
			if _, e := f.Write(w.body); e != nil {
				err = e
			}
		}
		if e := f.Sync(); e != nil {
			err = e
		}
		for _, w := range waiting {
			w.done <- err
		}
		if err != nil {
			return 0, fmt.Errorf("raw file: %w", err)
		}
	}
	return float64(records) / time.Since(began).Seconds(), nil
}
