package app_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
)

func TestATableIsDropped(t *testing.T) {
	keyed := columns("id", "int")
	keyed.Dedupe = &shape.Dedupe{Key: "id", Window: shape.Duration(3600e9)}
	both := map[string]shape.Definition{"s": keyed, "other": columns("id", "int")}
	p := newProject(t, both)
	n := p.start()
	n.Send("other", `{"id":1}`)
	n.Send("s", `{"id":1}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	drop := func(r api.DropRequest) (api.DropAnswer, error) { return n.DropTable(t.Context(), r) }
	if _, err := drop(api.DropRequest{Table: "s"}); record.KindOf(err) != record.Conflict || !strings.Contains(err.Error(), "take streams/s.yaml out") {
		t.Errorf("a table of the project: %v", err)
	}
	p.reload(n, one("other", columns("id", "int")))
	if _, err := drop(api.DropRequest{Table: "quarantine"}); record.KindOf(err) != record.Invalid {
		t.Errorf("quarantine: %v", err)
	}
	if _, err := drop(api.DropRequest{Table: "ss"}); record.KindOf(err) != record.NotFound {
		t.Errorf("a table that is not there: %v", err)
	}
	p.reload(n, both)
	n.Send("s", `{"id":2}`)    // recent as its stream leaves
	n.Send("s", `{"id":2}`)    // a copy
	n.Send("s", `{"id":"no"}`) // rejected
	p.reload(n, one("other", columns("id", "int")))
	if a, err := drop(api.DropRequest{Table: "s", Preview: true}); err != nil || a.Dropped || a.Rows != 2 || a.Files != 1 {
		t.Errorf("preview %+v: %v", a, err)
	}
	before := n.Image()

	result, err := n.Engine().Query(t.Context(), api.Query{SQL: "SELECT id FROM s"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := drop(api.DropRequest{Table: "s"})
	if err != nil || !a.Dropped || a.Rows != 2 || a.Files != 2 {
		t.Fatalf("dropped %+v: %v", a, err)
	}
	rows := int64(0)
	for batch, err := result.Next(t.Context()); err == nil; batch, err = result.Next(t.Context()) {
		rows += batch.NumRows()
		batch.Release()
	}
	if result.Close(); rows != 2 {
		t.Errorf("a query that ran got %d rows, want 2", rows)
	}
	if status, text, _ := n.Do(http.MethodPost, "/v1/query", `{"sql":"SELECT * FROM s"}`); status != http.StatusNotFound {
		t.Errorf("the table: %d %s", status, text)
	}
	if got := n.One("SELECT string_agg(code, ' ' ORDER BY code) FROM quarantine WHERE stream = 's'"); got != "duplicate wrong_type" {
		t.Errorf("in quarantine %s", got)
	}
	if report := n.Balance(); len(report.Streams) != 1 || report.Streams[0].Name != "other" {
		t.Errorf("streams %+v", report.Streams)
	}
	if left, err := filepath.Glob(filepath.Join(p.data, "dedupe", "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("keys are left: %v %v", left, err)
	}

	// The name is free: another stream, another table, none of the old keys.
	after := n.Image()
	p.reload(n, map[string]shape.Definition{"s": columns("id", "varchar", "more", "varchar"), "other": columns("id", "int")})
	n.Send("s", `{"id":"a","more":"b"}`)
	if got := flat(n.Query("SELECT * EXCLUDE (_record_id, _received_at) FROM s")); got != "a b <nil>" {
		t.Errorf("the new table has %s", got)
	}
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	maintain(t, n)
	n.Balance()
	n.Shutdown()

	// A node that was killed before the transaction has the table, one killed after it
	// has not, and removes the keys that are left.
	p.Streams = one("other", columns("id", "int"))
	p.data = before
	n = p.start()
	if got := n.One("SELECT count(*) FROM s"); got != "2" {
		t.Errorf("killed before: %s rows", got)
	}
	n.Balance()
	n.Shutdown()
	left := filepath.Join(after, "dedupe", record.NewStreamID().String())
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	p.data = after
	n = p.start()
	if status, _, _ := n.Do(http.MethodPost, "/v1/query", `{"sql":"SELECT * FROM s"}`); status != http.StatusNotFound {
		t.Errorf("killed after: the table is there")
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("killed after: keys are left: %v", err)
	}
	n.Balance()
}

// A request that began before the stream left the project, and ends after its table was
// dropped, stores nothing.
func TestALateRequestForADroppedTableIsRefused(t *testing.T) {
	p := newProject(t, map[string]shape.Definition{"s": columns("id", "int"), "other": columns("id", "int")})
	n := p.start()
	n.Send("s", `{"id":1}`)
	late, err := n.Stream("s")
	if err != nil {
		t.Fatal(err)
	}
	p.reload(n, one("other", columns("id", "int")))
	if _, err := n.DropTable(context.Background(), api.DropRequest{Table: "s"}); err != nil {
		t.Fatal(err)
	}
	last := n.Last()
	if _, err := n.Enter(t.Context(), late.ID, 10); record.KindOf(err) != record.NotFound {
		t.Errorf("the gate: %v", err)
	}
	if err := n.WaitVisible(t.Context(), late.ID, 1); record.KindOf(err) != record.NotFound {
		t.Errorf("a wait: %v", err)
	}
	n.Send("other", `{"id":1}`)
	if n.Last() <= last || n.Ready() != nil {
		t.Errorf("the node takes no more: %v", n.Ready())
	}
	n.Balance()
}
