package app

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/service"
)

// unreadyAfter is how long a trouble that keeps the node from its job may last before
// the node says that it is not ready: shorter ones mend themselves.
const unreadyAfter = time.Minute

// health knows what fails again and again: each trouble has a name, and is there from
// its first failure to its next success.
type health struct {
	clock service.Clock

	mu       sync.Mutex
	troubles map[string]*console.Trouble
}

func newHealth(clock service.Clock) *health {
	return &health{clock: clock, troubles: map[string]*console.Trouble{}}
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

// list are the troubles there are, the oldest first.
func (h *health) list() []console.Trouble {
	h.mu.Lock()
	defer h.mu.Unlock()
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
