package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

func eventsDefinition() shape.Definition {
	return shape.Definition{Columns: []shape.Column{{Name: "id", Type: "bigint", NotNull: true}, {Name: "name", Type: "varchar"}}}
}

func startEvents(t *testing.T, change ...func(*app.Options)) *testkit.Node {
	t.Helper()
	return testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"events": eventsDefinition()}), change...)
}

func packed(t *testing.T, encoding, text string) string {
	t.Helper()
	var b bytes.Buffer
	switch encoding {
	case "gzip":
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		if err != nil || w.Close() != nil {
			t.Fatal("gzip", err)
		}
	case "zstd":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
			t.Fatal("zstd", err)
		}
	}
	return b.String()
}

// refused checks that an answer is problem details of a status, and returns them.
func refused(t *testing.T, what string, status int, text string, header http.Header, want int) problem.Details {
	t.Helper()
	var d problem.Details
	if status != want || header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(text), &d) != nil {
		t.Errorf("%s: %d %s %s, want %d as problem+json", what, status, header.Get("Content-Type"), text, want)
		return d
	}
	if d.Status != want || d.Detail == "" || d.Title == "" {
		t.Errorf("%s: the problem lacks something: %+v", what, d)
	}
	return d
}

func TestTheDoorTakesEveryFormOfJSON(t *testing.T) {
	n := startEvents(t)
	const lines = `{"id":1,"name":"a"}` + "\n\r\n \t\n" + `{"id":2,"name":"b\nc"}`
	for _, c := range []struct {
		name, body string
		headers    []string
		records    int
	}{
		{"lines with blank ones between", lines, nil, 2},
		{"lines with a byte order mark", "\xef\xbb\xbf" + lines, nil, 2},
		{"an array", "[" + `{"id":1}, {"id":2,"name":"],{["} ,` + "\n" + `{"id":3}]`, []string{"Content-Type", "application/json"}, 3},
		{"one object", `{"id":1}`, []string{"Content-Type", "application/json; charset=utf-8"}, 1},
		{"one object over several lines", "{\n \"id\": 1,\n \"name\": \"x\"\n}\n", nil, 1},
		{"curl's own content type", `{"id":1}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 1},
		{"gzip", packed(t, "gzip", lines), []string{"Content-Encoding", "gzip"}, 2},
		{"zstd", packed(t, "zstd", lines), []string{"Content-Encoding", "zstd"}, 2},
	} {
		before, err := strconv.Atoi(n.One("SELECT count(*) FROM events"))
		if err != nil {
			t.Fatal(err)
		}
		a := n.Send("events", c.body, c.headers...)
		if a.Accepted != c.records || a.Quarantined != 0 || len(a.Errors) != 0 {
			t.Errorf("%s: %+v", c.name, a)
		}
		if got := n.One("SELECT count(*) FROM events"); got != strconv.Itoa(before+c.records) {
			t.Errorf("%s: the table has %s rows, want %d more than %d", c.name, got, c.records, before)
		}
		rows := n.Query("SELECT min(_record_id)::varchar, max(_record_id)::varchar FROM (SELECT _record_id FROM events ORDER BY _record_id DESC LIMIT ?)", c.records)
		if rows[0][0] != a.First || rows[0][1] != a.Last {
			t.Errorf("%s: ids are %v, the answer says %s to %s", c.name, rows, a.First, a.Last)
		}
	}
	n.Balance()
}

func TestTheDoorSaysWhichRecordsAreBroken(t *testing.T) {
	n := startEvents(t)
	large := `{"id":2,"name":"` + strings.Repeat("x", record.MaxRecordBytes) + `"}`
	a := n.Send("events", `{"id":1}`+"\n"+large+"\n"+`{"id":}`+"\n"+`17`+"\n"+`{"id":4}`)
	if a.Accepted != 5 || a.Quarantined != 3 || len(a.Errors) != 3 {
		t.Fatalf("answer %+v", a)
	}
	for i, want := range []collect.RecordProblem{{Index: 1, Code: record.CodeTooLarge}, {Index: 2, Code: record.CodeInvalidJSON}, {Index: 3, Code: record.CodeNotObject}} {
		if got := a.Errors[i]; got.Index != want.Index || got.Code != want.Code || got.Message == "" {
			t.Errorf("problem %d is %+v, want %+v", i, got, want)
		}
	}
	rows := n.Query(`SELECT code, length(line), line[:16] FROM quarantine ORDER BY _record_id`)
	if len(rows) != 3 || rows[0][0] != record.CodeTooLarge || rows[0][1] != "4096" || rows[0][2] != large[:16] || rows[1][2] != `{"id":}` || rows[2][2] != "17" {
		t.Errorf("quarantine holds %v", rows)
	}
	n.Balance()
}

func TestTheDoorRefusesWhatItCannotTake(t *testing.T) {
	n := startEvents(t, func(o *app.Options) { o.Project.Limit.BodyBytes = 1 << 20 })
	zeros := strings.Repeat(`{"id":1,"name":"0000000000000000000000000000"}`+"\n", 40_000)
	for _, c := range []struct {
		name, path, body string
		headers          []string
		status           int
		says             string
	}{
		{"empty", "events", "", nil, 400, "empty"},
		{"white space", "events", " \r\n\t\n", nil, 400, "empty"},
		{"wholly unreadable", "events", "id=1&name=x\nnot this either", nil, 400, "handling=lenient"},
		{"an empty array", "events", "[ ]", nil, 400, "array is empty"},
		{"an open array", "events", `[{"id":1},{"id":2}`, nil, 400, "breaks off"},
		{"not gzip", "events", `{"id":1}`, []string{"Content-Encoding", "gzip"}, 400, "not gzip"},
		{"half a gzip", "events", packed(t, "gzip", zeros)[:200], []string{"Content-Encoding", "gzip"}, 400, "not gzip"},
		{"not zstd", "events", `{"id":1}`, []string{"Content-Encoding", "zstd"}, 400, "not zstd"},
		{"half a zstd", "events", packed(t, "zstd", `{"id":1,"name":"as short as it is"}`)[:20], []string{"Content-Encoding", "zstd"}, 400, "not zstd"},
		{"to wait for something else", "events?wait=moon", `{"id":1}`, nil, 400, "queryable"},
		{"a key without end", "events", `{"id":1}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "255"},
		{"a misspelled stream", "evnets", `{"id":1}`, nil, 404, `did you mean "events"?`},
		{"another stream", "zzzzzzzz", `{"id":1}`, nil, 404, "there are events"},
		{"too large", "events", zeros, nil, 413, "1 MiB"},
		{"too large unpacked, gzip", "events", packed(t, "gzip", zeros), []string{"Content-Encoding", "gzip"}, 413, "1 MiB"},
		{"too large unpacked, zstd", "events", packed(t, "zstd", zeros), []string{"Content-Encoding", "zstd"}, 413, "1 MiB"},
		{"an unknown content type", "events", `{"id":1}`, []string{"Content-Type", "text/csv"}, 415, "text/csv"},
		{"an unknown encoding", "events", `{"id":1}`, []string{"Content-Encoding", "br"}, 415, "br"},
	} {
		status, text, header := n.Do(http.MethodPost, "/v1/events/"+c.path, c.body, c.headers...)
		if d := refused(t, c.name, status, text, header, c.status); !strings.Contains(d.Detail, c.says) {
			t.Errorf("%s: %q does not say %q", c.name, d.Detail, c.says)
		}
	}
	if got := n.Balance().Streams[0].Accepted; got != 0 {
		t.Errorf("%d records were stored of requests that were refused", got)
	}
}

func TestAnUnreadableBodyIsKeptIfTheSenderSaysSo(t *testing.T) {
	n := startEvents(t)
	status, text, header := n.Do(http.MethodPost, "/v1/events/events", "free text\n{also not", "Prefer", "handling=strict")
	if d := refused(t, "strict", status, text, header, 400); d.Errors == nil {
		t.Errorf("the problem does not name the places: %s", text)
	}
	if a := n.Send("events", "free text\n{also not", "Prefer", "respond-async, handling=lenient"); a.Accepted != 2 || a.Quarantined != 2 {
		t.Errorf("lenient: %+v", a)
	}
	if got := n.One("SELECT string_agg(line, '|' ORDER BY _record_id) FROM quarantine"); got != "free text|{also not" {
		t.Errorf("quarantine holds %q", got)
	}
	n.Balance()
}

func TestKeysAreCheckedAtTheDoor(t *testing.T) {
	open := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"events": eventsDefinition(), "orders": eventsDefinition()}))
	n := open.Guarded(access.NewGuard([]access.Key{
		{Name: "sender", Scopes: []access.Scope{access.Ingest}, Hash: access.HashSecret("s3nd"), Streams: []string{"events"}},
		{Name: "reader", Scopes: []access.Scope{access.Read}, Hash: access.HashSecret("r3ad")},
		{Name: "root", Scopes: []access.Scope{access.Admin}, Hash: access.HashSecret("r00t")}}, nil))
	for _, c := range []struct {
		name, path, key string
		status          int
	}{
		{"no key", "/v1/events/events", "", 401}, {"an unknown key", "/v1/events/events", "guess", 401},
		{"a reader sends", "/v1/events/events", "r3ad", 403}, {"a sender sends", "/v1/events/events", "s3nd", 200},
		{"a sender sends elsewhere", "/v1/events/orders", "s3nd", 403}, {"an admin sends", "/v1/events/orders", "r00t", 200},
		{"a sender asks", "/v1/query", "s3nd", 403}, {"a reader asks", "/v1/query", "r3ad", 200},
		{"a reader reloads", "/v1/reload", "r3ad", 403}, {"a stranger reloads", "/v1/reload", "", 401}, {"a sender replays", "/v1/quarantine/replay", "s3nd", 403},
	} {
		body := `{"id":1}`
		if c.path == "/v1/query" {
			body = `{"sql":"SELECT 1"}`
		}
		var headers []string
		if c.key != "" {
			headers = []string{"Authorization", "Bearer " + c.key}
		}
		status, text, header := n.Do(http.MethodPost, c.path, body, headers...)
		if c.status == 200 && status != 200 {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
		if c.status != 200 {
			refused(t, c.name, status, text, header, c.status)
		}
		if c.status == 401 && header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without WWW-Authenticate", c.name)
		}
	}
	open.Await("the sender's record is visible", func() bool { return open.One("SELECT count(*) FROM events") == "1" })
	trace, err := open.Trace(t.Context(), parseID(t, open.One("SELECT _record_id::varchar FROM events")))
	if err != nil || trace.Request.Key != "sender" {
		t.Errorf("the trace names the key %q: %v", trace.Request.Key, err)
	}
}

func parseID(t *testing.T, text string) record.RecordID {
	t.Helper()
	id, err := record.ParseRecordID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWithoutKeysOnlyLocalhostIsServed(t *testing.T) {
	n := startEvents(t)
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"localhost:2492", "", 200}, {"127.0.0.1", "", 200}, {"[::1]:80", "", 200}, {"app.localhost", "http://localhost:3000", 200},
		{"evil.example", "", 403}, {"localhost.evil.example", "", 403}, {"localhost", "https://evil.example", 403}, {"localhost", "null", 403},
	} {
		for _, path := range []string{"/v1/events/events", "/v1/query"} {
			body := `{"id":1}`
			if path == "/v1/query" {
				body = `{"sql":"SELECT 1"}`
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if r.Host = c.host; c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Body.Close(); answer.StatusCode != c.status {
				t.Errorf("%s as %s from %q: %d, want %d", path, c.host, c.origin, answer.StatusCode, c.status)
			}
		}
	}
}

func TestTheSameIdempotencyKeyGivesTheSameAnswer(t *testing.T) {
	data := t.TempDir()
	p := testkit.Project(map[string]shape.Definition{"events": eventsDefinition(), "orders": eventsDefinition()})
	n := testkit.Start(t, data, p)
	const body = `{"id":1}` + "\n" + `{"id":` + "\n" + `{"id":2}`
	send := func(stream, key, body string) (int, string, http.Header) {
		t.Helper()
		return n.Do(http.MethodPost, "/v1/events/"+stream+"?wait=queryable", body, "Idempotency-Key", key)
	}
	status, first, header := send("events", "a", body)
	if status != 200 || header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("first: %d %s %v", status, first, header)
	}
	again := func(when string) {
		t.Helper()
		if status, text, header := send("events", "a", body); status != 200 || text != first || header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %d %s %v, want the first answer %s", when, status, text, header, first)
		}
		status, text, header := send("events", "a", `{"id":9}`)
		refused(t, when+" with another body", status, text, header, 422)
		if got := n.One("SELECT count(*) FROM events"); got != "2" {
			t.Errorf("%s: %s rows, want 2", when, got)
		}
	}
	again("at once")
	if status, _, header := send("orders", "a", body); status != 200 || header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the same key for another stream was taken for a retry: %d", status)
	}
	n.Shutdown()
	n = testkit.Start(t, data, p)
	again("after a restart")
	n.Balance()
}

func TestOfManyRequestsWithOneKeyOneIsStored(t *testing.T) {
	n := startEvents(t)
	var wg sync.WaitGroup
	answers := make([]string, 32)
	for i := range answers {
		wg.Go(func() {
			_, answers[i], _ = n.Do(http.MethodPost, "/v1/events/events?wait=queryable", `{"id":1}`, "Idempotency-Key", "one")
		})
	}
	wg.Wait()
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	if got := n.One("SELECT count(*) FROM events"); got != "1" {
		t.Errorf("%s rows, want 1", got)
	}
	n.Balance()
}

func TestARetryStoresOnlyThePartsThatAreMissing(t *testing.T) {
	n := startEvents(t)
	var b strings.Builder
	const records = 30_000
	for i := range records {
		fmt.Fprintf(&b, `{"id":%d,"name":"%s"}`+"\n", i, strings.Repeat("n", 100))
	}
	body := b.String()
	lines, err := collect.Split([]byte(body))
	if err != nil || len(lines.Parts) < 3 {
		t.Fatalf("%d parts, want several: %v", len(lines.Parts), err)
	}
	// A node that died after the first part was on disk.
	stream, err := n.Stream("events")
	if err != nil {
		t.Fatal(err)
	}
	part := lines.Parts[:1]
	died, err := n.Intake.Take(t.Context(), collect.Delivery{Stream: stream.ID, Lines: &collect.Lines{Parts: part, Records: part[0].Count}, IdempotencyKey: "big", Body: []byte(body)})
	if err != nil || died.Accepted != part[0].Count {
		t.Fatalf("%+v %v", died, err)
	}
	a := n.Send("events", body, "Idempotency-Key", "big")
	if a.Accepted != records || a.First != died.First {
		t.Errorf("the retry's answer is %+v, want %d records from %s on", a, records, died.First)
	}
	if got := n.Query("SELECT count(*), count(DISTINCT id), sum(id) FROM events"); got[0][0] != strconv.Itoa(records) || got[0][1] != got[0][0] || got[0][2] != strconv.Itoa(records*(records-1)/2) {
		t.Errorf("the table has %v", got)
	}
	_, text, header := n.Do(http.MethodPost, "/v1/events/events", body, "Idempotency-Key", "big")
	var third collect.Answer
	if err := json.Unmarshal([]byte(text), &third); err != nil || header.Get("Idempotency-Replayed") != "true" || third.First != a.First || third.Last != a.Last {
		t.Errorf("the third try: %s %v", text, header)
	}
	n.Balance()
}

func TestAClientThatLeavesKeepsItsKeyUntilItsRecordsAreStored(t *testing.T) {
	n := startEvents(t)
	stream, err := n.Stream("events")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"id":1}`)
	take := func(gone bool) {
		lines, err := collect.Split(body)
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := contextOf(t, gone)
		defer cancel()
		_, _ = n.Intake.Take(ctx, collect.Delivery{Stream: stream.ID, Lines: lines, IdempotencyKey: "k", Body: body}) // who left hears nothing
	}
	for range 20 {
		take(true)
	}
	take(false)
	n.Await("visible", func() bool { return n.One("SELECT count(*) FROM events") != "0" })
	if got := n.Balance().Streams[0].Accepted; got != 1 {
		t.Errorf("%d records are stored, want 1", got)
	}
}
