package console

import (
	"slices"
	"sync"
	"time"
)

// question is a statement that a visitor ran.
type question struct {
	SQL    string
	At     time.Time
	Took   time.Duration
	Failed bool
}

const (
	historyLength   = 20
	historyVisitors = 500
)

// history keeps what each visitor asked last, in memory: it ends with the process.
type history struct {
	mu       sync.Mutex
	visitors map[string][]question // newest first
	order    []string              // of the visitors, who asked last at the end
}

// visitor tells browsers apart: by the cookie behind their forms, and who is logged in.
func (v *Visit) visitor() string { return v.CSRF + " " + v.User }

func (h *history) add(visitor string, a question) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.visitors == nil {
		h.visitors = map[string][]question{}
	}
	list := slices.DeleteFunc(slices.Clone(h.visitors[visitor]), func(o question) bool { return o.SQL == a.SQL })
	h.visitors[visitor] = slices.Insert(list, 0, a)[:min(len(list)+1, historyLength)]
	h.order = append(slices.DeleteFunc(h.order, func(o string) bool { return o == visitor }), visitor)
	if len(h.order) > historyVisitors {
		delete(h.visitors, h.order[0])
		h.order = h.order[1:]
	}
}

func (h *history) of(visitor string) []question {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.visitors[visitor])
}
