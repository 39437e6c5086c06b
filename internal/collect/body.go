package collect

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/record"
)

// contentTypes are those that may hold JSON. curl -d and old browsers send the
// last three with a body that is what the user typed.
var contentTypes = map[string]bool{
	"": true, "application/json": true, "application/x-ndjson": true, "application/ndjson": true, "application/jsonl": true,
	"application/x-jsonlines": true, "application/jsonlines": true, "text/plain": true, "application/octet-stream": true, "application/x-www-form-urlencoded": true,
}

// readBody reads a request's body, unpacked, up to a limit that holds for what
// is sent and for what it unpacks to.
// The bytes are the caller's until it calls done; it need not.
// also are content types that this door takes besides JSON.
func readBody(r *http.Request, limit int64, also ...string) (body []byte, done func(), err error) {
	buffer := bodyBuffers.Get().(*bytes.Buffer)
	buffer.Reset()
	done = func() {
		if buffer.Cap() <= keepBuffer {
			bodyBuffers.Put(buffer)
		}
	}
	if err := unpackBody(r, limit, buffer, also); err != nil {
		done()
		return nil, nil, err
	}
	return buffer.Bytes(), done, nil
}

// keepBuffer is up to which size a body's buffer is kept for the next request.
const keepBuffer = 2 << 20

var bodyBuffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

func unpackBody(r *http.Request, limit int64, into *bytes.Buffer, also []string) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" || !contentTypes[mediaType] && !strings.HasSuffix(mediaType, "+json") && !slices.Contains(also, mediaType) {
		return record.Errorf(record.Unsupported, "Content-Type %q: send application/x-ndjson or application/json", r.Header.Get("Content-Type"))
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	source := io.LimitReader(r.Body, limit+1)
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(source)
		if err != nil {
			return unreadable(encoding, err)
		}
		source = unpacked
	case "zstd":
		unpacked, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)+1<<20))
		if err != nil {
			return unreadable(encoding, err)
		}
		defer unpacked.Close()
		source = unpacked
	default:
		return record.Errorf(record.Unsupported, "Content-Encoding %q: send gzip, zstd, or the body as it is", encoding)
	}
	return readAll(r, source, limit, into)
}

func readAll(r *http.Request, source io.Reader, limit int64, into *bytes.Buffer) error {
	if r.ContentLength > 0 {
		into.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := into.ReadFrom(io.LimitReader(source, limit+1)); err != nil {
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return tooLarge(limit)
		}
		if encoding := r.Header.Get("Content-Encoding"); encoding != "" && r.Context().Err() == nil {
			return unreadable(encoding, err)
		}
		return record.Errorf(record.Invalid, "the body breaks off after %d bytes: %w", into.Len(), err)
	}
	if int64(into.Len()) > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) error {
	return record.Errorf(record.TooLarge, "the body is over %d MiB: send it in several requests", limit>>20)
}

func unreadable(encoding string, err error) error {
	return record.Errorf(record.Invalid, "the body is not %s, as Content-Encoding says: %w", encoding, err)
}
