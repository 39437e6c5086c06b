package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFlushThatFailsIsTriedAgain(t *testing.T) {
	for _, kind := range []string{"write", "commit"} {
		t.Run(kind, func(t *testing.T) {
			s := newSite()
			var mu sync.Mutex
			var told []string
			w := s.start(t, Options{Told: func(what string, err error) {
				mu.Lock()
				defer mu.Unlock()
				if what == ToldFlush {
					told = append(told, fmt.Sprint(err != nil))
				}
			}})
			w.visible(t, s.send(10, 7))
			s.exactly(t, "recent", 70)
			s.breakDown(kind, -1)
			flushed := make(chan error, 1)
			go func() { flushed <- w.Flush(t.Context()) }()
			for range 3 {
				<-s.failed
				s.exactly(t, "while it fails", 70)
			}
			w.visible(t, s.send(2, 5)) // new rows are not held up
			s.exactly(t, "taken while it fails", 80)
			if status := w.Status(); status.Failure == "" || status.Offset != 0 {
				t.Errorf("status %+v", status)
			}
			if err := <-flushed; record.KindOf(err) != record.Unavailable || !strings.Contains(err.Error(), "safe in the log") {
				t.Errorf("who asked for a flush that fails is told %v", err)
			}
			s.breakDown(kind, 0)
			for w.Flush(t.Context()) != nil { // an attempt that failed before may be answered after
			}
			s.exactly(t, "flushed", 80)
			if status := w.Status(); status.Failure != "" || status.Offset < 10 || s.accounts < 70 {
				t.Errorf("status %+v, %d records accounted for", status, s.accounts)
			}
			if err := w.stopped(); !errors.Is(err, context.Canceled) {
				t.Errorf("stopped: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(slices.Compact(told), " "); got != "true false" || len(told) < 5 {
				t.Errorf("told %q of how its flushes failed, then went well", told)
			}
		})
	}
}

func TestAConflictStopsTheWorker(t *testing.T) {
	s := newSite()
	w := s.start(t, Options{})
	w.visible(t, s.send(3, 1))
	s.mu.Lock()
	s.offset, s.epoch = 2, s.epoch+1 // another node has taken over
	s.mu.Unlock()
	err := w.Flush(t.Context())
	if record.KindOf(err) != record.Unavailable {
		t.Errorf("flush: %v", err)
	}
	if err := <-w.ended; record.KindOf(err) != record.Conflict {
		t.Errorf("the worker ended with %v", err)
	}
	if err := w.WaitVisible(t.Context(), 99); record.KindOf(err) != record.Unavailable {
		t.Errorf("to wait for a worker that has ended: %v", err)
	}
	if len(s.table) != 0 {
		t.Errorf("%d rows were committed", len(s.table))
	}
}

func TestRowsThatRecentCannotHoldBecomeVisible(t *testing.T) {
	for _, kind := range []string{"create", "append"} {
		t.Run(kind+" fails", func(t *testing.T) {
			s := newSite()
			s.breakDown(kind, -1)
			w := s.start(t, Options{})
			w.visible(t, s.send(5, 3)) // by a flush
			s.exactly(t, "no room", 15)
			s.breakDown(kind, 1)
			w.visible(t, s.send(5, 3))
			s.exactly(t, "failed once", 30)
			w.visible(t, s.send(5, 3))
			s.exactly(t, "room again", 45)
			w.flush(t)
			s.exactly(t, "flushed", 45)
			_ = w.stopped()
		})
		t.Run(kind+" and the flush fail", func(t *testing.T) {
			s := newSite()
			s.breakDown(kind, -1)
			s.breakDown("commit", -1)
			w := s.start(t, Options{})
			s.send(5, 3)
			for <-s.failed != "commit" {
			}
			s.send(5, 3)
			s.breakDown(kind, 0)
			w.visible(t, 10) // though nothing can be committed
			s.exactly(t, "recent", 30)
			s.breakDown("commit", 0)
			w.flush(t)
			s.exactly(t, "flushed", 30)
			_ = w.stopped()
		})
	}
}

func TestAFieldThatEvolvesMidQueueReshapesWhatWasAhead(t *testing.T) {
	s := newSite()
	s.send(20, 2)
	s.log[7].Sections[0].Requests[0].UserAgent = newField
	w := s.start(t, Options{Shapers: 4})
	w.visible(t, 20)
	w.flush(t)
	s.exactly(t, "flushed", 40)
	if s.widened != 8 {
		t.Errorf("the generation begins at %d, want 8", s.widened)
	}
	if len(s.commits) != 2 || s.commits[0].To != 7 || s.commits[1].From != 7 || s.commits[1].To != 20 {
		t.Errorf("commits %+v", s.commits)
	}
	_ = w.stopped()
}

func TestAChangeOfTheSchemaStartsAGeneration(t *testing.T) {
	s := newSite()
	w := s.start(t, Options{})
	w.visible(t, s.send(3, 1))
	s.mu.Lock()
	s.widened = 4
	s.mu.Unlock()
	s.breakDown("commit", 2)
	w.visible(t, s.send(3, 1))
	s.exactly(t, "recent", 6)
	if len(s.commits) != 1 || s.commits[0].To != 3 {
		t.Errorf("commits %+v", s.commits)
	}
	w.flush(t)
	s.exactly(t, "flushed", 6)
	_ = w.stopped()
}

// TestAShaperThatIsOutdatedIsAskedForAgain: a column is renamed between the moment a
// section is shaped and the moment the table is prepared for it.
func TestAShaperThatIsOutdatedIsAskedForAgain(t *testing.T) {
	s := newSite()
	s.outdates = 1
	w := s.start(t, Options{})
	w.visible(t, s.send(3, 2))
	w.flush(t)
	s.exactly(t, "flushed", 6)
	if len(w.prepared) != len(wide) {
		t.Errorf("the table was prepared for %d columns, want the %d of the later shaper", len(w.prepared), len(wide))
	}
	_ = w.stopped()
}

func TestStopCommitsWhatWasTaken(t *testing.T) {
	s := newSite()
	w := s.start(t, Options{})
	w.visible(t, s.send(30, 4))
	if err := w.stopped(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if len(s.table) != 120 || s.offset != 30 {
		t.Errorf("%d rows are committed up to %d", len(s.table), s.offset)
	}
	w = s.start(t, Options{}) // goes on where the other stopped
	w.visible(t, s.send(1, 4))
	s.exactly(t, "started again", 124)
	_ = w.stopped()
	if s.offset != 31 || s.accounts != 124 {
		t.Errorf("offset %d, %d records accounted for", s.offset, s.accounts)
	}
}

func TestAWorkerThatIsAbandonedDoesNotTryToCommit(t *testing.T) {
	s := newSite()
	w := s.start(t, Options{})
	w.visible(t, s.send(3, 2))
	s.breakDown("commit", -1)
	w.Abandon()
	if err := w.stopped(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if s.offset != 0 {
		t.Errorf("committed up to %d", s.offset)
	}
}

func TestAFlushBySizeGoesOnWhileRowsArrive(t *testing.T) {
	s := newSite()
	w := s.start(t, Options{Flush: Flush{FlushBytes: 2000}})
	w.visible(t, s.send(500, 5))
	s.exactly(t, "under way", 2500)
	if err := w.stopped(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if len(s.commits) < 10 || len(s.table) != 2500 || s.accounts != 2500 {
		t.Errorf("%d commits of %d rows", len(s.commits), len(s.table))
	}
}

func TestAShaperThatFailsStopsTheWorkerAndLosesNothing(t *testing.T) {
	s := newSite()
	s.breakDown("shape", 1)
	w := s.start(t, Options{})
	s.send(3, 2)
	if err := <-w.ended; !errors.Is(err, errInjected) {
		t.Fatalf("ended with %v", err)
	}
	s.worlds = world.NewStore() // another process starts, and knows nothing of rows that were shown
	w = s.start(t, Options{})
	w.visible(t, 3)
	s.exactly(t, "started again", 6)
	_ = w.stopped()
}
