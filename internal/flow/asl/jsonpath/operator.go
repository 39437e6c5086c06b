package jsonpath

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"unicode/utf16"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// operator compares two terms; an error means that it does not apply to them, so that the item is left out whatever surrounds the comparison.
type operator func(e *evaluation, left, right term) (bool, error)

var errOperand = errors.New("the operator does not apply to its operands")

// operators by their lower-case names; Jayway's are not case-sensitive.
var operators = map[string]operator{
	"==":       func(e *evaluation, l, r term) (bool, error) { return e.equal(l, r), nil },
	"===":      func(e *evaluation, l, r term) (bool, error) { return sameKind(l, r) && e.equal(l, r), nil },
	"!=":       func(e *evaluation, l, r term) (bool, error) { return !e.equal(l, r), nil },
	"!==":      func(e *evaluation, l, r term) (bool, error) { return !sameKind(l, r) || !e.equal(l, r), nil },
	"<":        ordered(func(c int) bool { return c < 0 }),
	"<=":       ordered(func(c int) bool { return c <= 0 }),
	">":        ordered(func(c int) bool { return c > 0 }),
	">=":       ordered(func(c int) bool { return c >= 0 }),
	"=~":       matches,
	"in":       in,
	"nin":      func(e *evaluation, l, r term) (bool, error) { ok, err := in(e, l, r); return !ok, err },
	"contains": contains,
	"all":      func(e *evaluation, l, r term) (bool, error) { return subset(e, r, l) },
	"subsetof": subset,
	"anyof":    intersects,
	"noneof":   disjoint,
	"size":     size,
	"empty":    empty,
}

// equal compares as Jayway's == does: a string and a number are equal if one's text is the other.
func (e *evaluation) equal(l, r term) bool {
	if l.undefined || r.undefined || l.pattern != nil || r.pattern != nil {
		return false
	}
	if text, ok := l.item.(string); ok && isNumber(r.item) {
		return text == value.Text(r.item)
	}
	if text, ok := r.item.(string); ok && isNumber(l.item) {
		number, err := value.Parse([]byte(text))
		return err == nil && isNumber(number) && compareNumbers(l.item, number) == 0
	}
	if isNumber(l.item) && isNumber(r.item) {
		return compareNumbers(l.item, r.item) == 0
	}
	return e.same(l.item, r.item)
}

// same is value.Equal, but what it looks at counts towards the bound of the evaluation.
func (e *evaluation) same(a, b any) bool {
	if e.visit() != nil {
		return false
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !e.same(a[i], b[i]) {
				return false
			}
		}
		return true
	case *value.Object:
		b, ok := b.(*value.Object)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for name, item := range a.All() {
			other, ok := b.Get(name)
			if !ok || !e.same(item, other) {
				return false
			}
		}
		return true
	default:
		return value.Equal(a, b)
	}
}

func sameKind(l, r term) bool {
	return !l.undefined && !r.undefined && kind(l.item) == kind(r.item)
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any, *value.Object:
		return "json"
	default:
		return "number"
	}
}

func isNumber(v any) bool { return kind(v) == "number" }

// ordered compares two numbers or two strings; nothing else has an order.
func ordered(want func(int) bool) operator {
	return func(_ *evaluation, l, r term) (bool, error) {
		if l.undefined || r.undefined || l.pattern != nil || r.pattern != nil {
			return false, nil
		}
		if isNumber(l.item) && isNumber(r.item) {
			return want(compareNumbers(l.item, r.item)), nil
		}
		a, ok := l.item.(string)
		b, also := r.item.(string)
		return ok && also && want(strings.Compare(a, b)), nil
	}
}

// compareNumbers compares exactly where that is cheap: integers of any length, and what a float64 holds.
func compareNumbers(a, b any) int {
	x, _ := value.Float(a)
	y, _ := value.Float(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	m, ok := integer(a)
	n, also := integer(b)
	if ok && also {
		return m.Cmp(n)
	}
	return 0
}

// integer is a number's literal if it is a plain integer of a moderate length.
func integer(v any) (*big.Int, bool) {
	literal, ok := v.(json.Number)
	if !ok {
		literal = json.Number(value.Text(v))
	}
	if len(literal) > 1000 {
		return nil, false
	}
	return new(big.Int).SetString(string(literal), 10)
}

// matches says whether a text, or one of an array, is matched as a whole by the regular expression on the other side.
func matches(e *evaluation, l, r term) (bool, error) {
	pattern, subject := r.pattern, l
	if pattern == nil {
		pattern, subject = l.pattern, r
	}
	if pattern == nil || subject.pattern != nil {
		return false, nil
	}
	items, ok := subject.item.([]any)
	if !ok {
		items = []any{subject.item}
	}
	for _, item := range items {
		text := matchText(item)
		e.visits += len(text) * len(pattern.String()) / 64 // what RE2 may look at
		if e.visit() == nil && pattern.MatchString(text) {
			return true, nil
		}
	}
	return false, nil
}

func matchText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil, []any, *value.Object:
		return ""
	default:
		return value.Text(v)
	}
}

// list is a term's array. An object is ok but has no items; anything else does not fit the operators on lists.
func list(t term) (items []any, isArray bool, err error) {
	switch items := t.item.(type) {
	case []any:
		return items, true, nil
	case *value.Object:
		return nil, false, nil
	}
	return nil, false, errOperand
}

func (e *evaluation) has(items []any, wanted any) bool {
	for _, item := range items {
		if e.visit() != nil {
			return false
		}
		if e.equal(term{item: item}, term{item: wanted}) {
			return true
		}
	}
	return false
}

func in(e *evaluation, l, r term) (bool, error) {
	items, isArray, err := list(r)
	if err != nil || !isArray || l.undefined {
		return false, err
	}
	return e.has(items, l.item), nil
}

func contains(e *evaluation, l, r term) (bool, error) {
	if l.undefined || r.undefined {
		return false, nil
	}
	switch left := l.item.(type) {
	case string:
		part, ok := r.item.(string)
		return ok && strings.Contains(left, part), nil
	case []any:
		return e.has(left, r.item), nil
	}
	return false, nil
}

// lists are the arrays of both sides; ok is false if one of them is an object, which never satisfies.
func lists(l, r term) (left, right []any, ok bool, err error) {
	right, rightOK, err := list(r)
	if err != nil {
		return nil, nil, false, err
	}
	left, leftOK, err := list(l)
	return left, right, leftOK && rightOK, err
}

func subset(e *evaluation, l, r term) (bool, error) {
	left, right, ok, err := lists(l, r)
	if !ok || err != nil {
		return false, err
	}
	for _, item := range left {
		if !e.has(right, item) {
			return false, nil
		}
	}
	return true, nil
}

func intersects(e *evaluation, l, r term) (bool, error) {
	left, right, ok, err := lists(l, r)
	if !ok || err != nil {
		return false, err
	}
	for _, item := range left {
		if e.has(right, item) {
			return true, nil
		}
	}
	return false, nil
}

func disjoint(e *evaluation, l, r term) (bool, error) {
	left, right, ok, err := lists(l, r)
	if !ok || err != nil {
		return false, err
	}
	for _, item := range left {
		if e.has(right, item) {
			return false, nil
		}
	}
	return true, nil
}

func size(_ *evaluation, l, r term) (bool, error) {
	want, ok := value.Float(r.item)
	if !ok {
		return false, nil
	}
	switch item := l.item.(type) {
	case string:
		return len(utf16.Encode([]rune(item))) == int(want), nil
	case []any:
		return len(item) == int(want), nil
	}
	return false, nil
}

func empty(_ *evaluation, l, r term) (bool, error) {
	want, ok := r.item.(bool)
	if !ok {
		return false, errOperand
	}
	switch item := l.item.(type) {
	case string:
		return (item == "") == want, nil
	case []any:
		return (len(item) == 0) == want, nil
	case *value.Object:
		return (item.Len() == 0) == want, nil
	}
	return false, nil
}
