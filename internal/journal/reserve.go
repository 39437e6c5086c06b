package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/biwa-data/biwa/internal/record"
)

// reserveStep is how many numbers are reserved in the registry at a time. Few
// enough that the 41 bits of a number hold 33 million starts that skip them, and
// so many that an append waits for the registry once in 65,536.
const reserveStep = 1 << 16

// reserve sees to it that the registry knows of the next number, durably, before
// it is given. The caller holds mu.
func (s *stream) reserve(ctx context.Context) error {
	if s.last < s.state.Reserved {
		return nil
	}
	next := s.state
	next.High, next.Reserved = s.last, min(s.last+reserveStep, record.MaxSequence)
	if err := s.save(ctx, next); err != nil {
		return record.Errorf(record.Unavailable, "reserve sequence numbers: %w", err)
	}
	s.state = next
	return nil
}

// release gives back the numbers that were reserved and not given: the next start
// knows that the log ends here.
func (s *stream) release(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || s.handle == nil || s.state.Reserved <= s.last {
		return nil
	}
	next := s.state
	next.High, next.Reserved = s.last, s.last
	if err := s.save(ctx, next); err != nil {
		return fmt.Errorf("journal: release sequence numbers: %w", err)
	}
	s.state = next
	return nil
}

// settle makes the stream's numbers agree with what is known to have been given,
// and returns what the registry should know from now on. No number that was ever
// given is given again:
//
//   - A log that ends at or beyond what was reserved has lost nothing.
//   - One that ends before, but where its witness says, has lost nothing either:
//     the process was killed.
//   - One that ends before a number that was given has lost what is between.
//     That is an incident, and numbering goes on far beyond.
//   - One whose end the witness cannot vouch for, after a power cut, is taken as
//     it is, and numbering goes on beyond what was reserved.
//   - Where the witness is gone, too, that is an incident: it is never gone by itself.
//
// Going on further ahead empties the stream: rescue is called before, to put what
// it still holds somewhere else.
func (s *stream) settle(ctx context.Context, known State, archived record.Sequence, rescue func() error) (State, *Incident, error) {
	if s.handle == nil {
		return s.create(ctx, known, archived)
	}
	id, last, err := s.inspect(ctx)
	if err != nil {
		return known, nil, err
	}
	said, err := s.witness.hear(id)
	if err != nil {
		return known, nil, err
	}
	next := State{UUID: id, Incarnation: known.Incarnation, High: max(known.High, last), Reserved: known.Reserved}
	replaced := known.UUID != "" && known.UUID != id
	certain := max(known.High, said.last)
	switch {
	case !replaced && last >= certain && (said.exact || last >= known.Reserved):
		return next, nil, nil
	case !replaced && last >= certain && said.found:
		s.log.Info("journal: the machine went down or was changed since the last start; some numbers are left out", "from", last+1, "to", known.Reserved)
		return next, nil, s.skip(ctx, known.Reserved+1, rescue)
	}
	from, to := last+1, certain
	if !said.exact || replaced {
		to = max(certain, known.Reserved)
	}
	if replaced {
		from, to = min(last, known.High)+1, max(last, to)
	}
	next.High, next.Incarnation = max(to, known.Reserved)+jump, known.Incarnation+1
	next.Reserved = next.High
	if err := s.skip(ctx, next.High+1, rescue); err != nil {
		return known, nil, err
	}
	detail := fmt.Sprintf("the journal ends at %d, but %d had been given", last, certain)
	if last >= certain {
		detail = fmt.Sprintf("the journal ends at %d, and the file that says whether more had been given is gone or damaged", last)
	}
	return next, &Incident{Shard: s.shard, Kind: "journal_behind", From: from, To: to,
		Detail: fmt.Sprintf("%s; numbering goes on at %d", detail, next.High+1)}, nil
}

// begin is what the stream starts from when its numbers are settled.
func (s *stream) begin(state State) error {
	s.state, s.witness.uuid = state, state.UUID
	return errors.Join(s.witness.note(s.last), s.witness.sync())
}

// create makes the stream of a new log, or of one that is gone.
func (s *stream) create(ctx context.Context, known State, archived record.Sequence) (State, *Incident, error) {
	next := State{UUID: uuid.NewString(), Incarnation: known.Incarnation + 1}
	given := max(known.High, known.Reserved)
	first, incident := record.Sequence(1), (*Incident)(nil)
	if given > 0 {
		first = given + jump
		incident = &Incident{Shard: s.shard, Kind: "journal_missing", From: archived + 1, To: max(given, archived+1),
			Detail: fmt.Sprintf("the journal's folder was gone or empty; what it held beyond the archive and the tables is lost; numbering goes on at %d", first)}
	}
	var err error
	if s.handle, err = s.js.CreateStream(ctx, s.config(next.UUID, first)); err != nil {
		return next, nil, fmt.Errorf("create stream: %w", err)
	}
	next.High, next.Reserved = max(given, first-1), max(given, first-1)
	return next, incident, errors.Join(s.syncFolders(), s.refresh(ctx))
}

// inspect is the stored stream's uuid and last number.
func (s *stream) inspect(ctx context.Context) (id string, last record.Sequence, err error) {
	info, err := s.handle.Info(ctx)
	if err != nil {
		return "", 0, err
	}
	if info.Config.MaxBytes != s.maxBytes {
		config := info.Config
		config.MaxBytes = s.maxBytes
		if s.handle, err = s.js.UpdateStream(ctx, config); err != nil {
			return "", 0, fmt.Errorf("resize stream: %w", err)
		}
	}
	// What a process that was killed had written and not fsynced can be read, and
	// consumers will store what they make of it: it has to be durable first.
	if err := s.syncBlocks(); err != nil {
		return "", 0, err
	}
	return info.Config.Metadata["biwa.uuid"], record.Sequence(info.State.LastSeq), s.refresh(ctx)
}

// skip goes on at a number ahead.
func (s *stream) skip(ctx context.Context, to record.Sequence, rescue func() error) error {
	if err := rescue(); err != nil {
		return err
	}
	if err := s.handle.Purge(ctx, jetstream.WithPurgeSequence(uint64(to))); err != nil {
		return fmt.Errorf("jump ahead: %w", err)
	}
	if err := errors.Join(s.syncFolders(), s.refresh(ctx)); err != nil {
		return err
	}
	if s.last+1 != to {
		return fmt.Errorf("jump ahead: the stream goes on at %d instead of %d", s.last+1, to)
	}
	return nil
}
