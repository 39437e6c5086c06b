// Package jsontext is the one JSON scanner of the platform: the doors judge a
// record with it (Check), and the shaping stage walks a record's members with
// it (Object, Array) without building a tree.
//
// It is strict: RFC 8259 and nothing beside it, UTF-8 checked within strings,
// nesting bounded by record.MaxDepth. It allocates only to word a fault.
package jsontext

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/record"
)

// Kind is what a JSON value is.
type Kind uint8

const (
	Null Kind = iota + 1
	False
	True
	Number
	String
	ObjectKind
	ArrayKind
)

// Every scan function takes the text and where to start, and returns where the
// thing ends; with a fault, where in the text the fault is.

// scanValue scans the value that starts at b[i], inside depth open containers.
// escaped says of a string that it has backslashes.
func scanValue(b []byte, i, depth int) (end int, kind Kind, escaped bool, f fault) {
	if i >= len(b) {
		return i, 0, false, wantValue
	}
	switch c := b[i]; c {
	case '"':
		end, escaped, f = scanString(b, i+1)
		return end, String, escaped, f
	case '{':
		end, f = scanObject(b, i+1, depth+1)
		return end, ObjectKind, false, f
	case '[':
		end, f = scanArray(b, i+1, depth+1)
		return end, ArrayKind, false, f
	case 't':
		end, f = scanWord(b, i, "true")
		return end, True, false, f
	case 'f':
		end, f = scanWord(b, i, "false")
		return end, False, false, f
	case 'n':
		end, f = scanWord(b, i, "null")
		return end, Null, false, f
	default:
		if c == '-' || isDigit(c) {
			end, f = scanNumber(b, i)
			return end, Number, false, f
		}
		return i, 0, false, wantValue
	}
}

// scanObject scans the rest of an object whose '{' is just before b[i].
func scanObject(b []byte, i, depth int) (int, fault) {
	if depth > record.MaxDepth {
		return i - 1, tooDeep
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1, 0
	}
	for want := wantKeyOrEnd; ; want = wantKey {
		var f fault
		if i >= len(b) || b[i] != '"' {
			return i, want
		}
		if i, _, f = scanString(b, i+1); f != 0 {
			return i, f
		}
		if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
			return i, wantColon
		}
		if i, _, _, f = scanValue(b, skipSpace(b, i+1), depth); f != 0 {
			return i, f
		}
		if i = skipSpace(b, i); i >= len(b) {
			return i, wantCommaOrBrace
		}
		if b[i] == '}' {
			return i + 1, 0
		}
		if b[i] != ',' {
			return i, wantCommaOrBrace
		}
		i = skipSpace(b, i+1)
	}
}

// scanArray scans the rest of an array whose '[' is just before b[i].
func scanArray(b []byte, i, depth int) (int, fault) {
	if depth > record.MaxDepth {
		return i - 1, tooDeep
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1, 0
	}
	for {
		var f fault
		if i, _, _, f = scanValue(b, i, depth); f != 0 {
			return i, f
		}
		if i = skipSpace(b, i); i >= len(b) {
			return i, wantCommaOrBracket
		}
		if b[i] == ']' {
			return i + 1, 0
		}
		if b[i] != ',' {
			return i, wantCommaOrBracket
		}
		i = skipSpace(b, i+1)
	}
}

const (
	eachByte = 0x0101010101010101
	eachHigh = 0x8080808080808080
)

// scanString scans the rest of a string whose quote is just before b[i]. It
// looks at eight bytes at once: the lowest byte that stands out in a word (a
// quote, a backslash, a control character, a byte of more than seven bits) is
// found exactly, since a borrow only runs upward.
func scanString(b []byte, i int) (end int, escaped bool, f fault) {
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote := w ^ eachByte*'"'
			slash := w ^ eachByte*'\\'
			odd := ((quote - eachByte) | (slash - eachByte) | (w - eachByte*0x20) | w) & eachHigh
			if odd != 0 {
				i += bits.TrailingZeros64(odd) >> 3
				if b[i] == '"' {
					return i + 1, escaped, 0
				}
				break
			}
			i += 8
		}
		for i < len(b) && plain[b[i]] {
			i++
		}
		if i >= len(b) {
			return i, escaped, openString
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped, 0
		case c == '\\':
			escaped = true
			if i, f = scanEscape(b, i); f != 0 {
				return i, escaped, f
			}
		case c < 0x20:
			return i, escaped, controlCharacter
		default:
			if i, f = scanRunes(b, i); f != 0 {
				return i, escaped, f
			}
		}
	}
}

// plain marks the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// scanRunes scans the run of non-ASCII characters at b[i].
func scanRunes(b []byte, i int) (int, fault) {
	for i < len(b) && b[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i, notUTF8
		}
		i += n
	}
	return i, 0
}

// scanEscape scans the escape whose backslash is b[i].
func scanEscape(b []byte, i int) (int, fault) {
	if i+1 >= len(b) {
		return len(b), openString
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, 0
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j >= len(b) {
				return j, openString
			}
			if hexValue[b[j]] < 0 {
				return j, wantHex
			}
		}
		return i + 6, 0
	}
	return i + 1, wantEscape
}

// hexValue is a hexadecimal digit's value, -1 for any other byte.
var hexValue = func() (t [256]int8) {
	for c := range t {
		t[c] = -1
	}
	for d := range int8(10) {
		t['0'+d] = d
	}
	for d := range int8(6) {
		t['a'+d], t['A'+d] = 10+d, 10+d
	}
	return t
}()

// scanNumber scans the number at b[i], which is '-' or a digit.
func scanNumber(b []byte, i int) (int, fault) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b) || !isDigit(b[i]):
		return i, wantDigit
	case b[i] == '0':
		i++
		if i < len(b) && isDigit(b[i]) {
			return i, leadingZero
		}
	default:
		i = skipDigits(b, i)
	}
	if i < len(b) && b[i] == '.' {
		i++
		if i >= len(b) || !isDigit(b[i]) {
			return i, wantDigit
		}
		i = skipDigits(b, i)
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i >= len(b) || !isDigit(b[i]) {
			return i, wantDigit
		}
		i = skipDigits(b, i)
	}
	return i, 0
}

func scanWord(b []byte, i int, word string) (int, fault) {
	for k := range len(word) {
		if i+k >= len(b) || b[i+k] != word[k] {
			return i, wantValue
		}
	}
	return i + len(word), 0
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' < 10 }

// skipSpace is small enough to be inlined; most texts have one blank or none
// between two tokens.
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
