package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
)

// shiftedClock is the system's clock, ahead by as much as a test says.
type shiftedClock struct{ ahead atomic.Int64 }

func (c *shiftedClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// TestReadyzWarnsBeforeItFails: a table whose files cannot be written is named at once,
// makes the node unready when it lasts, and is forgotten when it goes well again.
func TestReadyzWarnsBeforeItFails(t *testing.T) {
	clock := &shiftedClock{}
	p := newProject(t, one("s", columns("v", "int")))
	n := p.start(func(o *app.Options) { o.Clock = clock })
	readyz := func() (int, string) {
		status, text, _ := n.Do(http.MethodGet, "/readyz", "")
		return status, text
	}
	n.Send("s", `{"v":1}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if status, text := readyz(); status != http.StatusOK || text != "ready\n" {
		t.Fatalf("%d %s", status, text)
	}
	folder := filepath.Join(p.data, "objects", filepath.Dir(filepath.Dir(n.Files("s")[0])))
	if filepath.IsAbs(n.Files("s")[0]) {
		folder = filepath.Dir(filepath.Dir(n.Files("s")[0]))
	}
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // no folder can be made there
		t.Fatal(err)
	}
	n.Send("s", `{"v":2}`)
	flushed := make(chan error, 1)
	go func() { flushed <- n.Flush(t.Context(), "s") }()
	var status int
	var text string
	n.Await("the warning", func() bool {
		status, text = readyz()
		return strings.Contains(text, "warning: flush s has failed ")
	})
	if status != http.StatusOK || !strings.HasPrefix(text, "ready\n") {
		t.Errorf("a trouble that is young: %d %s", status, text)
	}
	clock.ahead.Store(int64(61 * time.Second))
	n.Await("the node to be unready", func() bool { status, text = readyz(); return status == http.StatusServiceUnavailable })
	if !strings.Contains(text, "flush s has failed ") {
		t.Error(text)
	}
	n.Send("s", `{"v":3}`) // what the log can take is taken
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	n.Await("the node to be ready", func() bool { status, text = readyz(); return status == http.StatusOK && text == "ready\n" })
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	n.Balance()
}
