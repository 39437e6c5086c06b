package jsonata

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// stringify is $string: a text as it is, a function as nothing, anything else as JSON with numbers of 15 digits.
func (r *run) stringify(v any, pretty bool) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return scalarText(v)
	case bool:
		if v {
			return "true"
		}
		return "false"
	case nil:
		return "null"
	}
	if isFunction(v) {
		return ""
	}
	if isNumber(v) {
		return scalarText(float(v))
	}
	if a, ok := v.(*array); ok && a.wholeData {
		v = a.items[0]
	}
	w := writer{run: r, pretty: pretty}
	w.write(v, 0)
	return w.out.String()
}

func scalarText(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		panic(mistake("D3001", 0).withValue(f))
	}
	return numberText(float(rounded(f)))
}

// writer writes JSON as ECMAScript's JSON.stringify does.
type writer struct {
	run    *run
	out    strings.Builder
	pretty bool
}

func (w *writer) write(v any, depth int) {
	w.run.enter()
	defer w.run.leave()
	w.run.step()
	switch v := v.(type) {
	case string:
		w.text(v)
		return
	case *value.Object:
		w.object(v, depth)
		return
	case missing:
		w.add("null")
		return
	}
	switch {
	case isArray(v):
		w.array(w.run.list(v), depth)
	case isNumber(v):
		if f, ok := rounded(v).(float64); ok {
			w.add(value.Text(f))
		} else if rounded(v) == nil {
			w.add("null")
		} else {
			w.add(numberText(float(v)))
		}
	case isFunction(v):
		w.add(`""`)
	default:
		w.add(value.Text(v))
	}
}

// add appends a text and accounts for it.
func (w *writer) add(s string) {
	w.run.charge(len(s))
	w.out.WriteString(s)
}

func (w *writer) line(depth int) {
	if w.pretty {
		w.add("\n" + strings.Repeat("  ", depth))
	}
}

func (w *writer) array(items []any, depth int) {
	if len(items) == 0 {
		w.add("[]")
		return
	}
	w.add("[")
	for i, item := range items {
		if i > 0 {
			w.add(",")
		}
		w.line(depth + 1)
		w.write(item, depth+1)
	}
	w.line(depth)
	w.add("]")
}

func (w *writer) object(o *value.Object, depth int) {
	w.add("{")
	first := true
	members(o, func(name string, item any) {
		if item == undefined {
			return
		}
		if !first {
			w.add(",")
		}
		first = false
		w.line(depth + 1)
		w.text(name)
		w.add(":")
		if w.pretty {
			w.add(" ")
		}
		w.write(item, depth+1)
	})
	if !first {
		w.line(depth)
	}
	w.add("}")
}

func (w *writer) text(s string) { w.add(quote(s)) }

// quote is a text as a JSON string; lone surrogates are escaped.
func quote(s string) string {
	if utf8.ValidString(s) {
		return value.Text(s)
	}
	var out strings.Builder
	out.WriteByte('"')
	for len(s) > 0 {
		c, size := nextRune(s)
		if c >= 0xd800 && c < 0xe000 {
			fmt.Fprintf(&out, `\u%04x`, c)
		} else {
			quoted := value.Text(s[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	out.WriteByte('"')
	return out.String()
}
