package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"

	"github.com/biwa-data/biwa/internal/record"
)

// Growth is what a sender says of a body that stands for the beginning of
// something that grows, such as the lines of a file so far.
type Growth int

const (
	Whole Growth = iota // the body does not grow: another one is a mistake
	Grows               // it may go on after a body that was sent with its key
	// Branch is Grows of a sender that knows that its body is not the beginning of
	// a longer one that was sent before.
	Branch
)

// grow puts those records of a body that grows on the log that no body with its
// key had brought before it.
//
// Each time is a step: a part whose Parts is how many records the body had with
// it, and whose BodyHash is that of all their lines. So a step that ends within
// a body and has its hash there says that everything up to there is stored: a
// step is stored only when what precedes it is. Bodies that begin alike and go
// on differently are told apart by that hash, and have their steps under one key.
func (in *Intake) grow(ctx context.Context, d Delivery) (Answer, error) {
	if len(d.Lines.Parts) != 1 {
		return Answer{}, record.Errorf(record.TooLarge, "a body that grows has at most %d records and %d bytes: use one key for each piece", record.MaxRecords, record.MaxEnvelopeBytes)
	}
	body := &d.Lines.Parts[0]
	d.Request.IdempotencyKey = hashKey(d.Stream, "\x00grows "+d.IdempotencyKey)
	steps, release, err := in.idempotency.hold(ctx, d.Request.IdempotencyKey)
	if err != nil {
		return Answer{}, err
	}
	defer release()
	taken, hash, longer := stepsOf(body, steps)
	known := 0
	for _, s := range taken {
		known = max(known, s.Parts)
	}
	if known < body.Count {
		if longer && d.Growth != Branch {
			return Answer{}, record.Errorf(record.Conflict, "a longer body with this Idempotency-Key is stored already, and it cannot be said whether this one, of %d records, is its beginning: read what has grown again and send it, or say Idempotency-Grows: branch if it is something else", body.Count)
		}
		d.Request.BodyHash, d.Request.Parts = hash, body.Count
		ids, err := in.submit(context.WithoutCancel(ctx), d, []*Part{body.from(known)}, []int{nextStep(steps)})
		if err != nil {
			return Answer{}, err
		}
		taken = append(taken, StoredPart{First: ids[0], Count: body.Count - known, Parts: body.Count})
	}
	return grown(d.Lines, taken, known), nil
}

// stepsOf are the steps that a body has taken before; hash is that of all of it.
// longer says that there is a step of a body with more records.
func stepsOf(body *Part, steps []StoredPart) (taken []StoredPart, hash [16]byte, longer bool) {
	ends := []int{body.Count}
	for _, s := range steps {
		longer = longer || s.Parts > body.Count
		ends = append(ends, s.Parts)
	}
	slices.Sort(ends)
	sum, rest, at := sha256.New(), body.Lines, 0
	for _, end := range slices.Compact(ends) {
		if end > body.Count {
			break
		}
		head := linesLength(rest, end-at)
		sum.Write(rest[:head])
		rest, at = rest[head:], end
		copy(hash[:], sum.Sum(nil))
		for _, s := range steps {
			if s.Parts == end && s.BodyHash == hash {
				taken = append(taken, s)
			}
		}
	}
	return taken, hash, longer
}

// linesLength is how many bytes the first n lines have.
func linesLength(lines []byte, n int) (length int) {
	for ; n > 0; n-- {
		length += bytes.IndexByte(lines[length:], '\n') + 1
	}
	return length
}

// nextStep numbers steps so that no two under one key are equal.
func nextStep(steps []StoredPart) (n int) {
	for _, s := range steps {
		n = max(n, s.Part+1)
	}
	return n
}

// from is the part without its first records.
func (p *Part) from(known int) *Part {
	rest := &Part{First: known, Count: p.Count - known, Lines: p.Lines[linesLength(p.Lines, known):], borrowed: p.borrowed}
	for _, f := range p.Flaws {
		if f.Index >= known {
			f.Index -= known
			rest.Flaws = append(rest.Flaws, f)
		}
	}
	return rest
}

// grown is the answer to a body that grows.
func grown(l *Lines, taken []StoredPart, known int) Answer {
	a := Answer{Accepted: l.Records, Quarantined: l.Flawed, Known: known, Replayed: known == l.Records}
	for _, s := range taken {
		a.run(s.Parts-s.Count, s.First, s.Count)
	}
	a.problems(&l.Parts[0])
	a.First, a.Last, a.LastSeq = a.FirstID.String(), a.LastID.String(), a.LastID.Sequence()
	return a
}
