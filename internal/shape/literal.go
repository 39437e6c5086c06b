package shape

import (
	"bytes"
	"encoding/json"

	"github.com/biwa-data/biwa/internal/jsontext"
)

// Literal is a value written in a definition, as JSON text, so that numbers keep
// their digits: 42, "main", true. Empty is no value.
type Literal []byte

// MarshalJSON writes the text itself.
func (l Literal) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("null"), nil
	}
	return l, nil
}

// UnmarshalJSON keeps the text.
func (l *Literal) UnmarshalJSON(text []byte) error {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return err
	}
	*l = b.Bytes()
	return nil
}

// value is the literal as a field's value would come in a record.
func (l Literal) value() jsontext.Value {
	v, _, _ := jsontext.Parse(l)
	return v
}
