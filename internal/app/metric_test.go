package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// Prometheus gets what became of the records, and the requests with their times.
func TestMetricsCountRecordsAndRequests(t *testing.T) {
	p := newProject(t, one("s", columns("v", "int")))
	n := p.start()
	n.Send("s", `{"v":1}`+"\n"+`{"v":"x"}`+"\n"+`{"v":2}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Query("SELECT 1")
	if status, _, _ := n.Do(http.MethodPost, "/v1/events/nosuch", `{}`); status != http.StatusNotFound {
		t.Fatal(status)
	}
	_, text, _ := n.Do(http.MethodGet, "/metrics", "")
	for _, line := range []string{`biwa_records_accepted_total{stream="s"} 3`, `biwa_records_delivered_total{stream="s"} 2`, `biwa_records_quarantined{stream="s"} 1`,
		`biwa_http_request_seconds_count{code="404",door="events"} 1`, `biwa_disk_free_inodes `} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
}
