package collect

import (
	"bytes"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		name, body string
		lines      []string
		flaws      []string // code of each line, "" for none
		err        string
	}{
		{name: "lines", body: "{\"a\":1}\n{\"a\":2}\n", lines: []string{`{"a":1}`, `{"a":2}`}},
		{name: "no break at the end", body: `{"a":1}`, lines: []string{`{"a":1}`}},
		{name: "blank lines and CRLF", body: "\r\n{\"a\":1}\r\n\r\n  \n{\"a\":2}\r\n", lines: []string{`{"a":1}`, `{"a":2}`}},
		{name: "byte order mark", body: "\xef\xbb\xbf{\"a\":1}", lines: []string{`{"a":1}`}},
		{name: "array", body: ` [ {"a":1} , {"a":"],"} ] `, lines: []string{`{"a":1}`, `{"a":"],"}`}},
		{name: "array over lines", body: "[\n{\"a\":\n1}\n]", lines: []string{`{"a": 1}`}},
		{name: "one object over lines", body: "{\n  \"a\": 1\n}\n", lines: []string{`{   "a": 1 }`}},
		{name: "broken line between good ones", body: "{\"a\":1}\n{\"a\":\n{\"a\":3}", lines: []string{`{"a":1}`, `{"a":`, `{"a":3}`}, flaws: []string{"", record.CodeInvalidJSON, ""}},
		{name: "broken element", body: `[{"a":1},{"a":tru},3]`, lines: []string{`{"a":1}`, `{"a":tru}`, `3`}, flaws: []string{"", record.CodeInvalidJSON, record.CodeNotObject}},
		{name: "not UTF-8", body: "{\"a\":\"\xff\"}", lines: []string{"base64:eyJhIjoi/yJ9"}, flaws: []string{record.CodeInvalidUTF8}},
		{name: "too deep", body: `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, lines: []string{`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`}, flaws: []string{record.CodeTooDeep}},
		{name: "empty", body: " \n ", err: "empty"},
		{name: "empty array", body: "[ ]", err: "the array is empty"},
		{name: "array that breaks off", body: `[{"a":1},{"a":`, err: "does not end"},
		{name: "one after another", body: `{"a":1}{"a":2} {"a":3}`, lines: []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{name: "several objects over lines", body: "{\n\"a\":1}\n{\n\"a\":2\n}", lines: []string{`{ "a":1}`, `{ "a":2 }`}},
		{name: "an element that does not end", body: "[{\"a\":\"x},\n{\"a\":2}]", lines: []string{`{"a":"x},`, `{"a":2}`}, flaws: []string{record.CodeInvalidJSON, ""}},
		{name: "a broken element over lines", body: "[{\"a\":\ntru},\n{\"a\":2}]", lines: []string{"base64:eyJhIjoKdHJ1fQ==", `{"a":2}`}, flaws: []string{record.CodeInvalidJSON, ""}},
		{name: "a line that looks like an array", body: "{}\n[{\"a\":1},{}]\n{\"a\":2}", lines: []string{`{}`, `[{"a":1},{}]`, `{"a":2}`}, flaws: []string{"", record.CodeNotObject, ""}},
		{name: "two arrays and a line", body: "[{}]\n[{\"a\":1}]\n{}", lines: []string{`{}`, `{"a":1}`, `{}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Split([]byte(test.body))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || record.KindOf(err) != record.Invalid {
					t.Fatalf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			codes := make([]string, len(test.lines))
			for _, p := range l.Parts {
				for line := range bytes.Lines(p.Lines) {
					got = append(got, strings.TrimSuffix(string(line), "\n"))
				}
				for _, f := range p.Flaws {
					codes[p.First+f.Index] = f.Code
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.lines, "\n") {
				t.Errorf("lines %q, want %q", got, test.lines)
			}
			for i, code := range codes {
				want := ""
				if test.flaws != nil {
					want = test.flaws[i]
				}
				if code != want {
					t.Errorf("line %d: code %q, want %q", i, code, want)
				}
			}
		})
	}
}

func TestSplitCutsIntoEnvelopes(t *testing.T) {
	body := strings.Repeat("{}\n", 200_000)
	l, err := Split([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for _, p := range l.Parts {
		if p.First != records || p.Count > record.MaxRecords || len(p.Lines) > record.MaxEnvelopeBytes {
			t.Errorf("part from %d with %d records and %d bytes, after %d records", p.First, p.Count, len(p.Lines), records)
		}
		records += p.Count
	}
	if records != 200_000 {
		t.Errorf("%d records", records)
	}
	large := `{"a":"` + strings.Repeat("x", record.MaxRecordBytes) + `"}`
	if l, err = Split([]byte(large + "\n{}")); err != nil {
		t.Fatal(err)
	}
	if l.Records != 2 || l.Flawed != 1 || l.Parts[0].Flaws[0].Code != record.CodeTooLarge || len(l.Parts[0].Lines) > 2*headBytes {
		t.Errorf("a record that is too large: %d records, %d flawed, %d bytes kept", l.Records, l.Flawed, len(l.Parts[0].Lines))
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"{}\n{}", `[{"a":[1,"]"]}]`, "{\n}", "[", "{\"a\":\"\\", "\x00", "[]]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := Split(body)
		if err != nil {
			return
		}
		records := 0
		for _, p := range l.Parts {
			if n := bytes.Count(p.Lines, []byte("\n")); n != p.Count {
				t.Errorf("%d lines for %d records", n, p.Count)
			}
			records += p.Count
		}
		if records != l.Records || records == 0 {
			t.Errorf("%d records in parts, %d said", records, l.Records)
		}
	})
}
