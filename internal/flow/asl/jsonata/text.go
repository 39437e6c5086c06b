package jsonata

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSONata's texts are ECMAScript's: UTF-16 code units, in which half of a surrogate pair may stand alone. Here a text is a Go string
// in UTF-8, and a lone surrogate is written as UTF-8 would write its number (three bytes from 0xED 0xA0 0x80 on).

// textUnits are the UTF-16 code units of s.
func textUnits(s string) []uint16 {
	out := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			out = append(out, uint16(c))
			i++
			continue
		}
		r, size := nextRune(s[i:])
		out = appendUnits(out, r)
		i += size
	}
	return out
}

func appendUnits(out []uint16, r rune) []uint16 {
	if r >= 0xd800 && r < 0xe000 {
		return append(out, uint16(r))
	}
	return utf16.AppendRune(out, r)
}

// nextRune is the first code point of s, which may be a lone surrogate.
func nextRune(s string) (rune, int) {
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 && len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, size
}

// unitsText is the text of UTF-16 code units.
func unitsText(units []uint16) string {
	var out strings.Builder
	out.Grow(len(units))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if r >= 0xd800 && r < 0xdc00 && i+1 < len(units) && units[i+1] >= 0xdc00 && units[i+1] < 0xe000 {
			r = utf16.DecodeRune(r, rune(units[i+1]))
			i++
		}
		writeRune(&out, r)
	}
	return out.String()
}

func writeRune(out *strings.Builder, r rune) {
	if r >= 0xd800 && r < 0xe000 {
		out.Write([]byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6)&0xbf, 0x80 | byte(r)&0x3f})
		return
	}
	out.WriteRune(r)
}

// joinText is a followed by b; two halves of a surrogate pair that meet become one character.
func joinText(a, b string) string {
	if len(a) >= 3 && len(b) >= 3 && b[0] == 0xed && b[1] >= 0xb0 && a[len(a)-3] == 0xed && a[len(a)-2] >= 0xa0 && a[len(a)-2] < 0xb0 {
		high, _ := nextRune(a[len(a)-3:])
		low, _ := nextRune(b)
		return a[:len(a)-3] + string(utf16.DecodeRune(high, low)) + b[3:]
	}
	return a + b
}

// mended is a text that was put together of parts: halves of a surrogate pair that met become one character.
func mended(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return unitsText(textUnits(s))
}

// textLength is the number of code points of s.
func textLength(s string) int {
	if utf8.ValidString(s) {
		return utf8.RuneCountInString(s)
	}
	n := 0
	for len(s) > 0 {
		_, size := nextRune(s)
		s = s[size:]
		n++
	}
	return n
}

// cutText is s from code point from up to code point to.
func cutText(s string, from, to int) string {
	if to <= from {
		return ""
	}
	start, at := len(s), 0
	for i := 0; i < len(s); at++ {
		if at == from {
			start = i
		}
		if at == to {
			return s[start:i]
		}
		_, size := nextRune(s[i:])
		i += size
	}
	return s[start:]
}

// compareText orders texts by their UTF-16 code units, as ECMAScript does.
func compareText(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// Only here the order of UTF-8 differs: characters beyond U+FFFF are made of surrogates, which come before U+E000.
		switch {
		case x >= 0xf0 && (y == 0xee || y == 0xef):
			return -1
		case y >= 0xf0 && (x == 0xee || x == 0xef):
			return 1
		case x < y:
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}
