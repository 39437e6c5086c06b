package demo

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// The supervisor answers its node on a loopback port of its own. The token keeps
// others away, web pages among them.
const (
	statePath = "/state"
	killPath  = "/kill"
)

// Handler is the supervisor as its node sees it.
func (s *Supervisor) Handler(token string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statePath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.State()) // the node may be gone
	})
	mux.HandleFunc("POST "+killPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Keeper.Kill(); err != nil {
			problem.Write(w, err)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			problem.Write(w, record.Errorf(record.Forbidden, "only the demo's node may ask here"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Remote is the supervisor, for the node.
type Remote struct {
	URL, Token string
	HTTP       *http.Client
}

// State asks how the demo fares.
func (r Remote) State(ctx context.Context) (state console.DemoState, err error) {
	text, err := r.ask(ctx, http.MethodGet, statePath)
	if err != nil {
		return state, err
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, fmt.Errorf("the demo's supervisor: %w", err)
	}
	return state, nil
}

// Kill has the node killed that asks for it.
func (r Remote) Kill(ctx context.Context) error {
	_, err := r.ask(ctx, http.MethodPost, killPath)
	return err
}

func (r Remote) ask(ctx context.Context, method, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.URL+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	answer, err := r.HTTP.Do(request)
	if err != nil {
		return nil, record.Errorf(record.Unavailable, "the demo's supervisor does not answer: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = record.Errorf(record.Unavailable, "the demo's supervisor: %s", text)
	}
	return text, err
}
