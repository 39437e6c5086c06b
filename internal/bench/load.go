// Package bench measures the node against limits and peers of the same machine
// in the same run, so that a figure means something elsewhere too.
package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/shape"
)

// A request of the load is as the goals name it.
const (
	recordsPerBody = 500
	recordBytes    = 390
	connections    = 32
)

var agents = []string{
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36",
	"Mozilla/5.0 (Windows NT 6.1; WOW64; rv:27.0) Gecko/20100101 Firefox/27.0",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 6_0 like Mac OS X) AppleWebKit/536.26 (KHTML, like Gecko) Version/6.0 Mobile/10A5376e Safari/8536.25",
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/33.0.1750.91 Safari/537.36",
}

// lines makes n records like those of a web server, recordBytes long on average,
// with times within an hour before now.
func lines(r *rand.Rand, n int, now time.Time) []byte {
	var b bytes.Buffer
	for range n {
		at := now.Add(-time.Duration(r.IntN(3600_000)) * time.Millisecond).UTC()
		referer := "-"
		if r.IntN(100) >= 41 {
			referer = fmt.Sprintf("http://www.example.com/blog/tags/%d?page=%d", r.IntN(500), r.IntN(20))
		}
		start := b.Len()
		fmt.Fprintf(&b, `{"ts":"%s","id":"%016x%016x","ip":"%d.%d.%d.%d","method":"GET","url":"http://www.example.com/presentations/%d/images/%d.png?utm_source=s%d","protocol":"HTTP/1.1","status":%d,"bytes":%d,"referer":"%s","user_agent":"%s"`,
			at.Format("2006-01-02T15:04:05.000Z07:00"), r.Uint64(), r.Uint64(), r.IntN(223)+1, r.IntN(256), r.IntN(256), r.IntN(256),
			r.IntN(2000), r.IntN(300), r.IntN(9), 200+r.IntN(4)*100, r.IntN(1_000_000), referer, agents[r.IntN(len(agents))])
		if pad := recordBytes - (b.Len() - start) - 10; pad > 0 {
			fmt.Fprintf(&b, `,"pad":"%0*x"`, pad, r.Uint64())
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// bodies makes request bodies to send over and over.
func bodies(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([][]byte, n)
	for i := range list {
		list[i] = lines(r, recordsPerBody, time.Now())
	}
	return list
}

// definition is the web log's stream, plain or enriched.
func definition(enriched bool) shape.Definition {
	d := shape.Definition{EventTime: "ts", Partition: []string{"day(ts)"}, UnknownFields: shape.UnknownDrop, Columns: []shape.Column{
		{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "id", Type: "varchar"}, {Name: "ip", Type: "varchar"}, {Name: "method", Type: "varchar"},
		{Name: "url", Type: "varchar"}, {Name: "protocol", Type: "varchar"}, {Name: "status", Type: "int"}, {Name: "bytes", Type: "bigint"},
		{Name: "referer", Type: "varchar"}, {Name: "user_agent", Type: "varchar"}}}
	if enriched {
		d.Enrich = []shape.Enrichment{{URL: &shape.Source{}}, {Referer: &shape.RefererSource{}}, {UserAgent: &shape.Source{}}}
	}
	return d
}

// load posts bodies until ctx ends, on some connections, at most rate records a
// second (0 for as many as are taken).
type load struct {
	url    string
	bodies [][]byte
	rate   int
	client *http.Client

	sent    atomic.Int64 // records that were answered
	refused atomic.Int64
}

func newLoad(url string, bodies [][]byte, rate int) *load {
	return &load{url: url, bodies: bodies, rate: rate, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}}
}

func (l *load) run(ctx context.Context) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	var failure atomic.Pointer[error]
	began := time.Now()
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1) - 1
				if l.rate > 0 {
					due := began.Add(time.Duration(i) * recordsPerBody * time.Second / time.Duration(l.rate))
					select {
					case <-time.After(time.Until(due)):
					case <-ctx.Done():
						return
					}
				}
				if err := l.post(ctx, l.bodies[int(i)%len(l.bodies)]); err != nil && ctx.Err() == nil {
					failure.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	wg.Wait()
	l.client.CloseIdleConnections()
	if p := failure.Load(); p != nil {
		return *p
	}
	return nil
}

// post sends one body; one that the node refuses for want of room is counted and not
// sent again.
func (l *load) post(ctx context.Context, body []byte) error {
	taken, err := l.send(ctx, body)
	switch {
	case err != nil:
		return err
	case taken:
		l.sent.Add(recordsPerBody)
	default:
		l.refused.Add(1)
	}
	return nil
}

// send says whether the node has taken a body.
func (l *load) send(ctx context.Context, body []byte) (taken bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := l.client.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return false, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusServiceUnavailable:
		return false, nil
	}
	return false, fmt.Errorf("%s: %s", answer.Status, text)
}
