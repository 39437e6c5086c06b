package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const crashProject = `name: crash
limits: {disk_reserve: 1MB, memory: 512MB}
`

const crashStream = `columns:
  - {name: n, type: bigint, not_null: true}
  - {name: sender, type: bigint}
  - {name: text, type: varchar}
partition: [sender]
flush: {size: 1MB, age: 1s}
`

// writeProject writes a project of one stream, events, into a new folder.
func writeProject(t *testing.T, config, stream string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "streams"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"biwa.yaml": config, "streams/events.yaml": stream} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func startNode(t *testing.T, dir string) *node {
	t.Helper()
	n, err := newNode(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.kill() // where the test has not stopped it
		if t.Failed() {
			t.Log(n.log.String())
		}
	})
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// rounds is how often the node is killed.
func rounds(t *testing.T) int {
	switch text := os.Getenv("BIWA_ROUNDS"); {
	case text != "":
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("BIWA_ROUNDS: %v", err)
		}
		return n
	case os.Getenv("BIWA_SOAK") != "":
		return 300
	}
	return 3
}

// load sends numbered records, each request under a key, and sends a request
// again until it is answered, whatever becomes of the node in between.
type load struct {
	url    string
	client *http.Client
	pause  time.Duration // of each sender between two requests

	mu      sync.Mutex
	next    int64 // the number of the next record
	acked   int   // requests
	retried int
	// Records of the sender that never sends anything again have numbers below
	// zero: how often each of them is acknowledged, 0 or 1.
	once map[int64]int
}

const batchRecords = 50

func (l *load) claim() (from int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = l.next
	l.next += batchRecords
	return from
}

// run sends until ctx ends; a request that has begun is seen through.
func (l *load) run(ctx context.Context, sender int) error {
	for ctx.Err() == nil {
		from := l.claim()
		var body bytes.Buffer
		for n := from; n < from+batchRecords; n++ {
			fmt.Fprintf(&body, `{"n":%d,"sender":%d,"text":"%s"}`+"\n", n, sender, strings.Repeat("あ", int(n%40)))
		}
		if err := l.post(body.Bytes(), fmt.Sprintf("batch-%d", from)); err != nil {
			return err
		}
		l.mu.Lock()
		l.acked++
		l.mu.Unlock()
		after(l.pause)
	}
	return nil
}

// runOnce sends single records without a key until ctx ends, each one once. What
// is not acknowledged may be there or not, but not twice.
func (l *load) runOnce(ctx context.Context) error {
	for n := int64(-1); ctx.Err() == nil; n-- {
		err := l.try(fmt.Appendf(nil, `{"n":%d,"sender":-1}`, n), "")
		l.mu.Lock()
		if l.once[n] = 0; err == nil {
			l.once[n] = 1
		}
		l.mu.Unlock()
		if after(l.pause); err != nil {
			after(10 * time.Millisecond)
		}
	}
	return nil
}

func (l *load) post(body []byte, key string) error {
	var last error
	if await(func() bool {
		last = l.try(body, key)
		if last != nil {
			l.mu.Lock()
			l.retried++
			l.mu.Unlock()
		}
		return last == nil
	}) {
		return nil
	}
	return fmt.Errorf("batch %s was never taken: %w", key, last)
}

func (l *load) try(body []byte, key string) error {
	r, err := http.NewRequest(http.MethodPost, l.url+"/v1/events/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}

// progress is how many requests have been answered.
func (l *load) progress() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// TestCrash kills the node again and again while records come, at any moment:
// amid appends, flushes, compactions and starts. No record may be lost or doubled.
func TestCrash(t *testing.T) {
	total := rounds(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d rounds, seed %d", total, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n := startNode(t, writeProject(t, crashProject, crashStream))
	l := &load{url: n.url(), client: &http.Client{Timeout: 20 * time.Second}, once: map[int64]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var senders errgroup.Group
	for sender := range 4 {
		senders.Go(func() error { return l.run(ctx, sender) })
	}
	senders.Go(func() error { return l.runOnce(ctx) })
	for round := range total {
		// Some way into the load, at a moment that has nothing to do with it.
		before := l.progress()
		if !await(func() bool { return l.progress() > before+5 }) {
			t.Fatalf("round %d: nothing is taken any more\n%s", round, n.log.String())
		}
		after(time.Duration(random.Int64N(int64(2500 * time.Millisecond))))
		if err := n.kill(); err != nil {
			t.Fatal(err)
		}
		for random.IntN(3) == 0 { // amid a start, too
			if err := n.launch(); err != nil {
				t.Fatal(err)
			}
			after(time.Duration(random.Int64N(int64(700 * time.Millisecond))))
			if err := n.kill(); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.start(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	cancel()
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
	expectExactly(t, n, l)
}

// after lets a random time pass, which is what a crash test is made of.
func after(d time.Duration) { <-time.After(d) }

// expectExactly checks that each record is there once, by the answers of SQL, the
// ledger and the files.
func expectExactly(t *testing.T, n *node, l *load) {
	t.Helper()
	all := int64(l.acked) * batchRecords
	if l.next != all {
		t.Fatalf("%d numbers given, %d acknowledged: the load did not see all through", l.next, all)
	}
	t.Logf("%d records acknowledged, %d requests sent again, %d sent once", all, l.retried, len(l.once))
	want := fmt.Sprintf("%d,%d,%d,0,%d", all, all, all, all-1)
	query := `select count(*) || ',' || count(distinct n) || ',' || count(distinct _record_id) || ',' || min(n) || ',' || max(n) as found from events where n >= 0`
	var total int64
	check := func(when string) {
		t.Helper()
		if got := n.column(t, query); len(got) != 1 || got[0] != want {
			t.Errorf("%s: count, distinct, ids, min, max are %s, want %s", when, got, want)
		}
		found := map[int64]int{}
		for _, text := range n.column(t, "select n::varchar as n from events where n < 0") {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			found[number]++
		}
		for number, acked := range l.once {
			if got := found[number]; got < acked || got > 1 {
				t.Errorf("%s: record %d is there %d times, acknowledged %d times", when, number, got, acked)
			}
		}
		total = all + int64(len(found))
		if out, _, err := n.biwa("ledger"); err != nil {
			t.Errorf("%s: %v %s", when, err, out)
		}
		if out, _, err := n.biwa("ledger", "verify", "--full"); err != nil {
			t.Errorf("%s: %v %s", when, err, out)
		}
	}
	if !await(func() bool { return n.ledger(t).Streams[0].Pending == 0 }) {
		t.Error("what was acknowledged is never delivered")
	}
	check("at the end")
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	check("after a restart in order")
	r := n.ledger(t)
	if s := r.Streams[0]; s.Accepted != total || s.Delivered != total || s.Pending != 0 {
		t.Errorf("the ledger says %+v, want %d delivered", s, total)
	}
	if len(r.Incidents) > 0 {
		t.Errorf("incidents after nothing but crashes: %+v", r.Incidents)
	}
}
