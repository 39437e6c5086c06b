package app

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/record"
)

// setClock is a clock that a test sets.
type setClock struct{ now time.Time }

func (c *setClock) Now() time.Time { return c.now }

func TestATroubleLastsFromItsFirstFailureToASuccess(t *testing.T) {
	clock := &setClock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	h := newHealth(clock)
	h.tell("flush s", errors.New("disk full"))
	clock.now = clock.now.Add(unreadyAfter)
	h.tell("flush s", errors.New("disk full again"))
	h.tell("recent s", errors.New("out of memory"))
	got := h.list()
	if len(got) != 2 || got[0].Name != "flush s" || got[0].Count != 2 || got[0].Text != "disk full again" || got[0].Last.Sub(got[0].Since) != unreadyAfter {
		t.Fatalf("%+v", got)
	}
	if err := h.check(); err != nil {
		t.Errorf("after a minute: %v", err)
	}
	clock.now = clock.now.Add(time.Second)
	err := h.check()
	if record.KindOf(err) != record.Unavailable || !strings.Contains(err.Error(), "flush s has failed 2 times since 2026-05-01T12:00:00Z: disk full again") || !strings.Contains(err.Error(), "recent s") {
		t.Errorf("after more than a minute: %v", err)
	}
	clock.now = clock.now.Add(unreadyAfter)
	if err := h.check(); err != nil || len(h.list()) != 2 {
		t.Errorf("nothing came for a minute: %v, %+v", err, h.list())
	}
	h.tell("flush s", nil)
	if err := h.check(); err != nil || len(h.list()) != 1 {
		t.Errorf("after a success: %v, %+v", err, h.list())
	}
}

// What is met among successes of its kind ends when it is not met for a while.
func TestATroubleThatIsMetEndsByItself(t *testing.T) {
	clock := &setClock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	h := newHealth(clock)
	for range 61 {
		h.meet(troubleQuery, errors.New("aborted"))
		clock.now = clock.now.Add(time.Second)
	}
	if got := h.list(); len(got) != 1 || got[0].Count != 61 {
		t.Fatalf("%+v", got)
	}
	if err := h.check(); record.KindOf(err) != record.Unavailable {
		t.Errorf("after a minute of it: %v", err)
	}
	clock.now = clock.now.Add(forgetAfter)
	if got := h.list(); len(got) != 0 {
		t.Errorf("a minute after the last: %+v", got)
	}
	h.meet(troubleQuery, errors.New("aborted"))
	if got := h.list(); len(got) != 1 || got[0].Count != 1 || got[0].Since != clock.now {
		t.Errorf("a new one: %+v", got)
	}
}

// A statement's own mistakes, its limits and its client are no trouble of the node.
func TestOnlyFaultsOfTheEngineAreTroubles(t *testing.T) {
	n := &Node{health: newHealth(&setClock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)})}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []record.Kind{record.Invalid, record.Limited, record.Timeout, record.Canceled, record.Forbidden} {
		_ = n.noteQuery(t.Context(), record.Errorf(kind, "it"))
	}
	_ = n.noteQuery(t.Context(), io.EOF)
	_ = n.noteQuery(gone, record.Errorf(record.Internal, "the client went away"))
	n.told(deliver.ToldDrop, "s", nil)
	if got := n.health.list(); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	aborted := record.Errorf(record.Conflict, "duckdb: Current transaction is aborted")
	if err := n.noteQuery(t.Context(), aborted); !errors.Is(err, aborted) {
		t.Errorf("the error became %v", err)
	}
	n.told(deliver.ToldDrop, "s", aborted)
	n.told(deliver.ToldDrop, "s", nil) // of other rows
	if got := n.Warnings(); len(got) != 2 || !strings.Contains(strings.Join(got, " "), "query has failed 1 times") || !strings.Contains(strings.Join(got, " "), "drop s has failed 1 times") {
		t.Errorf("%q", got)
	}
}
