package source

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/record"
)

// unpacked is a file's content.
type unpacked struct {
	io.Reader
	name  string // of the content, where it has one of its own
	close func()
}

// unpack looks at the first bytes, for names lie. whole is the same file where any
// part of it can be read, else nil.
func unpack(from *bufio.Reader, whole At, name, member string) (unpacked, error) {
	head, _ := from.Peek(headLength)
	u := unpacked{Reader: from, name: name, close: func() {}}
	var err error
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		u.Reader, err = gzip.NewReader(from)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		var z *zstd.Decoder
		if z, err = zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			u.Reader, u.close = windowed{z}, z.Close
		}
	case bytes.HasPrefix(head, []byte("BZh")):
		u.Reader = bzip2.NewReader(from)
	case bytes.HasPrefix(head, []byte(zipLocal)) || bytes.HasPrefix(head, []byte(zipEmpty)):
		return unzip(from, whole, name, member)
	default:
		err = foreign(head)
	}
	if err == nil && member != "" {
		err = record.Errorf(record.Invalid, "--member %s: the file is no zip", member)
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w", name, err)
	}
	return u, nil
}

// maxWindow is how far back a zstd file may refer: 8 MiB is what every reader must
// take, and what zstd itself uses up to level 19.
const maxWindow = 8 << 20

// windowed says what to do about a file that refers further back.
type windowed struct{ from io.Reader }

func (w windowed) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = record.Errorf(record.Invalid, "the zstd file was packed with a window of more than %d MiB: unpack it: zstd -dc --long=31 FILE | biwa send STREAM -", maxWindow>>20)
	}
	return n, err
}

// headLength is as far as the marks of files reach.
const headLength = 265

// foreign names files that plainly are of a kind that is not read here.
func foreign(head []byte) error {
	for _, kind := range []struct {
		at               int
		mark, name, hint string
	}{
		{0, "\xfd7zXZ\x00", "an xz file", "unpack it: xz -dc FILE | biwa send STREAM -"},
		{0, "\x04\x22\x4d\x18", "an lz4 file", "unpack it: lz4 -dc FILE | biwa send STREAM -"},
		{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"},
		{0, "PAR1", "a Parquet file", "biwa sql can read it: select * from read_parquet('FILE')"},
		{0, "\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"},
		{257, "ustar", "a tar archive", "unpack it first"},
	} {
		if len(head) > kind.at && bytes.HasPrefix(head[kind.at:], []byte(kind.mark)) {
			return record.Errorf(record.Invalid, "this is %s, which is not read: %s", kind.name, kind.hint)
		}
	}
	return nil
}
