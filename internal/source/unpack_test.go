package source

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// bzipped is {"a":1} and {"a":2}, a line and a stream each.
var bzipped = []string{
	"QlpoOTFBWSZTWbrGTdsAAANZgAAQEAAgECAAAAogACIDZQhgEUofF3JFOFCQusZN2w==",
	"QlpoOTFBWSZTWbivuFIAAANZgAAQEAAQECAAAAogACIDZQhgEUofF3JFOFCQuK+4Ug==",
}

func bzip2ed(t *testing.T) (out []byte) {
	t.Helper()
	for _, text := range bzipped {
		part, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, part...)
	}
	return out
}

// zipped makes a zip of files, each a name and a text.
func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpacked(t *testing.T) {
	one := zipped(t, "data/", "", "data/a.csv", "a\n1\n2\n", "__MACOSX/._a.csv", "x")
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err == nil {
		_, err = w.Write(bytes.Repeat([]byte("{}\n"), 10<<20))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	long := b.Bytes()
	two := zipped(t, "a.csv", "a\n1\n", "b.ndjson", "{\"b\":1}\n")
	for name, test := range map[string]struct {
		packed []byte
		member string
		want   string
		err    string
	}{
		"gzip, two members":     {append(gzipped("{\"a\":1}\n"), gzipped("{\"a\":2}\n")...), "", `{"a":1}|{"a":2}`, ""},
		"bzip2, two streams":    {bzip2ed(t), "", `{"a":1}|{"a":2}`, ""},
		"zip":                   {one, "", `{"a":"1"}|{"a":"2"}`, ""},
		"zip by name":           {two, "b.ndjson", `{"b":1}`, ""},
		"gzip in a zip":         {zipped(t, "a.csv.gz", string(gzipped("a\n1\n"))), "", `{"a":"1"}`, ""},
		"zip of two":            {two, "", "", "the zip has 2 files (a.csv, b.ndjson): name one with --member a.csv"},
		"zip of others":         {two, "c.csv", "", `the zip has no file "c.csv"; it has a.csv, b.ndjson`},
		"zip of none":           {zipped(t), "", "", "the zip has no file in it"},
		"Excel":                 {zipped(t, "xl/workbook.xml", "x", "b", "x"), "", "", "this is an Excel workbook, which is not read: save the sheet as CSV"},
		"member of no zip":      {gzipped("{}\n"), "a", "", "--member a: the file is no zip"},
		"zstd, a long window":   {long, "", "", "a window of more than 8 MiB: unpack it: zstd -dc --long=31"},
		"xz":                    {[]byte("\xfd7zXZ\x00\x00"), "", "", "this is an xz file, which is not read: unpack it: xz -dc"},
		"tar":                   {append(make([]byte, 257), "ustar\x0000"...), "", "", "this is a tar archive"},
		"no gzip, but its mark": {[]byte("\x1f\x8bno gzip"), "", "", "x: unexpected EOF"},
	} {
		got, err := read(t, test.packed, "x", Options{Member: test.member})
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) || strings.Join(got, "|") != test.want {
			t.Errorf("%s: %q, %v; want %q, %q", name, got, err, test.want, test.err)
		}
	}
	if _, err := Open(bytes.NewBuffer(one), "-", Options{}); err == nil || !strings.Contains(err.Error(), "give it as a file") {
		t.Errorf("a zip as a stream: %v", err)
	}
}

// A packed file that is cut off gives what came before, and an error that says so.
func TestPackedAndCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for range 20_000 {
		fmt.Fprintf(&b, "{\"a\":\"%x\"}\n", random.Uint64())
	}
	text := b.String()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for name, test := range map[string]struct {
		packed []byte
		least  float64 // of the lines that must have been read
		err    string
	}{
		"gzip":  {gzipped(text), 0.4, "unexpected EOF"},
		"zstd":  {zstded(text), 0.2, "unexpected EOF"},
		"zip":   {zipped(t, "a.ndjson", text), 0.4, "unexpected EOF"},
		"bzip2": {bzip2ed(t), 0.5, ""},
	} {
		whole := lines
		if name == "bzip2" {
			whole = []string{`{"a":1}`, `{"a":2}`}
		}
		for _, kept := range []int{len(test.packed)/2 + 8, len(test.packed)*3/4 + 1} {
			got, err := read(t, test.packed[:kept], "x.ndjson", Options{})
			if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "the file breaks off after") {
				t.Errorf("%s: the error is %v", name, err)
			}
			if n := len(got); n > 0 && strings.HasPrefix(got[n-1], "invalid_row(") { // half a line
				if !strings.HasPrefix(whole[n-1], strings.TrimSuffix(got[n-1], ")")[len("invalid_row("):]) {
					t.Errorf("%s: the last piece is %q of %q", name, got[n-1], whole[n-1])
				}
				got = got[:n-1]
			}
			if n := len(got); n > len(whole) || strings.Join(got, "\n") != strings.Join(whole[:n], "\n") || float64(n) < test.least*float64(len(whole)) {
				t.Errorf("%s cut to %d of %d: %d records of %d", name, kept, len(test.packed), n, len(whole))
			}
		}
	}
	// All of the content and not the list of a zip's files.
	packed := zipped(t, "a.ndjson", "{\"a\":1}\n")
	got, err := read(t, packed[:bytes.Index(packed, []byte("PK\x01\x02"))], "x.zip", Options{})
	if err == nil || !strings.Contains(err.Error(), "the list of its files is not there") || len(got) != 1 {
		t.Errorf("without its list: %q, %v", got, err)
	}
}
