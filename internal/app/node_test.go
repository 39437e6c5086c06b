package app_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// weblog is the real input of 10,000 requests to a web site.
func weblog(t testing.TB) string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "weblog.ndjson.gz"))
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: the real web log is not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if _, err := bufio.NewReader(z).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func weblogDefinition() shape.Definition {
	return shape.Definition{EventTime: "ts", Partition: []string{"day(ts)"}, Columns: []shape.Column{
		{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "ip", Type: "varchar"}, {Name: "method", Type: "varchar"},
		{Name: "url", Type: "varchar"}, {Name: "protocol", Type: "varchar"}, {Name: "status", Type: "int"}, {Name: "bytes", Type: "bigint"},
		{Name: "referer", Type: "varchar"}, {Name: "user_agent", Type: "varchar"}}}
}

func TestRealWebLogIsCountedExactly(t *testing.T) {
	text := weblog(t)
	data := t.TempDir()
	p := testkit.Project(map[string]shape.Definition{"weblog": weblogDefinition()})
	n := testkit.Start(t, data, p)
	a := n.Send("weblog", text)
	if a.Accepted != 10_000 || a.Quarantined != 0 {
		t.Fatalf("answer %+v", a)
	}
	const proof = "SELECT count(*), count(DISTINCT _record_id) FROM weblog"
	check := func(when string) {
		t.Helper()
		if got := n.Query(proof); got[0][0] != "10000" || got[0][1] != "10000" {
			t.Errorf("%s: count and distinct ids are %v", when, got)
		}
		if got := n.Query("SELECT count(*), count(DISTINCT ip) FROM weblog WHERE ts::date = '2015-05-20'"); got[0][0] != "2579" || got[0][1] != "505" {
			t.Errorf("%s: page views and visitors of 2015-05-20 in UTC are %v, want 2579 and 505", when, got)
		}
	}
	check("recent")
	if err := n.Flush(t.Context(), "weblog"); err != nil {
		t.Fatal(err)
	}
	check("in files")
	n.Balance()
	n.Shutdown()
	n = testkit.Start(t, data, p)
	check("after a restart")
	n.Balance()
}

// contextOf is a context for one call, one that has ended already if gone.
func contextOf(t *testing.T, gone bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	if gone {
		cancel()
	}
	return ctx, cancel
}
