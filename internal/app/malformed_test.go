package app_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// brokenLine makes one line that cannot be a row of events, and the codes it may get.
func brokenLine(r *rand.Rand) (line string, codes []string) {
	good := fmt.Sprintf(`{"id":%d,"name":"猫%d","nested":{"a":[1,2.5e3,true,null,"\u00e9"]}}`, r.Int64(), r.IntN(1000))
	syntax := []string{record.CodeInvalidJSON, record.CodeInvalidUTF8}
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	switch r.IntN(12) {
	case 0:
		return good[:1+r.IntN(len(good)-1)], syntax
	case 1:
		noise := make([]byte, r.IntN(200))
		for i := range noise {
			if noise[i] = byte(r.IntN(256)); noise[i] == '\n' {
				noise[i] = 0
			}
		}
		return "x" + string(noise), syntax
	case 2:
		return `{"id":1,"name":"` + pick("\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe7\x8c") + `"}`, syntax
	case 3:
		return pick("17", "-0.5", `"text"`, "null", "true", "[1,2]", `[{"id":1}]`), []string{record.CodeNotObject}
	case 4:
		depth := record.MaxDepth + 1 + r.IntN(5000)
		return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth), []string{record.CodeTooDeep}
	case 5:
		return good + pick(" x", "}", ",", good[1:], "\x00"), syntax
	case 6:
		return `{"id":1,"name":"` + pick("\x00", "\x1f", "\t", `\q`, `\u12g4`, `\`) + `"}`, syntax
	case 7:
		return `{"id":` + pick("01", "1.", "+1", "NaN", "0x10", ".5", "1e", "--1", "Infinity") + "}", syntax
	case 8:
		return `{"id":` + pick(`"abc"`, `{}`, `[1]`, "true", "1.5", `""`, "1e400", "9223372036854775808", "-1e30") + "}", []string{record.CodeWrongType, record.CodeOutOfRange, record.CodeMissing}
	case 9:
		return pick(`{}`, `{"id":null}`, `{"name":"x"}`, `{"ID ":1}`), []string{record.CodeMissing}
	case 10:
		return pick(`{id:1}`, `{'id':1}`, `{"id" 1}`, `{"id":1,}`, `{,}`, `{"id":1 "name":2}`, `{"id":}`, `{1:1}`), syntax
	default:
		at := 1 + r.IntN(len(good)-2)
		return good[:at] + "\x7f\xfe" + good[at:], syntax
	}
}

// brokenRequest makes a request that must be refused whole.
func brokenRequest(r *rand.Rand) (method, path, body string, headers []string) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	line, _ := brokenLine(r)
	noise := make([]byte, 1+r.IntN(300))
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	switch r.IntN(9) {
	case 0:
		return "POST", "/v1/events/events", pick("", " ", "\r\n\n\t", "\xef\xbb\xbf", "[]", "[ \n]", "[", `[{"id":1}`, `[{"id":1},`, `[{"id":"]`), nil
	case 1:
		return "POST", "/v1/events/events", string(noise), []string{"Content-Encoding", pick("gzip", "zstd", "x-gzip", "br", "deflate", "gzip, gzip", "\u00e9")}
	case 2:
		return "POST", "/v1/events/events", `{"id":1}`, []string{"Content-Type", pick("image/png", "text/html", "multipart/form-data", "application/", ";", "json", "application/xml")}
	case 3:
		return pick("POST", "GET", "PUT"), "/v1/events/" + pick("nothing", "event", "%00", "..%2fevents", "a%0Ab", "EVENTS", strings.Repeat("x", 3000)), line, nil
	case 4:
		return pick("GET", "PUT", "DELETE", "PATCH"), "/v1/events/events", line, nil
	case 5:
		return "POST", "/v1/events/events?wait=" + pick("1", "durable", "%20", "queryable%00"), `{"id":1}`, nil
	case 6:
		return "POST", "/v1/events/events", `{"id":1}`, []string{"Idempotency-Key", strings.Repeat("k", 256+r.IntN(1000))}
	case 7:
		return "POST", "/v1/events/events", "x" + strings.ReplaceAll(string(noise), "\n", "\nx"), nil
	default:
		return "POST", "/v1/query", pick("", "{", "[]", `{"sql":""}`, `{"sql":5}`, `{"query":"SELECT 1"}`, `{"sql":"SELECT 1","timezone":"Mars/Base"}`, `{"sql":"SELECT 1","timeout":"soon"}`,
			`{"sql":"SELECT"}`, `{"sql":"SELECT * FROM nothing"}`, `{"sql":"DROP TABLE events"}`, `{"sql":"SELECT ?","params":[{}]}`, `{"sql":"\u0000"}`, `{"sql":"SELECT '\u0000"}`, string(noise)), nil
	}
}

func TestTenThousandMalformedThingsAreAnsweredOneByOne(t *testing.T) {
	n := startEvents(t)
	n.Send("events", `{"id":0}`)
	http.DefaultClient.CloseIdleConnections()
	goroutines := runtime.NumGoroutine()
	const workers, requests, batches, perBatch = 8, 2_000, 160, 50
	var mu sync.Mutex
	want, wanted := map[string]string{}, 0 // by record id: the codes it may have
	var wg sync.WaitGroup
	for w := range workers {
		r := rand.New(rand.NewPCG(uint64(w), 20260101))
		wg.Go(func() {
			for range requests / workers {
				method, path, body, headers := brokenRequest(r)
				status, text, header := n.Do(method, path, body, headers...)
				if status < 400 || status > 499 || header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s %.80s %v %.80q: %d %s %.200s", method, path, headers, body, status, header.Get("Content-Type"), text)
				}
			}
			for range batches / workers {
				body, codes := strings.Builder{}, make([][]string, perBatch)
				body.WriteString(`{"id":1}`)
				for i := range perBatch {
					var line string
					line, codes[i] = brokenLine(r)
					body.WriteString("\n" + line)
				}
				a := n.Send("events", body.String())
				if a.Accepted != perBatch+1 {
					t.Errorf("%d records of %d were taken", a.Accepted, perBatch+1)
				}
				mu.Lock()
				for i := range codes {
					want[fmt.Sprint(int64(parseID(t, a.First))+int64(i)+1)] = strings.Join(codes[i], " ")
				}
				wanted += perBatch
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, row := range n.Query("SELECT _record_id::varchar, code, message, line FROM quarantine") {
		codes, known := want[row[0]]
		if delete(want, row[0]); !known || !slices.Contains(strings.Fields(codes), row[1]) || row[2] == "" {
			t.Errorf("record %s is in quarantine as %s (%s), want %q: %.100q", row[0], row[1], row[2], codes, row[3])
		}
	}
	for id := range maps.Keys(want) {
		t.Errorf("record %s (%s) is not in quarantine", id, want[id])
	}
	s := n.Balance().Streams[0]
	if got := n.One("SELECT count(*) FROM events"); got != strconv.Itoa(1+batches) || s.Accepted != int64(1+batches+wanted) {
		t.Errorf("%s rows and %d accepted, want %d and %d", got, s.Accepted, 1+batches, 1+batches+wanted)
	}
	n.Await("goroutines are as many as before", func() bool {
		http.DefaultClient.CloseIdleConnections()
		return runtime.NumGoroutine() <= goroutines
	})
}
