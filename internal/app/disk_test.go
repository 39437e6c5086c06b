package app_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/testkit"
)

func TestTheDoorsShutBeforeTheDiskIsFullAndOpenByThemselves(t *testing.T) {
	var free atomic.Int64
	free.Store(10 << 30)
	p := newProject(t, one("s", columns("v", "int")))
	measured := func(o *app.Options) {
		o.Limit.DiskReserve = 1 << 30
		o.FreeSpace = func(string) (int64, error) { return free.Load(), nil }
	}
	n := p.start(measured)
	n.Send("s", `{"v":1}`)
	send := func() (status int, text string, header http.Header) {
		t.Helper()
		return n.Do(http.MethodPost, "/v1/events/s?wait=queryable", `{"v":2}`)
	}
	free.Store(1<<30 - 1)
	n.Await("the doors shut", func() bool {
		status, _, _ := send()
		return status == http.StatusServiceUnavailable
	})
	before := n.One("SELECT count(*) FROM s")
	status, text, header := send()
	if d := refused(t, "shut", status, text, header, http.StatusServiceUnavailable); header.Get("Retry-After") == "" || !strings.Contains(d.Detail, "limits.disk_reserve") {
		t.Errorf("the answer does not name the setting: %s %v", text, header)
	}
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Errorf("what was accepted is not written: %v", err)
	}
	if got := n.One("SELECT count(*) FROM s"); got != before {
		t.Errorf("%s rows, there were %s", got, before)
	}
	n.Balance()
	n.Shutdown()
	n = testkit.Start(t, p.data, p.Project, measured)
	if got := n.One("SELECT count(*) FROM s"); got != before {
		t.Errorf("started on a full disk: %s rows, there were %s", got, before)
	}
	status, text, header = send()
	refused(t, "started on a full disk", status, text, header, http.StatusServiceUnavailable)
	free.Store(10 << 30)
	n.Await("the doors open", func() bool {
		status, _, _ := send()
		return status == http.StatusOK
	})
	n.Balance()
}
