package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Versions lists a stream's definitions, oldest first.
func (p pagesOf) Versions(name string) ([]console.Version, error) {
	s, err := p.node.known(name)
	if err != nil {
		return nil, err
	}
	return s.versions(), nil
}

// known is a stream that has a table, whether the project still names it or not.
func (n *Node) known(name string) (*stream, error) {
	if s := n.byName(name); s != nil {
		return s, nil
	}
	return n.named(name)
}

// arrivalTime is how long a count of arrivals is shown again.
const arrivalTime = 10 * time.Second

// arrivals keeps the counts of arrivals that were asked for last.
type arrivals struct {
	turn  chan struct{} // one counts at a time; who waits may give up
	asked map[arrivalKey]console.Arrivals
}

type arrivalKey struct {
	stream record.StreamID
	step   time.Duration
	from   int64 // seconds since 1970
}

// Arrivals counts what a stream has received, from the tables. One count is shown
// to everybody for a while.
func (p pagesOf) Arrivals(ctx context.Context, name string, from time.Time, step time.Duration) (console.Arrivals, error) {
	n := p.node
	s, err := n.known(name)
	if err != nil {
		return console.Arrivals{}, err
	}
	select {
	case n.arrivals.turn <- struct{}{}:
		defer func() { <-n.arrivals.turn }()
	case <-ctx.Done():
		return console.Arrivals{}, ctx.Err()
	}
	key, now := arrivalKey{s.id, step, from.Unix()}, n.clock.Now()
	if a, ok := n.arrivals.asked[key]; ok && now.Sub(a.At) < arrivalTime {
		return a, nil
	}
	a, err := n.countArrivals(ctx, s, from, step)
	if err != nil {
		return a, fmt.Errorf("arrivals of %s: %w", name, err)
	}
	for k, old := range n.arrivals.asked {
		if now.Sub(old.At) >= arrivalTime {
			delete(n.arrivals.asked, k)
		}
	}
	n.arrivals.asked[key] = a
	return a, nil
}

// countArrivals asks the tables. The bound by record id lets files be left out.
func (n *Node) countArrivals(ctx context.Context, s *stream, from time.Time, step time.Duration) (console.Arrivals, error) {
	a := console.Arrivals{At: n.clock.Now(), Counts: map[int64]console.Arrival{}}
	first, err := n.firstSince(ctx, s.id, from)
	if err != nil {
		return a, err
	}
	seconds := int64(step / time.Second)
	where := fmt.Sprintf("_received_at >= to_timestamp(%d) AND _record_id >= %s", from.Unix(), first)
	at := fmt.Sprintf("(epoch(_received_at)::BIGINT // %d) * %d AS at", seconds, seconds)
	found, err := list[struct {
		At       json.Number
		N        json.Number
		Rejected bool
	}](ctx, n, "SELECT "+at+", count(*) AS n, false AS rejected FROM "+record.QuoteName(s.name)+" WHERE "+where+" GROUP BY 1 UNION ALL "+
		"SELECT "+at+", count(*) AS n, true AS rejected FROM quarantine WHERE "+where+" AND stream = "+record.QuoteText(s.name)+" GROUP BY 1")
	if err != nil {
		return a, err
	}
	for _, f := range found {
		at, errAt := f.At.Int64()
		count, errN := f.N.Int64()
		if errAt != nil || errN != nil {
			return a, fmt.Errorf("a count is %s at %s", f.N, f.At)
		}
		sum := a.Counts[at]
		if f.Rejected {
			sum.Kept += count
		} else {
			sum.Delivered += count
		}
		a.Counts[at] = sum
	}
	runs, err := n.runs(ctx)
	for _, r := range runs {
		a.Runs = append(a.Runs, console.Run{From: r.From, To: r.To})
	}
	return a, err
}

// firstSince is a record id below which no record of the stream was received since
// a moment, as the raw archive tells; 0 where it does not.
func (n *Node) firstSince(ctx context.Context, id record.StreamID, from time.Time) (first record.RecordID, err error) {
	var seq sql.NullInt64
	err = n.meta.View(ctx, func(q meta.Querier) error {
		return q.QueryRowContext(ctx, "SELECT min(first_seq) FROM archive_files WHERE stream_id = ? AND shard = ? AND hour >= ?",
			id.String(), n.shard, from.UTC().Truncate(time.Hour).UnixMicro()).Scan(&seq)
	})
	if err != nil || !seq.Valid {
		return 0, err
	}
	return record.NewRecordID(n.shard, record.Sequence(seq.Int64), 0), nil
}
