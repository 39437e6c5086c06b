package collect

import (
	"bytes"
	"image/gif"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

func TestQueryRecord(t *testing.T) {
	for _, test := range []struct{ query, want string }{
		{"", `{}`},
		{"event=view&url=https%3A%2F%2Flake.example%2Fa%3Fb%3Dc", `{"event":"view","url":"https://lake.example/a?b=c"}`},
		{"q=%E6%B9%96+%2B1&n=12", `{"q":"湖 +1","n":"12"}`},
		{"tag=a&event=view&tag=b&tag=", `{"tag":["a","b",""],"event":"view"}`},
		{"a&b=&=c&&", `{"a":"","b":"","":"c"}`},
		{"a=%22%5C%0A%00", `{"a":"\"\\\u000a\u0000"}`},
		{"a=b=c;d", `{"a":"b=c;d"}`},
		{"a=%ff", "{\"a\":\"\xff\"}"},
		{"sale=20%-off&n=1", `{"sale":"20%-off","n":"1"}`}, // a % that begins no code stands for itself
		{"a=%zz+%41%4&%=100%", `{"a":"%zz A%4","%":"100%"}`},
		{"a=%+1%2", `{"a":"% 1%2"}`},
	} {
		if got, err := queryRecord(test.query); err != nil || string(got) != test.want {
			t.Errorf("%s: %s %v, want %s", test.query, got, err, test.want)
		}
	}
	for _, query := range []string{manyParameters()} {
		if got, err := queryRecord(query); record.KindOf(err) != record.Invalid {
			t.Errorf("%.20s: %.20s %v", query, got, err)
		}
	}
}

func manyParameters() string {
	var b strings.Builder
	for i := range maxParameters + 1 {
		b.WriteString("p" + strings.Repeat("x", i%7) + strings.Repeat("y", i) + "=1&")
	}
	return b.String()
}

func TestGIFIsAnImage(t *testing.T) {
	image, err := gif.DecodeConfig(bytes.NewReader(gifBytes))
	if err != nil || image.Width != 1 || image.Height != 1 {
		t.Errorf("%+v %v", image, err)
	}
	if _, err := gif.Decode(bytes.NewReader(gifBytes)); err != nil {
		t.Error(err)
	}
}

func FuzzQueryRecord(f *testing.F) {
	for _, s := range []string{"a=b&c=%E6%B9%96", "a=%ff&a=2", "&&=", "a=%", "\x00=\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		text, err := queryRecord(query)
		if err != nil {
			return
		}
		if code, message := jsontext.Check(text); code != "" && code != record.CodeInvalidUTF8 {
			t.Errorf("%q gave %q: %s %s", query, text, code, message)
		}
		if bytes.IndexByte(text, '\n') >= 0 {
			t.Errorf("%q gave a line break", query)
		}
	})
}
