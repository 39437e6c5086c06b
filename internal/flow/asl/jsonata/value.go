package jsonata

import (
	"encoding/json"
	"math"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// missing is the type of undefined, the value of what is not there. It is not null, which is nil.
type missing struct{}

var undefined any = missing{}

// Undefined is the input of an expression that has none, and the value of a variable that has none.
var Undefined = undefined

// array is an array that this evaluation made, with what JSONata must remember of it. Arrays that came from elsewhere are []any.
//
// If lazy is not zero the array is a range that nobody has looked into: lazy integers from first on, and items is nil.
type array struct {
	items     []any
	first     float64
	lazy      int
	sequence  bool // the values that a path or function gave: a single one stands for itself, none for undefined
	keep      bool // of a sequence: a single value stays an array
	cons      bool // an array constructor at an end of a path, which is not flattened
	wholeData bool // the one item is the input, which is an array
}

// newSequence makes a sequence of items.
func newSequence(items ...any) *array { return &array{items: items, sequence: true} }

// length is the number of items, without looking into a range.
func (a *array) length() int {
	if a.lazy > 0 {
		return a.lazy
	}
	return len(a.items)
}

// all are the items. A range is filled in; who makes a range has made sure that there is memory for it, see run.fill.
func (a *array) all() []any {
	if a.lazy > 0 {
		a.items = make([]any, a.lazy)
		for i := range a.items {
			a.items[i] = a.first + float64(i)
		}
		a.lazy = 0
	}
	return a.items
}

// settled is what a sequence stands for.
func (a *array) settled() any {
	switch a.length() {
	case 0:
		return undefined
	case 1:
		if !a.keep {
			return a.all()[0]
		}
	}
	return a
}

// elements are the items of v if it is an array.
func elements(v any) (items []any, ok bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case *array:
		return v.all(), true
	}
	return nil, false
}

func isArray(v any) bool {
	switch v.(type) {
	case []any, *array:
		return true
	}
	return false
}

func isSequence(v any) bool {
	a, ok := v.(*array)
	return ok && a.sequence
}

// isNumber tells whether v is a number, not-a-number and infinities included.
func isNumber(v any) bool {
	switch v.(type) {
	case float64, json.Number:
		return true
	}
	return false
}

// number is v as a float64 if it is a number other than not-a-number; an infinite one is an error.
func number(v any) (float64, bool) {
	f, ok := v.(float64)
	if !ok {
		if f, ok = value.Float(v); !ok {
			return 0, false
		}
	}
	if math.IsInf(f, 0) {
		panic(mistake("D1001", 0).withValue(f))
	}
	return f, !math.IsNaN(f)
}

// float is v as a float64; 0 if it is no number.
func float(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	f, _ := value.Float(v)
	return f
}

// truth is v as a boolean by the rules of JSONata's $boolean; undefined is false.
func (r *run) truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v != ""
	case nil, missing:
		return false
	case *value.Object:
		return v.Len() > 0
	case *lambda, *builtin, *partial:
		return true // to the reference implementation these are objects, other functions are not
	}
	if !isArray(v) {
		f, ok := number(v)
		return ok && f != 0
	}
	if a, ok := v.(*array); ok && a.lazy > 1 {
		return true
	}
	r.enter()
	defer r.leave()
	items, _ := elements(v)
	for _, item := range items {
		r.step()
		if r.truth(item) {
			return true
		}
	}
	return false
}

// truthy is v as a condition of ECMAScript's own: every array, object and function is true.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v != ""
	case nil, missing:
		return false
	}
	if isNumber(v) {
		f := float(v)
		return f != 0 && !math.IsNaN(f)
	}
	return true
}

// identical is ECMAScript's ===: values compare by value, arrays, objects and functions by being the same one.
func identical(a, b any) bool {
	if x, ok := a.(float64); ok {
		if y, ok := b.(float64); ok {
			return x == y
		}
	}
	if isNumber(a) && isNumber(b) {
		return float(a) == float(b)
	}
	x, ok := a.([]any)
	if !ok {
		if _, ok := b.([]any); ok {
			return false
		}
		return a == b
	}
	y, ok := b.([]any)
	return ok && len(x) == len(y) && len(x) > 0 && &x[0] == &y[0]
}

// deepEqual compares arrays by their items and objects by their members.
func (r *run) deepEqual(a, b any) bool {
	r.enter()
	defer r.leave()
	r.step()
	if isArray(a) && isArray(b) {
		x, y := r.list(a), r.list(b)
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !r.deepEqual(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	x, ok := a.(*value.Object)
	y, also := b.(*value.Object)
	if !ok || !also || x == y {
		return identical(a, b)
	}
	if x.Len() != y.Len() {
		return false
	}
	for name, item := range x.All() {
		other, ok := y.Get(name)
		if !ok || !r.deepEqual(item, other) {
			return false
		}
	}
	return true
}

// value64 is v as a float64 if it is a number of any kind.
func value64(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	return value.Float(v)
}
