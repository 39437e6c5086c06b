package collect

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// What every page of a site loads is small.
func TestScriptIsSmall(t *testing.T) {
	const most = 2 << 10
	if n := len(script().packed); n > most {
		t.Errorf("biwa.js has %d bytes with gzip, the promise is %d", n, most)
	} else {
		t.Logf("biwa.js: %d bytes with gzip", n)
	}
}

func TestScriptIsServed(t *testing.T) {
	get := func(headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/biwa.js", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		serveScript(w, r)
		return w
	}
	plain, packed := get(), get("Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) || packed.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("packed and plain differ: %v", err)
	}
	for line := range strings.Lines(string(unpacked)) {
		if line[0] == ' ' || line[0] == '\n' || strings.HasPrefix(line, "//") {
			t.Errorf("a line that only readers of the source need: %q", line)
		}
	}
	if again := get("If-None-Match", plain.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the script is sent again to whoever has it: %d", again.Code)
	}
	if plain.Header().Get("Access-Control-Allow-Origin") != "*" || plain.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Error("pages of other sites cannot load it")
	}
}
