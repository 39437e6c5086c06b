package collect

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

func TestRejected(t *testing.T) {
	for original, want := range map[string]string{
		`{"a":1}`:    `{"a":1}`,
		"1,\"x\ny\"": "base64:" + base64.StdEncoding.EncodeToString([]byte("1,\"x\ny\"")),
		"\xff":       "base64:/w==",
		"base64:x":   "base64:" + base64.StdEncoding.EncodeToString([]byte("base64:x")),
	} {
		l, err := splitRejected([]byte(`{"code":"invalid_row","message":"why","original":"` + base64.StdEncoding.EncodeToString([]byte(original)) + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		p := l.Parts[0]
		if got := strings.TrimSuffix(string(p.Lines), "\n"); got != want || len(p.Flaws) != 1 || p.Flaws[0].Code != record.CodeInvalidRow || p.Flaws[0].Message != "why" {
			t.Errorf("%q is kept as %q with %+v, want %q", original, got, p.Flaws, want)
		}
	}
	for _, body := range []string{"", "{}", `{"code":"missing","message":"","original":""}`, `{"code":"invalid_row","original":"%"}`, `{"id":1}`} {
		if _, err := splitRejected([]byte(body)); record.KindOf(err) != record.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	}
}
