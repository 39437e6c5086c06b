package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/source"
)

// stored are the lines of a request with their verdicts, as they go on the log.
func stored(l *Lines) (out []string) {
	for _, p := range l.Parts {
		flaws := map[int]record.Flaw{}
		for _, f := range p.Flaws {
			flaws[f.Index] = f
		}
		n := 0
		for line := range bytes.Lines(p.Lines) {
			out = append(out, fmt.Sprintf("%s %s: %s", flaws[n].Code, flaws[n].Message, bytes.TrimSuffix(line, []byte("\n"))))
			n++
		}
	}
	return out
}

// sent is what comes on the log when biwa send reads a text as a file: records and
// rejected pieces go through the door by themselves.
func sent(t *testing.T, text []byte) (out []string, failed error) {
	t.Helper()
	r, err := source.Open(bytes.NewReader(text), "x.json", source.Options{Format: "json", Encoding: "utf-8"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		piece, rejected, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		split, body := splitRecords, piece
		if rejected != nil {
			split = splitRejected
			if body, err = json.Marshal(RejectedLine{rejected.Code, rejected.Message, rejected.Original}); err != nil {
				t.Fatal(err)
			}
		}
		l, err := split(body)
		if err != nil || l.Records != 1 {
			t.Fatalf("%q is no record: %v", body, err)
		}
		out = append(out, stored(l)...)
	}
}

// same checks that a text gives the same at the door and as a file.
func same(t *testing.T, text []byte) {
	t.Helper()
	for _, packed := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh", "PK", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(packed)) {
			return // a file is known by these, a body by its headers
		}
	}
	file, failed := sent(t, text)
	var door []string
	l, err := Split(bytes.Clone(text))
	if err == nil {
		door = stored(l)
	}
	if failed != nil || len(file) == 0 {
		if err == nil {
			t.Fatalf("%q: the file gives %v, the door %q", text, failed, door)
		}
		return
	}
	if err != nil || !slices.Equal(door, file) {
		t.Fatalf("%.2000q:\nat the door %.2000q %v\nas a file   %.2000q", text, door, err, file)
	}
}

// scraps are what texts of JSON are made of, and what breaks them.
var scraps = []string{"{", "}", "[", "]", ",", ":", "\n", "\r\n", " ", `"a"`, `"`, `\`, `{"a":1}`, `{"a":"x,]}"}`, "[{\"b\":2},", "{\n\"c\":\n3}", "null", "NaN", "\xff", "1", "\xc2\xa0", "\"x\ny\"", "{}\n", "[]", "#", "\xef\xbb\xbf"}

func TestTheDoorReadsAsFilesAreRead(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 4000 {
		var b bytes.Buffer
		for range 1 + random.IntN(12) {
			b.WriteString(scraps[random.IntN(len(scraps))])
		}
		same(t, b.Bytes())
	}
	big := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	blank := strings.Repeat(" ", 1<<20)
	whole := `{"a":"` + strings.Repeat("x", 1<<20-8) + `"}` // just fits
	half := whole[:1<<19]
	for _, text := range []string{big, big + "\n{}\n", "{}\n" + big + "{}\n{}", "[" + big + ",{}]\n{}", whole, whole + "\n", " " + whole + "\n", whole + "{}" + whole, "[" + whole + "," + whole + "]",
		blank + "{}\n", blank + "{}{}" + blank + "{}\n{}", "{\n" + whole[1:], "{\n" + blank + "\n}{}", half + "\n" + half, half + blank + half + "\n{}", "[" + half + blank, strings.Repeat("{}", 1<<20), strings.Repeat("x", 5<<20) + "\n{}",
		strings.Repeat("[", 1<<21), "{}\n" + strings.Repeat("{\"a\":[\n", 5000), big + big + "\n{}", big + " x\n{}", big[:len(big)-2] + "\n{}"} {
		same(t, []byte(text))
	}
}

func FuzzTheDoorReadsAsFilesAreRead(f *testing.F) {
	for _, s := range []string{"{}\n{}", `[{"a":[1,"]"]}]`, "{\n}", "{}{}", "[{\"a\":\"x},\n{}]\n[1]", "{\"a\":\n{\"a\":3}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(same)
}
