package collect

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// StoredPart is what is remembered of one part of a request that carried an
// idempotency key: enough, with the body that the retry brings again, to give its answer again.
type StoredPart struct {
	Key, BodyHash [16]byte
	Part, Parts   int
	First         record.RecordID
	Count         int
	At            time.Time
}

// IdempotencyStore keeps parts on disk, together with the number of the envelope
// up to which they are complete.
type IdempotencyStore interface {
	Offset(ctx context.Context) (record.Sequence, error)
	Find(ctx context.Context, key [16]byte) ([]StoredPart, error)
	// Save adds parts, removes those older than before, and moves the offset, in
	// one transaction.
	Save(ctx context.Context, from, to record.Sequence, parts []StoredPart, before time.Time) error
}

// History reads the log again after a start.
type History interface {
	Last() record.Sequence
	EnvelopeAfter(ctx context.Context, after record.Sequence) (*record.Envelope, error)
}

// Idempotency tells a retry from a new request. It is a consumer of the log like
// any other: what it knows is made from envelopes alone, and its offset is stored
// with it. So a key is remembered exactly if its records are.
type Idempotency struct {
	store IdempotencyStore

	mu     sync.Mutex
	window time.Duration
	claims map[[16]byte]chan struct{} // keys being worked on
	young  map[[16]byte][]StoredPart  // of envelopes after saved
	saved  record.Sequence
	seen   record.Sequence
	newest time.Time
}

// OpenIdempotency reads what was not saved before the node stopped.
func OpenIdempotency(ctx context.Context, store IdempotencyStore, log History, window time.Duration) (*Idempotency, error) {
	offset, err := store.Offset(ctx)
	if err != nil {
		return nil, err
	}
	x := &Idempotency{store: store, window: window, saved: offset, seen: offset, claims: map[[16]byte]chan struct{}{}, young: map[[16]byte][]StoredPart{}}
	for last := log.Last(); x.seen < last; {
		env, err := log.EnvelopeAfter(ctx, x.seen)
		if err != nil {
			return nil, err
		}
		if env == nil {
			break
		}
		x.Note(env)
	}
	return x, nil
}

// SetWindow makes another window hold. What a shorter one has removed stays removed.
func (x *Idempotency) SetWindow(window time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.window = window
}

// Saved is the number up to which everything is on disk.
func (x *Idempotency) Saved() record.Sequence {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.saved
}

// Note remembers an envelope's keys. Envelopes come in order.
func (x *Idempotency) Note(env *record.Envelope) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen = env.Seq
	for i := range env.Sections {
		s := &env.Sections[i]
		for _, r := range s.Requests {
			if r.ReceivedAt.After(x.newest) {
				x.newest = r.ReceivedAt
			}
			if r.IdempotencyKey == ([16]byte{}) {
				continue
			}
			part := StoredPart{Key: r.IdempotencyKey, BodyHash: r.BodyHash, Part: r.Part, Parts: r.Parts,
				First: env.ID(s, r.First), Count: r.Count, At: r.ReceivedAt}
			x.young[part.Key] = append(x.young[part.Key], part)
		}
	}
}

// Claim reserves a key for one request and returns the parts that are stored of
// it already. A second request with the key waits until the first lets go.
func (x *Idempotency) Claim(ctx context.Context, key, bodyHash [16]byte) (parts []StoredPart, release func(), err error) {
	parts, release, err = x.hold(ctx, key)
	if err == nil && len(parts) > 0 && parts[0].BodyHash != bodyHash {
		release()
		return nil, nil, record.Errorf(record.Mismatch, "this Idempotency-Key was used within the last %v for a request with another body: use a new key for a new request", x.currentWindow())
	}
	return parts, release, err
}

func (x *Idempotency) currentWindow() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.window
}

// hold reserves a key and returns what is stored under it, whatever body it had.
func (x *Idempotency) hold(ctx context.Context, key [16]byte) (parts []StoredPart, release func(), err error) {
	for {
		x.mu.Lock()
		busy := x.claims[key]
		if busy == nil {
			break
		}
		x.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, nil, record.Errorf(record.Canceled, "the client went away: %w", ctx.Err())
		}
	}
	done := make(chan struct{})
	x.claims[key] = done
	parts = append(parts, x.young[key]...)
	x.mu.Unlock()
	release = func() {
		x.mu.Lock()
		delete(x.claims, key)
		x.mu.Unlock()
		close(done)
	}
	old, err := x.store.Find(ctx, key)
	if err != nil {
		release()
		return nil, nil, err
	}
	return x.merge(old, parts), release, nil
}

// merge joins stored parts with younger ones, each part once, those outside of
// the window left out.
func (x *Idempotency) merge(old, young []StoredPart) (parts []StoredPart) {
	x.mu.Lock()
	limit := x.newest.Add(-x.window)
	x.mu.Unlock()
	have := map[int]bool{}
	for _, list := range [][]StoredPart{young, old} {
		for _, p := range list {
			if !have[p.Part] && !p.At.Before(limit) {
				have[p.Part] = true
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// Run saves what is noted, at every tick, until ctx ends.
func (x *Idempotency) Run(ctx context.Context, tick <-chan time.Time) error {
	for {
		select {
		case <-tick:
			if err := x.save(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return errors.Join(x.save(context.WithoutCancel(ctx)), ctx.Err())
		}
	}
}

func (x *Idempotency) save(ctx context.Context) error {
	x.mu.Lock()
	from, to, before := x.saved, x.seen, x.newest.Add(-x.window)
	var parts []StoredPart
	for _, list := range x.young {
		parts = append(parts, list...)
	}
	x.mu.Unlock()
	if from == to {
		return nil
	}
	if err := x.store.Save(ctx, from, to, parts, before); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.saved = to
	for _, p := range parts {
		list := x.young[p.Key]
		kept := list[:0]
		for _, q := range list {
			if q.First.Sequence() > to {
				kept = append(kept, q)
			}
		}
		if len(kept) == 0 {
			delete(x.young, p.Key)
		} else {
			x.young[p.Key] = kept
		}
	}
	return nil
}
