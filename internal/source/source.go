// Package source reads records out of files that people have: JSON lines, JSON
// arrays, CSV and TSV, compressed or not, in any encoding that has a name.
package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"

	"github.com/biwa-data/biwa/internal/record"
)

// Options say how a file is to be read; zero values let its name and its first
// bytes decide.
type Options struct {
	Format   string // json (lines or an array), csv, tsv
	Encoding string // a name or label of the WHATWG encoding standard; default UTF-8
}

// Reader gives records one by one, as JSON text without line breaks.
type Reader struct {
	next  func() ([]byte, error)
	close func()
}

// Next returns the next record, io.EOF at the end. The bytes are the caller's.
func (r *Reader) Next() ([]byte, error) { return r.next() }

// Close lets go of what unpacks the file.
func (r *Reader) Close() { r.close() }

// Open begins to read a file of some name from its bytes.
func Open(from io.Reader, name string, o Options) (*Reader, error) {
	plain, closer, err := unpack(bufio.NewReaderSize(from, 1<<20), name)
	if err != nil {
		return nil, err
	}
	if o.Encoding != "" {
		encoding, err := htmlindex.Get(labelOf(o.Encoding))
		if err != nil {
			return nil, record.Errorf(record.Invalid, "encoding %q is not known: use a name such as shift_jis, euc-jp or windows-1252", o.Encoding)
		}
		plain = transform.NewReader(plain, encoding.NewDecoder())
	}
	text := bufio.NewReaderSize(plain, 1<<20)
	if mark, _ := text.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := text.Discard(3); err != nil {
			return nil, err
		}
	}
	r := &Reader{close: closer}
	switch format := formatOf(o.Format, name); format {
	case "csv":
		r.next, err = rows(text, ',')
	case "tsv":
		r.next, err = rows(text, '\t')
	case "json":
		r.next, err = values(text)
	default:
		err = record.Errorf(record.Invalid, "format %q: there are json, csv and tsv", format)
	}
	if err != nil {
		closer()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// labelOf turns names that people use into those of the WHATWG standard.
func labelOf(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "cp932", "ms932", "windows-932":
		return "shift_jis"
	case "eucjp", "euc_jp":
		return "euc-jp"
	default:
		return lower
	}
}

// unpack looks at the first bytes, for names lie.
func unpack(from *bufio.Reader, name string) (io.Reader, func(), error) {
	head, _ := from.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return z, func() {}, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(from)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return z, z.Close, nil
	}
	return from, func() {}, nil
}

func formatOf(asked, name string) string {
	if asked != "" {
		return asked
	}
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".gzip", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return "csv"
	case ".tsv", ".tab":
		return "tsv"
	}
	return "json"
}

// values reads JSON lines, or the elements of one array.
func values(text *bufio.Reader) (func() ([]byte, error), error) {
	first, err := firstByte(text)
	if err != nil || first != '[' {
		return lines(text), ignoreEOF(err)
	}
	d := json.NewDecoder(text)
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	n := 0
	var rest func() ([]byte, error)
	return func() ([]byte, error) {
		if rest != nil {
			return rest()
		}
		if !d.More() {
			if _, err := d.Token(); err != nil {
				return nil, fmt.Errorf("after element %d of the array: %w", n, err)
			}
			// What follows an array is read: lines, or another array.
			if rest == nil {
				var err error
				if rest, err = values(bufio.NewReader(io.MultiReader(d.Buffered(), text))); err != nil {
					return nil, err
				}
			}
			return rest()
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, fmt.Errorf("element %d of the array: %w", n, err)
		}
		n++
		return bytes.ReplaceAll(raw, []byte("\n"), []byte(" ")), nil
	}, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func firstByte(text *bufio.Reader) (byte, error) {
	for {
		c, err := text.ReadByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, text.UnreadByte()
		}
	}
}

// lines gives each line that is not blank, as it is: whether it is JSON is for
// the door to say, which keeps it either way.
func lines(text *bufio.Reader) func() ([]byte, error) {
	return func() ([]byte, error) {
		for {
			line, err := text.ReadBytes('\n')
			if line = bytes.TrimSpace(line); len(line) > 0 {
				return line, nil
			}
			if err != nil {
				return nil, err
			}
		}
	}
}
