package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
)

// TestOpenAPIIsTheCommittedOne keeps docs/openapi.json equal to what the node
// serves; BIWA_UPDATE=1 writes it anew.
func TestOpenAPIIsTheCommittedOne(t *testing.T) {
	s := &Server{Events: http.NotFoundHandler(), Console: http.NotFoundHandler(), Public: &collect.PublicDoor{}, Guard: access.NewGuard(nil, nil), Metrics: prometheus.NewRegistry(), Version: "1"}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/openapi.json", nil))
	var document struct{ OpenAPI string }
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || document.OpenAPI < "3.1" {
		t.Fatalf("OpenAPI %q: %v", document.OpenAPI, err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "..", "docs", "openapi.json")
	if os.Getenv("BIWA_UPDATE") != "" {
		if err := os.WriteFile(path, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(bytes.TrimSpace(committed), bytes.TrimSpace(pretty.Bytes())) {
		t.Errorf("docs/openapi.json is not what the node serves (%v): run BIWA_UPDATE=1 go test ./internal/serve/api", err)
	}
}
