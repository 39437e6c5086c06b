package app

import (
	"context"
	"errors"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// A start makes visible again what was on the log and in no file yet. Until that is
// done an answer could be less than one that was given before, so queries wait for
// it; records are taken meanwhile.

// rebuildWait is how long a query waits.
const rebuildWait = 10 * time.Second

// awaitTail lets queries begin when SQL sees everything that was on the log when
// the node was started.
func (n *Node) awaitTail(ctx context.Context, last record.Sequence) error {
	for _, s := range n.list() {
		if err := s.worker.WaitVisible(ctx, min(last, n.journal.LastOf(s.id))); err != nil {
			return err
		}
	}
	close(n.rebuilt)
	return nil
}

// exact waits until answers are exact.
func (n *Node) exact(ctx context.Context) error {
	select {
	case <-n.rebuilt: // at once, whatever has become of ctx
		return nil
	default:
	}
	limited, cancel := context.WithTimeout(ctx, rebuildWait)
	defer cancel()
	select {
	case <-n.rebuilt:
		return nil
	case <-limited.Done():
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return record.Errorf(record.Canceled, "the query was cancelled while the node was starting")
	}
	var behind int64
	for _, s := range n.list() {
		behind += n.journal.Pending(s.id, s.worker.Status().Visible)
	}
	return record.Errorf(record.Unavailable, "the node has been started and still makes visible what was on its log: %d records are left; try again later", behind)
}
