package asl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/value"
)

const (
	maxNameLength  = 80
	maxLabelLength = 40
	maxSeconds     = 99_999_999
)

// Parse reads a definition, JSON or YAML, for state machines of a kind. If it has mistakes, there is no definition.
func Parse(text []byte, kind Kind) (*Definition, Mistakes) {
	p := &parser{kind: kind, names: map[string]bool{}}
	root, err := readDocument(text)
	if err != nil {
		if strings.TrimSpace(string(text)) == "" {
			err.message = ""
		}
		return nil, Mistakes{notADefinition(err)}
	}
	if !root.isObject() {
		return nil, Mistakes{notADefinition(&syntaxError{line: root.line, column: root.column})}
	}
	d := p.definition(root)
	return p.finish(d)
}

// notADefinition is AWS's mistake for a text it cannot read, with what is wrong at that place.
func notADefinition(err *syntaxError) Mistake {
	m := Mistake{Code: CodeSchema, Message: "Definition must be a valid JSON object", Line: err.line, Column: err.column}
	if err.message != "" {
		m.Message += ": " + err.message
	}
	return m
}

// parser turns the text's values into states and notes mistakes.
type parser struct {
	kind     Kind
	d        *Definition
	mistakes Mistakes
	names    map[string]bool // of all states
	loose    bool            // a single state: its transitions lead out of what is known
}

func (p *parser) finish(d *Definition) (*Definition, Mistakes) {
	p.connect()
	if len(p.mistakes) > 0 {
		return nil, p.mistakes
	}
	return d, nil
}

func (p *parser) add(code, place string, at *node, format string, args ...any) {
	p.mistakes = append(p.mistakes, Mistake{Code: code, Message: fmt.Sprintf(format, args...), Path: place, Line: at.line, Column: at.column})
}

func (p *parser) schema(place string, at *node, format string, args ...any) {
	p.add(CodeSchema, place, at, format, args...)
}

var rootFields = []string{"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"}

func (p *parser) definition(n *node) *Definition {
	d := &Definition{Kind: p.kind, Language: JSONPath}
	p.d = d
	p.required(n, "/", "StartAt", "States")
	p.supported(n, "/", rootFields)
	d.Comment = p.text(n, "/", "Comment")
	if d.Version = p.text(n, "/", "Version"); d.Version != "" && d.Version != "1.0" {
		p.schema("/Version", n.member("Version"), "The field 'Version' should have one of these values: [1.0]")
	}
	d.Language = p.language(n, "/", JSONPath)
	d.Timeout = time.Duration(p.integer(n, "/", "TimeoutSeconds", 0, maxSeconds)) * time.Second
	d.Root = p.machine(n, "", nil)
	return d
}

// required notes which fields are missing.
func (p *parser) required(n *node, place string, fields ...string) {
	var missing []string
	for _, field := range fields {
		if n.member(field) == nil {
			missing = append(missing, field)
		}
	}
	if len(missing) > 0 {
		p.schema(place, n, "These fields are required: [%s]", strings.Join(missing, ", "))
	}
}

// supported notes fields that do not belong here.
func (p *parser) supported(n *node, place string, fields []string) {
	for i, name := range n.names {
		if !contains(fields, name.text) {
			at := *n.items[i]
			at.line, at.column = name.line, name.column
			p.schema(place, &at, "Field '%s' is not supported", name.text)
		}
	}
}

func (p *parser) language(n *node, place string, inherited Language) Language {
	field := n.member("QueryLanguage")
	if field == nil {
		return inherited
	}
	switch field.value {
	case "JSONPath":
		return JSONPath
	case "JSONata":
		return JSONata
	}
	p.schema(child(place, "QueryLanguage"), field, "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]")
	return JSONata
}

// machine reads StartAt and States of n.
func (p *parser) machine(n *node, place string, parent *State) *Machine {
	m := &Machine{Path: place, Parent: parent, Line: n.line, Column: n.column, byName: map[string]*State{}, index: len(p.d.Machines)}
	p.d.Machines = append(p.d.Machines, m)
	shown := place
	if place == "" {
		shown = "/"
	}
	m.StartAt = p.text(n, shown, "StartAt")
	states := n.member("States")
	if states == nil {
		return m
	}
	if !states.isObject() {
		p.schema(place+"/States", states, "Expected value of type Object")
		return m
	}
	if len(states.names) == 0 {
		p.schema(place+"/States", states, "Value cannot be empty")
	}
	for i, name := range states.names {
		at := states.items[i]
		s := &State{Name: name.text, Path: place + "/States/" + name.text, Line: name.line, Column: name.column, Machine: m}
		p.nameOf(s, at)
		m.States = append(m.States, s)
		m.byName[s.Name] = s
		p.state(s, at)
	}
	return m
}

// nameOf checks a state's name; names are unique in the whole definition.
func (p *parser) nameOf(s *State, at *node) {
	switch {
	case s.Name == "":
		p.add(CodeStateName, s.Path, at, "State name cannot be empty")
	case utf8.RuneCountInString(s.Name) > maxNameLength:
		p.add(CodeStateName, s.Path, at, "State name cannot be longer than %d characters", maxNameLength)
	case p.names[s.Name]:
		p.add(CodeDuplicate, s.Path, at, "Duplicate state name: %s", s.Name)
	}
	p.names[s.Name] = true
}

// child is the place of a field.
func child(place, field string) string {
	if place == "/" {
		return "/" + field
	}
	return place + "/" + field
}

// The readers of single fields below give a zero value and note a mistake if the field is not as it should be.

func (p *parser) text(n *node, place, field string) string {
	v := n.member(field)
	if v == nil {
		return ""
	}
	s, ok := v.value.(string)
	if !ok {
		p.schema(child(place, field), v, "Expected value of type String")
	}
	return s
}

func (p *parser) integer(n *node, place, field string, least, most int64) int64 {
	v := n.member(field)
	if v == nil {
		return 0
	}
	number, ok := value.Float(v.value)
	if !ok || number != math.Trunc(number) {
		p.schema(child(place, field), v, "Expected value of type Integer")
		return 0
	}
	p.between(number, float64(least), float64(most), child(place, field), v, false)
	return int64(number)
}

func (p *parser) float(n *node, place, field string, least, most, missing float64) float64 {
	v := n.member(field)
	if v == nil {
		return missing
	}
	number, ok := value.Float(v.value)
	if !ok {
		p.schema(child(place, field), v, "Expected value of type Number")
		return missing
	}
	p.between(number, least, most, child(place, field), v, true)
	return number
}

// between notes a number outside its bounds; a bound of a fraction is written with its .0.
func (p *parser) between(number, least, most float64, place string, at *node, fraction bool) {
	show := func(f float64) string {
		if fraction {
			return fmt.Sprintf("%.1f", f)
		}
		return fmt.Sprintf("%.0f", f)
	}
	if number < least {
		p.schema(place, at, "Minimum value is %s", show(least))
	}
	if number > most {
		p.schema(place, at, "Maximum value is %s", show(most))
	}
}

// array reads a field that is an array with at least one item, unless empty is allowed.
func (p *parser) array(n *node, place, field string, empty bool) []*node {
	v := n.member(field)
	if v == nil {
		return nil
	}
	if !v.isArray() {
		p.schema(child(place, field), v, "Expected value of type Array")
		return nil
	}
	if len(v.items) == 0 && !empty {
		p.schema(child(place, field), v, "Value cannot be empty")
	}
	return v.items
}

// texts reads an array of texts.
func (p *parser) texts(n *node, place, field string) []string {
	var all []string
	for i, item := range p.array(n, place, field, false) {
		s, ok := item.value.(string)
		if !ok {
			p.schema(fmt.Sprintf("%s[%d]", child(place, field), i), item, "Expected value of type String")
		}
		all = append(all, s)
	}
	return all
}

// object gives a field that must be an object, nil if it is missing or something else.
func (p *parser) object(n *node, place, field string) *node {
	v := n.member(field)
	if v == nil {
		return nil
	}
	if !v.isObject() {
		p.schema(child(place, field), v, "Expected value of type Object")
		return nil
	}
	return v
}

// oneOf notes if more than one of the fields is there; needed: if none is.
func (p *parser) oneOf(n *node, place string, needed bool, fields ...string) {
	found := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return n.member(f) == nil })
	if len(found) > 1 {
		p.schema(place, n, "There should only be one of the following fields: [%s]", strings.Join(found, ", "))
	}
	if len(found) == 0 && needed {
		p.schema(place, n, "One of the following fields is required: [%s]", strings.Join(fields, ", "))
	}
}
