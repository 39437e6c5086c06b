package console

import (
	"crypto/rand"
	"sync"
)

// outcomesKept is how many results of forms can be read again.
const outcomesKept = 200

// outcomes keeps what forms have done for the page that the redirect leads to. It is
// read by a random name in the URL, so that a link cannot make a result up.
type outcomes struct {
	mu    sync.Mutex
	kept  map[string]any
	names []string // the oldest first
}

func (o *outcomes) add(result any) (name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept == nil {
		o.kept = map[string]any{}
	}
	name = rand.Text()
	o.kept[name], o.names = result, append(o.names, name)
	if len(o.names) > outcomesKept {
		delete(o.kept, o.names[0])
		o.names = o.names[1:]
	}
	return name
}

// get is a result, nil where it is no longer kept.
func (o *outcomes) get(name string) any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept[name]
}
