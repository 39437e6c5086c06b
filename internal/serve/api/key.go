package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/biwa-data/biwa/internal/access"
)

// Keys are the node's keys as the API sees them. A change holds when it returns.
type Keys interface {
	ListKeys(ctx context.Context) []KeyInfo
	CreateKey(ctx context.Context, r KeyRequest) (NewKey, error)
	RevokeKey(ctx context.Context, name string) error
}

// KeyList is the answer of list-keys.
type KeyList struct {
	Keys []KeyInfo `json:"keys"`
}

// Where a key is kept.
const (
	KeyConfigured = "biwa.yaml"
	KeyMade       = "made"
)

// KeyInfo is one key, without its secret.
type KeyInfo struct {
	Name    string     `json:"name"`
	Scope   string     `json:"scope" enum:"ingest,read,admin,public"`
	Streams []string   `json:"streams,omitempty" doc:"that it may write to; absent for all"`
	Origins []string   `json:"origins,omitempty" doc:"pages a public key works on"`
	Rate    int        `json:"rate,omitempty" doc:"records a second a public key brings at most"`
	Source  string     `json:"source" enum:"biwa.yaml,made" doc:"made: by create-key, while the node ran"`
	Begins  string     `json:"begins,omitempty" doc:"how a made key begins"`
	Created *time.Time `json:"created,omitempty" doc:"when it was made"`
}

// KeyRequest describes a public key to make.
type KeyRequest struct {
	Name    string   `json:"name" doc:"what it is called; kept with each record as _request.key"`
	Stream  string   `json:"stream" doc:"the one it writes to"`
	Origins []string `json:"origins,omitempty" doc:"pages it works on: https://www.example.com, https://*.example.com, or *; without any only apps and servers"`
	Rate    int      `json:"rate,omitempty" doc:"records a second it brings at most; default 500"`
}

// NewKey is a key that was made.
type NewKey struct {
	Name    string   `json:"name"`
	Key     string   `json:"key" doc:"the key itself: it is kept as a hash, and shown only here"`
	Stream  string   `json:"stream"`
	Origins []string `json:"origins,omitempty"`
	Rate    int      `json:"rate"`
	Dedupe  bool     `json:"dedupe" doc:"whether the stream leaves out copies, which a page's retries need"`
}

// registerKeys describes and serves the operations on keys.
func (s *Server) registerKeys(h huma.API) {
	operation(h, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Tags: []string{"keys"},
		Summary: "All keys, without their secrets"}, access.Admin,
		func(ctx context.Context, _ *none) (KeyList, error) { return KeyList{s.Keys.ListKeys(ctx)}, nil })
	operation(h, huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Tags: []string{"keys"},
		Summary: "Make a public key, which holds at once"}, access.Admin,
		func(ctx context.Context, in *struct{ Body KeyRequest }) (NewKey, error) {
			return s.Keys.CreateKey(ctx, in.Body)
		})
	operation(h, huma.Operation{OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/keys/{name}", Tags: []string{"keys"},
		Summary: "Forget a key that was made; it holds no longer when this answers"}, access.Admin,
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (none, error) {
			return none{}, s.Keys.RevokeKey(ctx, in.Name)
		})
}
