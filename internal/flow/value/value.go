// Package value is JSON as state machines see it: members keep their order, and a number keeps its literal.
//
// A value is one of
//
//	nil, bool, string
//	float64       a number whose literal is exactly what Append writes for it
//	json.Number   any other number: its literal (1.0, 1e3, 9007199254740993)
//	[]any         an array
//	*Object       an object
//
// Values are shared freely, so nobody changes one that came from elsewhere: make a new one, or Clone first.
package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxDepth is how deeply arrays and objects may be nested in a text that Parse accepts.
const MaxDepth = 1000

// Parse reads one JSON text. Of two members with one name the last value is kept, at the place of the first.
func Parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	v, err := parse(decoder, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("unexpected text after the JSON value at offset %d", decoder.InputOffset())
	}
	return v, nil
}

// MustParse is Parse for texts that are part of the program; it panics on a mistake.
func MustParse(text string) any {
	v, err := Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

func parse(decoder *json.Decoder, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", MaxDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return Number(t), nil
	case json.Delim:
		if t == '[' {
			return parseArray(decoder, depth)
		}
		return parseObject(decoder, depth)
	default:
		return t, nil
	}
}

func parseArray(decoder *json.Decoder, depth int) (any, error) {
	array := []any{}
	for decoder.More() {
		item, err := parse(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	_, err := decoder.Token()
	return array, err
}

func parseObject(decoder *json.Decoder, depth int) (any, error) {
	object := NewObject(4)
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		item, err := parse(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		object.Set(name.(string), item)
	}
	_, err := decoder.Token()
	return object, err
}

// Number is the value of a number's literal: float64 if that is written the same, else the literal itself.
func Number(literal json.Number) any {
	f, err := literal.Float64()
	if err != nil || math.IsInf(f, 0) {
		return literal
	}
	var buffer [32]byte
	if string(appendFloat(buffer[:0], f)) != string(literal) {
		return literal
	}
	return f
}

// Float is the number v as a float64, the nearest one where it has no exact float64; ok is false if v is no number.
func Float(v any) (f float64, ok bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case json.Number:
		f, _ := n.Float64()
		return f, true
	}
	return 0, false
}

// Equal compares numbers by value, objects without regard to the order of members.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case float64, json.Number:
		x, _ := Float(a)
		y, ok := Float(b)
		return ok && x == y
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case *Object:
		b, ok := b.(*Object)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for name, item := range a.All() {
			other, ok := b.Get(name)
			if !ok || !Equal(item, other) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}
