package engine

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// A limit that is changed holds for the statements after it.
func TestLimitsChangeWhileTheEngineWorks(t *testing.T) {
	e, _ := openEngine(t, nil)
	l := *e.limits.Load()
	set := func(change func(l *Limits)) {
		t.Helper()
		change(&l)
		if err := e.SetLimits(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}

	const endless = "SELECT count(*) FROM range(100000000000) AS a(i), range(1000) AS b(j) WHERE (i * j) % 7 = 3"
	set(func(l *Limits) { l.TimeLimit = 50 * time.Millisecond })
	if _, err := tryRows(t.Context(), e, Request{SQL: endless}); record.KindOf(err) != record.Timeout || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("past the new time: %v", err)
	}
	set(func(l *Limits) { l.TimeLimit = time.Minute })

	big := Request{SQL: "SELECT count(*) FROM (SELECT i, md5(i::varchar) AS t FROM range(2000000) AS r(i) ORDER BY t LIMIT 1900000)"}
	if got, err := tryRows(t.Context(), e, big); err != nil || got[0] != "1900000" {
		t.Errorf("with much memory: %v, %v", got, err)
	}
	set(func(l *Limits) { l.MemoryLimitBytes, l.MaxTempBytes = LeastMemory, 1<<20 })
	if err := e.LimitSpill(t.Context(), 1<<40); err != nil {
		t.Fatal(err)
	}
	if got, err := tryRows(t.Context(), e, big); record.KindOf(err) != record.Limited {
		t.Errorf("with little memory and no spill files: %v, %v", got, err)
	}
	set(func(l *Limits) { l.MemoryLimitBytes, l.MaxTempBytes = 1<<30, 16<<30 })
	if got, err := tryRows(t.Context(), e, big); err != nil || got[0] != "1900000" {
		t.Errorf("with much memory again: %v, %v", got, err)
	}

	bad := l
	bad.MemoryLimitBytes, bad.HeavyQueries = 1<<20, 7
	if err := e.SetLimits(t.Context(), bad); record.KindOf(err) != record.Invalid || e.Queue().HeavyQueries != 2 {
		t.Errorf("too little memory: %v, queue %+v", err, e.Queue())
	}
}

// Memory that is in use is not taken away: the limit stays as it was, in every part.
func TestMemoryInUseIsNotTakenAway(t *testing.T) {
	e, worlds := openEngine(t, func(o *Options) { o.MemoryLimitBytes, o.MaxTempBytes = 384<<20, 1<<20 })
	publish(worlds, "ev", events, nil, recentEvents(t, e, "g1", 1, 1_500_000))
	l := *e.limits.Load()
	l.MemoryLimitBytes, l.HeavyQueries = LeastMemory, 7
	if err := e.SetLimits(t.Context(), l); record.KindOf(err) != record.Conflict {
		t.Fatalf("with less memory than the rows take: %v", err)
	}
	if q := e.Queue(); q.HeavyQueries != 2 {
		t.Errorf("a part of what was refused holds: %+v", q)
	}
	if got := rows(t, e, "SELECT sum(_record_id)::VARCHAR FROM ev"); got[0] != "1125000750000" {
		t.Errorf("afterwards: %v", got)
	}
}

// Who waits is let in when there are more places; with fewer, nobody is until enough
// have left. Who gives up while it waits takes no place.
func TestQueueTakesOtherLimits(t *testing.T) {
	q := newQueue(1, 2)
	first, err := q.enter(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	let := make(chan func())
	enter := func(ctx context.Context) {
		leave, err := q.enter(ctx, true)
		if err != nil {
			leave = nil
		}
		let <- leave
	}
	waiting := func(n int64) {
		for q.waiting.Load() != n {
			runtime.Gosched()
		}
	}
	gone, giveUp := context.WithCancel(t.Context())
	go enter(gone)
	waiting(1)
	go enter(t.Context())
	waiting(2)
	if _, err := q.enter(t.Context(), true); record.KindOf(err) != record.Limited {
		t.Fatalf("beyond the line: %v", err)
	}
	giveUp()
	if leave := <-let; leave != nil {
		t.Fatal("who gave up was let in")
	}
	q.limit(2, 2)
	second := <-let
	q.limit(1, 0)
	if _, err := q.enter(t.Context(), true); record.KindOf(err) != record.Limited {
		t.Fatalf("no line: %v", err)
	}
	second()
	if _, err := q.enter(t.Context(), true); record.KindOf(err) != record.Limited {
		t.Fatalf("one still runs: %v", err)
	}
	first()
	last, err := q.enter(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	last()
}
