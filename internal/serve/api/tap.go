package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// tap streams a stream's records as they are stored.
func (s *Server) tap(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Guard.Check(r, access.Read, ""); err != nil {
		problem.Write(w, err)
		return
	}
	out := &tapWriter{w: w, flush: http.NewResponseController(w)}
	err := s.Node.Tap(r.Context(), r.PathValue("stream"), func(env *record.Envelope, section *record.Section) error {
		if _, err := s.Guard.Check(r, access.Read, ""); err != nil {
			return err // the key was taken back since the tap began
		}
		return out.envelope(env, section)
	})
	if err != nil && !out.begun && r.Context().Err() == nil {
		problem.Write(w, err)
	}
}

type tapWriter struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	begun bool
}

func (t *tapWriter) envelope(env *record.Envelope, s *record.Section) error {
	if !t.begun {
		t.begun = true
		t.w.Header().Set("Content-Type", "application/x-ndjson")
		t.w.WriteHeader(http.StatusOK)
	}
	if s == nil { // nothing yet: the headers tell the client that the tap runs
		return t.flush.Flush()
	}
	encoder := json.NewEncoder(t.w)
	i := 0
	for line := range bytes.Lines(s.Lines) {
		if err := encoder.Encode(tapRecord(env, s, i, bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			return err
		}
		i++
	}
	return t.flush.Flush()
}

func tapRecord(env *record.Envelope, s *record.Section, i int, line []byte) TapRecord {
	t := TapRecord{RecordID: env.ID(s, i).String(), Record: line}
	if r := RequestOf(s, i); r != nil {
		t.ReceivedAt, t.Client = r.ReceivedAt, r.Client
	}
	if f := slices.IndexFunc(s.Flaws, func(f record.Flaw) bool { return f.Index == i }); f >= 0 {
		t.Code = s.Flaws[f].Code
		t.Record = appendString(nil, string(line))
	}
	return t
}

// RequestOf is the request that brought a section's i-th record.
func RequestOf(s *record.Section, i int) *record.Request {
	for r := range s.Requests {
		if q := &s.Requests[r]; i >= q.First && i < q.First+q.Count {
			return q
		}
	}
	return nil
}
