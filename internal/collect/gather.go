// Package collect is the doors in: it reads requests, gives each record a first
// verdict (is it JSON?), and puts what waits at all doors into one envelope, so
// that one fsync answers many.
package collect

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/biwa-data/biwa/internal/record"
)

// Journal is the log that envelopes are put on.
type Journal interface {
	// Append stores an envelope that Encode has packed; on return it is on disk.
	Append(ctx context.Context, env *record.Envelope, data []byte) error
}

// submission is a part that waits for its envelope.
type submission struct {
	stream  record.StreamID
	request record.Request // First is set when the envelope is made
	part    *Part

	section int // where it is in the envelope
	done    chan struct{}
	first   record.RecordID
	err     error
}

// pending is an envelope on its way to disk.
type pending struct {
	env     *record.Envelope
	data    []byte
	err     error
	encoded chan struct{}
	waiters []*submission
	bytes   int
	records int
}

// Gatherer makes envelopes of what waits. While one is being written the next
// one fills, so its size follows the load and an idle node answers at once.
type Gatherer struct {
	journal Journal
	encode  func(*record.Envelope) ([]byte, error)
	// stored is told of each envelope on disk, in order, before its senders are
	// answered.
	stored func(*record.Envelope)

	queue chan *submission
	ready chan *pending // at most one waits while another is written
	once  sync.Once
	wg    sync.WaitGroup
	gate  sync.RWMutex // held for reading while a submission is put on the queue
	ended bool
}

// NewGatherer starts a gatherer; Stop ends it.
func NewGatherer(j Journal, encode func(*record.Envelope) ([]byte, error), stored func(*record.Envelope)) *Gatherer {
	g := &Gatherer{journal: j, encode: encode, stored: stored, queue: make(chan *submission, 1024), ready: make(chan *pending, 1)}
	g.wg.Add(2)
	go g.gather()
	go g.write()
	return g
}

// Stop takes no more, writes what waits, and returns when all is answered.
func (g *Gatherer) Stop() {
	g.once.Do(func() {
		g.gate.Lock()
		g.ended = true
		close(g.queue)
		g.gate.Unlock()
	})
	g.wg.Wait()
}

var errStopping = record.Errorf(record.Unavailable, "the node is stopping: try again")

// Submit puts parts of a request on the log and waits until all are on disk;
// numbers says which of the request's parts each is. It returns the id of each
// part's first record. If ctx ends before, the parts may
// still be stored: that is what idempotency keys are for.
func (g *Gatherer) Submit(ctx context.Context, stream record.StreamID, request record.Request, parts []*Part, numbers []int) ([]record.RecordID, error) {
	waits := make([]*submission, len(parts))
	for i, p := range parts {
		r := request
		r.Count, r.Part = p.Count, numbers[i]
		waits[i] = &submission{stream: stream, request: r, part: p, done: make(chan struct{})}
	}
	if err := g.enqueue(ctx, waits); err != nil {
		return nil, err
	}
	ids := make([]record.RecordID, len(parts))
	var errs []error
	for i, w := range waits {
		select {
		case <-w.done:
			ids[i] = w.first
			errs = append(errs, w.err)
		case <-ctx.Done():
			return nil, record.Errorf(record.Canceled, "the client went away: %w", ctx.Err())
		}
	}
	return ids, errors.Join(errs...)
}

func (g *Gatherer) enqueue(ctx context.Context, waits []*submission) error {
	g.gate.RLock()
	defer g.gate.RUnlock()
	if g.ended {
		return errStopping
	}
	for _, w := range waits {
		select {
		case g.queue <- w:
		case <-ctx.Done():
			return record.Errorf(record.Canceled, "the client went away: %w", ctx.Err())
		}
	}
	return nil
}

// gather fills one envelope after the other.
func (g *Gatherer) gather() {
	defer g.wg.Done()
	defer close(g.ready)
	var held *submission // did not fit the envelope before
	for {
		w := held
		if w == nil {
			var open bool
			if w, open = <-g.queue; !open {
				return
			}
		}
		p := &pending{env: &record.Envelope{}, encoded: make(chan struct{})}
		p.add(w)
		held = g.fill(p)
	}
}

// fill adds what waits until the envelope is full, or until it is its turn to be
// written; it returns the submission that no longer fitted.
func (g *Gatherer) fill(p *pending) (held *submission) {
	for {
		select {
		case w, open := <-g.queue:
			if open && p.fits(w) {
				p.add(w)
				continue
			}
			g.send(p)
			return w
		case g.ready <- p:
			g.seal(p)
			return nil
		}
	}
}

func (g *Gatherer) send(p *pending) {
	g.ready <- p
	g.seal(p)
}

func (p *pending) fits(w *submission) bool {
	return p.bytes+len(w.part.Lines) <= record.MaxEnvelopeBytes && p.records+w.part.Count <= record.MaxRecords
}

// add puts a submission into its stream's section.
func (p *pending) add(w *submission) {
	p.waiters = append(p.waiters, w)
	p.bytes += len(w.part.Lines)
	p.records += w.part.Count
	for i := range p.env.Sections {
		if p.env.Sections[i].Stream == w.stream {
			w.section = i
			return
		}
	}
	w.section = len(p.env.Sections)
	p.env.Sections = append(p.env.Sections, record.Section{Stream: w.stream})
}

// seal lays the envelope out, numbers its records, and packs it in the background.
func (g *Gatherer) seal(p *pending) {
	lines := make([][][]byte, len(p.env.Sections))
	for _, w := range p.waiters {
		s := &p.env.Sections[w.section]
		w.request.First = s.Count
		s.Requests = append(s.Requests, w.request)
		for _, f := range w.part.Flaws {
			f.Index += s.Count
			s.Flaws = append(s.Flaws, f)
		}
		s.Count += w.part.Count
		lines[w.section] = append(lines[w.section], w.part.Lines)
	}
	for i := range p.env.Sections {
		// Always a copy: the log keeps the lines, and a part's may be its door's.
		p.env.Sections[i].Lines = bytes.Join(lines[i], nil)
	}
	first := 0
	for i := range p.env.Sections {
		p.env.Sections[i].First = first
		first += p.env.Sections[i].Count
	}
	go func() {
		defer close(p.encoded)
		p.data, p.err = g.encode(p.env)
	}()
}

// write appends envelopes in order and answers those who wait.
func (g *Gatherer) write() {
	defer g.wg.Done()
	for p := range g.ready {
		<-p.encoded
		err := p.err
		if err == nil {
			err = g.journal.Append(context.Background(), p.env, p.data)
		}
		if err == nil {
			g.stored(p.env)
		}
		for _, w := range p.waiters {
			w.err = err
			if err == nil {
				w.first = p.env.ID(&p.env.Sections[w.section], w.request.First)
			}
			close(w.done)
		}
	}
}
