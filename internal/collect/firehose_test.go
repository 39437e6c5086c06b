package collect

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/biwa-data/biwa/internal/record"
)

// recordsOf are the records' texts, broken ones with their code before them.
func recordsOf(l *Lines) (found []string) {
	for _, p := range l.Parts {
		for i, line := range strings.Split(strings.TrimSuffix(string(p.Lines), "\n"), "\n") {
			for _, f := range p.Flaws {
				if f.Index == i {
					line = f.Code + " " + line
				}
			}
			found = append(found, line)
		}
	}
	return found
}

func TestFirehoseRecordsAreSplit(t *testing.T) {
	tests := []struct {
		data string
		want []string
	}{
		{`{"a":1}`, []string{`{"a":1}`}},
		{`{"a":1}{"a":2}`, []string{`{"a":1}`, `{"a":2}`}},
		{`{"a":1} {"a":"}{"}` + "\r\n" + `{"a":3}{"a":4}` + "\n", []string{`{"a":1}`, `{"a":"}{"}`, `{"a":3}`, `{"a":4}`}},
		{"{\n \"a\": 1\n}{\n \"a\": 2\n}", []string{`{  "a": 1 }`, `{  "a": 2 }`}},
		{"\xef\xbb\xbf{\"a\":1}", []string{`{"a":1}`}},
		{"{\"a\":1}\n\n\n{\"a\":2}", []string{`{"a":1}`, `{"a":2}`}},
		{`{"a":1}{"a":}` + "\n" + `{"a":3}`, []string{`{"a":1}`, `invalid_json {"a":}`, `{"a":3}`}},
		{`{"a":1},{"a":2}`, []string{`{"a":1}`, `invalid_json ,{"a":2}`}},
		{`{"a":1}{"a":`, []string{`{"a":1}`, `invalid_json {"a":`}},
		{"text\n{\"a\":1}", []string{"invalid_json text", `{"a":1}`}},
		{`[{"a":1}]`, []string{`not_an_object [{"a":1}]`}},
		{" \n", []string{"invalid_json "}},
	}
	for _, tt := range tests {
		l := &Lines{}
		l.addRecord([]byte(tt.data))
		if got := recordsOf(l); !slices.Equal(got, tt.want) {
			t.Errorf("%q\ngot  %q\nwant %q", tt.data, got, tt.want)
		}
	}
}

func TestFirehoseRecordThatDoesNotUnpack(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"a":1}{"a":2}`))
	_ = z.Close()
	for _, data := range [][]byte{packed.Bytes()[:packed.Len()-5], packed.Bytes()[:6], []byte("\x1f\x8bno gzip\n"), append(bytes.Clone(packed.Bytes()), "rest"...), []byte("\x28\xb5\x2f\xfd??")} {
		_, err := unpackRecord(data)
		if err == nil {
			t.Errorf("%q unpacks", data)
			continue
		}
		l := &Lines{}
		l.addPacked(data, err)
		if got := recordsOf(l); len(got) != 1 || got[0] != "invalid_json "+base64.StdEncoding.EncodeToString(data) {
			t.Errorf("%q is kept as %q", data, got)
		}
	}
	l := &Lines{}
	l.addPacked(make([]byte, firehoseRecordBytes), record.Errorf(record.Invalid, "x"))
	if got := recordsOf(l); len(got[0]) > record.MaxRecordBytes+len("invalid_json ") || !strings.Contains(l.Parts[0].Flaws[0].Message, "the first 786432 of its 1024000 bytes") {
		t.Errorf("%d bytes, %s", len(got[0]), l.Parts[0].Flaws[0].Message)
	}
}

// Nothing of a record is lost: what the lines hold is what it held, white space
// between them aside.
func FuzzFirehoseRecord(f *testing.F) {
	f.Add([]byte(`{"a":1}{"b":[{}]}` + "\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > headBytes {
			return
		}
		l := &Lines{}
		l.addRecord(data)
		squeezed := func(text []byte) string {
			return strings.Join(strings.FieldsFunc(string(text), func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }), "")
		}
		var got []byte
		for _, p := range l.Parts {
			got = append(got, p.Lines...)
		}
		if squeezed(got) != squeezed(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) || l.Records == 0 {
			t.Fatalf("%q became %q", data, got)
		}
	})
}
