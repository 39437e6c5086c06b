package collect

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// Stream is a stream as a door knows it.
type Stream struct {
	ID   record.StreamID
	Name string
}

// Streams finds streams by name; the error of one that is not there names the nearest.
type Streams interface {
	Stream(name string) (Stream, error)
}

// Visible tells when SQL sees what was sent.
type Visible interface {
	WaitVisible(ctx context.Context, id record.StreamID, seq record.Sequence) error
}

// HTTPDoor serves POST /v1/events/{stream}.
type HTTPDoor struct {
	Intake    *Intake
	Streams   Streams
	Visible   Visible
	Guard     *access.Guard
	BodyBytes func() int64 // limit of a body, packed and unpacked
}

// Unreadable is a request of which not one record is JSON.
type Unreadable struct {
	problems []RecordProblem
	hint     string
}

// lenientHint is the way out at doors that heed the header.
const lenientHint = "; with the header Prefer: handling=lenient it is kept in quarantine"

func unreadableLines(l *Lines, hint string) error {
	return &record.Error{Kind: record.Invalid, Err: &Unreadable{answer(l, make([]record.RecordID, len(l.Parts))).Errors, hint}}
}

func (e *Unreadable) Error() string {
	first := e.problems[0]
	return "nothing in the body is JSON; record " + strconv.Itoa(first.Index) + ": " + first.Message +
		". Nothing was stored" + e.hint
}

// Places lists the records.
func (e *Unreadable) Places() any { return e.problems }

func (d *HTTPDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := d.take(r)
	if err == nil && r.URL.Query().Get("wait") == "queryable" {
		stream, _ := d.Streams.Stream(r.PathValue("stream"))
		err = d.Visible.WaitVisible(r.Context(), stream.ID, answer.LastSeq)
	}
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.Replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone; its retry gets the same answer
}

func (d *HTTPDoor) take(r *http.Request) (Answer, error) {
	name := r.PathValue("stream")
	key, err := d.Guard.Check(r, access.Ingest, name)
	if err != nil {
		return Answer{}, err
	}
	stream, err := d.Streams.Stream(name)
	if err != nil {
		return Answer{}, err
	}
	switch wait := r.URL.Query().Get("wait"); wait {
	case "", "queryable":
	default:
		return Answer{}, record.Errorf(record.Invalid, "wait=%s: the only thing to wait for is queryable", wait)
	}
	idempotencyKey := r.Header.Get("Idempotency-Key")
	if len(idempotencyKey) > 255 {
		return Answer{}, record.Errorf(record.Invalid, "the Idempotency-Key has %d bytes, the limit is 255", len(idempotencyKey))
	}
	growth, err := growthOf(r, idempotencyKey)
	if err != nil {
		return Answer{}, err
	}
	body, done, err := readBody(r, d.BodyBytes(), RecordType, RejectedType)
	if err != nil {
		return Answer{}, err
	}
	split := Split
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case RecordType:
		split = splitRecords
	case RejectedType:
		split = splitRejected
	}
	lines, err := split(body)
	if err != nil {
		return Answer{}, err
	}
	if lines.Unreadable == lines.Records && !strings.Contains(r.Header.Get("Prefer"), "handling=lenient") {
		return Answer{}, unreadableLines(lines, lenientHint)
	}
	answer, err := d.Intake.Take(r.Context(), Delivery{Stream: stream.ID, Lines: lines, IdempotencyKey: idempotencyKey, Body: body, Growth: growth,
		Request: record.Request{Client: d.Guard.Client(r), UserAgent: clipHeader(r.UserAgent()), KeyID: key, Door: record.DoorHTTP}})
	if err == nil {
		done() // after an error the gatherer may still read the body
	}
	return answer, err
}

// growthOf reads the header Idempotency-Grows.
func growthOf(r *http.Request, key string) (Growth, error) {
	said := r.Header.Get("Idempotency-Grows")
	growth, known := map[string]Growth{"": Whole, "true": Grows, "branch": Branch}[said]
	switch {
	case !known:
		return Whole, record.Errorf(record.Invalid, "Idempotency-Grows: %s: there are true and branch", said)
	case growth != Whole && key == "":
		return Whole, record.Errorf(record.Invalid, "Idempotency-Grows: without an Idempotency-Key nobody knows what has grown")
	}
	return growth, nil
}

// clipHeader bounds what is kept of a header with each request.
func clipHeader(text string) string {
	if len(text) > 512 {
		return text[:512]
	}
	return text
}
