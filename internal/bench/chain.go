package bench

import (
	"context"
	"errors"
	"time"

	"github.com/biwa-data/biwa/internal/shape"
)

// chain measures records a second from HTTP to committed, enriched tables, with
// the load generator on the same processors, while the backlog does not grow.
func chain(ctx context.Context, o Options) (Result, error) {
	n, err := startNode(ctx, o.Dir, map[string]shape.Definition{"log": definition(true)}, nil)
	if err != nil {
		return Result{}, err
	}
	l := newLoad(n.url+"/v1/events/log", bodies(64), 0)
	limited, cancel := context.WithTimeout(ctx, o.Duration)
	defer cancel()
	var backlog []int64
	go func() {
		tick := time.NewTicker(o.Duration / 20)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if s, err := n.Streams(ctx); err == nil {
					backlog = append(backlog, s[0].Pending)
				}
			case <-limited.Done():
				return
			}
		}
	}()
	began := time.Now()
	if err := l.run(limited); err != nil {
		return Result{}, errors.Join(err, n.stop())
	}
	sent := l.sent.Load()
	if err := n.Flush(ctx, "log"); err != nil { // what is behind counts into the time
		return Result{}, errors.Join(err, n.stop())
	}
	rate := float64(sent) / time.Since(began).Seconds()
	report, err := n.Ledger(ctx)
	if err != nil {
		return Result{}, errors.Join(err, n.stop())
	}
	details := map[string]float64{"refused_requests": float64(l.refused.Load()), "committed": float64(report.Streams[0].Delivered)}
	if len(backlog) > 0 {
		details["backlog_records_last"] = float64(backlog[len(backlog)-1])
	}
	return Result{Value: rate, Unit: "records/s", Against: "-", Goal: "200,000 records/s", Met: rate >= 200_000 && report.Balanced, Details: details}, n.stop()
}
