package collect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

//go:embed biwa.js
var scriptSource string

// script is /biwa.js as it is served.
var script = sync.OnceValue(func() (s struct {
	text, packed []byte
	etag         string
}) {
	s.text = []byte(shorten(scriptSource))
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a good one
	_, _ = z.Write(s.text)                                     // a buffer takes everything
	_ = z.Close()
	sum := sha256.Sum256(s.text)
	s.packed, s.etag = packed.Bytes(), `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`
	return s
})

// shorten leaves out what only readers of the source need: indentation, empty lines,
// and lines that are comments. The source has no text that goes over lines.
func shorten(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// serveScript serves /biwa.js to pages of every site.
func serveScript(w http.ResponseWriter, r *http.Request) {
	s := script()
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", s.etag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	text := s.text
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		text = s.packed
	}
	http.ServeContent(w, r, "biwa.js", time.Time{}, bytes.NewReader(text))
}
