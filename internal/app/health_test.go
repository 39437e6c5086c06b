package app

import (
	"errors"
	"strings"
	"testing"
	"time"

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
