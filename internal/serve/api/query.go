package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// Query is one SQL statement to run.
type Query struct {
	SQL      string
	Params   []any
	Location *time.Location
	Limit    time.Duration // 0 for the node's
	By       string        // who asks: the door
}

// Column is a column of a result.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type" doc:"SQL type"`
}

// Stats say what a query cost.
type Stats struct {
	ElapsedMS    float64  `json:"elapsed_ms"`
	Rows         int64    `json:"rows"`
	FilesRead    int      `json:"files_read" doc:"files that could hold rows the statement asks for"`
	FilesSkipped int      `json:"files_skipped" doc:"files that could not, by their bounds"`
	SkippedBy    []string `json:"skipped_by,omitempty" doc:"columns of which the statement says something that those files do not meet"`
	BytesRead    int64    `json:"bytes_read" doc:"size of the files read"`
	RecentRows   int64    `json:"recent_rows" doc:"rows read that are in no file yet"`
}

// Rows is a result that arrives batch by batch. The caller releases the batches
// and closes the rows.
type Rows interface {
	Columns() []Column
	Schema() *arrow.Schema
	Next(ctx context.Context) (arrow.RecordBatch, error) // io.EOF at the end
	Stats() Stats
	// Zone is the zone in which times are printed, by the rules of who made them.
	Zone(ctx context.Context) (*time.Location, error)
	Close() error
}

// Engine runs queries.
type Engine interface {
	Query(ctx context.Context, q Query) (Rows, error)
}

// QueryBody is what POST /v1/query takes.
type QueryBody struct {
	SQL      string `json:"sql" doc:"one SELECT statement" minLength:"1"`
	Params   []any  `json:"params,omitempty" doc:"values for ? or $1, $2, … in the statement"`
	TimeZone string `json:"timezone,omitempty" doc:"IANA name; default the project's"`
	Timeout  string `json:"timeout,omitempty" doc:"such as 30s; default and upper bound: the node's limit"`
}

// QueryAnswer is what it answers as JSON.
type QueryAnswer struct {
	Columns []Column `json:"columns"`
	Rows    [][]any  `json:"rows" doc:"bigint beyond 2^53 and decimals as strings, times in RFC 3339"`
	Stats   Stats    `json:"stats"`
}

// maxStatement bounds the text of a query.
const maxStatement = 1 << 20

// TimeZoneHeader overrides the project's time zone for one query.
const TimeZoneHeader = "Biwa-Time-Zone"

func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Guard.Check(r, access.Read, ""); err != nil {
		problem.Write(w, err)
		return
	}
	q, err := s.readQuery(r)
	if err != nil {
		problem.Write(w, err)
		return
	}
	Answer(w, r, s.Engine, q, "", s.Log)
}

// Answer runs a query and streams its result in the format that the request asks
// for; with a name it is a file to keep, whose ending is the format's.
func Answer(w http.ResponseWriter, r *http.Request, e Engine, q Query, name string, log *slog.Logger) {
	f, err := chooseFormat(r)
	if err != nil {
		problem.Write(w, err)
		return
	}
	rows, err := e.Query(r.Context(), q)
	if err != nil {
		problem.Write(w, err)
		return
	}
	defer func() { _ = rows.Close() }()
	// Many mistakes show only as the first rows are worked out.
	first, err := rows.Next(r.Context())
	if err != nil && !errors.Is(err, io.EOF) {
		problem.Write(w, err)
		return
	}
	rows = &begun{Rows: rows, first: first, err: err}
	w.Header().Set("Content-Type", f.mediaType)
	if name != "" {
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + "." + f.name}))
	}
	w.Header().Set(TimeZoneHeader, q.Location.String())
	w.Header().Set("X-Accel-Buffering", "no")
	out := &begunBody{w: w}
	if err := send(r.Context(), out, f, rows); err != nil {
		if !out.begun {
			w.Header().Del("Content-Disposition")
			problem.Write(w, err)
			return
		}
		log.Info("query ended early", "error", err)
		if f.name != "json" {
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		}
	}
}

// begunBody knows whether a byte of the answer has left.
type begunBody struct {
	w     io.Writer
	begun bool
}

func (b *begunBody) Write(p []byte) (int, error) {
	b.begun = true
	return b.w.Write(p)
}

// begun is a result of which one batch has been taken.
type begun struct {
	Rows
	first arrow.RecordBatch
	err   error
}

func (b *begun) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if b.err != nil {
		return nil, b.err
	}
	if first := b.first; first != nil {
		b.first = nil
		return first, nil
	}
	return b.Rows.Next(ctx)
}

// Close lets go of a batch that was not asked for.
func (b *begun) Close() error {
	if b.first != nil {
		b.first.Release()
	}
	return b.Rows.Close()
}

func (s *Server) readQuery(r *http.Request) (Query, error) {
	var body QueryBody
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxStatement))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return Query{}, record.Errorf(record.Invalid, `the body is not {"sql": "…", "params": […]}: %w`, err)
	}
	if strings.TrimSpace(body.SQL) == "" {
		return Query{}, record.Errorf(record.Invalid, "sql is empty")
	}
	q := Query{SQL: body.SQL, Params: body.Params, Location: s.Location(), By: "http"}
	zone := body.TimeZone
	if zone == "" {
		zone = r.Header.Get(TimeZoneHeader)
	}
	if zone != "" {
		location, err := time.LoadLocation(zone)
		if err != nil {
			return q, record.Errorf(record.Invalid, "time zone %q is not known: use an IANA name such as Asia/Tokyo", zone)
		}
		q.Location = location
	}
	if body.Timeout != "" {
		limit, err := time.ParseDuration(body.Timeout)
		if err != nil || limit <= 0 {
			return q, record.Errorf(record.Invalid, "timeout %q is not a duration such as 30s", body.Timeout)
		}
		q.Limit = limit
	}
	for i, p := range q.Params {
		switch p.(type) {
		case nil, bool, string, json.Number: // a number keeps its digits
		default:
			return q, record.Errorf(record.Invalid, "params[%d] is not a number, string, boolean or null", i)
		}
	}
	return q, nil
}
