package deliver

import (
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// recentSpans remembers how long the last things took.
type recentSpans struct {
	spans [64]time.Duration
	count int
}

func (r *recentSpans) add(d time.Duration) {
	r.spans[r.count%len(r.spans)] = d
	r.count++
}

// median is the middle one, 0 where there is none.
func (r *recentSpans) median() time.Duration {
	n := min(r.count, len(r.spans))
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.spans[:n]))
	return sorted[n/2]
}

// progress is what a worker measures of its own way, guarded by the worker's mu.
type progress struct {
	shown, landed recentSpans
	watermark     int64 // newest event time that SQL sees, in microseconds; 0 for none
	held          []Held
	oldest        time.Time // receipt of the oldest record held, zero without one
}

// Held says what became of the records of one quarter of an hour that were taken and
// that no commit has yet.
type Held struct {
	Account
	Kept int64 // of those quarantined, how many SQL sees
}

// noteShown notes that everything up to a number is visible, and measures: how long the
// oldest of it took since it was received, and how far event time has come. What is
// visible moves together with what is held: who counts the rejected up to there in SQL
// counts as many as Held says.
func (w *Worker) noteShown(upTo record.Sequence) {
	held := w.heldAccounts()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.see(upTo)
	p := &w.mu.progress
	p.held, p.oldest = held, w.current.oldest
	if w.flushing != nil && !w.flushing.oldest.IsZero() {
		p.oldest = w.flushing.oldest
	}
	if !w.unshown.IsZero() && w.mu.visible >= w.current.taken {
		p.shown.add(w.Clock.Now().Sub(w.unshown))
		p.watermark = max(p.watermark, w.newest)
		w.unshown = time.Time{}
	}
}

// noteLanded measures a commit. The offset moves together with what is held: no
// record is in both, and none in neither.
func (w *Worker) noteLanded(g *generation) {
	held := w.heldAccounts()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committed.Store(uint64(g.to))
	w.mu.progress.held = held
	if !g.oldest.IsZero() {
		w.mu.progress.landed.add(w.Clock.Now().Sub(g.oldest))
	}
}

// heldAccounts says what became of the records that were taken and are not
// committed, the oldest quarter first.
func (w *Worker) heldAccounts() []Held {
	held := w.current.held()
	if w.flushing != nil {
		held = append(held, w.flushing.held()...)
	}
	slices.SortFunc(held, func(a, b Held) int { return a.Quarter.Compare(b.Quarter) })
	return held
}
