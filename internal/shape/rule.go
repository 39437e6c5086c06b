package shape

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// rules are a column's one_of, min, max, pattern and format, in the form its type needs;
// the other forms are nil. Columns share them and only read.
type rules struct {
	int32   *bounds[int32] // int and date
	int64   *bounds[int64] // bigint and times
	float   *bounds[float64]
	decimal *bounds[decimal128.Num]
	text    *textRules
	format  *timeFormat // of times and dates
}

// newColumn makes the buffers of a column; z is its goroutine's.
func newColumn(t record.Type, r rules, z *zone) column {
	switch t.Kind {
	case record.Boolean:
		return &boolColumn{}
	case record.Int:
		return &intColumn{rules: r.int32}
	case record.Bigint:
		return &bigintColumn{rules: r.int64}
	case record.Double:
		return &doubleColumn{rules: r.float}
	case record.Decimal:
		return &decimalColumn{typ: t, rules: r.decimal}
	case record.Date:
		return &dateColumn{rules: r.int32, format: r.format}
	case record.Timestamp, record.Timestamptz:
		return &timeColumn{typ: t, zone: z, rules: r.int64, format: r.format}
	case record.JSON:
		return &jsonColumn{}
	case record.Array:
		return &listColumn{typ: t.Arrow(), elem: newColumn(*t.Elem, rules{}, z)}
	case record.Struct:
		s := &structColumn{typ: t.Arrow(), names: t.Fields}
		for _, f := range t.Fields {
			s.fields = append(s.fields, newColumn(f.Type, rules{}, z))
		}
		s.last = make([]jsontext.Value, len(s.fields))
		return s
	}
	return &textColumn{rules: r.text}
}

// rules compiles a column's rules.
func (c *compiler) rules(path string, def *Column, typ record.Type) (r rules) {
	z := newZone(c.options.Location)
	r.format = c.format(path+".format", def, typ)
	probe := newColumn(typ, r, &z)
	switch p := probe.(type) {
	case *intColumn:
		r.int32 = makeBounds(c, path, def, p, &p.fixed, cmp.Compare)
	case *dateColumn:
		r.int32 = makeBounds(c, path, def, p, &p.fixed, cmp.Compare)
	case *bigintColumn:
		r.int64 = makeBounds(c, path, def, p, &p.fixed, cmp.Compare)
	case *timeColumn:
		r.int64 = makeBounds(c, path, def, p, &p.fixed, cmp.Compare)
	case *doubleColumn:
		r.float = makeBounds(c, path, def, p, &p.fixed, cmp.Compare)
	case *decimalColumn:
		r.decimal = makeBounds(c, path, def, p, &p.fixed, decimal128.Num.Cmp)
	default:
		c.noBounds(path, def, typ)
		if typ.Kind != record.Varchar && len(def.OneOf) > 0 {
			c.mistakes.add(path+".one_of", "", "column %s is %s, which one_of does not work on", def.Name, typ)
		}
	}
	if typ.Kind == record.Varchar {
		r.text = c.textRules(path, def)
	} else if def.Pattern != "" {
		c.mistakes.add(path+".pattern", "use min, max or one_of, or give the column the type varchar", "column %s is %s, and a pattern works on varchar only", def.Name, typ)
	}
	return r
}

// format compiles how a column's times are written, nil where it does not say.
func (c *compiler) format(path string, def *Column, typ record.Type) *timeFormat {
	if def.Format == "" {
		return nil
	}
	isDate := typ.Kind == record.Date
	if !isDate && typ.Kind != record.Timestamp && typ.Kind != record.Timestamptz {
		c.mistakes.add(path, "give the column the type timestamptz, timestamp or date", "column %s is %s, and a format is of times and dates", def.Name, typ)
		return nil
	}
	f, suggestion, err := parseFormat(def.Format)
	if err != nil {
		c.mistakes.add(path, suggestion, "column %s: %v", def.Name, err)
		return nil
	}
	if isDate && f.timeOfDay() {
		c.mistakes.add(path, "give the column the type timestamptz, and another the date with expr", "column %s is a date, and its format %s has a time of day", def.Name, f.text)
	}
	return f
}

func (c *compiler) noBounds(path string, def *Column, typ record.Type) {
	for key, l := range map[string]Literal{".min": def.Min, ".max": def.Max} {
		if len(l) > 0 {
			c.mistakes.add(path+key, "", "column %s is %s, and %s works on numbers and times only", def.Name, typ, key[1:])
		}
	}
}

// makeBounds reads the literals as the column itself reads values.
func makeBounds[T any](c *compiler, path string, def *Column, col column, f *fixed[T], compare func(a, b T) int) *bounds[T] {
	read := func(key string, l Literal) *T {
		if len(l) == 0 {
			return nil
		}
		v := l.value()
		if p := col.put(0, &v); p != nil {
			c.mistakes.add(path+key, "", "column %s: %s", def.Name, p.message)
			return nil
		}
		x := f.values[0]
		return &x
	}
	b := &bounds[T]{compare: compare, min: read(".min", def.Min), max: read(".max", def.Max)}
	b.text = ruleText{min: string(def.Min), max: string(def.Max), oneOf: joined(def.OneOf)}
	if b.min != nil && b.max != nil && compare(*b.min, *b.max) > 0 {
		c.mistakes.add(path+".min", "swap them", "column %s: the min of %s is above the max of %s", def.Name, def.Min, def.Max)
	}
	for i, l := range def.OneOf {
		if x := read(fmt.Sprintf(".one_of[%d]", i), l); x != nil {
			b.oneOf = append(b.oneOf, *x)
		}
	}
	if b.min == nil && b.max == nil && b.oneOf == nil {
		return nil
	}
	return b
}

func (c *compiler) textRules(path string, def *Column) *textRules {
	r := &textRules{text: ruleText{oneOf: joined(def.OneOf)}}
	if len(def.OneOf) > 0 {
		r.oneOf = map[string]bool{}
		for _, l := range def.OneOf {
			v := l.value()
			r.oneOf[string(v.AppendText(nil))] = true
		}
	}
	if def.Pattern != "" {
		var err error
		if r.pattern, err = regexp.Compile(def.Pattern); err != nil {
			c.mistakes.add(path+".pattern", "see https://github.com/google/re2/wiki/Syntax", "column %s: %v", def.Name, err)
		}
	}
	if r.oneOf == nil && r.pattern == nil {
		return nil
	}
	return r
}

func joined(values []Literal) string {
	words := make([]string, len(values))
	for i, l := range values {
		words[i] = string(l)
	}
	return strings.Join(words, ", ")
}
