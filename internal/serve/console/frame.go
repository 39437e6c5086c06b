package console

import (
	"context"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Frame is what surrounds every page: masthead and rail.
type Frame struct {
	Overview
	// Stale is why there is no newer overview, nil if there is.
	Stale    error
	Starting bool
}

// Seen says of each stream up to which record a page counts: those that came later are
// not of its moment.
type Seen map[string]record.RecordID

// Seen is up to where SQL saw each stream at the frame's moment.
func (f *Frame) Seen() Seen {
	seen := Seen{}
	for _, s := range f.Streams {
		seen[s.Name] = s.Seen
	}
	return seen
}

// glance keeps the overview for a moment: pages of many visitors share one.
type glance struct {
	mu    sync.Mutex
	asked time.Time
	last  Overview
	err   error
}

// glanceTime is how long an overview is shown again.
const glanceTime = 500 * time.Millisecond

// overviewTime bounds how long a page waits for a new overview; then it shows the
// one before and says so.
const overviewTime = 5 * time.Second

// forget makes the next page look again: who has changed something sees it.
func (g *glance) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = time.Time{}
}

// frame is the frame as it is now.
func (c *Console) frame(ctx context.Context) *Frame {
	g := &c.glance
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := c.Now(); now.Sub(g.asked) >= glanceTime || now.Before(g.asked) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), overviewTime)
		defer cancel()
		next, err := c.Node.Overview(ctx)
		if g.err = err; err == nil {
			g.last = next
		}
		g.asked = c.Now()
	}
	return &Frame{Overview: g.last, Stale: g.err, Starting: c.Node.Ready() != nil}
}

// entry is one line of the rail.
type entry struct {
	Name, Path string
	Gap        bool // a little room above
	Mark       string
	Class      string // "bad", "near" or ""
	Current    bool
}

// Rail is the list of pages, each with the number that says whether to look.
func (v *Visit) Rail() []entry {
	f := v.Frame
	quarantined := entry{Name: "quarantine", Path: "/quarantine", Gap: true, Mark: v.N(f.Kept)}
	if f.Kept > 0 {
		quarantined.Class = "bad"
	}
	balance := entry{Name: "ledger", Path: "/ledger", Mark: "="}
	if !f.Balanced {
		balance.Mark, balance.Class = "≠", "bad"
	}
	limits := entry{Name: "limits", Path: "/limits"}
	if n := len(f.Near()); n > 0 {
		limits.Mark, limits.Class = string(v.T("nav.near", n)), "near"
	}
	all := []entry{
		{Name: "home", Path: "/"},
		{Name: "streams", Path: "/streams", Mark: v.N(len(f.Active()))},
		{Name: "tables", Path: "/tables", Mark: v.N(len(f.Streams) + 1)}, // and quarantine's
		{Name: "sql", Path: "/sql"},
		quarantined, balance, limits,
	}
	if v.options.Demo != nil {
		all = append(all, entry{Name: "tour", Path: "/tour", Gap: true})
	}
	for i := range all {
		all[i].Current = all[i].Name == v.Entry()
	}
	return all
}

// nearShare is from where on a limit is called near.
const nearShare = 0.8

// Missing is how many records are missing, as a count.
func (f *Frame) Missing() int64 { return -f.Difference }

// key is a line of the list of keys.
type key struct {
	Keys []string
	Does string // a message's key
}

// Keys are the keys that script.js knows.
func (v *Visit) Keys() []key {
	return []key{
		{[]string{"g", "h s t q u l i"}, "key.go"},
		{[]string{"/"}, "key.trace"},
		{[]string{"j", "k"}, "key.row"},
		{[]string{"."}, "key.pause"},
		{[]string{"d"}, "key.theme"},
		{[]string{"?"}, "key.help"},
	}
}
