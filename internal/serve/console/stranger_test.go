package console

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// What is in a record ends no line of an event: each line is data of ours.
func TestNoRecordBeginsAnEvent(t *testing.T) {
	for _, data := range []string{"plain", "a\nb", "a\r\nb", "a\revent: trouble\rdata: x", "a\r\r\n\nevent: trouble", "\r", "", "a\n\n"} {
		w := httptest.NewRecorder()
		if err := writeEvent(w, "fragment", []byte(data)); err != nil {
			t.Fatal(err)
		}
		// Lines end with \r\n, \n or \r: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(w.Body.String()), "\n")
		if n := len(lines); lines[0] != "event: fragment" || lines[n-1] != "" || lines[n-2] != "" {
			t.Errorf("%q is sent as %q", data, w.Body)
		}
		for _, line := range lines[1 : len(lines)-2] {
			if !strings.HasPrefix(line, "data: ") {
				t.Errorf("%q has the line %q", data, line)
			}
		}
	}
}

// A login leads to pages of this console only, whatever a browser makes of an address.
func TestALoginLeadsToPagesOfOurs(t *testing.T) {
	for address, want := range map[string]string{
		"/sql?q=select+1": "/sql?q=select+1", "/": "/", "/streams/a%20b": "/streams/a%20b",
		"": "/", "https://elsewhere.example/": "/", "//elsewhere.example": "/", "/\t/elsewhere.example": "/", "/\n/elsewhere.example": "/", "/\r/elsewhere.example": "/",
		`/\elsewhere.example`: "/", `\\elsewhere.example`: "/", "\t//elsewhere.example": "/", "/ /elsewhere.example": "/", "/\x00/elsewhere.example": "/", "javascript:alert(1)": "/",
	} {
		if got := within(address); got != want {
			t.Errorf("%q leads to %q, want %q", address, got, want)
		}
	}
}
