package jsontext

import (
	"fmt"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/record"
)

// fault is what is wrong with a text; 0 is nothing.
type fault uint8

const (
	wantValue fault = iota + 1
	wantKey
	wantKeyOrEnd
	wantColon
	wantCommaOrBrace
	wantCommaOrBracket
	wantDigit
	wantEscape
	wantHex
	wantEnd
	leadingZero
	openString
	controlCharacter
	notUTF8
	tooDeep
)

// expectations word what stood to be found, for "expected …, found …".
var expectations = [...]string{
	wantValue:          "a value",
	wantKey:            `a field name in double quotes`,
	wantKeyOrEnd:       `a field name in double quotes or "}"`,
	wantColon:          `":" after the field name`,
	wantCommaOrBrace:   `"," or "}" after the field's value`,
	wantCommaOrBracket: `"," or "]" after the element`,
	wantDigit:          "a digit",
	wantEscape:         `one of "\/bfnrtu after the backslash`,
	wantHex:            `four hexadecimal digits after \u`,
	wantEnd:            "nothing after the value",
	leadingZero:        "no digit after a leading 0",
	openString:         `a closing double quote`,
	controlCharacter:   `an escape such as \n or \u0000`,
}

// verdict words a fault at b[at]; bytes are counted from 1, as editors do.
func (f fault) verdict(b []byte, at int) (code, message string) {
	switch f {
	case 0:
		return "", ""
	case tooDeep:
		return record.CodeTooDeep, fmt.Sprintf("byte %d: more than %d arrays and objects within one another", at+1, record.MaxDepth)
	case notUTF8:
		return record.CodeInvalidUTF8, fmt.Sprintf("byte %d: 0x%02x is not UTF-8; send the text in UTF-8", at+1, b[at])
	}
	return record.CodeInvalidJSON, fmt.Sprintf("byte %d: expected %s, found %s", at+1, expectations[f], found(b, at))
}

// found words what stands at b[at].
func found(b []byte, at int) string {
	if at >= len(b) {
		return "the end of the text"
	}
	r, n := utf8.DecodeRune(b[at:])
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Sprintf("byte 0x%02x", b[at])
	case r < 0x20 || r == 0x7f:
		return fmt.Sprintf("the control character 0x%02x", r)
	case r == '"':
		return "a double quote"
	}
	return fmt.Sprintf("%q", string(r))
}

// Check judges one record: "" if it is one valid JSON object with blanks around
// it at most, else a code of package record and the reason in words.
func Check(line []byte) (code, message string) {
	kind, at, f := scanText(line)
	if f != 0 {
		return f.verdict(line, at)
	}
	if kind != ObjectKind {
		return notObject(kind)
	}
	return "", ""
}

func notObject(kind Kind) (code, message string) {
	return record.CodeNotObject, "expected an object in braces, found " + kind.String()
}

// CheckValue judges a text that may hold any one JSON value.
func CheckValue(text []byte) (code, message string) {
	_, at, f := scanText(text)
	return f.verdict(text, at)
}

// ValueEnd is where the value that a text begins with ends, whatever follows it;
// false if the text does not begin with one.
func ValueEnd(text []byte) (end int, ok bool) {
	end, _, _, f := scanValue(text, 0, 0)
	return end, f == 0
}

// scanText scans a text that is one value with blanks around it.
func scanText(b []byte) (Kind, int, fault) {
	i, kind, _, f := scanValue(b, skipSpace(b, 0), 0)
	if f != 0 {
		return 0, i, f
	}
	if i = skipSpace(b, i); i < len(b) {
		return 0, i, wantEnd
	}
	return kind, i, 0
}

// String words the kind with its article.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case False:
		return "false"
	case True:
		return "true"
	case Number:
		return "a number"
	case String:
		return "a string"
	case ObjectKind:
		return "an object"
	case ArrayKind:
		return "an array"
	}
	return "nothing"
}
