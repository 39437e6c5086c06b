package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
)

// handClock is a clock that a test moves.
type handClock struct{ ahead atomic.Int64 }

var started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (c *handClock) Now() time.Time { return started.Add(time.Duration(c.ahead.Load())) }

func (c *handClock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

func (c *handClock) option(o *app.Options) { o.Clock = c }

func deduped(d shape.Dedupe) shape.Definition {
	return shape.Definition{Dedupe: &d, Columns: []shape.Column{{Name: "id", Type: "varchar"}, {Name: "v", Type: "int"}}}
}

func TestCopiesAreLeftOutWithinTheWindow(t *testing.T) {
	clock := &handClock{}
	p := newProject(t, one("s", deduped(shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)})))
	n := p.start(clock.option)
	n.Send("s", `{"id":"a","v":1}`+"\n"+`{"id":"a","v":2}`+"\n"+`{"v":3}`+"\n"+`{"v":4}`)
	clock.forward(time.Hour)
	n.Send("s", `{"id":"a","v":5}`) // exactly at the edge
	clock.forward(time.Microsecond)
	n.Send("s", `{"id":"a","v":6}`)
	check := func(when string) {
		t.Helper()
		if got := flat(n.Query("SELECT v FROM s ORDER BY v")); got != "1; 3; 4; 6" {
			t.Errorf("%s: rows %s", when, got)
		}
		if got := flat(n.Query("SELECT code, first_record_id = (SELECT min(_record_id) FROM s) FROM quarantine")); got != "duplicate true; duplicate true" {
			t.Errorf("%s: quarantine %s", when, got)
		}
	}
	check("recent")
	p.data = n.Image()
	n.Shutdown()
	n = p.start(clock.option)
	check("after the plug was pulled")
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	n.Shutdown()
	n = p.start(clock.option)
	clock.forward(time.Minute)
	n.Send("s", `{"id":"a","v":7}`)
	if s := account(t, n, "s"); s.Accepted != 7 || s.Delivered+s.Pending != 5 || s.Deduplicated != 2 {
		t.Errorf("ledger %+v", s)
	}
	if got := n.One("SELECT count(*) FROM s"); got != "4" {
		t.Errorf("a copy after the restart was let in: %s rows", got)
	}
}

func TestAReloadTurnsDedupeOnAndOff(t *testing.T) {
	with := deduped(shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)})
	without := with
	without.Dedupe = nil
	p := newProject(t, one("s", without))
	n := p.start()
	send := func(v int) {
		t.Helper()
		n.Send("s", fmt.Sprintf(`{"id":"a","v":%d}`, v))
	}
	send(1)
	send(2)
	p.reload(n, one("s", with))
	send(3) // the first that is remembered
	send(4)
	p.reload(n, one("s", without))
	send(5)
	check := func(when string) {
		t.Helper()
		if got := flat(n.Query("SELECT v FROM s ORDER BY v")); got != "1; 2; 3; 5" {
			t.Errorf("%s: rows %s", when, got)
		}
	}
	check("at once")
	p.data = n.Image()
	n.Shutdown()
	n = p.start()
	check("after the plug was pulled")
	n.Balance()
}

func TestAFullIndexShutsItsStreamIfItRefuses(t *testing.T) {
	clock := &handClock{}
	full := deduped(shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour), MaxKeys: 2, OnFull: "refuse"})
	p := newProject(t, map[string]shape.Definition{"s": full, "other": columns("v", "int")})
	n := p.start(clock.option)
	_, first, _ := n.Do(http.MethodPost, "/v1/events/s?wait=queryable", `{"id":"a"}`, "Idempotency-Key", "k")
	n.Send("s", `{"id":"b"}`)
	shut := func(when string) {
		t.Helper()
		status, text, header := n.Do(http.MethodPost, "/v1/events/s", `{"id":"c"}`)
		if d := refused(t, when, status, text, header, http.StatusServiceUnavailable); !strings.Contains(d.Detail, "dedupe.max_keys") || !strings.Contains(d.Detail, "on_full") || header.Get("Retry-After") == "" {
			t.Errorf("%s: the answer does not name the setting: %s", when, text)
		}
	}
	shut("full")
	if status, text, header := n.Do(http.MethodPost, "/v1/events/s", `{"id":"a"}`, "Idempotency-Key", "k"); status != 200 || text != first || header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a retry of what is stored: %d %s", status, text)
	}
	n.Send("other", `{"v":1}`)
	n.Shutdown()
	n = p.start(clock.option)
	shut("after a restart")
	full.Dedupe = &shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour), MaxKeys: 3, OnFull: "refuse"}
	p.reload(n, map[string]shape.Definition{"s": full, "other": columns("v", "int")})
	n.Send("s", `{"id":"c"}`)
	shut("full again")
	clock.forward(time.Hour + time.Second)
	n.Send("s", `{"id":"a"}`+"\n"+`{"id":"d"}`)
	if s := account(t, n, "s"); s.Accepted != 5 || s.Deduplicated != 0 {
		t.Errorf("ledger %+v", s)
	}
}
