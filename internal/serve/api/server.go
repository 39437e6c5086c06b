// Package api is the HTTP door out, and the node's controls: queries, ledger,
// trace, live tap, quarantine and reload. Its OpenAPI
// document is made from the types of its own handlers.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// Node is the running node as the API sees it.
type Node interface {
	// Ready is nil when the node takes records and answers queries exactly.
	Ready() error
	// Warnings are what goes wrong while it is ready, a sentence each.
	Warnings() []string
	Streams(ctx context.Context) ([]StreamInfo, error)
	Ledger(ctx context.Context) (ledger.Report, error)
	Verify(ctx context.Context, full bool) (ledger.Verification, error)
	Trace(ctx context.Context, id record.RecordID) (Trace, error)
	Replay(ctx context.Context, r ReplayRequest) (ReplayAnswer, error)
	Discard(ctx context.Context, r DiscardRequest) (DiscardAnswer, error)
	DropTable(ctx context.Context, r DropRequest) (DropAnswer, error)
	Reload(ctx context.Context) (ReloadAnswer, error)
	Flush(ctx context.Context, stream string) error
	Limits(ctx context.Context) ([]Limit, error)
	// Tap calls visit with each envelope of a stream as it is stored, until ctx ends.
	Tap(ctx context.Context, stream string, visit func(env *record.Envelope, s *record.Section) error) error
}

// Server serves the node's HTTP port.
type Server struct {
	Node     Node
	Engine   Engine
	Guard    *access.Guard
	Events   http.Handler // POST /v1/events/{stream}
	Console  http.Handler // the pages for people, and whatever else has no handler
	Public   interface{ Mount(mux *http.ServeMux) }
	Keys     Keys
	Location func() *time.Location
	Metrics  prometheus.Gatherer
	Project  string
	Version  string
	Log      *slog.Logger
}

// Handler is everything on the port.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Biwa", s.Version)
	config.Info.Description = "Events in, exact SQL out. Errors are application/problem+json (RFC 9457)."
	config.DocsPath = "" // it would load scripts from elsewhere
	config.SchemasPath = ""
	config.CreateHooks = nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer",
		Description: "A key of biwa.yaml. A node without keys needs none and answers only to localhost."}}
	h := humago.New(mux, config)
	h.UseMiddleware(s.authorize)
	s.register(h)
	s.registerKeys(h)
	s.describeRaw(h)
	s.describePublic(h)

	mux.Handle("POST /v1/events/{stream}", s.Events)
	s.Public.Mount(mux)
	mux.HandleFunc("POST /v1/query", s.query)
	mux.HandleFunc("GET /v1/tap/{stream}", s.tap)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.guarded(access.Read, promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{})))
	for path, method := range map[string]string{"/v1/events/{stream}": "POST", "/v1/query": "POST", "/v1/tap/{stream}": "GET"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", method)
			problem.Write(w, record.Errorf(record.NotAllowed, "%s %s: the method here is %s", r.Method, r.URL.Path, method))
		})
	}
	mux.Handle("/", s.Console)
	return mux
}

func (s *Server) guarded(scope access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.Guard.Check(r, scope, ""); err != nil {
			problem.Write(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.Node.Ready(); err != nil {
		problem.Write(w, err)
		return
	}
	text := "ready\n"
	for _, warning := range s.Node.Warnings() {
		text += "warning: " + warning + "\n"
	}
	_, _ = w.Write([]byte(text))
}

// authorize checks an operation's scope, which its metadata names.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	scope, _ := ctx.Operation().Metadata["scope"].(access.Scope)
	if scope != "" {
		if _, err := s.Guard.Check(r, scope, ""); err != nil {
			problem.Write(w, err)
			return
		}
	}
	next(ctx)
}
