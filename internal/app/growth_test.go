package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// numbered gives n lines that tell which file and line they are.
func numbered(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":%d,\"name\":%q}\n", i, name)
	}
	return b.String()
}

func TestABodyThatGrowsAddsItsNewRecords(t *testing.T) {
	data := t.TempDir()
	p := testkit.Project(map[string]shape.Definition{"events": eventsDefinition()})
	n := testkit.Start(t, data, p)
	send := func(body, growth string) (int, string, bool) {
		t.Helper()
		status, text, header := n.Do(http.MethodPost, "/v1/events/events?wait=queryable", body, "Idempotency-Key", "a", "Idempotency-Grows", growth)
		return status, text, header.Get("Idempotency-Replayed") == "true"
	}
	rows := func(want string) {
		t.Helper()
		if got := n.Query("SELECT count(*), count(DISTINCT (id, name)) FROM events"); got[0][0] != want {
			t.Errorf("rows, different: %v, want %s", got, want)
		}
	}
	step := func(what, body, growth string, status int, replayed bool, contains, want string) {
		t.Helper()
		if s, text, r := send(body, growth); s != status || r != replayed || !strings.Contains(text, contains) {
			t.Errorf("%s: %d %s replayed %t", what, s, text, r)
		}
		rows(want)
	}
	x, y := numbered("x", 10), numbered("x", 3)+numbered("y", 4)
	step("the beginning", numbered("x", 4), "true", 200, false, `{"accepted":4,"quarantined":0,`, "4")
	step("the same again", numbered("x", 4), "true", 200, true, `"already_there":4`, "4")
	step("more", x, "true", 200, false, `"already_there":4`, "10")
	step("the beginning after all", numbered("x", 4), "true", 200, true, `"already_there":4`, "10")
	// Up to line 7 nothing was ever sent: nobody can say whether that is the same.
	step("what may be its beginning", numbered("x", 7), "true", 409, false, "a longer body", "10")
	step("something else that is as long", y, "true", 409, false, "a longer body", "10")
	step("and is said to be", y, "branch", 200, false, `{"accepted":7,"quarantined":0,`, "17")
	step("which grows", y+numbered("z", 8), "true", 200, false, `"already_there":7`, "25")
	n.Shutdown()
	n = testkit.Start(t, data, p)
	step("after a restart", x, "true", 200, true, `"already_there":10`, "25")
	step("and grown", x+"{\"id\":\n{\"id\":11}", "branch", 200, false, `"already_there":10`, "26")
	if _, text, _ := n.Do(http.MethodPost, "/v1/events/events", x, "Idempotency-Grows", "true"); !strings.Contains(text, "without an Idempotency-Key") {
		t.Error(text)
	}
	if _, text, _ := send(x, "maybe"); !strings.Contains(text, "there are true and branch") {
		t.Error(text)
	}
	if _, text, _ := send(numbered("x", 70_000), "true"); !strings.Contains(text, "at most 65535 records") {
		t.Error(text)
	}
	n.Balance()
}

// Senders of one file, some of which have read less of it than others, add each of
// its lines once, in whatever order they come.
func TestSendersOfAGrowingBodyAgree(t *testing.T) {
	n := startEvents(t)
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for round := range 20 {
		key, lines := strconv.Itoa(round), 1+random.IntN(60)
		total += lines
		var wg sync.WaitGroup
		for range 12 {
			length := 1 + random.IntN(lines)
			wg.Go(func() {
				if status, text, _ := n.Do(http.MethodPost, "/v1/events/events", numbered(key, length), "Idempotency-Key", key, "Idempotency-Grows", "true"); status != 200 && status != 409 {
					t.Error(status, text)
				}
			})
		}
		wg.Wait()
		n.Send("events", numbered(key, lines), "Idempotency-Key", key, "Idempotency-Grows", "true")
	}
	n.Await("visible", func() bool { return n.One("SELECT count(DISTINCT (id, name)) FROM events") == strconv.Itoa(total) })
	if got := n.Balance().Streams[0].Accepted; got != int64(total) {
		t.Errorf("%d records are stored, want %d", got, total)
	}
}
