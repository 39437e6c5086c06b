package jsontext

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/record"
)

func TestCheck(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	tests := []struct {
		name, line, code, message string
	}{
		{"empty object", `{}`, "", ""},
		{"blanks around", " \t{ \"a\" : [ 1 , 2 ] , \"b\" : { } }\r", "", ""},
		{"all values", `{"a":null,"b":true,"c":false,"d":-0.5e+10,"e":"x","f":[],"g":{}}`, "", ""},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, "", ""},
		{"half a pair", `{"a":"\ud800"}`, "", ""},
		{"nul escape", `{"a":"\u0000"}`, "", ""},
		{"duplicate key", `{"a":1,"a":2}`, "", ""},
		{"Japanese", `{"題名":"琵琶湖の朝、静かな水面"}`, "", ""},
		{"deepest", nested(record.MaxDepth), "", ""},

		{"empty", ``, record.CodeInvalidJSON, `byte 1: expected a value, found the end of the text`},
		{"cut", `{"a":1`, record.CodeInvalidJSON, `byte 7: expected "," or "}" after the field's value, found the end of the text`},
		{"cut in a string", `{"a":"xy`, record.CodeInvalidJSON, `byte 9: expected a closing double quote, found the end of the text`},
		{"cut after a backslash", `{"a":"xy\`, record.CodeInvalidJSON, `byte 10: expected a closing double quote, found the end of the text`},
		{"trailing comma", `{"a":1,}`, record.CodeInvalidJSON, `byte 8: expected a field name in double quotes, found "}"`},
		{"bare key", `{a:1}`, record.CodeInvalidJSON, `byte 2: expected a field name in double quotes or "}", found "a"`},
		{"no colon", `{"a" 1}`, record.CodeInvalidJSON, `byte 6: expected ":" after the field name, found "1"`},
		{"single quotes", `{"a":'x'}`, record.CodeInvalidJSON, `byte 6: expected a value, found "'"`},
		{"trailing comma in an array", `{"a":[1,]}`, record.CodeInvalidJSON, `byte 9: expected a value, found "]"`},
		{"unclosed array", `{"a":[1}`, record.CodeInvalidJSON, `byte 8: expected "," or "]" after the element, found "}"`},
		{"leading zero", `{"a":01}`, record.CodeInvalidJSON, `byte 7: expected no digit after a leading 0, found "1"`},
		{"plus", `{"a":+1}`, record.CodeInvalidJSON, `byte 6: expected a value, found "+"`},
		{"no fraction", `{"a":1.}`, record.CodeInvalidJSON, `byte 8: expected a digit, found "}"`},
		{"no exponent", `{"a":1e}`, record.CodeInvalidJSON, `byte 8: expected a digit, found "}"`},
		{"NaN", `{"a":NaN}`, record.CodeInvalidJSON, `byte 6: expected a value, found "N"`},
		{"cut word", `{"a":tru}`, record.CodeInvalidJSON, `byte 6: expected a value, found "t"`},
		{"bad escape", `{"a":"\x41"}`, record.CodeInvalidJSON, `byte 8: expected one of "\/bfnrtu after the backslash, found "x"`},
		{"bad hex", `{"a":"\u00g0"}`, record.CodeInvalidJSON, `byte 11: expected four hexadecimal digits after \u, found "g"`},
		{"raw tab", "{\"a\":\"x\ty\"}", record.CodeInvalidJSON, `byte 8: expected an escape such as \n or \u0000, found the control character 0x09`},
		{"raw NUL", "{\"a\":\"x\x00y\"}", record.CodeInvalidJSON, `byte 8: expected an escape such as \n or \u0000, found the control character 0x00`},
		{"two values", `{} {}`, record.CodeInvalidJSON, `byte 4: expected nothing after the value, found "{"`},
		{"not text", "\xff\xfe", record.CodeInvalidJSON, `byte 1: expected a value, found byte 0xff`},
		{"latin1", "{\"a\":\"caf\xe9\"}", record.CodeInvalidUTF8, `byte 10: 0xe9 is not UTF-8; send the text in UTF-8`},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", record.CodeInvalidUTF8, `byte 7: 0xed is not UTF-8; send the text in UTF-8`},
		{"overlong", "{\"a\":\"\xc0\xaf\"}", record.CodeInvalidUTF8, `byte 7: 0xc0 is not UTF-8; send the text in UTF-8`},
		{"array", `[1]`, record.CodeNotObject, `expected an object in braces, found an array`},
		{"string", `"x"`, record.CodeNotObject, `expected an object in braces, found a string`},
		{"number", `1`, record.CodeNotObject, `expected an object in braces, found a number`},
		{"null", `null`, record.CodeNotObject, `expected an object in braces, found null`},
		{"too deep", nested(record.MaxDepth + 1), record.CodeTooDeep, `byte 501: more than 100 arrays and objects within one another`},
		{"too deep array", strings.Repeat("[", 100000), record.CodeTooDeep, `byte 101: more than 100 arrays and objects within one another`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, message := Check([]byte(tt.line))
			if code != tt.code || message != tt.message {
				t.Errorf("Check = %q, %q\nwant    %q, %q", code, message, tt.code, tt.message)
			}
			if code, message = walk([]byte(tt.line)); code != tt.code || message != tt.message {
				t.Errorf("walk = %q, %q\nwant   %q, %q", code, message, tt.code, tt.message)
			}
		})
	}
}

// walk gives the verdict that walking the members comes to.
func walk(line []byte) (code, message string) {
	o := NewObject(line)
	for o.Next() {
		_ = o.Key
	}
	return o.Verdict()
}

func TestUnescape(t *testing.T) {
	tests := []struct{ content, want string }{
		{`plain`, "plain"},
		{`a\"b\\c\/d`, `a"b\c/d`},
		{`\b\f\n\r\t`, "\b\f\n\r\t"},
		{`\u0000`, "\x00"},
		{`\u00e9\u3042`, "éあ"},
		{`\ud83d\ude00`, "😀"},
		{`\ud83d`, "\ufffd"},
		{`\ud83dx`, "\ufffdx"},
		{`\ude00\ud83d`, "\ufffd\ufffd"},
		{`\ud83d\ud83d\ude00`, "\ufffd😀"},
		{`\ud83d\u0041`, "\ufffdA"},
	}
	for _, tt := range tests {
		if got := string(AppendUnescaped(nil, []byte(tt.content))); got != tt.want {
			t.Errorf("unescape %s = %q, want %q", tt.content, got, tt.want)
		}
	}
}

func TestAppendValue(t *testing.T) {
	tests := []struct{ raw, want string }{
		{`{"a":"x"}`, `{"a":"x"}`},
		{`"\\ud800"`, `"\\ud800"`},
		{`"\ud800"`, `"\ufffd"`},
		{`"\ud83d\ude00"`, `"\ud83d\ude00"`},
		{`["\uDC00x",{"\ud800":1}]`, `["\ufffdx",{"\ufffd":1}]`},
		{`"\ufffd"`, `"\ufffd"`},
	}
	for _, tt := range tests {
		if got := string(AppendValue(nil, []byte(tt.raw))); got != tt.want {
			t.Errorf("AppendValue %s = %s, want %s", tt.raw, got, tt.want)
		}
	}
}

func TestArray(t *testing.T) {
	v, code, _ := Parse([]byte(` [1, "a" ,[2,3],{"x":null} , null] `))
	if code != "" {
		t.Fatal(code)
	}
	var got []string
	for a := NewArray(&v); a.Next(); {
		got = append(got, string(a.Value.Raw))
	}
	if want := `1|"a"|[2,3]|{"x":null}|null`; strings.Join(got, "|") != want {
		t.Errorf("elements %s, want %s", strings.Join(got, "|"), want)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\u00e9",null,true]}`, `{}`, `[]`, `"\ud800"`, `{"a":"` + strings.Repeat("x", 30) + `"}`, "{\"a\":\"é\xff\"}", `{"k":-0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		code, message := Check(line)
		if wcode, wmessage := walk(line); wcode != code || wmessage != message {
			t.Fatalf("walk says %q %q, Check %q %q", wcode, wmessage, code, message)
		}
		switch valid := json.Valid(line); code {
		case "", record.CodeNotObject:
			if !valid || !utf8.Valid(line) {
				t.Fatalf("%q passes, and is not valid", line)
			}
		case record.CodeInvalidJSON:
			if valid {
				t.Fatalf("%q is refused as %s, and is valid", line, message)
			}
		case record.CodeInvalidUTF8:
			if utf8.Valid(line) {
				t.Fatalf("%q is UTF-8", line)
			}
		}
	})
}

func FuzzUnescape(f *testing.F) {
	f.Add([]byte(`"a\u00e9\ud83d\ude00\ud800"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, code, _ := Parse(text)
		if code != "" {
			return
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			return // a number out of range
		}
		if s, ok := want.(string); ok && string(v.AppendText(nil)) != s {
			t.Fatalf("%s unescaped = %q, want %q", text, v.AppendText(nil), s)
		}
		mended := AppendValue(nil, v.Raw)
		var again any
		if err := json.Unmarshal(mended, &again); err != nil {
			t.Fatalf("%s mended to %s: %v", text, mended, err)
		}
	})
}

// webLog is real input where it is there, else made-up lines of the same size.
func webLog(b *testing.B) [][]byte {
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "weblog.ndjson.gz"))
	if err != nil {
		b.Log("the shared web log is not there: made-up lines instead")
		line := `{"ts": "2015-05-17T10:05:03+00:00", "ip": "83.149.9.216", "method": "GET", "url": "http://www.example.com/presentations/logstash/images/kibana-search.png", "status": 200, "bytes": 203023, "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36"}`
		return bytes.Split([]byte(strings.TrimSuffix(strings.Repeat(line+"\n", 10000), "\n")), []byte("\n"))
	}
	defer file.Close()
	zr, err := gzip.NewReader(file)
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(zr)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

func benchmarkLines(b *testing.B, judge func(line []byte) bool) {
	lines := webLog(b)
	bytes := 0
	for _, l := range lines {
		bytes += len(l)
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		for _, l := range lines {
			if !judge(l) {
				b.Fatalf("refused: %s", l)
			}
		}
	}
	b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkCheck(b *testing.B) {
	benchmarkLines(b, func(l []byte) bool { code, _ := Check(l); return code == "" })
}

func BenchmarkWalk(b *testing.B) {
	benchmarkLines(b, func(l []byte) bool { code, _ := walk(l); return code == "" })
}

func BenchmarkEncodingJSON(b *testing.B) { benchmarkLines(b, json.Valid) }
