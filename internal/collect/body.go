package collect

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

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
func readBody(r *http.Request, limit int64) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" || !contentTypes[mediaType] && !strings.HasSuffix(mediaType, "+json") {
		return nil, record.Errorf(record.Unsupported, "Content-Type %q: send application/x-ndjson or application/json", r.Header.Get("Content-Type"))
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var source io.Reader = io.LimitReader(r.Body, limit+1)
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(source)
		if err != nil {
			return nil, unreadable(encoding, err)
		}
		source = unpacked
	case "zstd":
		unpacked, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)+1<<20))
		if err != nil {
			return nil, unreadable(encoding, err)
		}
		defer unpacked.Close()
		source = unpacked
	default:
		return nil, record.Errorf(record.Unsupported, "Content-Encoding %q: send gzip, zstd, or the body as it is", encoding)
	}
	return readAll(r, source, limit)
}

func readAll(r *http.Request, source io.Reader, limit int64) ([]byte, error) {
	size := int64(4 << 10)
	if r.ContentLength > 0 {
		size = r.ContentLength + bytes.MinRead
	}
	buffer := bytes.NewBuffer(make([]byte, 0, size))
	if _, err := buffer.ReadFrom(io.LimitReader(source, limit+1)); err != nil {
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return nil, tooLarge(limit)
		}
		if encoding := r.Header.Get("Content-Encoding"); encoding != "" && r.Context().Err() == nil {
			return nil, unreadable(encoding, err)
		}
		return nil, record.Errorf(record.Invalid, "the body breaks off after %d bytes: %w", buffer.Len(), err)
	}
	if int64(buffer.Len()) > limit {
		return nil, tooLarge(limit)
	}
	return buffer.Bytes(), nil
}

func tooLarge(limit int64) error {
	return record.Errorf(record.TooLarge, "the body is over %d MiB: send it in several requests", limit>>20)
}

func unreadable(encoding string, err error) error {
	return record.Errorf(record.Invalid, "the body is not %s, as Content-Encoding says: %w", encoding, err)
}
