package project

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/shape"
)

// decoder fills a struct from a document. Other than a YAML library's it does
// not stop at the first mistake: what is wrong is noted and left out.
type decoder struct {
	*document
	// expand works on texts before they are read; nil leaves them.
	expand func(n ast.Node, path, text string, secret bool) (string, bool)
	nodes  int
}

// Bounds on what aliases can make of a small file.
const (
	maxNesting = 64
	maxNodes   = 100_000
)

var (
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()
	literalType = reflect.TypeFor[shape.Literal]()
)

// decode reads the document into the struct that into points to.
func (d *decoder) decode(into any) {
	if root := d.plain(d.root); root != nil {
		d.value(root, reflect.ValueOf(into).Elem(), "", false)
	}
}

// value reads a node into v, which stands at path.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, secret bool) {
	start := n
	if n = d.plain(n); n == nil {
		d.add(nodeStart(start), "", "the alias has no anchor before it")
		return
	}
	d.values[path] = start
	if d.nodes++; d.nodes > maxNodes || strings.Count(path, ".")+strings.Count(path, "[") > maxNesting {
		d.problems.once(Problem{File: d.file, Message: "the file is too large or too deeply nested"})
		return
	}
	if _, isNull := n.(*ast.NullNode); isNull {
		return
	}
	text, isScalar := scalar(n)
	if isScalar && d.expand != nil {
		var ok bool
		if text, ok = d.expand(n, path, text, secret); !ok {
			return
		}
	}
	switch {
	case v.Type() == literalType:
		if l, ok := d.literal(n); ok {
			v.SetBytes(l)
		}
	case isScalar && v.Addr().Type().Implements(textType):
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			d.add(nodeStart(n), "", "%v", err)
		}
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path, secret)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path)
	case !isScalar:
		d.add(nodeStart(n), "", "expected %s, found %s", expected(v), wordFor(n))
	default:
		if !setScalar(v, text) {
			d.add(nodeStart(n), "", "expected %s, found %q", expected(v), text)
		}
	}
}

func setScalar(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil || len(text) < 4 {
			return false
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return false
		}
		v.SetInt(i)
	default:
		panic("project: no way to read a " + v.Type().String())
	}
	return true
}

// expected says what a value of a field would be.
func expected(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		if v.Type().Implements(reflect.TypeFor[fmt.Stringer]()) {
			return strings.ToLower("a " + v.Type().Name())
		}
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys with values"
	}
	return "text"
}

// key is a struct's field by the name YAML has for it.
type key struct {
	name   string
	index  int
	secret bool
}

func keysOf(t reflect.Type) (keys []key, names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("yaml"); name != "-" {
			keys = append(keys, key{name, i, f.Tag.Get("secret") == "file"})
			names = append(names, name)
		}
	}
	return keys, names
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	if !isMapping(n) {
		d.add(nodeStart(n), "", "expected %s, found %s", expected(v), wordFor(n))
		return
	}
	keys, names := keysOf(v.Type())
	for _, pair := range d.unique(n) {
		name := pair.Key.GetToken().Value
		at := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		if at < 0 {
			d.add(pair.Key.GetToken().Position, suggestKey(name, names), "unknown key %s", name)
			continue
		}
		inner := join(path, name)
		d.keys[inner] = pair.Key.GetToken().Position
		d.value(pair.Value, v.Field(keys[at].index), inner, keys[at].secret)
	}
}

func suggestKey(name string, names []string) string {
	if near := nearest.Word(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "the keys here are " + strings.Join(names, ", ")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// unique are a mapping's pairs, each key once; of doubles the first stays.
func (d *decoder) unique(n ast.Node) []*ast.MappingValueNode {
	var pairs []*ast.MappingValueNode
	seen := map[string]int{}
	for _, pair := range pairsOf(n) {
		if pair.Key.IsMergeKey() {
			d.add(pair.Key.GetToken().Position, "write the keys out", "<< is not read here")
			continue
		}
		name, at := pair.Key.GetToken().Value, pair.Key.GetToken().Position
		if line, twice := seen[name]; twice {
			d.add(at, "keep one of them", "the key %s is there already, in line %d", name, line)
			continue
		}
		seen[name] = at.Line
		pairs = append(pairs, pair)
	}
	return pairs
}

// mapping reads a map with names of the user's choice.
func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	if !isMapping(n) {
		d.add(nodeStart(n), "", "expected %s, found %s", expected(v), wordFor(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, pair := range d.unique(n) {
		name := pair.Key.GetToken().Value
		inner := join(path, name)
		d.keys[inner] = pair.Key.GetToken().Position
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(pair.Value, item, inner, false)
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(nodeStart(n), "write it in [ ]", "expected %s, found %s", expected(v), wordFor(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values)))
	for i, item := range sequence.Values {
		inner := fmt.Sprintf("%s[%d]", path, i)
		if _, empty := d.plain(item).(*ast.NullNode); empty && v.Type().Elem() != literalType {
			d.add(nodeStart(item), "take out the dash, or write something after it", "an empty item")
			continue
		}
		d.value(item, v.Index(i), inner, false)
	}
}

// literal writes a node as JSON. Numbers keep their digits.
func (d *decoder) literal(n ast.Node) (shape.Literal, bool) {
	if n = d.plain(n); n == nil {
		return nil, false
	}
	text, isScalar := scalar(n)
	switch n := n.(type) {
	case *ast.NullNode:
		return shape.Literal("null"), true
	case *ast.BoolNode:
		return strconv.AppendBool(nil, n.Value), true
	case *ast.InfinityNode, *ast.NanNode:
		d.add(nodeStart(n), "", "%s is no value of a column", text)
		return nil, false
	case *ast.IntegerNode, *ast.FloatNode:
		if json.Valid([]byte(text)) {
			return shape.Literal(text), true
		}
		if i, err := strconv.ParseInt(text, 0, 64); err == nil {
			return strconv.AppendInt(nil, i, 10), true
		}
	case *ast.SequenceNode:
		return d.literals('[', ']', len(n.Values), func(i int) (string, ast.Node) { return "", n.Values[i] })
	case *ast.MappingNode, *ast.MappingValueNode:
		pairs := d.unique(n)
		return d.literals('{', '}', len(pairs), func(i int) (string, ast.Node) {
			name, _ := json.Marshal(pairs[i].Key.GetToken().Value)
			return string(name) + ":", pairs[i].Value
		})
	}
	if !isScalar {
		d.add(nodeStart(n), "", "expected a value, found %s", wordFor(n))
		return nil, false
	}
	quoted, err := json.Marshal(text)
	return quoted, err == nil
}

// literals writes the items of a list or mapping.
func (d *decoder) literals(open, end byte, count int, item func(i int) (string, ast.Node)) (shape.Literal, bool) {
	out := shape.Literal{open}
	for i := range count {
		if i > 0 {
			out = append(out, ',')
		}
		prefix, n := item(i)
		if d.nodes++; d.nodes > maxNodes { // an alias within what it stands for
			d.problems.once(Problem{File: d.file, Message: "the file is too large, or an alias stands within itself"})
			return nil, false
		}
		l, ok := d.literal(n)
		if !ok {
			return nil, false
		}
		out = append(append(out, prefix...), l...)
	}
	return append(out, end), true
}
