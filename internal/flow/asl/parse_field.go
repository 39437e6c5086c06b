package asl

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// pathField reads a field that is a path; null, where it is allowed, stands for {}.
func (p *parser) pathField(n *node, place, field string, nullable bool) *path {
	at := n.member(field)
	if at == nil {
		return nil
	}
	place = child(place, field)
	if at.value == nil && nullable {
		return &path{null: true}
	}
	text, ok := at.value.(string)
	if !ok {
		p.schema(place, at, "Expected value of type String")
		return nil
	}
	compiled, err := compilePath(text, field == "ErrorPath" || field == "CausePath")
	if err != nil {
		p.add(CodeJSONPath, place, at, "Value is not a valid JSONPath: %s", err)
		return nil
	}
	return compiled
}

// resultPath reads ResultPath, which is a reference path into the input.
func (p *parser) resultPath(n *node, place string) *resultPath {
	at := n.member("ResultPath")
	if at == nil {
		return nil
	}
	if at.value == nil {
		return &resultPath{null: true}
	}
	found := p.pathField(n, place, "ResultPath", false)
	if found == nil {
		return nil
	}
	if found.compiled == nil || found.compiled.Root() != "$" || !found.compiled.Reference() {
		p.schema(child(place, "ResultPath"), at, "Value is not a Reference Path")
		return nil
	}
	return &resultPath{text: found.text, compiled: found.compiled}
}

// number reads a number; in JSONPath its …Path may stand instead, in JSONata an expression.
func (p *parser) number(s *State, n *node, place, field string, whole bool, least, most float64) *number {
	if s.Language == JSONPath && contains(onlyJSONPath, field+"Path") {
		p.oneOf(n, place, false, field, field+"Path")
		if found := p.pathField(n, place, field+"Path", false); found != nil {
			return &number{field: field + "Path", path: found, whole: whole}
		}
	}
	at := n.member(field)
	if at == nil {
		return nil
	}
	if text, ok := at.value.(string); ok && s.Language == JSONata {
		if source, ok := expressionSource(text); ok {
			t := p.expression(at, child(place, field), source, p.location(s, place, field))
			if t == nil {
				return nil
			}
			return &number{field: field, expression: t.part.(*jsonataPart), whole: whole}
		}
	}
	literal, ok := value.Float(at.value)
	if !ok || whole && literal != math.Trunc(literal) {
		kind := "Number"
		if whole {
			kind = "Integer"
		}
		p.schema(child(place, field), at, "Expected value of type %s", kind)
		return nil
	}
	p.between(literal, least, most, child(place, field), at, !whole)
	return &number{field: field, literal: literal, whole: whole}
}

// location is a field's name from its state on, as evaluation failures have it: ItemReader/ReaderConfig/MaxItems.
func (p *parser) location(s *State, place, field string) string {
	return strings.TrimPrefix(strings.TrimPrefix(place, s.Path)+"/"+field, "/")
}

// payload reads the first of the fields that is there as a payload template.
func (p *parser) payload(s *State, n *node, fields ...string) *template {
	for _, field := range fields {
		if at := n.member(field); at != nil {
			return p.template(s, at, child(s.Path, field), field, field)
		}
	}
	return nil
}

// assign reads Assign: an object whose members become variables.
func (p *parser) assign(s *State, n *node, place, field string) *template {
	at := p.object(n, place, field)
	if at == nil {
		return nil
	}
	for i := range at.names {
		p.variableName(at, i, child(place, field))
	}
	return p.template(s, at, child(place, field), p.location(s, place, field), field)
}

func (p *parser) variableName(n *node, i int, place string) {
	name := strings.TrimSuffix(n.names[i].text, ".$")
	at := &node{line: n.names[i].line, column: n.names[i].column}
	switch {
	case name == "states":
		p.schema(place, at, "The variable name 'states' is reserved")
	case utf8.RuneCountInString(name) > maxNameLength:
		p.schema(place, at, "A variable name cannot be longer than %d characters: %s", maxNameLength, name)
	case variableName(name) != name || name == "":
		p.schema(place, at, "Invalid variable name: %s", name)
	}
}

// variableName is the name that text begins with: letters, digits and _, no digit first.
func variableName(text string) string {
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
		if !letter && (i == 0 || r < '0' || r > '9') {
			return text[:i]
		}
	}
	return text
}

// template compiles a payload template. place is where it stands, location the same for evaluation failures; field is
// the name of its outermost member.
func (p *parser) template(s *State, n *node, place, location, field string) *template {
	if n == nil {
		return nil
	}
	if s.Language == JSONPath && !n.isObject() && (field == "Parameters" || field == "ResultSelector" || field == "ItemSelector") && n.isArray() {
		p.schema(place, n, "Expected value of type Object")
	}
	t := p.compile(s, n, place, location)
	return &t
}

func (p *parser) compile(s *State, n *node, place, location string) template {
	switch {
	case n.isObject():
		return p.compileObject(s, n, place, location)
	case n.isArray():
		parts, dynamic := make(arrayPart, len(n.items)), false
		for i, item := range n.items {
			parts[i] = p.compile(s, item, fmt.Sprintf("%s[%d]", place, i), fmt.Sprintf("%s[%d]", location, i))
			dynamic = dynamic || parts[i].part != nil
		}
		if dynamic {
			return template{part: parts}
		}
	case s.Language == JSONata:
		text, _ := n.value.(string)
		if source, ok := expressionSource(text); ok {
			if t := p.expression(n, place, source, location); t != nil {
				return *t
			}
		}
	}
	return template{constant: n.value}
}

func (p *parser) compileObject(s *State, n *node, place, location string) template {
	o, late := &objectPart{}, &objectPart{}
	dynamic := false
	for i, name := range n.names {
		at := n.items[i]
		if s.Language == JSONPath && strings.HasSuffix(name.text, ".$") {
			if part := p.pathMember(at, name.text, place); part != nil {
				late.names = append(late.names, strings.TrimSuffix(name.text, ".$"))
				late.parts = append(late.parts, template{part: part})
				dynamic = true
			}
			continue
		}
		t := p.compile(s, at, place+"/"+name.text, location+"/"+name.text)
		o.names, o.parts = append(o.names, name.text), append(o.parts, t)
		dynamic = dynamic || t.part != nil
	}
	if !dynamic {
		return template{constant: n.value}
	}
	o.names, o.parts = append(o.names, late.names...), append(o.parts, late.parts...)
	return template{part: o}
}

// pathMember compiles the value of a member whose name ends in .$.
func (p *parser) pathMember(at *node, name, place string) *pathPart {
	text, ok := at.value.(string)
	if ok {
		compiled, err := compilePath(text, true)
		if err == nil {
			return &pathPart{path: compiled, field: name}
		}
	}
	p.schema(place, at, "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", name)
	return nil
}

// expression compiles JSONata; nil if it has a mistake.
func (p *parser) expression(at *node, place, source, location string) *template {
	e, err := jsonata.Compile(source)
	if err != nil {
		message := err.Error()
		var mistake *jsonata.Error
		if errors.As(err, &mistake) {
			message = mistake.Message
		}
		p.add(CodeJSONata, place, at, "%s", message)
		return nil
	}
	return &template{part: &jsonataPart{source: source, location: location, expression: e}}
}
