package source

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"

	"github.com/biwa-data/biwa/internal/record"
)

// sniffBytes is how much of a file's beginning is looked at.
const sniffBytes = 64 << 10

// decide settles the encoding: a byte order mark says it, else the name that was
// given, else it is UTF-8, if it does not plainly look like something else.
func (r *lineReader) decide(name string) error {
	head, _ := r.from.Peek(sniffBytes)
	mark := 0
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		name, mark = "utf-8", 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		name, mark = "utf-16le", 2
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		name, mark = "utf-16be", 2
	}
	if _, err := r.from.Discard(mark); err != nil {
		return err
	}
	switch label := labelOf(name); label {
	case "", "utf-8", "utf8":
	default:
		e, err := htmlindex.Get(label)
		if err != nil {
			return record.Errorf(record.Invalid, "encoding %q is not known: use a name such as shift_jis, euc-jp or windows-1252", name)
		}
		switch canonical, _ := htmlindex.Name(e); canonical {
		case "utf-16le":
			r.wide = 1
		case "utf-16be":
			r.wide = 2
		}
		r.encoding = e
	}
	if name == "" && isShiftJIS(head) {
		return record.Errorf(record.Invalid, "the text is not UTF-8 and reads as Shift_JIS: say --encoding cp932")
	}
	return nil
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

// isShiftJIS says whether a text is no UTF-8, all of it reads as Shift_JIS, and
// some of it has the lead bytes that only Japanese text makes likely.
func isShiftJIS(head []byte) bool {
	if len(head) == sniffBytes { // the last character may be cut
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	if utf8.Valid(head) {
		return false
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(head)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return false
	}
	return bytes.ContainsFunc(text, func(c rune) bool { return c >= 0x3040 && c <= 0x30ff || c >= 0x4e00 && c <= 0x9fff }) && hasLead(head)
}

func hasLead(head []byte) bool {
	for _, c := range head {
		if c >= 0x81 && c <= 0x9f {
			return true
		}
	}
	return false
}

// onlyCR says whether lines end with a carriage return alone.
func onlyCR(head []byte) bool {
	return bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0
}
