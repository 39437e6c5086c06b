package shape

import (
	"bytes"
	"context"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/record"
)

// FuzzShape shapes any bytes: no panic, every record goes one way, and what
// became a row is UTF-8.
func FuzzShape(f *testing.F) {
	for _, s := range []string{
		`{"ts":"2024-05-01T00:00:00Z","n":1,"d":1.25,"s":"x","l":[1,2],"o":{"a":1,"b":"c"},"p":{"q":[{"r":1}]},"ip":"1.2.3.4","url":"https://e.com/?utm_source=a"}`,
		`{"n":1e5,"n":"2","ts":1714500000,"j":"{\"a\":1}","unknown":{"x":[null]}}`, "{}\n[]\n\"\"\n{\"s\":\"\\ud800\"}\n", `{"s":"` + "\xff" + `"}`, "\x00",
	} {
		f.Add([]byte(s))
	}
	def := Definition{
		EventTime: "ts", Partition: []string{"day(ts)", "bucket(3, s)", "truncate(3, n)"},
		Columns: []Column{
			{Name: "ts", Type: "timestamptz"}, {Name: "n", Type: "bigint"}, {Name: "d", Type: "decimal(9,3)"}, {Name: "f", Type: "double"}, {Name: "s", Type: "varchar", Pattern: "^.{0,50}"},
			{Name: "l", Type: "bigint[]"}, {Name: "o", Type: "struct(a int, b varchar)[]"}, {Name: "r", Type: "varchar", From: "p.q[0].r"}, {Name: "j", Type: "json", Decode: "json"},
			{Name: "ip", Type: "varchar"}, {Name: "url", Type: "varchar"}, {Name: "day", Type: "date"}, {Name: "w", Type: "timestamp"}, {Name: "b", Type: "boolean"},
		},
		Enrich: []Enrichment{{URL: &Source{}}, {Referer: &RefererSource{Column: "s"}}, {IPAnonymize: &Source{}}},
		Dedupe: &Dedupe{Key: "s", Window: Duration(time.Hour)},
	}
	s, err := Compile(def, Options{Name: "f", Stream: testStream, Location: mustLoad("Europe/Berlin")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Split(text, []byte("\n"))
		sec := record.Section{Stream: testStream, Count: len(lines), Lines: append(bytes.Clone(text), '\n'), Requests: []record.Request{{Count: len(lines), ReceivedAt: testTime}}}
		if len(lines) > record.MaxRecords {
			return
		}
		env := &record.Envelope{Seq: 1}
		b, err := s.Shape(context.Background(), env, &sec)
		if err != nil {
			t.Fatal(err)
		}
		checkBatch(t, env, &sec, b)
		if b.Rows == nil {
			return
		}
		defer b.Rows.Release()
		for _, c := range b.Rows.Columns() {
			if texts, ok := c.(*array.String); ok {
				for row := range texts.Len() {
					if !utf8.ValidString(texts.Value(row)) {
						t.Fatalf("%q is not UTF-8", texts.Value(row))
					}
				}
			}
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "1e30", "00012", ".5", "5.", "1e-400", "99999999999999999999999999999999999999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, form := parseNumber(text)
		if form == exactNumber && n.scale == 0 {
			if want, ok := parseInt(bytes.TrimPrefix(text, []byte("+"))); ok {
				if got, fits := n.int64(); !fits || got != want {
					t.Fatalf("%q: %d, want %d", text, got, want)
				}
			}
		}
		parseEpoch(text, 6)
		parseMoment(text)
	})
}

func FuzzDefinitionTexts(f *testing.F) {
	for _, s := range []string{"a.b[0]", `"x y".z`, "day(ts)", "bucket(4, c)", "1h30m", "64MiB", "3y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = parsePath(text)
		_, _ = ParsePartition(text)
		if d, err := ParseDuration(text); err == nil && d >= Duration(time.Millisecond) {
			if again, err := ParseDuration((d / 1e6 * 1e6).String()); err != nil || again != d/1e6*1e6 {
				t.Fatalf("%q: %v, again %v %v", text, d, again, err)
			}
		}
		if n, err := ParseSize(text); err == nil {
			if again, err := ParseSize(n.String()); err != nil || n < 1<<53 && again != n {
				t.Fatalf("%q: %v, again %v %v", text, n, again, err)
			}
		}
	})
}
