package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
)

// freshRate is the load in records a second.
const freshRate = 50_000

// fresh measures the time from an answer to the moment at which SQL sees the
// records, at a steady load; and the same while heavy queries run.
func fresh(ctx context.Context, o Options) (Result, error) {
	n, err := startNode(ctx, o.Dir, map[string]shape.Definition{"log": definition(true)}, nil)
	if err != nil {
		return Result{}, err
	}
	o.Progress("alone")
	alone, err := freshness(ctx, n, o.Duration, 0)
	if err != nil {
		return Result{}, errors.Join(err, n.stop())
	}
	o.Progress("beside eight heavy queries")
	beside, err := freshness(ctx, n, o.Duration, 8)
	if err != nil {
		return Result{}, errors.Join(err, n.stop())
	}
	ratio := beside / alone
	return Result{Value: alone, Unit: "ms", Baseline: 250, Ratio: alone / 250, Against: "250 ms from the answer to SQL, p99, at 50,000 records/s", Goal: "<= 250 ms; beside 8 heavy queries <= 2 x",
		Met: alone <= 250 && ratio <= 2, Details: map[string]float64{"p99_ms_beside_8_heavy_queries": beside, "ratio_beside": ratio}}, n.stop()
}

// freshness is the 99th percentile in milliseconds over a time.
func freshness(whole context.Context, n *node, d time.Duration, heavy int) (float64, error) {
	ctx, cancel := context.WithTimeout(whole, d)
	defer cancel()
	l := newLoad(n.url+"/v1/events/log", bodies(64), freshRate)
	var wg sync.WaitGroup
	var failure error
	wg.Go(func() { failure = l.run(ctx) })
	for range heavy {
		wg.Go(func() {
			for ctx.Err() == nil {
				drain(ctx, n.Engine(), "SELECT url, user_agent, count(*), count(DISTINCT id) FROM log GROUP BY ALL ORDER BY 3 DESC LIMIT 10")
			}
		})
	}
	var waits []time.Duration
	probe := bodies(1)[0]
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for len(waits) == 0 || ctx.Err() == nil {
		wait, err := probeOnce(whole, n, probe) // one that has begun counts, however long it takes
		if err != nil {
			cancel()
			wg.Wait()
			return 0, err
		}
		waits = append(waits, wait)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	wg.Wait()
	if failure != nil || len(waits) == 0 {
		return 0, errors.Join(failure, fmt.Errorf("%d probes", len(waits)))
	}
	slices.Sort(waits)
	return float64(waits[len(waits)*99/100].Microseconds()) / 1000, nil
}

// probeOnce sends one request and times its way from the answer into SQL, which
// is then asked for its last record.
func probeOnce(ctx context.Context, n *node, body []byte) (time.Duration, error) {
	answer, err := http.Post(n.url+"/v1/events/log", "application/x-ndjson", bytes.NewReader(body)) //nolint:noctx // the node stops with the run
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var a collect.Answer
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil {
		return 0, err
	}
	began := time.Now()
	stream, err := n.Stream("log")
	if err != nil {
		return 0, err
	}
	id, err := parseID(a.Last)
	if err != nil {
		return 0, err
	}
	if err := n.WaitVisible(ctx, stream.ID, id.Sequence()); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// drain reads a whole result and throws it away.
func drain(ctx context.Context, e api.Engine, statement string) (rows int64) {
	result, err := e.Query(ctx, api.Query{SQL: statement, Location: time.UTC})
	if err != nil {
		return 0
	}
	defer result.Close()
	for {
		batch, err := result.Next(ctx)
		if errors.Is(err, io.EOF) || err != nil {
			return rows
		}
		rows += batch.NumRows()
		batch.Release()
	}
}
