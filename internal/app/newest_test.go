package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// arrival is an envelope of requests with some records each, of senders that follow
// one another.
func arrival(seq record.Sequence, at time.Time, requests, records int, senders ...console.Sender) *record.Envelope {
	s := record.Section{Count: requests * records}
	for i := range requests {
		by := senders[i%len(senders)]
		s.Requests = append(s.Requests, record.Request{First: i * records, Count: records, ReceivedAt: at, Client: by.Client, UserAgent: by.UserAgent, Door: "http"})
	}
	s.Lines = []byte(strings.Repeat(`{"ts":"2026-11-21T12:00:00Z","page":"/articles/101","visitor":"abcdefgh","seconds":12.5}`+"\n", s.Count))
	return &record.Envelope{Seq: seq, Sections: []record.Section{s}}
}

var (
	visitor = console.Sender{Client: "127.0.0.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"}
	other   = console.Sender{Client: "127.0.0.1", UserAgent: "Go-http-client/1.1"}
)

func TestASenderIsFoundAmongManyRequests(t *testing.T) {
	n, at := newNewest(), time.Now().UTC().Truncate(time.Microsecond)
	note := func(env *record.Envelope) { n.note(env, &env.Sections[0]) }
	sent := func(by console.Sender, since time.Time, most int) string {
		return fmt.Sprint(n.sent(record.StreamID{}, by, since, most))
	}
	note(arrival(1, at, 1, 3, visitor))
	note(arrival(2, at.Add(time.Second), 1, 1, visitor))
	for i := range 100 {
		note(arrival(record.Sequence(3+i), at.Add(2*time.Second), 100, 1, other))
	}
	first, second := record.NewRecordID(0, 1, 0), record.NewRecordID(0, 2, 0)
	if got, want := sent(visitor, at, 6), fmt.Sprint([]record.RecordID{second, first}); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got, want := sent(visitor, at, 1), fmt.Sprint([]record.RecordID{second}); got != want {
		t.Errorf("the newest is %s, want %s", got, want)
	}
	if got, want := sent(visitor, at.Add(time.Millisecond), 6), fmt.Sprint([]record.RecordID{second}); got != want {
		t.Errorf("since then %s, want %s", got, want)
	}
	if got := n.sent(record.StreamID{1}, visitor, at, 6); len(got) != 0 {
		t.Errorf("another stream has %v of them", got)
	}
	note(arrival(103, at.Add(3*time.Second), requestsKept-1, 1, other))
	note(arrival(104, at.Add(4*time.Second), 1, 1, visitor))
	if got, want := sent(visitor, at, 6), fmt.Sprint([]record.RecordID{record.NewRecordID(0, 104, 0)}); got != want || len(n.requests) != requestsKept {
		t.Errorf("of a full ring %s of %d, want %s", got, len(n.requests), want)
	}
	if got := n.list(record.StreamID{}, 3); len(got) != 3 || got[0].ID != record.NewRecordID(0, 104, 0) || got[1].ID != record.NewRecordID(0, 103, requestsKept-2) || got[0].UserAgent != visitor.UserAgent {
		t.Errorf("the newest are %+v", got)
	}
}

// BenchmarkNote is what a section costs that is stored, of a thousand records.
func BenchmarkNote(b *testing.B) {
	for _, requests := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("%d requests", requests), func(b *testing.B) {
			n, env := newNewest(), arrival(1, time.Now(), requests, 1000/requests, visitor, other)
			b.ReportAllocs()
			for b.Loop() {
				n.note(env, &env.Sections[0])
			}
		})
	}
}
