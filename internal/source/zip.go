package source

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// The marks that a zip begins with: a file's own header, or the end of the list
// of an empty one.
const (
	zipLocal = "PK\x03\x04"
	zipEmpty = "PK\x05\x06"
)

// At is a file of which any part can be read: a zip has the list of its files at
// its end.
type At interface {
	io.ReaderAt
	Size() int64
}

// unzip gives the one file in a zip, or that which is asked for.
func unzip(from *bufio.Reader, whole At, name, member string) (unpacked, error) {
	if whole == nil {
		return unpacked{}, record.Errorf(record.Invalid, "%s: a zip has the list of its files at its end: give it as a file, or unpack it: unzip -p FILE | biwa send STREAM -", name)
	}
	archive, err := zip.NewReader(whole, whole.Size())
	if errors.Is(err, zip.ErrFormat) {
		return cutZip(from, name, member)
	}
	if err != nil {
		return unpacked{}, fmt.Errorf("%s: %w", name, err)
	}
	file, err := choose(archive.File, member)
	if err != nil {
		return unpacked{}, fmt.Errorf("%s: %w", name, err)
	}
	content, err := file.Open()
	if err != nil {
		return unpacked{}, fmt.Errorf("%s: %s: %w", name, file.Name, err)
	}
	inner, err := unpack(bufio.NewReaderSize(content, readBytes), nil, file.Name, "")
	if err != nil {
		_ = content.Close() // it was read only
		return unpacked{}, fmt.Errorf("%s: %w", name, err)
	}
	innerClose := inner.close
	inner.close = func() { innerClose(); _ = content.Close() }
	return inner, nil
}

// choose finds the file that is meant.
func choose(list []*zip.File, member string) (*zip.File, error) {
	var found []*zip.File
	var names []string
	for _, f := range list {
		switch {
		case f.Name == "xl/workbook.xml":
			return nil, record.Errorf(record.Invalid, "this is an Excel workbook, which is not read: save the sheet as CSV")
		case f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || path.Base(f.Name) == ".DS_Store":
			continue
		case member == "" || f.Name == member:
			found = append(found, f)
		}
		names = append(names, f.Name)
	}
	switch {
	case len(names) == 0:
		return nil, record.Errorf(record.Invalid, "the zip has no file in it")
	case len(found) == 0:
		return nil, record.Errorf(record.Invalid, "the zip has no file %q; it has %s", member, listed(names))
	case len(found) > 1:
		return nil, record.Errorf(record.Invalid, "the zip has %d files (%s): name one with --member %s", len(names), listed(names), names[0])
	case found[0].Flags&1 != 0:
		return nil, record.Errorf(record.Invalid, "%s is encrypted: unpack the zip first", found[0].Name)
	}
	return found[0], nil
}

// listed names files, the first of many.
func listed(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// errCutZip ends what could be read of a zip without its list.
var errCutZip = errors.New("the zip is cut off: the list of its files is not there, so nobody knows whether this was all")

// cutZip reads the first file of a zip that lost its end.
func cutZip(from *bufio.Reader, name, member string) (unpacked, error) {
	var head [30]byte
	_, err := io.ReadFull(from, head[:])
	flags, method := binary.LittleEndian.Uint16(head[6:]), binary.LittleEndian.Uint16(head[8:])
	first := make([]byte, binary.LittleEndian.Uint16(head[26:]))
	if err == nil {
		_, err = io.ReadFull(from, first)
	}
	if err == nil {
		_, err = from.Discard(int(binary.LittleEndian.Uint16(head[28:])))
	}
	if err != nil || method != zip.Deflate || flags&1 != 0 || member != "" && string(first) != member {
		return unpacked{}, record.Errorf(record.Invalid, "%s: %w", name, errCutZip)
	}
	z := flate.NewReader(from)
	return unpacked{Reader: io.MultiReader(z, broken{errCutZip}), name: string(first), close: func() { _ = z.Close() }}, nil
}

// broken is where a file ends that should go on.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
