package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/problem"
)

// describePublic documents the doors for pages and apps, which check their own keys.
func (s *Server) describePublic(h huma.API) {
	schemas := h.OpenAPI().Components.Schemas
	schema := func(v any) *huma.Schema { return schemas.Schema(reflect.TypeOf(v), true, "") }
	text := &huma.Schema{Type: huma.TypeString}
	key := &huma.Param{In: "path", Name: "key", Description: "a public key", Required: true, Schema: text}
	problems := &huma.Response{Description: "problem details; 429 has Retry-After", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: schema(problem.Details{})}}}
	answers := func(mediaType string, schema *huma.Schema) map[string]*huma.Response {
		return map[string]*huma.Response{"200": {Description: "stored", Content: map[string]*huma.MediaType{mediaType: {Schema: schema}}}, "default": problems}
	}
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "send-public", Method: http.MethodPost, Path: "/v1/t/{key}", Tags: []string{"pages and apps"},
		Summary: "Send records with a public key, from a page, an app or sendBeacon", Security: []map[string][]string{{}},
		Description: "JSON lines, one array, or one object, at most 1 MiB; Content-Type may be text/plain. The key says the stream.",
		Parameters:  []*huma.Param{key},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/plain": {Schema: text}, "application/json": {}, "application/x-ndjson": {Schema: text}}},
		Responses:   answers("application/json", schema(collect.PublicAnswer{}))})
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "send-pixel", Method: http.MethodGet, Path: "/v1/t/{key}.gif", Tags: []string{"pages and apps"},
		Summary: "Send one record as a query string; the answer is an image of one pixel", Security: []map[string][]string{{}},
		Description: "Each parameter is a text of the record, one that comes several times an array of texts.",
		Parameters:  []*huma.Param{key},
		Responses:   answers("image/gif", &huma.Schema{Type: huma.TypeString, Format: "binary"})})
	success := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"success": {Type: huma.TypeBoolean}}}
	for _, call := range []string{"track", "page", "screen", "identify", "group", "alias", "batch"} {
		h.OpenAPI().AddOperation(&huma.Operation{OperationID: "segment-" + call, Method: http.MethodPost, Path: "/v1/" + call, Tags: []string{"Segment"},
			Summary: "Segment's " + call + " call; also /v1/" + call[:1], Security: []map[string][]string{{}},
			Description: "The write key is a public key: the user of basic authentication, or writeKey in the body. A message has at most 32 KB, a batch 500 KB. The message is the record.",
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {}, "text/plain": {Schema: text}}},
			Responses:   answers("application/json", success)})
	}
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "segment-settings", Method: http.MethodGet, Path: "/v1/projects/{key}/settings", Tags: []string{"Segment"},
		Summary: "What Segment's browser and mobile SDKs ask before they send", Security: []map[string][]string{{}}, Parameters: []*huma.Param{key},
		Responses: answers("application/json", &huma.Schema{Type: huma.TypeObject})})
	h.OpenAPI().AddOperation(&huma.Operation{OperationID: "get-script", Method: http.MethodGet, Path: "/biwa.js", Tags: []string{"pages and apps"},
		Summary: "The script that sends page views", Security: []map[string][]string{{}},
		Responses: map[string]*huma.Response{"200": {Description: "the script", Content: map[string]*huma.MediaType{"text/javascript": {Schema: text}}}}})
}
