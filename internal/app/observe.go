package app

import (
	"context"
	"time"

	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Streams describes every stream and how far it is delivered.
func (n *Node) Streams(context.Context) ([]api.StreamInfo, error) {
	list := []api.StreamInfo{}
	w := n.worlds.Current()
	for _, s := range n.list() {
		g, status := s.newest(), s.worker.Status()
		info := api.StreamInfo{Name: s.name, ID: s.id.String(), State: n.stateOf(s.name), Description: g.stored.Definition.Description, EventTime: g.stored.Definition.EventTime, Generation: g.number, Since: int64(g.from),
			Offset: int64(status.Offset), Visible: int64(status.Visible), Last: int64(n.journal.Last()),
			Pending: n.journal.Pending(s.id, status.Offset), Failure: status.Failure}
		if t := w.Table(s.name); t != nil {
			info.Files, info.Rows, info.Bytes = t.Files.Len(), t.Files.Rows(), t.Files.Bytes()
			for _, recent := range t.Recent {
				info.RecentRows += recent.Rows()
			}
		}
		list = append(list, info)
	}
	return list, nil
}

// stateOf says whether a stream that the node knows is in the project.
func (n *Node) stateOf(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names[name] == nil {
		return ledger.StreamRemoved
	}
	return ledger.StreamActive
}

// Last is the number of the newest envelope.
func (n *Node) Last() int64 { return int64(n.journal.Last()) }

// Files lists the paths of a table's data files.
func (n *Node) Files(table string) []string {
	var paths []string
	if t := n.worlds.Current().Table(table); t != nil {
		for _, f := range t.Files.All() {
			paths = append(paths, n.pathOf(f.Path))
		}
	}
	return paths
}

// Tap calls visit with each envelope of a stream as it is stored, until ctx ends;
// the first call, with nil, says that the tap runs.
func (n *Node) Tap(ctx context.Context, name string, visit func(env *record.Envelope, s *record.Section) error) error {
	s, err := n.named(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.taps, cancel)() // a node that stops ends its taps
	at := n.journal.Last()
	if err := visit(nil, nil); err != nil {
		return err
	}
	for {
		entry, err := n.journal.NextOfAll(ctx, at)
		if err != nil {
			return err
		}
		at = entry.Env.Seq
		for i := range entry.Env.Sections {
			if section := &entry.Env.Sections[i]; section.Stream == s.id {
				if err := visit(entry.Env, section); err != nil {
					return err
				}
			}
		}
	}
}

// Flush commits what was accepted of a stream until now.
func (n *Node) Flush(ctx context.Context, name string) error {
	s, err := n.named(name)
	if err != nil {
		return err
	}
	return n.flush(ctx, s)
}

// flushPatience is how long an explicit flush waits for its stream's worker.
const flushPatience = time.Minute

func (n *Node) flush(ctx context.Context, s *stream) error {
	limited, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	err := s.worker.WaitVisible(limited, n.journal.LastOf(s.id))
	if err == nil {
		err = s.worker.Flush(limited)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return record.Errorf(record.Unavailable, "stream %s is not committed after %s: its records are safe in the log, and its worker goes on; biwa doctor and Home say what holds it up", s.name, flushPatience)
	}
	return err
}

// Reload applies the project folder as it is now.
func (n *Node) Reload(ctx context.Context) (api.ReloadAnswer, error) {
	if n.o.Read == nil {
		return api.ReloadAnswer{}, record.Errorf(record.Unsupported, "this node has no project folder to read")
	}
	n.applying.Lock() // from before it is read: the project that is applied last is the newest
	defer n.applying.Unlock()
	p, err := n.o.Read(ctx)
	if err != nil {
		n.refuse(err)
		return api.ReloadAnswer{}, err
	}
	answer, err := n.apply(ctx, p)
	n.refuse(err)
	return answer, err
}

// Waiting are the settings whose new value holds after a restart only.
func (n *Node) Waiting() []api.SettingChange {
	if w := n.waiting.Load(); w != nil {
		return *w
	}
	return nil
}

// refuse remembers why the project was not applied, nil that it was.
func (n *Node) refuse(err error) {
	if err == nil {
		n.refusal.Store(nil)
		return
	}
	n.refusal.Store(&console.Refusal{At: n.clock.Now(), Text: err.Error()})
}
