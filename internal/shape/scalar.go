package shape

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// boolColumn takes true and false, 1 and 0, and strings of these.
type boolColumn struct{ fixed[byte] }

func (c *boolColumn) put(row int, v *jsontext.Value) *problem {
	switch text := v.Text(); {
	case v.Kind == jsontext.True, equalFold(text, "true"), string(text) == "1":
		c.set(row, 1)
	case v.Kind == jsontext.False, equalFold(text, "false"), string(text) == "0":
		c.set(row, 0)
	default:
		return wrongType("true or false", v)
	}
	return nil
}

func (c *boolColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	validity, nulls := bitmap(mem, c.valid[:rows])
	return newData(arrow.FixedWidthTypes.Boolean, rows, nulls, nil, validity, packed(mem, c.values[:rows]))
}

func equalFold(text []byte, word string) bool {
	return len(text) == len(word) && bytes.EqualFold(text, unsafe.Slice(unsafe.StringData(word), len(word)))
}

// bounds are min, max and one_of of a column of numbers or times, in the form
// its rows have. compare orders two of them.
type bounds[T any] struct {
	min, max *T
	oneOf    []T
	compare  func(a, b T) int
	text     ruleText
}

// ruleText is the rules as the definition words them, for messages.
type ruleText struct{ min, max, oneOf string }

// check says which rule a value breaks; most columns have none.
func (b *bounds[T]) check(x T, v *jsontext.Value) *problem {
	if b == nil {
		return nil
	}
	if b.min != nil && b.compare(x, *b.min) < 0 {
		return outOfRange(v, "is below the min of "+b.text.min)
	}
	if b.max != nil && b.compare(x, *b.max) > 0 {
		return outOfRange(v, "is above the max of "+b.text.max)
	}
	if b.oneOf != nil && !slices.ContainsFunc(b.oneOf, func(o T) bool { return b.compare(o, x) == 0 }) {
		return notAllowed(b.text.oneOf, v)
	}
	return nil
}

func notAllowed(words string, v *jsontext.Value) *problem {
	return problemf(record.CodeNotAllowed, "expected one of %s, found %s", words, head(v.Raw))
}

// wholeNumber takes 42, 42.0, 4.2e1, and strings of these.
func wholeNumber(v *jsontext.Value) (int64, *problem) {
	if v.Kind != jsontext.Number && v.Kind != jsontext.String {
		return 0, wrongType("a whole number", v)
	}
	text := v.Text()
	if n, ok := parseInt(text); ok {
		return n, nil
	}
	n, form := parseNumber(text)
	if form == notNumber || form == exactNumber && !n.isWhole() {
		return 0, wrongType("a whole number", v)
	}
	x, ok := n.int64()
	if form == tooManyDigits || !ok {
		return 0, outOfRange(v, "is beyond the range of a bigint")
	}
	return x, nil
}

type intColumn struct {
	fixed[int32]
	rules *bounds[int32]
}

func (c *intColumn) put(row int, v *jsontext.Value) *problem {
	x, p := wholeNumber(v)
	if p == nil && x != int64(int32(x)) {
		p = outOfRange(v, "is beyond the range of an int, -2147483648 to 2147483647; bigint holds more")
	}
	if p == nil {
		p = c.rules.check(int32(x), v)
	}
	if p == nil {
		c.set(row, int32(x))
	}
	return p
}

func (c *intColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, arrow.PrimitiveTypes.Int32, rows)
}

type bigintColumn struct {
	fixed[int64]
	rules *bounds[int64]
}

func (c *bigintColumn) put(row int, v *jsontext.Value) *problem {
	x, p := wholeNumber(v)
	if p == nil {
		p = c.rules.check(x, v)
	}
	if p == nil {
		c.set(row, x)
	}
	return p
}

func (c *bigintColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, arrow.PrimitiveTypes.Int64, rows)
}

type doubleColumn struct {
	fixed[float64]
	rules *bounds[float64]
}

func (c *doubleColumn) put(row int, v *jsontext.Value) *problem {
	if v.Kind != jsontext.Number && v.Kind != jsontext.String {
		return wrongType("a number", v)
	}
	x, fits, ok := parseFloat(v.Text())
	switch {
	case !ok:
		return wrongType("a number", v)
	case !fits || math.IsInf(x, 0):
		return outOfRange(v, "is beyond the range of a double")
	}
	if p := c.rules.check(x, v); p != nil {
		return p
	}
	c.set(row, x)
	return nil
}

func (c *doubleColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, arrow.PrimitiveTypes.Float64, rows)
}

// decimalColumn never rounds: a number with more digits after the point than the
// column has is out of range, unless they are zeros.
type decimalColumn struct {
	fixed[decimal128.Num]
	typ   record.Type
	rules *bounds[decimal128.Num]
}

func (c *decimalColumn) put(row int, v *jsontext.Value) *problem {
	if v.Kind != jsontext.Number && v.Kind != jsontext.String {
		return wrongType("a number", v)
	}
	n, form := parseNumber(v.Text())
	if form == notNumber {
		return wrongType("a number", v)
	}
	x, exact := n.decimal(c.typ.Scale)
	if form == tooManyDigits || !exact || !x.FitsInPrecision(int32(c.typ.Precision)) {
		return outOfRange(v, "does not fit "+c.typ.String()+" without rounding")
	}
	if p := c.rules.check(x, v); p != nil {
		return p
	}
	c.set(row, x)
	return nil
}

func (c *decimalColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	return c.data(mem, c.typ.Arrow(), rows)
}

// textRules are one_of and pattern of a varchar column.
type textRules struct {
	oneOf   map[string]bool
	pattern *regexp.Regexp
	text    ruleText
}

func (r *textRules) check(content []byte, v *jsontext.Value) *problem {
	if r.oneOf != nil && !r.oneOf[string(content)] {
		return notAllowed(r.text.oneOf, v)
	}
	if r.pattern != nil && !r.pattern.Match(content) {
		return problemf(record.CodePattern, "%s does not match the pattern %s", head(v.Raw), r.pattern)
	}
	return nil
}

// textColumn takes any value: a string's content, any other value's JSON text.
type textColumn struct {
	text
	rules *textRules
}

func (c *textColumn) put(row int, v *jsontext.Value) *problem {
	start := c.start(row)
	var content []byte
	switch {
	case v.Kind == jsontext.String && !v.Escaped:
		content = append(start, v.Text()...)
	case v.Kind >= jsontext.ObjectKind:
		content = jsontext.AppendValue(start, v.Raw)
	default:
		content = v.AppendText(start)
	}
	if c.rules != nil {
		if p := c.rules.check(content[len(start):], v); p != nil {
			return p
		}
	}
	c.end(row, content)
	return nil
}

// jsonColumn takes any value as it stands.
type jsonColumn struct{ text }

func (c *jsonColumn) put(row int, v *jsontext.Value) *problem {
	c.end(row, jsontext.AppendValue(c.start(row), v.Raw))
	return nil
}
