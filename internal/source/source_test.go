package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
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

// encoded is a text in an encoding of x/text, for files of other people.
func encoded(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEncodings(t *testing.T) {
	const text = "id,title\n1,琵琶湖の水\n2,\"a\nb\"\n"
	want := []string{`{"id":"1","title":"琵琶湖の水"}`, `{"id":"2","title":"a\u000ab"}`}
	utf16 := func(o unicode.Endianness, mark unicode.BOMPolicy) string {
		return encoded(t, unicode.UTF16(o, mark), text)
	}
	sjis := encoded(t, japanese.ShiftJIS, text)
	euc := encoded(t, japanese.EUCJP, text)
	for name, test := range map[string]struct {
		text     string
		encoding string
		want     []string
	}{
		"UTF-16 LE by its mark":          {utf16(unicode.LittleEndian, unicode.UseBOM), "", want},
		"UTF-16 BE by its mark":          {utf16(unicode.BigEndian, unicode.UseBOM), "", want},
		"UTF-16 LE by name":              {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", want},
		"a mark decides against a name":  {"\xef\xbb\xbf" + text, "cp932", want},
		"cp932":                          {sjis, "cp932", want},
		"sjis":                           {sjis, "sjis", want},
		"ms932":                          {sjis, "ms932", want},
		"Shift_JIS":                      {sjis, "Shift_JIS", want},
		"euc-jp":                         {euc, "euc-jp", want},
		"bytes that are not UTF-8":       {"id,title\n1,caf\xe9\n2,x\n", "", []string{"invalid_encoding(1,caf\xe9)", `{"id":"2","title":"x"}`}},
		"bytes that are not Shift_JIS":   {"id,title\n1,\x82\n2,x\n", "cp932", []string{"invalid_encoding(1,\x82)", `{"id":"2","title":"x"}`}},
		"half a pair of UTF-16":          {"\xff\xfea\x00\n\x00\x00\xd8\n\x00b\x00\n\x00", "", []string{"invalid_encoding(\x00\xd8\n\x00)", `{"a":"b"}`}},
		"U+FFFD that stands in the file": {"id\n\uFFFD\n", "", []string{"{\"id\":\"\uFFFD\"}"}},
		"a latin file is no Shift_JIS":   {"id,title\n1,\xe9t\xe9\n", "windows-1252", []string{`{"id":"1","title":"été"}`}},
	} {
		got, err := read(t, []byte(test.text), "a.csv", Options{Encoding: test.encoding})
		if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
	if _, err := read(t, []byte(sjis), "a.csv", Options{}); err == nil || !strings.Contains(err.Error(), "reads as Shift_JIS: say --encoding cp932") {
		t.Errorf("Shift_JIS without a name: %v", err)
	}
}

func TestDialects(t *testing.T) {
	null := `\N`
	for name, test := range map[string]struct {
		text string
		o    Options
		want []string
		err  string
	}{
		"delimiter":                {"a;b\n1;\"x;y\"\n", Options{Delimiter: ";"}, []string{`{"a":"1","b":"x;y"}`}, ""},
		"tab by name":              {"a\tb\n1\t2\n", Options{Delimiter: `\t`}, []string{`{"a":"1","b":"2"}`}, ""},
		"single quotes":            {"a,b\n1,'x,''y'\n", Options{Quote: "'"}, []string{`{"a":"1","b":"x,'y"}`}, ""},
		"no quotes":                {"a,b\n\"1,2\n", Options{Quote: "none"}, []string{`{"a":"\"1","b":"2"}`}, ""},
		"backslash":                {"a,b\n1,\"say \\\"hi\\\", \\\\\"\n", Options{Escape: `\`}, []string{`{"a":"1","b":"say \"hi\", \\"}`}, ""},
		"backslash, not said":      {"a,b\n1,\"say \\\"\n2,x\n", Options{}, []string{`{"a":"1","b":"say \\"}`, `{"a":"2","b":"x"}`}, ""},
		"null":                     {"a,b\n\\N,\"\\N\"\n", Options{Null: &null}, []string{`{"b":"\\N"}`}, ""},
		"skip":                     {"report of May\n\na,b\n1,2\n", Options{Skip: 1}, []string{`{"a":"1","b":"2"}`}, ""},
		"columns":                  {"1,2\n3,4\n", Options{Columns: []string{"a", "b"}}, []string{`{"a":"1","b":"2"}`, `{"a":"3","b":"4"}`}, ""},
		"columns, not the header":  {"x,y\n3,4\n", Options{Columns: []string{"a", "b"}, Header: HeaderYes}, []string{`{"a":"3","b":"4"}`}, ""},
		"only carriage returns":    {"a,b\r1,2\r3,4\r", Options{}, []string{`{"a":"1","b":"2"}`, `{"a":"3","b":"4"}`}, ""},
		"CRLF within a cell":       {"a,b\r\n1,\"x\r\ny\"\r\n", Options{}, []string{`{"a":"1","b":"x\u000d\u000ay"}`}, ""},
		"a name twice":             {"id,x,id\n", Options{}, nil, `the header has the name "id" twice, for columns 1 and 3`},
		"no name":                  {"id,,x\n1,2,3\n", Options{}, nil, `the header "id,,x" has no name for column 2 of 3`},
		"neither header nor names": {"1,2\n", Options{Header: HeaderNo}, nil, "name them with --columns a,b,c"},
		"a delimiter too long":     {"a||b\n", Options{Delimiter: "||"}, nil, "want one ASCII character"},
		"more skipped than there":  {"a\n", Options{Skip: 3}, nil, "--skip 3: the file has 1 lines"},
	} {
		got, err := read(t, []byte(test.text), "a.csv", test.o)
		if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) || test.err == "" && err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: %q, %v; want %q, %q", name, got, err, test.want, test.err)
		}
	}
}

func TestJSON(t *testing.T) {
	big := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	for name, test := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"NaN costs its element":         {`[{"a":NaN},{"a":2}]`, []string{`{"a":NaN}`, `{"a":2}`}, ""},
		"a comma too many":              {`[{"a":1,},{"a":2},]`, []string{`{"a":1,}`, `{"a":2}`}, ""},
		"a string that does not end":    {"[{\"a\":\"x},\n{\"a\":2}]", []string{`{"a":"x},`, `{"a":2}`}, ""},
		"one after another":             {`{"a":1}{"a":2} {"a":3}`, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}, ""},
		"over several lines":            {"{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", []string{`{  "a": 1 }`, `{  "a": 2 }`}, ""},
		"a broken line between":         {"{\"a\":1}\n{\"a\":\n{\"a\":3}", []string{`{"a":1}`, `{"a":`, `{"a":3}`}, ""},
		"an array that breaks off":      {`[{"a":1},{"a":`, []string{`{"a":1}`, `invalid_json({"a":)`}, "does not end: it breaks off after 1 of its elements"},
		"a line too large":              {big + "\n{\"a\":2}\n", []string{"record_too_large(" + big[:headBytes] + ")", `{"a":2}`}, ""},
		"an element too large":          {"[" + big + `,{"a":2}]`, []string{"record_too_large(" + big[:headBytes] + ")", `{"a":2}`}, ""},
		"objects in one very long line": {strings.Repeat(`{"a":1}`, 200_000), slices.Repeat([]string{`{"a":1}`}, 200_000), ""},
	} {
		got, err := read(t, []byte(test.text), "a.json", Options{})
		if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) || test.err == "" && err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %d records, %.300q, %v; want %.300q, %q", name, len(got), got, err, test.want, test.err)
		}
	}
}

func TestPacked(t *testing.T) {
	several := append(gzipped("{\"a\":1}\n"), gzipped("{\"a\":2}\n")...)
	if got, err := read(t, several, "a.gz", Options{}); err != nil || len(got) != 2 {
		t.Errorf("several members: %q, %v", got, err)
	}
	got, err := read(t, several[:len(several)-4], "a.gz", Options{})
	if err == nil || !strings.Contains(err.Error(), "the file breaks off after 2 lines") || len(got) != 2 {
		t.Errorf("cut: %q, %v", got, err)
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
