package intrinsic

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
	"unicode/utf16"
)

const maxText = 10_000 // characters that Hash, Base64Encode and Base64Decode take

// characters counts as Java does, in UTF-16.
func characters(text string) int {
	if len(text) <= maxText {
		return len(text) // never more than the bytes; what is within the limit need not be counted
	}
	return len(utf16.Encode([]rune(text)))
}

// stringSplit cuts at every character of the delimiter and drops empty parts.
func stringSplit(_ *Call, _ Env, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	delimiters, also := arguments[1].(string)
	if !ok || !also {
		return nil, errInvalid
	}
	parts := []any{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(delimiters, r) }) {
		parts = append(parts, part)
	}
	return parts, nil
}

func base64Encode(_ *Call, _ Env, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	if !ok || characters(text) > maxText {
		return nil, errInvalid
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

// base64Decode skips what is no Base64 and ends at the first padding; bytes that are no UTF-8 become U+FFFD.
func base64Decode(_ *Call, _ Env, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	if !ok || characters(text) > maxText {
		return nil, errInvalid
	}
	text, _, _ = strings.Cut(text, "=")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		case 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/':
			return r
		}
		return -1
	}, text)
	if len(text)%4 == 1 { // six bits are no byte
		text = text[:len(text)-1]
	}
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errInvalid
	}
	return string([]rune(string(decoded))), nil
}

// algorithms of Hash by their names in AWS.
var algorithms = map[any]func() hash.Hash{
	"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New,
}

// hashOf takes anything; what is no text is hashed as it prints.
func hashOf(_ *Call, _ Env, arguments []any) (any, error) {
	name, _ := arguments[1].(string)
	algorithm, ok := algorithms[name]
	text := display(arguments[0])
	if !ok || characters(text) > maxText {
		return nil, errInvalid
	}
	sum := algorithm()
	sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil)), nil
}
