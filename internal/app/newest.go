package app

import (
	"bytes"
	"context"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// newestKept is how many records of each stream are remembered, as many as a page
// lists, and newestLine how many bytes of each. requestsKept is how many requests of
// all streams are: 1.5 MiB, the last minute of a thousand a second.
const (
	newestKept   = 12
	newestLine   = 1 << 10
	requestsKept = 1 << 16
)

// newest remembers, for people, the records of each stream that were received last,
// and who sent what in the requests before.
//
// A visitor looks for the own record among those of everybody, and nobody knows before
// whose page will be open. On a busy site all others come from browsers too, so that no
// kind of door or address could be left out. Each request is therefore noted, but as
// three numbers without any text: note is called for each section that is stored. The
// few that somebody asks for are read from the log, whose newest part is in memory.
type newest struct {
	seed maphash.Seed

	mu       sync.Mutex
	streams  map[record.StreamID][]console.Tapped // newest last
	requests []sending                            // a ring once it is full
	oldest   int                                  // where in the full ring
}

// sending is one request. Another sender may by chance have the same number.
type sending struct {
	sender uint64 // of a stream
	at     int64  // of receipt, in microseconds since 1970
	first  record.RecordID
}

func newNewest() newest {
	return newest{seed: maphash.MakeSeed(), streams: map[record.StreamID][]console.Tapped{}}
}

// senderOf is the number of a client's program that sends to a stream, whose own
// number is given.
func (n *newest) senderOf(stream uint64, client, userAgent string) uint64 {
	return stream ^ maphash.String(n.seed, client) ^ bits.RotateLeft64(maphash.String(n.seed, userAgent), 1)
}

// note takes over a section's last records, and who sent each request.
func (n *newest) note(env *record.Envelope, s *record.Section) {
	found := lastOf(env, s)
	stream := maphash.Bytes(n.seed, s.Stream[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range s.Requests {
		r := &s.Requests[i]
		n.keep(sending{n.senderOf(stream, r.Client, r.UserAgent), r.ReceivedAt.UnixMicro(), env.ID(s, r.First)})
	}
	if before := n.streams[s.Stream]; len(found) < newestKept {
		found = slices.Concat(before[max(0, len(before)+len(found)-newestKept):], found)
	}
	n.streams[s.Stream] = found
}

func (n *newest) keep(r sending) {
	if len(n.requests) < requestsKept {
		n.requests = append(n.requests, r)
		return
	}
	n.requests[n.oldest] = r
	n.oldest = (n.oldest + 1) % requestsKept
}

// lastOf are a section's last records, oldest first.
func lastOf(env *record.Envelope, s *record.Section) []console.Tapped {
	found := make([]console.Tapped, min(s.Count, newestKept))
	lines, request := s.Lines, len(s.Requests)-1
	for at := range found {
		i := s.Count - 1 - at
		lines = bytes.TrimSuffix(lines, []byte{'\n'})
		line := lines[bytes.LastIndexByte(lines, '\n')+1:]
		lines = lines[:len(lines)-len(line)]
		for request > 0 && s.Requests[request].First > i {
			request--
		}
		found[len(found)-1-at] = tapped(env, s, &s.Requests[request], i, line)
	}
	return found
}

// tapped is a section's i-th record as it was received. It holds nothing of the
// section.
func tapped(env *record.Envelope, s *record.Section, r *record.Request, i int, line []byte) console.Tapped {
	t := console.Tapped{ID: env.ID(s, i), ReceivedAt: r.ReceivedAt, Door: r.Door, Client: r.Client, UserAgent: r.UserAgent,
		Line: bytes.Clone(line[:min(len(line), newestLine)]), Cut: len(line) > newestLine}
	if f := slices.IndexFunc(s.Flaws, func(f record.Flaw) bool { return f.Index == i }); f >= 0 {
		t.Code = s.Flaws[f].Code
	}
	return t
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

// sent are the first records of requests that a sender has probably made to a stream
// since a moment, newest first.
func (n *newest) sent(id record.StreamID, by console.Sender, since time.Time, most int) (found []record.RecordID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sender := n.senderOf(maphash.Bytes(n.seed, id[:]), by.Client, by.UserAgent)
	for i := range n.requests {
		r := &n.requests[(n.oldest+len(n.requests)-1-i)%len(n.requests)]
		if len(found) == most || r.at < since.UnixMicro() {
			break
		}
		if r.sender == sender {
			found = append(found, r.first)
		}
	}
	return found
}

// Newest lists the records of a stream that were received last.
func (p pagesOf) Newest(name string, most int) ([]console.Tapped, error) {
	s, err := p.node.known(name)
	if err != nil {
		return nil, err
	}
	return p.node.last.list(s.id, most), nil
}

// Sent lists the records of a stream that one sender sent since a moment.
func (p pagesOf) Sent(ctx context.Context, name string, by console.Sender, since time.Time, most int) (found []console.Tapped, err error) {
	s, err := p.node.known(name)
	if err != nil {
		return nil, err
	}
	for _, id := range p.node.last.sent(s.id, by, since, most) {
		env, section, err := p.node.section(ctx, s, id)
		if record.KindOf(err) == record.NotFound {
			continue // the log no longer keeps it
		}
		if err != nil {
			return nil, err
		}
		first := id.Index() - section.First
		at := slices.IndexFunc(section.Requests, func(r record.Request) bool { return r.First == first })
		if at < 0 || by != (console.Sender{Client: section.Requests[at].Client, UserAgent: section.Requests[at].UserAgent}) {
			continue // another one's, whose number is the same
		}
		r := &section.Requests[at]
		for i := r.First + r.Count - 1; i >= r.First && len(found) < most; i-- {
			found = append(found, tapped(env, section, r, i, lineOf(section, i)))
		}
	}
	return found, nil
}
