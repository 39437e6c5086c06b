package collect

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// gifBytes is an image of one transparent pixel.
var gifBytes = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// pixel takes the query string as one record and answers with an image.
func (d *PublicDoor) pixel(w http.ResponseWriter, r *http.Request, key *access.PublicKey) {
	err := d.admit(r, key)
	var text []byte
	if err == nil {
		text, err = queryRecord(r.URL.RawQuery)
	}
	if err == nil {
		lines := &Lines{}
		lines.Record(text, nil)
		_, err = d.take(r, key, lines, record.DoorPixel)
	}
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write(gifBytes) // a browser that has gone away has sent its record nevertheless
}

// maxParameters bounds a record made of a query string.
const maxParameters = 1000

// queryRecord makes a JSON object of a query string, in the order it stands: each
// parameter is a text, one that comes several times an array of texts. Bytes that
// are not UTF-8 stay as they are, and the record is quarantined for them.
func queryRecord(query string) ([]byte, error) {
	var names []string
	values := map[string][]string{}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		if values[name] == nil {
			names = append(names, name)
		}
		if values[name] = append(values[name], value); len(names) > maxParameters {
			return nil, record.Errorf(record.Invalid, "the query string has more than %d parameters", maxParameters)
		}
	}
	text := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendBytes(text, name), ':')
		if list := values[name]; len(list) == 1 {
			text = appendBytes(text, list[0])
		} else {
			for j, value := range list {
				text = appendBytes(append(text, "[,"[min(j, 1)]), value)
			}
			text = append(text, ']')
		}
	}
	return append(text, '}'), nil
}

// unescape decodes what is percent-encoded. A % that begins no code stands for itself:
// nobody is there to be told of a mistake, and "20%-off" is plain enough.
func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		if text[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// appendBytes appends a JSON string with the bytes of text, whether they are UTF-8
// or not.
func appendBytes(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
