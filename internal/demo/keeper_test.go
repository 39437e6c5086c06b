package demo

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
)

// await waits until something is so, a minute at most.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	if err := until(t.Context(), time.Minute, func(context.Context) error {
		if is() {
			return nil
		}
		return record.Errorf(record.Unavailable, "not yet")
	}); err != nil {
		t.Fatalf("waited for: %s", what)
	}
}

func TestKeeperRunsAKilledProcessAgain(t *testing.T) {
	died := make(chan int, 10)
	k := NewKeeper(func() *exec.Cmd { return exec.Command("sleep", "1000") }, service.SystemClock{}, func(pid int, _ time.Time) { died <- pid })
	k.Start()
	var pids []int
	for range 3 {
		await(t, "the next process", func() bool {
			pid, since := k.Process()
			return pid != 0 && !since.IsZero() && !slices.Contains(pids, pid)
		})
		pid, _ := k.Process()
		pids = append(pids, pid)
		if err := k.Kill(); err != nil {
			t.Fatal(err)
		}
		if told := <-died; told != pid {
			t.Errorf("process %d died, told of %d", pid, told)
		}
	}
	for range 2 { // Stop may come twice
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	}
	if pid, _ := k.Process(); pid != 0 {
		t.Errorf("process %d runs after Stop", pid)
	}
}

func TestKeeperEndsWithAProcessThatFails(t *testing.T) {
	for name, command := range map[string][]string{
		"it fails":                   {"sh", "-c", "exit 3"},
		"it is not there":            {"/no/such/program"},
		"it dies again and again":    {"sh", "-c", "kill -9 $$"},
		"it ends well at each start": {"true"},
	} {
		k := NewKeeper(func() *exec.Cmd { return exec.Command(command[0], command[1:]...) }, service.SystemClock{}, func(int, time.Time) {})
		k.Start()
		<-k.Ended()
		if err := k.Stop(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOnlyTheNodeMayAskItsSupervisor(t *testing.T) {
	s := &Supervisor{Acknowledged: NewAcknowledged(), Keeper: NewKeeper(nil, service.SystemClock{}, nil), Clock: service.SystemClock{}, Run: 7, Rate: 300}
	s.Acknowledged.note(time.Now(), 12, 9)
	server := httptest.NewServer(s.Handler("secret"))
	defer server.Close()
	state, err := Remote{URL: server.URL, Token: "secret", HTTP: http.DefaultClient}.State(t.Context())
	if err != nil || state.Run != 7 || state.Acknowledged != 9 || state.Records != 12 || len(state.Recent) != 1 {
		t.Errorf("%+v, %v", state, err)
	}
	stranger := Remote{URL: server.URL, Token: "guess", HTTP: http.DefaultClient}
	if _, err := stranger.State(t.Context()); err == nil {
		t.Error("a stranger learns the state")
	}
	if err := stranger.Kill(t.Context()); err == nil {
		t.Error("a stranger may kill")
	}
}
