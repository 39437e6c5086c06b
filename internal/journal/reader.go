package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/biwa-data/biwa/internal/record"
)

// Next returns the first envelope after a number that holds records of a stream,
// with that stream's lines; it waits until there is one. The number after which
// a consumer reads must not be below what it has had forgotten.
func (l *Log) Next(ctx context.Context, id record.StreamID, after record.Sequence) (*record.Envelope, error) {
	for {
		l.mu.Lock()
		f := l.feed(id)
		if i := f.after(after); i < len(f.places) {
			seq := f.places[i].seq
			entry := l.inTail(seq)
			l.mu.Unlock()
			if entry != nil {
				return entry.Env, nil
			}
			env, err := l.Read(ctx, id, seq)
			var broken *DamageError
			switch {
			case errors.As(err, &broken):
				err = l.report(ctx, "damage", seq, seq, broken.Error())
			case record.KindOf(err) == record.NotFound:
				err = l.report(ctx, "gap", seq, seq, "the envelope is neither in the journal nor in the archive")
			default:
				return env, err
			}
			if err != nil {
				return nil, err
			}
			after = seq // the incident names what is lost; the rest is not held up
			continue
		}
		if f.wake == nil {
			f.wake = make(chan struct{})
		}
		wake := f.wake
		l.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// NextOfAll returns the first envelope after a number, whatever streams it holds;
// it waits until there is one.
func (l *Log) NextOfAll(ctx context.Context, after record.Sequence) (*Entry, error) {
	for {
		l.mu.Lock()
		wake := l.mu.wake
		l.mu.Unlock()
		if entry, err := l.FirstAfter(ctx, after); entry != nil || err != nil {
			return entry, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// FirstAfter returns the first envelope after a number that the young part has,
// nil if there is none.
func (l *Log) FirstAfter(ctx context.Context, after record.Sequence) (*Entry, error) {
	l.mu.Lock()
	last, entry := l.mu.last, l.inTail(after+1)
	l.mu.Unlock()
	if entry != nil {
		return entry, nil
	}
	for seq := max(after+1, l.firstStored()); seq <= last; seq++ {
		data, found, err := l.stream.read(ctx, seq)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		env, err := Decode(data, l.o.Shard, seq, nil)
		if err != nil {
			continue // reported as damage when the log was opened
		}
		return &Entry{env, data}, nil
	}
	return nil, nil
}

// ArchivedAfter lists the envelopes after a number that the archive alone has, in
// order, without their lines.
func (l *Log) ArchivedAfter(ctx context.Context, after record.Sequence) ([]*record.Envelope, error) {
	first := l.firstStored()
	if after+1 >= first {
		return nil, nil
	}
	return l.archive.headers(ctx, after, first)
}

func (l *Log) firstStored() record.Sequence {
	first, _, _ := l.stream.limits()
	return first
}

// inTail finds an envelope in memory. The caller holds mu.
func (l *Log) inTail(seq record.Sequence) *Entry {
	if len(l.mu.tail) == 0 {
		return nil
	}
	first := l.mu.tail[0].Env.Seq
	if seq < first || seq >= first+record.Sequence(len(l.mu.tail)) {
		return nil
	}
	return l.mu.tail[seq-first]
}

// Read returns the envelope of a number with the lines of one stream, from
// whichever tier has it. From the archive it has that stream's section alone.
func (l *Log) Read(ctx context.Context, id record.StreamID, seq record.Sequence) (*record.Envelope, error) {
	l.mu.Lock()
	entry := l.inTail(seq)
	l.mu.Unlock()
	if entry != nil {
		return entry.Env, nil
	}
	data, found, err := l.stream.read(ctx, seq)
	if err != nil {
		return nil, err
	}
	if found {
		return Decode(data, l.o.Shard, seq, func(s record.StreamID) bool { return s == id })
	}
	env, _, err := l.archive.read(ctx, id, seq)
	if err != nil {
		return nil, fmt.Errorf("journal: read %d: %w", seq, err)
	}
	return env, nil
}

// Locate says where in the archive a stream's part of an envelope lies.
func (l *Log) Locate(ctx context.Context, id record.StreamID, seq record.Sequence) (Location, error) {
	_, at, err := l.archive.read(ctx, id, seq)
	return at, err
}
