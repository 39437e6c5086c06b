package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/japanese"
)

func read(t *testing.T, from []byte, name string, o Options) ([]string, error) {
	t.Helper()
	r, err := Open(bytes.NewReader(from), name, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var records []string
	for {
		text, rejected, err := r.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		if rejected != nil {
			text = []byte(rejected.Code + "(" + string(rejected.Original) + ")")
		}
		records = append(records, string(text))
	}
}

func TestFormats(t *testing.T) {
	shiftJIS, err := japanese.ShiftJIS.NewEncoder().String("id,title\n1,琵琶湖\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		options    Options
		want       []string
	}{
		{"a.ndjson", "{\"a\":1}\n\n{\"a\":2}", Options{}, []string{`{"a":1}`, `{"a":2}`}},
		{"a.json", "[{\"a\":1},\n {\"a\":\n2}]", Options{}, []string{`{"a":1}`, `{"a": 2}`}},
		{"a.csv", "id,name\n1,\"a\nb\"\n2,\n", Options{}, []string{`{"id":"1","name":"a\u000ab"}`, `{"id":"2"}`}},
		{"a.tsv", "id\tname\n1\tsay \"hi\"\n", Options{}, []string{`{"id":"1","name":"say \"hi\""}`}},
		{"-", "id,name\n1,x\n", Options{Format: "csv"}, []string{`{"id":"1","name":"x"}`}},
		{"a.csv", "\xef\xbb\xbfid\n1\n", Options{}, []string{`{"id":"1"}`}},
		{"a.csv", shiftJIS, Options{Encoding: "shift_jis"}, []string{`{"id":"1","title":"琵琶湖"}`}},
		{"a.csv", shiftJIS, Options{Encoding: "cp932"}, []string{`{"id":"1","title":"琵琶湖"}`}},
		{"a.json", "[{\"a\":1}]\n[{\"a\":2}]\n{\"a\":3}", Options{}, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		// A quote that never ends costs its line; so does a ragged row.
		{"a.tsv", "a\tb\n1\t\"x\n2\ty\n3\t\"z\"\n", Options{}, []string{"invalid_row(1\t\"x)", `{"a":"2","b":"y"}`, `{"a":"3","b":"z"}`}},
		{"a.csv", "a,b\n1\n2,y,z\n3,5\" disk\n", Options{}, []string{"invalid_row(1)", "invalid_row(2,y,z)", `{"a":"3","b":"5\" disk"}`}},
		{"a.csv", "a,b\n1,\"x\r\ny\"\r\n", Options{}, []string{`{"a":"1","b":"x\u000d\u000ay"}`}},
		{"empty.ndjson", "", Options{}, nil},
	} {
		for packing, pack := range map[string]func(string) []byte{"plain": plain, "gzip": gzipped, "zstd": zstded} {
			got, err := read(t, pack(test.text), test.name, test.options)
			if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("%s, %s: %q, %v; want %q", test.name, packing, got, err, test.want)
			}
		}
	}
	for _, test := range []struct {
		name, text string
		options    Options
	}{
		{"a.json", `[{"a":1},{"a":`, Options{}}, {"a.csv", "", Options{}}, {"a.csv", "a,b\n", Options{}}, {"a.json", " \n", Options{}}, {"a.json", "[ ]", Options{}},
		{"a", "{}", Options{Format: "xml"}}, {"a", "{}", Options{Encoding: "klingon"}}, {"a.gz", "\x1f\x8bno gzip", Options{}},
	} {
		if got, err := read(t, []byte(test.text), test.name, test.options); err == nil {
			t.Errorf("%s %q %+v gave %q and no error", test.name, test.text, test.options, got)
		}
	}
}

func plain(text string) []byte { return []byte(text) }

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

func zstded(text string) []byte {
	w, _ := zstd.NewWriter(nil)
	defer w.Close()
	return w.EncodeAll([]byte(text), nil)
}

// FuzzOpen reads anything; what is not white space is in a record, rejected, or
// within an error.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n\"x\ny\",3\n"), "x.csv")
	f.Add([]byte("[{},{\"a\":\"\\"), "x.json")
	f.Add([]byte("{}{}\n{\n}\n[1]"), "x.json")
	f.Add([]byte("\xff\xfea\x00\n\x00"), "x.csv")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		r, err := Open(bytes.NewReader(text), name, Options{})
		if err != nil {
			return
		}
		defer r.Close()
		pieces := 0
		for {
			line, rejected, err := r.Next()
			if errors.Is(err, io.EOF) {
				if pieces == 0 && r.plain.bytes > 0 {
					t.Fatalf("%d bytes came to nothing", r.plain.bytes)
				}
				return
			}
			if err != nil {
				return
			}
			if pieces++; pieces > len(text)*1000+1000 {
				t.Fatal("it does not end")
			}
			if rejected == nil && (len(line) == 0 || bytes.IndexByte(line, '\n') >= 0) {
				t.Fatalf("a record of no or several lines: %q", line)
			}
			if rejected != nil && (rejected.Code == "" || rejected.Message == "") {
				t.Fatalf("rejected without a reason: %+v", rejected)
			}
		}
	})
}
