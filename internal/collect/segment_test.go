package collect

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

var segmentReceived = time.Date(2026, 5, 1, 12, 0, 0, 250e6, time.UTC)

// linesOf are the records that a call makes, and the code of each.
func linesOf(t *testing.T, kind, body string) (texts, codes []string) {
	t.Helper()
	call, err := readSegmentCall([]byte(body), kind)
	if err != nil {
		t.Fatal(err)
	}
	lines := call.lines(segmentReceived)
	codes = make([]string, lines.Records)
	for _, p := range lines.Parts {
		for line := range bytes.Lines(p.Lines) {
			texts = append(texts, strings.TrimSuffix(string(line), "\n"))
		}
		for _, f := range p.Flaws {
			codes[p.First+f.Index] = f.Code
		}
	}
	return texts, codes
}

func TestSegmentMessages(t *testing.T) {
	const at = `"receivedAt":"2026-05-01T12:00:00.250Z",`
	for _, test := range []struct{ name, kind, body, want string }{
		{"a message without times", "track", `{"writeKey":"k","event":"Bought","properties":{"price":12345678901234567890.10}}`,
			`{"event":"Bought","properties":{"price":12345678901234567890.10},"type":"track",` + at + `"timestamp":"2026-05-01T12:00:00.250Z"}`},
		{"a clock that is an hour ahead", "page", `{"timestamp":"2026-05-01T12:59:50.000Z","sentAt":"2026-05-01T13:00:00.000Z"}`,
			`{"type":"page","originalTimestamp":"2026-05-01T12:59:50.000Z","sentAt":"2026-05-01T13:00:00.000Z",` + at + `"timestamp":"2026-05-01T11:59:50.250Z"}`},
		{"another zone, and kept for days before it was sent", "track", `{"timestamp":"2026-04-28T21:00:00+09:00","sentAt":"2026-05-01T12:00:00Z"}`,
			`{"type":"track","originalTimestamp":"2026-04-28T21:00:00+09:00","sentAt":"2026-05-01T12:00:00Z",` + at + `"timestamp":"2026-04-28T12:00:00.250Z"}`},
		{"history that is imported, without sentAt", "track", `{"timestamp":"2020-01-01T00:00:00Z"}`,
			`{"type":"track","originalTimestamp":"2020-01-01T00:00:00Z",` + at + `"timestamp":"2020-01-01T00:00:00Z"}`},
		{"a time that does not read is left to the stream", "track", `{"timestamp":"yesterday","sentAt":"2026-05-01T12:00:00Z"}`,
			`{"type":"track","originalTimestamp":"yesterday","sentAt":"2026-05-01T12:00:00Z",` + at + `"timestamp":"yesterday"}`},
		{"null is no time", "track", `{"timestamp":null,"originalTimestamp":"2026-05-01T11:00:00Z","sentAt":null,"type":"other"}`,
			`{"type":"track","originalTimestamp":"2026-05-01T11:00:00Z","sentAt":null,` + at + `"timestamp":"2026-05-01T11:00:00Z"}`},
		{"escaped names, a name twice, a receivedAt of the client's", "identify", `{"\u0077riteKey":"k","userId":"a","userId":"b","receivedAt":"2001-01-01T00:00:00Z"}`,
			`{"userId":"b","type":"identify",` + at + `"timestamp":"2026-05-01T12:00:00.250Z"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, codes := linesOf(t, test.kind, test.body)
			if len(got) != 1 || got[0] != test.want || codes[0] != "" {
				t.Errorf("got\n%s %q\nwant\n%s", got, codes, test.want)
			}
		})
	}
}

func TestSegmentBatch(t *testing.T) {
	const end = `"sentAt":"2026-05-01T12:00:01Z","receivedAt":"2026-05-01T12:00:00.250Z","timestamp":"2026-05-01T11:59:59.250Z"}`
	got, codes := linesOf(t, "", `{"writeKey":"k","sentAt":"2026-05-01T12:00:01Z","context":{"ip":"1.2.3.4","library":{"name":"x"}},"batch":[
		{"type":"track","messageId":"m1","timestamp":"2026-05-01T12:00:00Z"},
		{"type":"page","context":{"library":{"name":"y"},"locale":"ja"},"timestamp":"2026-05-01T12:00:00Z"},
		7,
		{"type":"track","big":"`+strings.Repeat("x", segmentEventBytes)+`"},
		{"messageId":"m5","timestamp":"2026-05-01T12:00:00Z"}]}`)
	want := []string{
		`{"messageId":"m1","context":{"ip":"1.2.3.4","library":{"name":"x"}},"type":"track","originalTimestamp":"2026-05-01T12:00:00Z",` + end,
		`{"context":{"library":{"name":"y"},"locale":"ja","ip":"1.2.3.4"},"type":"page","originalTimestamp":"2026-05-01T12:00:00Z",` + end,
		`7`, "",
		`{"messageId":"m5","context":{"ip":"1.2.3.4","library":{"name":"x"}},"originalTimestamp":"2026-05-01T12:00:00Z",` + end,
	}
	for i, text := range got {
		if i == 3 {
			if len(text) != headBytes || codes[3] != record.CodeTooLarge {
				t.Errorf("a message that is too large: %d bytes, code %q", len(text), codes[3])
			}
			continue
		}
		if text != want[i] {
			t.Errorf("message %d: got\n%s\nwant\n%s", i, text, want[i])
		}
	}
	if len(got) != len(want) || codes[2] != record.CodeNotObject || codes[4] != "" {
		t.Errorf("%d messages, codes %q", len(got), codes)
	}
}

func TestSegmentBodiesThatAreRefused(t *testing.T) {
	for _, test := range []struct{ kind, body, message string }{
		{"track", ``, "not a JSON object"}, {"track", `[1]`, "not a JSON object"}, {"track", `{"a":`, "not a JSON object"}, {"track", "{\"a\":\"\xff\"}", "not a JSON object"},
		{"track", `{"a":"` + strings.Repeat("x", segmentEventBytes) + `"}`, "32 KB"},
		{"", `{}`, "no array of that name"}, {"", `{"batch":{}}`, "no array of that name"}, {"", `{"batch":null}`, "no array of that name"},
		{"", `{"context":{"a":"` + strings.Repeat("x", 100_000) + `"},"batch":[` + strings.Repeat("{},", 100) + `{}]}`, "too large to be put into each of 101 messages"},
	} {
		if _, err := readSegmentCall([]byte(test.body), test.kind); record.KindOf(err) != record.Invalid || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%.40s: %v, want %q", test.body, err, test.message)
		}
	}
}

func FuzzSegmentCall(f *testing.F) {
	for _, s := range []string{`{"batch":[{"type":"track","context":{"a":1}},7],"context":{"b":2},"sentAt":"2026-05-01T12:00:01Z"}`, `{"event":"x","timestamp":"2026-05-01T12:00:00.000Z","sentAt":"9999-12-31T23:59:59Z"}`, `{"batch":[[],{"a":{}}]`, `{"\ud800":1,"\ud800":2}`} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, batch bool) {
		kind := "track"
		if batch {
			kind = ""
		}
		call, err := readSegmentCall(body, kind)
		if err != nil {
			if record.KindOf(err) != record.Invalid {
				t.Error(err)
			}
			return
		}
		lines := call.lines(segmentReceived)
		if lines.Records != len(call.messages) {
			t.Errorf("%d records of %d messages", lines.Records, len(call.messages))
		}
		for _, p := range lines.Parts {
			flawed := map[int]bool{}
			for _, flaw := range p.Flaws {
				flawed[flaw.Index] = true
			}
			i := 0
			for line := range bytes.Lines(p.Lines) {
				if code, message := jsontext.Check(line); code != "" && !flawed[i] {
					t.Errorf("%q: %s %s", line, code, message)
				}
				i++
			}
		}
	})
}
