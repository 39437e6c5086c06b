package app

import (
	"bytes"
	"slices"
	"sync"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// newestKept is how many records of each stream are remembered for people, and
// newestLine how many bytes of each.
const (
	newestKept = 40
	newestLine = 1 << 10
)

// newest remembers the records received last, by stream.
type newest struct {
	mu      sync.Mutex
	streams map[record.StreamID][]console.Tapped // newest last
}

// note takes over a section's last records.
func (n *newest) note(env *record.Envelope, s *record.Section) {
	var found []console.Tapped
	lines := s.Lines
	for i := s.Count - 1; i >= 0 && len(found) < newestKept; i-- {
		lines = bytes.TrimSuffix(lines, []byte{'\n'})
		line := lines[bytes.LastIndexByte(lines, '\n')+1:]
		lines = lines[:len(lines)-len(line)]
		t := console.Tapped{ID: env.ID(s, i), Line: bytes.Clone(line[:min(len(line), newestLine)]), Cut: len(line) > newestLine}
		if r := api.RequestOf(s, i); r != nil {
			t.ReceivedAt, t.Door, t.Client, t.UserAgent = r.ReceivedAt, r.Door, r.Client, r.UserAgent
		}
		if f := slices.IndexFunc(s.Flaws, func(f record.Flaw) bool { return f.Index == i }); f >= 0 {
			t.Code = s.Flaws[f].Code
		}
		found = append(found, t)
	}
	slices.Reverse(found)
	n.mu.Lock()
	defer n.mu.Unlock()
	all := append(n.streams[s.Stream], found...)
	if len(all) > newestKept {
		all = slices.Clone(all[len(all)-newestKept:])
	}
	n.streams[s.Stream] = all
}

// list is a stream's records received last, newest first.
func (n *newest) list(id record.StreamID, most int) []console.Tapped {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.streams[id]
	found := slices.Clone(all[max(0, len(all)-most):])
	slices.Reverse(found)
	return found
}
