package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

type output[T any] struct{ Body T }

// operation registers a handler whose answer is JSON.
func operation[In, Out any](h huma.API, o huma.Operation, scope access.Scope, run func(ctx context.Context, in *In) (Out, error)) {
	o.Metadata = map[string]any{"scope": scope}
	o.Security = []map[string][]string{{"key": {string(scope)}}}
	huma.Register(h, o, func(ctx context.Context, in *In) (*output[Out], error) {
		out, err := run(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		return &output[Out]{out}, nil
	})
}

// failure answers as problem.Write does.
func failure(err error) error {
	status := problem.Status(err)
	answer := huma.NewError(status, err.Error())
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		return huma.ErrorWithHeaders(answer, http.Header{"Retry-After": {strconv.Itoa(problem.RetryAfter)}})
	}
	return answer
}

type none struct{}

// register describes and serves the operations with plain JSON answers.
func (s *Server) register(h huma.API) {
	operation(h, huma.Operation{OperationID: "list-streams", Method: http.MethodGet, Path: "/v1/streams", Tags: []string{"streams"},
		Summary: "Streams, with how far each is delivered"}, access.Read,
		func(ctx context.Context, _ *none) (StreamList, error) {
			list, err := s.Node.Streams(ctx)
			return StreamList{list}, err
		})
	operation(h, huma.Operation{OperationID: "flush-stream", Method: http.MethodPost, Path: "/v1/streams/{stream}/flush", Tags: []string{"streams"},
		Summary: "Write a stream's recent rows to a file and commit it now"}, access.Admin,
		func(ctx context.Context, in *struct {
			Stream string `path:"stream"`
		}) (none, error) {
			return none{}, s.Node.Flush(ctx, in.Stream)
		})
	operation(h, huma.Operation{OperationID: "get-ledger", Method: http.MethodGet, Path: "/v1/ledger", Tags: []string{"ledger"},
		Summary: "What became of every record, counted from the tables"}, access.Read,
		func(ctx context.Context, _ *none) (ledger.Report, error) { return s.Node.Ledger(ctx) })
	operation(h, huma.Operation{OperationID: "verify-ledger", Method: http.MethodPost, Path: "/v1/ledger/verify", Tags: []string{"ledger"},
		Summary: "Recount from the files, and name the range of any difference"}, access.Read,
		func(ctx context.Context, in *struct {
			Full bool `query:"full" doc:"count distinct ids too; slow and large"`
		}) (ledger.Verification, error) {
			return s.Node.Verify(ctx, in.Full)
		})
	operation(h, huma.Operation{OperationID: "trace-record", Method: http.MethodGet, Path: "/v1/trace/{record_id}", Tags: []string{"ledger"},
		Summary: "The whole life of one record"}, access.Read,
		func(ctx context.Context, in *struct {
			ID string `path:"record_id" doc:"_record_id"`
		}) (Trace, error) {
			id, err := record.ParseRecordID(in.ID)
			if err != nil {
				return Trace{}, err
			}
			return s.Node.Trace(ctx, id)
		})
	operation(h, huma.Operation{OperationID: "replay-quarantine", Method: http.MethodPost, Path: "/v1/quarantine/replay", Tags: []string{"quarantine"},
		Summary: "Shape quarantined records again with the definition of now, and move those that fit"}, access.Admin,
		func(ctx context.Context, in *struct{ Body ReplayRequest }) (ReplayAnswer, error) {
			return s.Node.Replay(ctx, in.Body)
		})
	operation(h, huma.Operation{OperationID: "discard-quarantine", Method: http.MethodPost, Path: "/v1/quarantine/discard", Tags: []string{"quarantine"},
		Summary: "Delete quarantined records for good; the ledger has how many, and their hash"}, access.Admin,
		func(ctx context.Context, in *struct{ Body DiscardRequest }) (DiscardAnswer, error) {
			return s.Node.Discard(ctx, in.Body)
		})
	operation(h, huma.Operation{OperationID: "drop-table", Method: http.MethodPost, Path: "/v1/tables/drop", Tags: []string{"tables"},
		Summary: "Drop the table of a stream that is not in the project; the ledger has how many rows went, and their hash"}, access.Admin,
		func(ctx context.Context, in *struct{ Body DropRequest }) (DropAnswer, error) {
			return s.Node.DropTable(ctx, in.Body)
		})
	operation(h, huma.Operation{OperationID: "reload", Method: http.MethodPost, Path: "/v1/reload", Tags: []string{"node"},
		Summary: "Apply the project folder as it is now, all or nothing"}, access.Admin,
		func(ctx context.Context, _ *none) (ReloadAnswer, error) { return s.Node.Reload(ctx) })
	operation(h, huma.Operation{OperationID: "list-limits", Method: http.MethodGet, Path: "/v1/limits", Tags: []string{"node"},
		Summary: "Every limit: its value, now, its peak, and the line of biwa.yaml that sets it"}, access.Read,
		func(ctx context.Context, _ *none) (LimitList, error) {
			list, err := s.Node.Limits(ctx)
			return LimitList{list}, err
		})
}

// describeRaw documents the handlers that stream and so are not huma's own.
func (s *Server) describeRaw(h huma.API) {
	schemas := h.OpenAPI().Components.Schemas
	schema := func(v any) *huma.Schema { return schemas.Schema(reflect.TypeOf(v), true, "") }
	problems := &huma.Response{Description: "problem details", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: schema(problem.Details{})}}}
	text := &huma.Schema{Type: huma.TypeString}
	parameter := func(in, name, description string) *huma.Param {
		return &huma.Param{In: in, Name: name, Description: description, Required: in == "path", Schema: text}
	}
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "send-events", Method: http.MethodPost, Path: "/v1/events/{stream}", Tags: []string{"events"},
		Summary: "Send records; 200 means that they are on disk", Security: []map[string][]string{{"key": {"ingest"}}},
		Description: "JSON lines, one array, or one object; plain, gzip or zstd. Broken records are kept in the table quarantine.",
		Parameters: []*huma.Param{parameter("path", "stream", ""),
			parameter("header", "Idempotency-Key", "the same key gives the first answer again; with another body 422"),
			parameter("header", "Idempotency-Grows", "true: the body may go on after one that was sent with the same key, and only its further records are stored. 409 where a longer one was sent and this may be its beginning; branch: it is not"),
			parameter("header", "Prefer", "handling=lenient keeps a body of which nothing is JSON in quarantine"),
			parameter("query", "wait", "queryable: answer when SQL sees the records")},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: text}, "application/json": {}}},
		Responses: map[string]*huma.Response{"200": {Description: "stored", Content: map[string]*huma.MediaType{
			"application/json": {Schema: schema(collect.Answer{})}}}, "default": problems}})
	results := map[string]*huma.MediaType{}
	for _, f := range formats {
		results[f.mediaType] = &huma.MediaType{Schema: text}
	}
	results["application/json"] = &huma.MediaType{Schema: schema(QueryAnswer{})}
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "query", Method: http.MethodPost, Path: "/v1/query", Tags: []string{"sql"},
		Summary: "Run one SQL statement; the answer is streamed in the format of Accept", Security: []map[string][]string{{"key": {"read"}}},
		Parameters: []*huma.Param{parameter("header", TimeZoneHeader, "IANA time zone of the query"),
			parameter("query", "format", "json, ndjson, csv, parquet or arrow; instead of Accept")},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema(QueryBody{})}}},
		Responses:   map[string]*huma.Response{"200": {Description: "the result", Content: results}, "default": problems}})
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "tap-stream", Method: http.MethodGet, Path: "/v1/tap/{stream}", Tags: []string{"streams"},
		Summary: "Records as they arrive, as JSON lines, until the client goes", Security: []map[string][]string{{"key": {"read"}}},
		Parameters: []*huma.Param{parameter("path", "stream", "")},
		Responses: map[string]*huma.Response{"200": {Description: "JSON lines", Content: map[string]*huma.MediaType{
			"application/x-ndjson": {Schema: schema(TapRecord{})}}}, "default": problems}})
}
