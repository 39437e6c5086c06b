package collect

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Answer is what a sender learns of its records.
type Answer struct {
	Accepted    int             `json:"accepted" doc:"records that are on disk, broken ones among them"`
	Quarantined int             `json:"quarantined" doc:"those of them that the door already knows to be broken; they are kept in the table quarantine"`
	First       string          `json:"first_record_id" doc:"_record_id of the first record"`
	Last        string          `json:"last_record_id" doc:"_record_id of the last record"`
	Errors      []RecordProblem `json:"errors,omitempty" doc:"the broken records, at most 100"`
	Known       int             `json:"already_there,omitempty" doc:"of a body that grows: how many of its records an earlier one had brought"`
	Replayed    bool            `json:"-"`
	LastSeq     record.Sequence `json:"-"`
	FirstID     record.RecordID `json:"-"`
	LastID      record.RecordID `json:"-"`

	runs []run
}

// run is records of a request with consecutive ids.
type run struct {
	first int
	id    record.RecordID
}

// ID is the id of the request's i-th record.
func (a *Answer) ID(i int) record.RecordID {
	n := len(a.runs) - 1
	for n > 0 && a.runs[n].first > i {
		n--
	}
	return a.runs[n].id + record.RecordID(i-a.runs[n].first)
}

// RecordProblem names one broken record of a request.
type RecordProblem struct {
	Index   int    `json:"index" doc:"place in the request, counted from 0"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// maxProblems bounds an answer; the table quarantine has them all.
const maxProblems = 100

// Stamp is the log's clock, which never goes back.
type Stamp interface{ Now() time.Time }

// Intake takes records from every door.
type Intake struct {
	gatherer    *Gatherer
	idempotency *Idempotency
	clock       Stamp
	gate        Gate
}

// Gate says whether records of a stream may be taken now. Its error has the kind
// Unavailable and tells why: no room on the disk, or too much in flight.
type Gate interface {
	Enter(ctx context.Context, stream record.StreamID, bytes int64) (leave func(), err error)
}

// NewIntake joins the parts behind the doors.
func NewIntake(g *Gatherer, x *Idempotency, clock Stamp, gate Gate) *Intake {
	return &Intake{gatherer: g, idempotency: x, clock: clock, gate: gate}
}

// Delivery is one request's records and where they come from.
type Delivery struct {
	Stream record.StreamID
	Lines  *Lines
	// Request has the context: client, user agent, key, door.
	Request record.Request
	// IdempotencyKey is the client's, "" for none; Body is what it stands for.
	IdempotencyKey string
	Body           []byte
	Growth         Growth // with a key only
}

// Take puts a delivery on the log. When it returns an answer every record is on
// disk, once, however often the same key was tried before.
func (in *Intake) Take(ctx context.Context, d Delivery) (Answer, error) {
	d.Request.Parts = len(d.Lines.Parts)
	if d.IdempotencyKey == "" {
		return in.store(ctx, d, nil)
	}
	if d.Growth != Whole {
		return in.grow(ctx, d)
	}
	d.Request.IdempotencyKey = hashKey(d.Stream, d.IdempotencyKey)
	sum := sha256.Sum256(d.Body)
	copy(d.Request.BodyHash[:], sum[:])
	stored, release, err := in.idempotency.Claim(ctx, d.Request.IdempotencyKey, d.Request.BodyHash)
	if err != nil {
		return Answer{}, err
	}
	defer release()
	// A client that goes away now must not free its key before its records are on
	// disk: its retry would find neither, and store them twice.
	return in.store(context.WithoutCancel(ctx), d, stored)
}

// hashKey keeps equal keys for different streams apart.
func hashKey(stream record.StreamID, key string) (hash [16]byte) {
	sum := sha256.Sum256(append(stream[:], key...))
	copy(hash[:], sum[:])
	return hash
}

// store puts those parts on the log that are not there yet.
func (in *Intake) store(ctx context.Context, d Delivery, stored []StoredPart) (Answer, error) {
	done := make(map[int]StoredPart, len(stored))
	for _, p := range stored {
		done[p.Part] = p
	}
	var missing []*Part
	var requests []int
	for i := range d.Lines.Parts {
		if _, ok := done[i]; !ok {
			missing = append(missing, &d.Lines.Parts[i])
			requests = append(requests, i)
		}
	}
	firsts := make([]record.RecordID, len(d.Lines.Parts))
	for i, p := range done {
		if i < len(firsts) {
			firsts[i] = p.First
		}
	}
	if len(missing) > 0 {
		ids, err := in.submit(ctx, d, missing, requests)
		if err != nil {
			return Answer{}, err
		}
		for i, id := range ids {
			firsts[requests[i]] = id
		}
	}
	a := answer(d.Lines, firsts)
	a.Replayed = len(missing) == 0 && len(stored) > 0
	return a, nil
}

// submit puts parts of a request on the log, when there is room for them.
func (in *Intake) submit(ctx context.Context, d Delivery, parts []*Part, numbers []int) ([]record.RecordID, error) {
	var bytes int64
	for _, p := range parts {
		bytes += int64(len(p.Lines))
	}
	leave, err := in.gate.Enter(ctx, d.Stream, bytes)
	if err != nil {
		return nil, err
	}
	defer leave()
	d.Request.ReceivedAt = in.clock.Now()
	return in.gatherer.Submit(ctx, d.Stream, d.Request, parts, numbers)
}

func answer(l *Lines, firsts []record.RecordID) Answer {
	a := Answer{Accepted: l.Records, Quarantined: l.Flawed}
	for i := range l.Parts {
		p := &l.Parts[i]
		a.run(p.First, firsts[i], p.Count)
		a.problems(p)
	}
	a.First, a.Last, a.LastSeq = a.FirstID.String(), a.LastID.String(), a.LastID.Sequence()
	return a
}

// run takes in that count records from the request's first-th on have ids from id on.
func (a *Answer) run(first int, id record.RecordID, count int) {
	a.runs = append(a.runs, run{first, id})
	if a.FirstID == 0 || id < a.FirstID {
		a.FirstID = id
	}
	a.LastID = max(a.LastID, id+record.RecordID(count-1))
}

func (a *Answer) problems(p *Part) {
	for _, f := range p.Flaws {
		if len(a.Errors) < maxProblems {
			a.Errors = append(a.Errors, RecordProblem{p.First + f.Index, f.Code, f.Message})
		}
	}
}
