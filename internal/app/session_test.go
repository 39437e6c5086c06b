package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// pages is a stream with sessions.
func pages() shape.Definition {
	return shape.Definition{EventTime: "ts", Columns: []shape.Column{{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "visitor_id", Type: "varchar"}, {Name: "page", Type: "varchar"}},
		Partition: []string{"day(ts)"}, Enrich: []shape.Enrichment{{Session: &shape.SessionSource{}}}}
}

// A visitor's sessions are right in recent rows, in files, after compaction, after a
// restart, and after the late event that joins two of them.
func TestSessionsOfAStream(t *testing.T) {
	dir, p := t.TempDir(), testkit.Project(map[string]shape.Definition{"pages": pages()})
	var read app.Project
	withReload := func(o *app.Options) { o.Read = func(context.Context) (app.Project, error) { return read, nil } }
	n := testkit.Start(t, dir, p, withReload)
	page := func(at, visitor, name string) string {
		return fmt.Sprintf(`{"ts":"2026-05-%s:00Z","visitor_id":"%s","page":"%s"}`+"\n", at, visitor, name)
	}
	id := func(visitor, at string) string {
		when, err := time.Parse(time.RFC3339, "2026-05-"+at+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s:%d", visitor, when.UnixMilli())
	}
	expect := func(when string, want ...string) {
		t.Helper()
		got := n.One("SELECT string_agg(page || ' ' || session_id, ', ' ORDER BY page) FROM pages_sessions")
		if got != strings.Join(want, ", ") {
			t.Errorf("%s: got\n%s\nwant\n%s", when, got, strings.Join(want, ", "))
		}
	}
	n.Send("pages", page("02T00:20", "a", "p3")+page("01T23:55", "a", "p1")+page("02T00:05", "b", "p2"))
	first := []string{"p1 " + id("a", "01T23:55"), "p2 " + id("b", "02T00:05"), "p3 " + id("a", "01T23:55")}
	expect("recent rows", first...)
	if status, text, _ := n.Do(http.MethodPost, "/v1/streams/pages/flush", ""); status != http.StatusOK {
		t.Fatal(status, text)
	}
	expect("files", first...)
	n.Send("pages", page("02T01:30", "a", "p5"))
	expect("files and recent rows", append(first, "p5 "+id("a", "02T01:30"))...)
	// An hour late, and between them: the second session was none.
	n.Send("pages", page("02T01:05", "a", "p4b")+page("02T00:45", "a", "p4a"))
	joined := append(first, "p4a "+id("a", "01T23:55"), "p4b "+id("a", "01T23:55"), "p5 "+id("a", "01T23:55"))
	expect("late events", joined...)
	if got := n.One("SELECT count(DISTINCT session_id) || ' ' || count(*) FROM pages_sessions WHERE ts >= '2026-05-02 01:00:00+00' AND session_start < '2026-05-02'"); got != "1 2" {
		t.Errorf("a query of a part of a session: %s", got)
	}
	n.Shutdown()
	n = testkit.Start(t, dir, p, withReload)
	expect("after a restart", joined...)

	// Another gap holds for all rows, as soon as it is applied.
	longer := pages()
	longer.Enrich = []shape.Enrichment{{Session: &shape.SessionSource{Gap: shape.Duration(15 * time.Minute)}}}
	read = testkit.Project(map[string]shape.Definition{"pages": longer})
	if _, err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := n.One("SELECT count(DISTINCT session_id) FROM pages_sessions"); got != "6" {
		t.Errorf("%s sessions with a gap of 15 minutes", got)
	}
	longer.Enrich = nil
	read = testkit.Project(map[string]shape.Definition{"pages": longer})
	if _, err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := n.Do(http.MethodPost, "/v1/query", `{"sql":"SELECT * FROM pages_sessions"}`); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
	n.Balance()
}
