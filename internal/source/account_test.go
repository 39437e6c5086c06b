package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// account reads a text of at most a record's size as a file and checks the contract
// of the package: every byte is in a record, in a rejected piece, or in an error.
func account(t *testing.T, text []byte, format string) {
	t.Helper()
	for _, other := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh", "PK", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(other)) {
			return // packed, or of another encoding: what it holds is another text
		}
	}
	r, err := Open(bytes.NewReader(text), "x", Options{Format: format, Encoding: "utf-8"})
	if err != nil {
		return // all of it is named
	}
	defer r.Close()
	var pieces [][]byte
	for {
		record, rejected, err := r.Next()
		if err != nil {
			if len(pieces) == 0 && r.plain.bytes > 0 && errors.Is(err, io.EOF) {
				t.Fatalf("%q came to nothing", text)
			}
			if len(pieces) == 0 && !errors.Is(err, io.EOF) {
				return // it says that there is no record
			}
			break
		}
		switch {
		case rejected != nil && (rejected.Code == "" || rejected.Message == "" || len(rejected.Original) == 0):
			t.Fatalf("%q: rejected without a reason or a piece: %+v", text, rejected)
		case rejected != nil:
			record = rejected.Original
		case len(record) == 0 || bytes.IndexByte(record, '\n') >= 0:
			t.Fatalf("%q: a record of no or several lines: %q", text, record)
		case format == "csv":
			record = cellsOf(t, record)
		}
		if pieces = append(pieces, record); len(pieces) > len(text) {
			t.Fatalf("%q: more pieces than bytes", text)
		}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if format == "csv" {
		head := []byte(strings.Join(r.Header(), ""))
		if got, want := without(bytes.Join(append([][]byte{head}, pieces...), nil), "\",\r\n"), without(text, "\",\r\n"); !bytes.Equal(got, want) {
			t.Fatalf("%q is accounted for as %q", text, got)
		}
		return
	}
	const blank = " \t\r\n"
	rest := without(text, blank)
	for _, piece := range pieces {
		piece = without(piece, blank)
		for !bytes.HasPrefix(rest, piece) {
			if len(rest) == 0 || !strings.ContainsRune("[],", rune(rest[0])) {
				t.Fatalf("%q: %.100q is in no piece before %.100q", text, rest, piece)
			}
			rest = rest[1:]
		}
		rest = rest[len(piece):]
	}
	if rest = without(rest, "[],"); len(rest) > 0 {
		t.Fatalf("%q: %.100q is in no piece", text, rest)
	}
}

// cellsOf are the values of a record of CSV, in order.
func cellsOf(t *testing.T, record []byte) (out []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(record))
	for n := 0; ; n++ {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%q is no JSON: %v", record, err)
		}
		if text, ok := token.(string); ok && n%2 == 0 && n > 0 {
			out = append(out, text...)
		}
	}
}

// without leaves the bytes of some characters of ASCII out.
func without(text []byte, cut string) (out []byte) {
	for _, c := range text {
		if strings.IndexByte(cut, c) < 0 {
			out = append(out, c)
		}
	}
	return out
}

// TestEveryByteIsAccountedFor tries many texts made of what breaks files.
func TestEveryByteIsAccountedFor(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	scraps := map[string][]string{
		"json": {"{", "}", "[", "]", ",", ":", "\n", "\r\n", " ", `"a"`, `"`, `\`, `{"a":1}`, `{"a":"x,]}"}`, "[{\"b\":2},", "{\n\"c\":\n3}", "null", "NaN", "\xff", "\u00a0", "{}\n", "[]"},
		"csv":  {"a,b\n", "1,2\n", "x", ",", "\"", "\"\"", "\n", "\r\n", "1,\"x\ny\"\n", "\"x,y\",z\n", "\xff", "湖", "\r", " "},
	}
	for format, list := range scraps {
		for range 3000 {
			text := []byte{}
			if format == "csv" {
				text = append(text, "a,b\n"...)
			}
			for range 1 + random.IntN(14) {
				text = append(text, list[random.IntN(len(list))]...)
			}
			account(t, text, format)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n\"x\ny\",3\n"), true)
	f.Add([]byte("[{},{\"a\":\"\\"), false)
	f.Add([]byte("{}{}\n{\n}\n[1]"), false)
	f.Add([]byte("a\n\"\n\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, csv bool) {
		format := "json"
		if csv {
			format = "csv"
		}
		account(t, text, format)
	})
}

// FuzzUnpack opens anything as whatever its first bytes and its name say.
func FuzzUnpack(f *testing.F) {
	f.Add(gzipped("{}\n"), "x.gz")
	f.Add(zstded("{}\n"), "x.csv.zst")
	f.Add([]byte("PK\x03\x04"), "x.zip")
	f.Add([]byte("\xff\xfea\x00\n\x00"), "x.csv")
	f.Add([]byte("#Fields: a\nx\n"), "w3c")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		format := ""
		if logFormats[name] != nil {
			format = name
		}
		r, err := Open(bytes.NewReader(text), name, Options{Format: format})
		if err != nil {
			return
		}
		defer r.Close()
		for pieces := 0; pieces < 10_000; pieces++ {
			record, rejected, err := r.Next()
			if err != nil {
				return
			}
			if rejected == nil && !json.Valid(record) && format != "" {
				t.Fatalf("a record of a log that is no JSON: %q", record)
			}
		}
	})
}
