package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// see notes that everything up to a number is visible, and wakes who waits for it. The
// caller holds mu.
func (w *Worker) see(seq record.Sequence) {
	if seq <= w.mu.visible {
		return
	}
	w.mu.visible = seq
	w.mu.waiters = slices.DeleteFunc(w.mu.waiters, func(x waiter) bool {
		if x.seq <= seq {
			close(x.done)
		}
		return x.seq <= seq
	})
}

// WaitVisible returns when SQL sees everything of the stream up to a number.
func (w *Worker) WaitVisible(ctx context.Context, seq record.Sequence) error {
	w.mu.Lock()
	if seq <= w.mu.visible {
		w.mu.Unlock()
		return nil
	}
	x := waiter{seq, make(chan struct{})}
	w.mu.waiters = append(w.mu.waiters, x)
	w.mu.Unlock()
	select {
	case <-x.done:
		return nil
	case <-w.ended:
		return w.stopped()
	case <-ctx.Done():
		return record.Errorf(record.Unavailable, "the records are stored, but SQL does not see them yet: %w", ctx.Err())
	}
}

// Flush commits everything that the worker has taken from the log by now. Where that
// fails again and again it says why, as record.Unavailable, and the worker goes on trying.
func (w *Worker) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case w.flushNow <- done:
	case <-w.ended:
		return w.stopped()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-w.ended:
		return w.stopped()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Worker) stopped() error {
	return record.Errorf(record.Unavailable, "stream %s is not delivered any more: the node is stopping, or has failed", w.table)
}

// Status is how the worker fares now.
func (w *Worker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.mu.status
	s.Table, s.Offset, s.Visible = w.table, w.Offset(), w.mu.visible
	s.RecentBytes = w.Budget.of(w)
	p := &w.mu.progress
	s.Shown, s.Landed, s.Held, s.Oldest = p.shown.median(), p.landed.median(), p.held, p.oldest
	if p.watermark != 0 {
		s.Watermark = time.UnixMicro(p.watermark).UTC()
	}
	return s
}
