package app

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/service"
)

// unreadyAfter is how long a trouble that keeps the node from its job may last before
// the node says that it is not ready: shorter ones mend themselves.
const unreadyAfter = time.Minute

// health knows what fails again and again: each trouble has a name. What is told, each
// time, is there from its first failure to its next success. What is met, where others
// of its kind go well all the while, is there until it was not met for a while.
type health struct {
	clock service.Clock

	mu       sync.Mutex
	troubles map[string]*console.Trouble
	met      map[string]bool // those of them that end by themselves
}

func newHealth(clock service.Clock) *health {
	return &health{clock: clock, troubles: map[string]*console.Trouble{}, met: map[string]bool{}}
}

// tell takes the outcome of something that a name stands for: nil ends its trouble.
func (h *health) tell(name string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.troubles, name)
		return
	}
	now := h.clock.Now()
	t := h.troubles[name]
	if t == nil {
		t = &console.Trouble{Name: name, Since: now}
		h.troubles[name] = t
	}
	t.Last, t.Text = now, err.Error()
	t.Count++
}

// forgetAfter is how long a trouble that was met is there without being met again.
const forgetAfter = time.Minute

// meet takes a failure of something that a name stands for.
func (h *health) meet(name string, err error) {
	h.list() // what was over is another trouble
	h.tell(name, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.met[name] = true
}

// list are the troubles there are, the oldest first.
func (h *health) list() []console.Trouble {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.met {
		if t := h.troubles[name]; t == nil || h.clock.Now().Sub(t.Last) > forgetAfter {
			delete(h.troubles, name)
			delete(h.met, name)
		}
	}
	found := make([]console.Trouble, 0, len(h.troubles))
	for _, t := range h.troubles {
		found = append(found, *t)
	}
	slices.SortFunc(found, func(a, b console.Trouble) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
	})
	return found
}

// check is an error that names every trouble once one of them has lasted too long. One
// that was not met lately, for nothing came, does not count.
func (h *health) check() error {
	troubles, now := h.list(), h.clock.Now()
	if !slices.ContainsFunc(troubles, func(t console.Trouble) bool {
		return now.Sub(t.Since) > unreadyAfter && now.Sub(t.Last) <= unreadyAfter
	}) {
		return nil
	}
	var texts []string
	for _, t := range troubles {
		texts = append(texts, t.String())
	}
	return record.Errorf(record.Unavailable, "the node cannot do its job: %s", strings.Join(texts, "; "))
}

// told takes what a worker tells of. Each generation of recent rows is dropped once: that
// the next one can be does not mean that this one was.
func (n *Node) told(what, stream string, err error) {
	switch {
	case what != deliver.ToldDrop:
		n.health.tell(what+" "+stream, err)
	case err != nil:
		n.health.meet(what+" "+stream, err)
	}
}

// troubleQuery is the trouble of queries that failed by no fault of theirs.
const troubleQuery = "query"

// noteQuery takes a query's end: where the engine failed, and not the statement, its
// limits or its client, that is a trouble of the node.
func (n *Node) noteQuery(ctx context.Context, err error) error {
	if kind := record.KindOf(err); err != nil && ctx.Err() == nil && (kind == record.Conflict || kind == record.Internal) && !errors.Is(err, io.EOF) {
		n.health.meet(troubleQuery, err)
	}
	return err
}
