package jsonata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

var encodingFunctions = map[string]*builtin{
	"base64encode":       define("<s-:s>", 1, onText(base64encode)),
	"base64decode":       define("<s-:s>", 1, onText(base64decode)),
	"encodeUrlComponent": define("<s-:s>", 1, onText(func(s string) any { return encodeURL(s, urlUnreserved, "encodeUrlComponent") })),
	"encodeUrl":          define("<s-:s>", 1, onText(func(s string) any { return encodeURL(s, urlUnreserved+urlReserved+"#", "encodeUrl") })),
	"decodeUrlComponent": define("<s-:s>", 1, onText(func(s string) any { return decodeURL(s, "", "decodeUrlComponent") })),
	"decodeUrl":          define("<s-:s>", 1, onText(func(s string) any { return decodeURL(s, urlReserved+"#", "decodeUrl") })),
}

// base64encode takes the low byte of every UTF-16 code unit.
func base64encode(s string) any {
	units := textUnits(s)
	bytes := make([]byte, len(units))
	for i, u := range units {
		bytes[i] = byte(u)
	}
	return base64.StdEncoding.EncodeToString(bytes)
}

// base64decode makes a character of every byte. It takes both alphabets, ends at the padding and passes over everything else.
func base64decode(s string) any {
	var digits []byte
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-':
			c = '+'
		case c == '_':
			c = '/'
		}
		if c == '=' {
			break
		}
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			digits = append(digits, c)
		}
	}
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1]
	}
	bytes, _ := base64.RawStdEncoding.DecodeString(string(digits))
	var out strings.Builder
	for _, b := range bytes {
		out.WriteRune(rune(b))
	}
	return out.String()
}

const (
	urlUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
	urlReserved   = ";/?:@&=+$,"
)

func malformed(s, function string) *Error {
	return mistake("D3140", 0).withValue(s).with("functionName", function)
}

// encodeURL escapes the bytes of all characters but those of keep. A lone surrogate has no bytes.
func encodeURL(s, keep, function string) string {
	if !utf8.ValidString(s) {
		panic(malformed(s, function))
	}
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 && strings.IndexByte(keep, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

// decodeURL is the reverse; escapes of the characters of keep stay. The escapes must make valid UTF-8.
func decodeURL(s, keep, function string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '%' {
			out.WriteByte(s[i])
			i++
			continue
		}
		start := i
		var bytes []byte
		need := 1
		for len(bytes) < need {
			b, ok := escapedByte(s, i)
			if !ok {
				panic(malformed(s, function))
			}
			if len(bytes) == 0 {
				need = sequenceLength(b)
			}
			bytes = append(bytes, b)
			i += 3
		}
		if r, size := utf8.DecodeRune(bytes); r == utf8.RuneError && size <= 1 {
			panic(malformed(s, function))
		}
		if len(bytes) == 1 && strings.IndexByte(keep, bytes[0]) >= 0 {
			out.WriteString(s[start:i])
		} else {
			out.Write(bytes)
		}
	}
	return out.String()
}

// sequenceLength is how many bytes the character has that begins with b.
func sequenceLength(b byte) int {
	switch {
	case b >= 0xf0:
		return 4
	case b >= 0xe0:
		return 3
	case b >= 0xc0:
		return 2
	}
	return 1
}

func escapedByte(s string, i int) (byte, bool) {
	if i+2 >= len(s) || s[i] != '%' {
		return 0, false
	}
	high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
