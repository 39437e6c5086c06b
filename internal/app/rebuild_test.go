package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// A node that was killed with records on its log takes new ones at once; queries
// wait until they see the old ones, and say what is missing if that takes too long.
func TestQueriesWaitForWhatWasOnTheLogRecordsDoNot(t *testing.T) {
	p := testkit.Project(map[string]shape.Definition{"ev": {Columns: []shape.Column{{Name: "a", Type: "int"}}}})
	hold := make(chan struct{})
	held := func(o *app.Options) { o.Hold = hold }
	killed := testkit.Start(t, t.TempDir(), p, held)
	send := func(n *testkit.Node, body string) {
		if status, text, _ := n.Do("POST", "/v1/events/ev", body); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	send(killed, "{\"a\":1}\n{\"a\":2}\n")
	data := killed.Image()

	n := testkit.Start(t, data, p, held)
	if err := n.Ready(); err != nil {
		t.Fatalf("the node takes no records: %v", err)
	}
	send(n, "{\"a\":3}\n")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Engine().Query(gone, api.Query{SQL: "SELECT count(*) FROM ev"}); record.KindOf(err) != record.Canceled {
		t.Errorf("a query before its time: %v", err)
	}
	late, cancel := context.WithDeadline(t.Context(), testkit.Past)
	defer cancel()
	_, err := n.Engine().Query(late, api.Query{SQL: "SELECT count(*) FROM ev"})
	if record.KindOf(err) != record.Unavailable || !strings.Contains(err.Error(), "3 records are left") {
		t.Errorf("a query that waited too long: %v", err)
	}
	close(hold)
	if got := n.One("SELECT sum(a) FROM ev WHERE a < 3"); got != "3" {
		t.Errorf("the sum of what was on the log is %s, want 3", got)
	}
	n.Balance()
}
