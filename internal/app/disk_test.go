package app_test

import (
	"net/http"
	"os"
	"path/filepath"
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
		o.Project.Limit.DiskReserve = 1 << 30
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
	if status, text, _ := n.Do(http.MethodGet, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(text, "limits.disk_reserve") {
		t.Errorf("a node that takes no records is ready: %d %s", status, text)
	}
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
	if status, text, _ := n.Do(http.MethodGet, "/readyz", ""); status != http.StatusOK {
		t.Errorf("a node that takes records again is not ready: %d %s", status, text)
	}
	n.Balance()
}

// TestTheBallastIsNotForClients starts a node on a full disk whose reserve is
// smaller than the ballast that is given up for the start.
func TestTheBallastIsNotForClients(t *testing.T) {
	const ballast, reserve = 64 << 20, 1 << 20
	var others atomic.Int64 // what is free besides the ballast
	others.Store(10 << 30)
	p := newProject(t, one("s", columns("v", "int")))
	measured := func(o *app.Options) {
		o.Project.Limit.DiskReserve = reserve
		o.FreeSpace = func(dir string) (int64, error) {
			info, err := os.Stat(filepath.Join(dir, "ballast"))
			if err != nil || info.Size() > 0 {
				return others.Load(), nil //nolint:nilerr // no ballast yet
			}
			return others.Load() + ballast, nil
		}
	}
	n := p.start(measured)
	n.Send("s", `{"v":1}`)
	n.Shutdown()
	send := func() int {
		status, _, _ := n.Do(http.MethodPost, "/v1/events/s?wait=queryable", `{"v":2}`)
		return status
	}

	others.Store(0)
	n = testkit.Start(t, p.data, p.Project, measured)
	if info, err := os.Stat(filepath.Join(p.data, "ballast")); err != nil || info.Size() > 0 {
		t.Errorf("the ballast was not given up: %v", err)
	}
	if status := send(); status != http.StatusServiceUnavailable {
		t.Errorf("a record on the ballast's place: %d", status)
	}
	n.Shutdown()
	n = testkit.Start(t, p.data, p.Project, measured) // and again: it is remembered
	if status := send(); status != http.StatusServiceUnavailable {
		t.Errorf("a record on the ballast's place after another start: %d", status)
	}
	others.Store(2 * reserve) // room for records, not yet for the ballast
	n.Await("the doors open", func() bool { return send() == http.StatusOK })
	others.Store(1 << 30)
	n.Await("the ballast is set aside again", func() bool {
		info, err := os.Stat(filepath.Join(p.data, "ballast"))
		return err == nil && info.Size() == ballast
	})
	if status := send(); status != http.StatusOK {
		t.Errorf("with room again: %d", status)
	}
	n.Balance()
}
