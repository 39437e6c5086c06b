package shape

import (
	"fmt"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// maxHead is how many characters of a value a message shows.
const maxHead = 80

// head is the start of a value's JSON text.
func head(raw []byte) string {
	at := 0
	for n := 0; at < len(raw); n++ {
		if n == maxHead {
			return string(raw[:at]) + "…"
		}
		_, size := utf8.DecodeRune(raw[at:])
		at += size
	}
	return string(raw)
}

func problemf(code, format string, args ...any) *problem {
	return &problem{code: code, message: fmt.Sprintf(format, args...)}
}

// wrongType says what was expected in a value's place.
func wrongType(expected string, v *jsontext.Value) *problem {
	return problemf(record.CodeWrongType, "expected %s, found %s", expected, head(v.Raw))
}

func outOfRange(v *jsontext.Value, why string) *problem {
	return problemf(record.CodeOutOfRange, "%s %s", head(v.Raw), why)
}

// within says in which part of a value the problem is.
func (p *problem) within(format string, args ...any) *problem {
	return &problem{code: p.code, message: fmt.Sprintf(format, args...) + ": " + p.message}
}

// textValue is a text as a record would hold it.
func textValue(text string) jsontext.Value {
	v, _, _ := jsontext.Parse(jsontext.AppendString(nil, text))
	return v
}
