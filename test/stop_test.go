package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stopLimit is how long a node that is told to stop may take, whatever runs.
const stopLimit = 10 * time.Second

// TestStopWhateverRuns tells a node to stop that has a query that cannot be
// interrupted, one whose client does not read, a body that never ends, and records
// that are in no file. It ends in time, and everything it answered for is there.
func TestStopWhateverRuns(t *testing.T) {
	n := startNode(t, writeProject(t, crashProject, damageStream))
	const records = 20
	for i := range records {
		n.sendOne(t, i)
	}
	ask := func(query string) <-chan error {
		done := make(chan error, 1)
		body, err := json.Marshal(map[string]string{"sql": query, "format": "ndjson"})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			answer, err := http.Post(n.url()+"/v1/query", "application/json", bytes.NewReader(body))
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			done <- err
		}()
		return done
	}
	stubborn := ask("select levenshtein(repeat('a', 300000), repeat('b', 300000) || count(*)) from events")
	unread, err := http.Post(n.url()+"/v1/query", "application/json", strings.NewReader(`{"sql":"select repeat('x', 1000) from range(100000000)","format":"ndjson"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	endless, hold := io.Pipe()
	defer hold.Close()
	go func() {
		if answer, err := http.Post(n.url()+"/v1/events/events", "application/x-ndjson", endless); err == nil {
			answer.Body.Close()
		}
	}()
	if _, err := hold.Write([]byte("{\"n\":1000}\n")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := n.end(); err != nil && !strings.Contains(n.log.String(), "the next start goes on from there") {
		t.Errorf("it does not say that what was accepted is safe: %v", err)
	}
	if took := time.Since(began); took > stopLimit {
		t.Errorf("it ended after %s, the limit is %s", took, stopLimit)
	}
	select {
	case <-stubborn:
	case <-time.After(patience):
		t.Error("a client waits for a node that has ended")
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	expectCount(t, n, records)
	if r := n.ledger(t); !r.Balanced {
		t.Errorf("%+v", r)
	}
}
