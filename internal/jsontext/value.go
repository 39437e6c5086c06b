package jsontext

import "unicode/utf8"

// Value is one value within a text, not copied out of it.
type Value struct {
	Raw     []byte // as it stands; of a string with its quotes
	Kind    Kind   // 0 of the zero Value, which is no value
	Escaped bool   // a string with backslashes
}

// Present says that there is a value other than null: an explicit null is the
// same as an absent field.
func (v *Value) Present() bool { return v.Kind > Null }

// Text is a string's content between its quotes, not unescaped; of any other
// value its text.
func (v *Value) Text() []byte {
	if v.Kind == String {
		return v.Raw[1 : len(v.Raw)-1]
	}
	return v.Raw
}

// AppendText appends a string's content, unescaped, or any other value's text.
func (v *Value) AppendText(dst []byte) []byte {
	if v.Escaped {
		return AppendUnescaped(dst, v.Text())
	}
	return append(dst, v.Text()...)
}

// Parse takes a whole text as one value. It returns a code and message like
// CheckValue's if it is none.
func Parse(text []byte) (v Value, code, message string) {
	start := skipSpace(text, 0)
	end, kind, escaped, f := scanValue(text, start, 0)
	if f == 0 {
		if rest := skipSpace(text, end); rest < len(text) {
			end, f = rest, wantEnd
		}
	}
	if f != 0 {
		code, message = f.verdict(text, end)
		return Value{}, code, message
	}
	return Value{Raw: text[start:end], Kind: kind, Escaped: escaped}, "", ""
}

// AppendUnescaped appends a string's content with its escapes resolved. The
// content must have been scanned. Half a surrogate pair becomes U+FFFD.
func AppendUnescaped(dst, content []byte) []byte {
	for i := 0; i < len(content); {
		c := content[i]
		if c != '\\' {
			start := i
			for i < len(content) && content[i] != '\\' {
				i++
			}
			dst = append(dst, content[start:i]...)
			continue
		}
		switch c = content[i+1]; c {
		case 'u':
			r, n := unescapeRune(content[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		dst = append(dst, c)
		i += 2
	}
	return dst
}

// unescapeRune reads \uXXXX, or two of them that are a surrogate pair, at the
// start of b, and says how many bytes it took.
func unescapeRune(b []byte) (rune, int) {
	high := hexRune(b)
	if high < 0xd800 || high > 0xdfff {
		return high, 6
	}
	if high < 0xdc00 && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low := hexRune(b[6:]); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (high-0xd800)<<10 + (low - 0xdc00), 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(b []byte) (r rune) {
	for _, c := range b[2:6] {
		r = r<<4 | rune(hexValue[c])
	}
	return r
}

// AppendValue appends a scanned value's JSON text as it stands, except that an
// escape that is half a surrogate pair is written \ufffd: readers of JSON
// refuse it, and one such record must not fail a query over a million others.
func AppendValue(dst, raw []byte) []byte {
	copied := 0
	for i := 0; i+1 < len(raw); {
		if raw[i] != '\\' {
			i++
			continue
		}
		if raw[i+1] != 'u' {
			i += 2
			continue
		}
		r, n := unescapeRune(raw[i:])
		if r == utf8.RuneError && n == 6 && hexRune(raw[i:]) != utf8.RuneError {
			dst = append(append(dst, raw[copied:i]...), `\ufffd`...)
			copied = i + n
		}
		i += n
	}
	return append(dst, raw[copied:]...)
}

// AppendString appends text as a JSON string; what is not UTF-8 in it becomes
// U+FFFD.
func AppendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
