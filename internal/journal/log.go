// Package journal is the log: every accepted record, once, in order, on disk.
//
// It has three tiers that hold the same envelopes. The newest lie in memory, so
// that what follows the log need not read it back; the young part is a JetStream
// stream, fsynced before an append returns; the old part is the raw archive, the
// same bytes in a file for each stream and hour. The archive always advances and
// the stream is purged up to it, so no slow reader holds up anybody.
//
// The package is the sole importer of NATS.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
)

// Options of a Log. Dir is required.
type Options struct {
	Dir       string // of the JetStream store
	Shard     uint8
	MaxBytes  int64 // of the young part; past it appends are refused. Default 1 GiB
	TailBytes int64 // of lines kept in memory. Default 64 MiB
	Clock     service.Clock
	Log       *slog.Logger
	Archive   ArchiveOptions
}

func (o *Options) ensureDefaults() {
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.TailBytes == 0 {
		o.TailBytes = 64 << 20
	}
	if o.Clock == nil {
		o.Clock = service.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Archive.ensureDefaults()
}

// State is what is remembered of a shard's stream outside of it.
type State struct {
	UUID        string
	High        record.Sequence // the highest number known to have been given
	Reserved    record.Sequence // no number beyond it was ever given
	Incarnation int
}

// Incident is a range of the log that is not as it should be.
type Incident struct {
	Shard    uint8
	Kind     string // journal_missing, journal_behind, gap, damage, clock
	From, To record.Sequence
	Detail   string
}

// Registry is the metadata the log needs.
type Registry interface {
	JournalState(ctx context.Context, shard uint8) (State, error)
	SaveJournalState(ctx context.Context, shard uint8, s State) error
	ReportIncident(ctx context.Context, i Incident) error
	// FirstNeeded is the lowest offset of all consumers of the log.
	FirstNeeded(ctx context.Context, shard uint8) (record.Sequence, error)
	ArchiveRegistry
}

// Entry is one envelope with the bytes that are stored of it.
type Entry struct {
	Env  *record.Envelope
	Data []byte
}

// Log is one shard of the log.
type Log struct {
	o        Options
	stream   *stream
	registry Registry
	archive  *archive

	mu struct {
		sync.Mutex
		last      record.Sequence
		tail      []*Entry // consecutive, the newest last
		tailBytes int64
		feeds     map[record.StreamID]*feed
		wake      chan struct{} // closed at the next append, for readers of every stream
		closed    bool
		received  time.Time // of the newest request; time in the log never goes back
		setBack   bool      // the clock is behind that by more than clockStep
	}
	// floor is how far the young part may be purged, besides the archive's offset.
	floor func() record.Sequence
}

// feed lists where a stream's records are in the part of the log that its
// consumer has not stored yet.
type feed struct {
	places []place
	wake   chan struct{} // closed at the stream's next append
}

type place struct {
	seq     record.Sequence
	records int
}

// Open opens the log, settles its numbering, and reads the headers of what its
// consumers have not stored yet.
func Open(ctx context.Context, registry Registry, o Options) (*Log, error) {
	o.ensureDefaults()
	known, err := registry.JournalState(ctx, o.Shard)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	s, err := openStream(ctx, o, func(ctx context.Context, state State) error { return registry.SaveJournalState(ctx, o.Shard, state) })
	if err != nil {
		return nil, err
	}
	l := &Log{o: o, stream: s, registry: registry}
	l.mu.feeds = map[record.StreamID]*feed{}
	l.mu.wake = make(chan struct{})
	if err := l.open(ctx, known); err != nil {
		s.close()
		return nil, err
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, known State) error {
	var err error
	if l.archive, err = openArchive(ctx, l.registry, l.o); err != nil {
		return err
	}
	state, incident, err := l.stream.settle(ctx, known, l.archive.offset(), func() error { return l.rescue(ctx) })
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if incident != nil {
		if err := l.registry.ReportIncident(ctx, *incident); err != nil {
			return err
		}
	}
	if state != known {
		if err := l.registry.SaveJournalState(ctx, l.o.Shard, state); err != nil {
			return err
		}
	}
	after, err := l.registry.FirstNeeded(ctx, l.o.Shard)
	if err != nil {
		return err
	}
	if err := l.stream.begin(state); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	l.mu.last = l.stream.last
	if err := l.rememberTime(ctx); err != nil {
		return err
	}
	return l.survey(ctx, after)
}

// rememberTime lets time go on from the newest envelope's, whoever still needs that.
func (l *Log) rememberTime(ctx context.Context) error {
	if l.stream.last < max(1, l.stream.first) {
		return nil
	}
	data, found, err := l.stream.read(ctx, l.stream.last)
	if err != nil || !found {
		return err
	}
	// Damage is reported by the survey.
	if env, err := Decode(data, l.o.Shard, l.stream.last, func(record.StreamID) bool { return false }); err == nil {
		l.mu.Lock()
		l.noteTime(env)
		l.mu.Unlock()
	}
	return nil
}

// noteTime remembers when an envelope's requests were received. The caller holds mu.
func (l *Log) noteTime(env *record.Envelope) {
	for i := range env.Sections {
		for _, r := range env.Sections[i].Requests {
			if r.ReceivedAt.After(l.mu.received) {
				l.mu.received = r.ReceivedAt
			}
		}
	}
}

// rescue copies into the archive what the young part alone has, before that is
// emptied.
func (l *Log) rescue(ctx context.Context) error {
	at := l.archive.offset()
	err := l.stream.scan(ctx, at, func(seq record.Sequence, data []byte) error {
		env, err := Decode(data, l.o.Shard, seq, nil)
		if err != nil {
			return l.report(ctx, "damage", seq, seq, err.Error())
		}
		at = seq
		l.mu.Lock()
		l.noteTime(env)
		l.mu.Unlock()
		return l.archive.write(ctx, &Entry{env, data})
	})
	if err != nil {
		return err
	}
	return l.archive.commit(ctx, at)
}

// survey reads the headers after a number, to know what is pending, and reports
// what is missing or damaged with its exact range.
func (l *Log) survey(ctx context.Context, after record.Sequence) error {
	if err := l.surveyArchive(ctx, after); err != nil {
		return err
	}
	expect := max(after+1, l.stream.first)
	err := l.stream.scan(ctx, after, func(seq record.Sequence, data []byte) error {
		if seq > expect {
			if err := l.report(ctx, "gap", expect, seq-1, "the journal skips these numbers"); err != nil {
				return err
			}
		}
		expect = seq + 1
		env, err := Decode(data, l.o.Shard, seq, func(record.StreamID) bool { return false })
		if err != nil {
			return l.report(ctx, "damage", seq, seq, err.Error())
		}
		l.mu.Lock()
		l.index(env)
		l.mu.Unlock()
		return nil
	})
	if err != nil {
		return err
	}
	if last := l.stream.last; expect <= last && last >= l.stream.first {
		return l.report(ctx, "gap", expect, last, "the journal skips these numbers")
	}
	return nil
}

// surveyArchive indexes what a consumer still needs but the young part no longer
// has: a slow or quiet table reads it from the archive.
func (l *Log) surveyArchive(ctx context.Context, after record.Sequence) error {
	if after+1 >= l.stream.first {
		return nil
	}
	files, err := l.registry.ArchivedSince(ctx, l.o.Shard, after+1)
	if err != nil {
		return err
	}
	for _, f := range files {
		err := l.archive.walk(f, func(seq record.Sequence, records int) {
			if seq > after && seq < l.stream.first {
				l.mu.Lock()
				feed := l.feed(f.Stream)
				feed.places = append(feed.places, place{seq, records})
				l.mu.Unlock()
			}
		})
		if err != nil {
			return l.report(ctx, "damage", f.First, f.Last, err.Error())
		}
	}
	return nil
}

func (l *Log) report(ctx context.Context, kind string, from, to record.Sequence, detail string) error {
	l.o.Log.Error("journal incident", "kind", kind, "from", from, "to", to, "detail", detail)
	return l.registry.ReportIncident(ctx, Incident{Shard: l.o.Shard, Kind: kind, From: from, To: to, Detail: detail})
}

// index adds an envelope's sections to the feeds. The caller holds mu.
func (l *Log) index(env *record.Envelope) {
	for i := range env.Sections {
		s := &env.Sections[i]
		f := l.feed(s.Stream)
		f.places = append(f.places, place{env.Seq, s.Count})
		if f.wake != nil {
			close(f.wake)
			f.wake = nil
		}
	}
	l.noteTime(env)
}

// feed is the stream's feed. The caller holds mu.
func (l *Log) feed(id record.StreamID) *feed {
	f := l.mu.feeds[id]
	if f == nil {
		f = &feed{}
		l.mu.feeds[id] = f
	}
	return f
}

// SetFloor keeps envelopes after a number in the young part: their headers are
// needed by a consumer that reads every stream.
func (l *Log) SetFloor(floor func() record.Sequence) { l.floor = floor }

// Append stores an envelope, whose bytes Encode made, and sets its number. When
// it returns nil the envelope is on disk. One caller at a time.
func (l *Log) Append(ctx context.Context, env *record.Envelope, data []byte) error {
	seq, err := l.stream.append(ctx, data)
	if err != nil {
		return err
	}
	env.Shard, env.Seq = l.o.Shard, seq
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.last = seq
	l.index(env)
	l.mu.tail = append(l.mu.tail, &Entry{env, data})
	l.mu.tailBytes += lineBytes(env)
	for l.mu.tailBytes > l.o.TailBytes && len(l.mu.tail) > 1 {
		l.mu.tailBytes -= lineBytes(l.mu.tail[0].Env)
		l.mu.tail[0] = nil
		l.mu.tail = l.mu.tail[1:]
	}
	close(l.mu.wake)
	l.mu.wake = make(chan struct{})
	return nil
}

func lineBytes(env *record.Envelope) int64 {
	var n int64
	for i := range env.Sections {
		n += int64(len(env.Sections[i].Lines)) + 256
	}
	return n
}

// Last is the number of the newest envelope.
func (l *Log) Last() record.Sequence {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.last
}

// LastOf is the newest envelope with records of a stream, 0 if every one has
// been forgotten.
func (l *Log) LastOf(id record.StreamID) record.Sequence {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.mu.feeds[id]; f != nil && len(f.places) > 0 {
		return f.places[len(f.places)-1].seq
	}
	return 0
}

// Pending is how many records of a stream lie after a number.
func (l *Log) Pending(id record.StreamID, after record.Sequence) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int64
	if f := l.mu.feeds[id]; f != nil {
		for _, p := range f.places[f.after(after):] {
			n += int64(p.records)
		}
	}
	return n
}

// Forget lets go of what is known of a stream's records up to a number, for its
// consumer has stored them.
func (l *Log) Forget(id record.StreamID, upTo record.Sequence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.mu.feeds[id]; f != nil {
		f.places = slices.Clone(f.places[f.after(upTo):])
	}
}

// after is the index of the first place after a number.
func (f *feed) after(seq record.Sequence) int {
	i, _ := slices.BinarySearchFunc(f.places, seq+1, func(p place, s record.Sequence) int {
		switch {
		case p.seq < s:
			return -1
		case p.seq > s:
			return 1
		}
		return 0
	})
	return i
}

// Stats describes the young part for people.
type Stats struct {
	First, Last     record.Sequence
	Bytes, MaxBytes int64
	Archived        record.Sequence
}

// Stats is how it stands now.
func (l *Log) Stats() Stats {
	first, last, bytes := l.stream.limits()
	return Stats{First: first, Last: last, Bytes: bytes, MaxBytes: l.o.MaxBytes, Archived: l.archive.offset()}
}

// Close stops the log. Appends and readers must have ended.
func (l *Log) Close() error {
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	err := errors.Join(l.archive.close(), l.stream.release(context.Background()))
	l.stream.close()
	return err
}

// Hold runs change while nothing is appended; next is the number of the envelope
// that comes after.
func (l *Log) Hold(change func(next record.Sequence) error) error {
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	return change(l.stream.last + 1)
}
