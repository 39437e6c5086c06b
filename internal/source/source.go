// Package source reads records out of files that people have: JSON, CSV and TSV,
// logs of web servers, compressed or not, in any encoding that has a name.
//
// Its contract: every byte of a file is in a record, in a Rejected with its
// reason, or named in an error that says how far the file was taken.
package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// Options say how a file is to be read; zero values let its name and its first
// bytes decide.
type Options struct {
	Format   string // json, csv, tsv, clf, combined, w3c, alb
	Encoding string // a name or label of the WHATWG encoding standard; default UTF-8
	Member   string // which file of a zip; it may be left out where there is one

	// Of CSV and TSV.
	Delimiter string // one byte; default a comma, or a tab
	Quote     string // one byte, "none" for none; default a double quote
	Escape    string // one byte; default a quote written twice
	Header    Header
	Columns   []string // names of the columns, instead of the header's
	Skip      int      // lines before the header
	Null      *string  // a cell without quotes that stands for no value, besides the empty one
}

// Header says whether the first row has the columns' names.
type Header int

const (
	HeaderAuto Header = iota // it has, unless Columns are given
	HeaderYes                // it has; with Columns it is left out
	HeaderNo
)

// Rejected is a piece of a file that gives no record.
type Rejected struct {
	Line     int
	Code     string // a Code constant of package record
	Message  string
	Original []byte // as it stands in the file
}

// Reader gives records one by one, as JSON text without line breaks.
type Reader struct {
	records interface {
		// next gives a record or a rejected piece, io.EOF at the end.
		next() ([]byte, *Rejected, error)
		// found words what was in a file without records.
		found() string
	}
	lines *lineReader
	close func()
	plain *counter
	count int
}

// Next returns the next record or what is none, io.EOF at the end. The bytes are
// the caller's.
func (r *Reader) Next() ([]byte, *Rejected, error) {
	text, rejected, err := r.records.next()
	switch {
	case err == nil:
		r.count++
	case errors.Is(err, io.EOF) && r.count == 0 && r.plain.bytes > 0:
		return nil, nil, record.Errorf(record.Invalid, "no record in %d %s, only %s", r.plain.bytes, plural(r.plain.bytes, "byte", "bytes"), r.records.found())
	}
	return text, rejected, err
}

// Settled says whether what Next gave last would be the same if the file went on:
// nothing was looked at beyond its last line break.
func (r *Reader) Settled() bool { return !r.lines.ended }

// Header is the columns' names as the file's first row has them; nil where it has
// none, or was not asked.
func (r *Reader) Header() []string {
	if rows, ok := r.records.(*rowReader); ok {
		return rows.own
	}
	return nil
}

// Close lets go of what unpacks the file.
func (r *Reader) Close() { r.close() }

// counter counts what was read.
type counter struct {
	from  io.Reader
	bytes int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes += n
	return n, err
}

// readBytes is how much is read at once.
const readBytes = 1 << 20

// Open begins to read a file of some name from its bytes. A zip is read if from is
// an At.
func Open(from io.Reader, name string, o Options) (*Reader, error) {
	whole, _ := from.(At)
	content, err := unpack(bufio.NewReaderSize(from, readBytes), whole, name, o.Member)
	if err != nil {
		return nil, err
	}
	r := &Reader{close: content.close, plain: &counter{from: content}}
	if err := r.begin(formatOf(o.Format, content.name), o); err != nil {
		r.close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (r *Reader) begin(format string, o Options) error {
	lines := &lineReader{from: bufio.NewReaderSize(r.plain, readBytes), end: '\n'}
	r.lines = lines
	if err := lines.decide(o.Encoding); err != nil {
		return err
	}
	switch format {
	case "csv", "tsv":
		d, err := dialectOf(format, o)
		if err != nil {
			return err
		}
		if head, _ := lines.from.Peek(sniffBytes); lines.wide == 0 && onlyCR(head) {
			lines.end = '\r'
		}
		rows, err := rows(lines, d, o)
		if errors.Is(err, io.EOF) || err == nil {
			r.records = rows
		}
		return err
	case "json":
		head, _ := lines.from.Peek(sniffBytes)
		if log := plainLog(head); log != "" && o.Format == "" && lines.encoding == nil {
			return record.Errorf(record.Invalid, "the text reads as a log of a web server: say --format %s", log)
		}
		lines.pieces = lines.encoding == nil
		r.records = &jsonReader{lines: lines}
		return nil
	}
	if parser, ok := logFormats[format]; ok {
		r.records = &logReader{lines, parser()}
		return nil
	}
	return record.Errorf(record.Invalid, "format %q: there are json, csv, tsv, and of logs clf, combined, w3c and alb", format)
}

func dialectOf(format string, o Options) (dialect, error) {
	d := dialect{comma: ',', quote: '"', null: o.Null}
	if format == "tsv" {
		d.comma = '\t'
	}
	if o.Quote == "none" {
		d.quote, o.Quote = 0, ""
	}
	if err := oneByte("--delimiter", o.Delimiter, &d.comma); err != nil {
		return d, err
	}
	if err := oneByte("--quote", o.Quote, &d.quote); err != nil {
		return d, err
	}
	d.escape = d.quote
	if err := oneByte("--escape", o.Escape, &d.escape); err != nil {
		return d, err
	}
	if d.comma == d.quote || d.comma == d.escape {
		return d, record.Errorf(record.Invalid, "--delimiter %q is the quote or the escape too", string(d.comma))
	}
	return d, nil
}

// oneByte reads an option that is one byte of ASCII; \t is a tab.
func oneByte(option, text string, into *byte) error {
	switch {
	case text == "":
		return nil
	case text == `\t` || text == "tab":
		text = "\t"
	}
	if len(text) != 1 || text[0] >= 0x80 || text[0] == '\n' || text[0] == '\r' {
		return record.Errorf(record.Invalid, `%s %q: want one ASCII character, such as ; or \t`, option, text)
	}
	*into = text[0]
	return nil
}

// packings are the endings that a file's name gets by being packed.
var packings = []string{".gz", ".gzip", ".zst", ".zstd", ".bz2"}

// Unpacked is the name of a file without what says that it is packed.
func Unpacked(name string) string {
	for _, ending := range packings {
		if n := len(name) - len(ending); n > 0 && strings.EqualFold(name[n:], ending) {
			return name[:n]
		}
	}
	return name
}

func formatOf(asked, name string) string {
	if asked != "" {
		return asked
	}
	switch filepath.Ext(strings.ToLower(Unpacked(name))) {
	case ".csv":
		return "csv"
	case ".tsv", ".tab":
		return "tsv"
	}
	return "json"
}
