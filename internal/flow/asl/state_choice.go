package asl

import (
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// choiceTest is a condition of JSONPath: a comparison of a variable, or And, Or, Not of conditions.
type choiceTest struct {
	and, or  []*choiceTest
	not      *choiceTest
	variable *path
	operator string // without Path
	literal  any
	other    *path // of an operator that ends in Path
}

// operators are the comparisons; the value says whether a …Path form exists.
var operators = func() map[string]bool {
	all := map[string]bool{"BooleanEquals": true, "StringMatches": false,
		"IsNull": false, "IsPresent": false, "IsNumeric": false, "IsString": false, "IsBoolean": false, "IsTimestamp": false}
	for _, kind := range []string{"String", "Numeric", "Timestamp"} {
		for _, relation := range []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"} {
			all[kind+relation] = true
		}
	}
	return all
}()

func (p *parser) choice(s *State, n *node) {
	p.required(n, s.Path, "Choices")
	s.choice = &choiceFields{fallback: p.text(n, s.Path, "Default")}
	for i, at := range p.array(n, s.Path, "Choices", false) {
		place := indexed(s.Path+"/Choices", i)
		if !at.isObject() {
			p.schema(place, at, "Expected value of type Object")
			continue
		}
		p.required(at, place, "Next")
		p.inLanguage(s, at, place)
		location := indexed("Choices", i)
		rule := choiceRule{nextName: p.text(at, place, "Next"), label: conditionLabel(at)}
		rule.assign = p.template(s, at.member("Assign"), place+"/Assign", location+"/Assign", "Assign")
		if s.Language == JSONata {
			p.required(at, place, "Condition")
			p.supported(at, place, []string{"Comment", "Next", "Condition", "Assign", "Output"})
			rule.when = p.template(s, at.member("Condition"), place+"/Condition", location+"/Condition", "Condition")
			rule.output = p.template(s, at.member("Output"), place+"/Output", location+"/Output", "Output")
		} else {
			rule.test = p.test(at, place, []string{"Comment", "Next", "Assign"})
		}
		s.choice.rules = append(s.choice.rules, rule)
	}
}

func indexed(place string, i int) string { return fmt.Sprintf("%s[%d]", place, i) }

// test reads a condition; extra are the fields it may have besides.
func (p *parser) test(n *node, place string, extra []string) *choiceTest {
	if !n.isObject() {
		p.schema(place, n, "Expected value of type Object")
		return nil
	}
	t, found := &choiceTest{}, 0
	for i, name := range n.names {
		at := n.items[i]
		base := strings.TrimSuffix(name.text, "Path")
		hasPath, known := operators[base]
		switch {
		case name.text == "And" || name.text == "Or":
			found++
			var parts []*choiceTest
			for j, item := range p.array(n, place, name.text, false) {
				parts = append(parts, p.test(item, indexed(place+"/"+name.text, j), []string{"Comment"}))
			}
			if name.text == "And" {
				t.and = parts
			} else {
				t.or = parts
			}
		case name.text == "Not":
			found++
			t.not = p.test(at, place+"/Not", []string{"Comment"})
		case known && (base == name.text || hasPath):
			found++
			p.comparison(t, n, at, place, name.text, base)
		case name.text == "Variable" || contains(extra, name.text):
		default:
			p.schema(place, at, "Field '%s' is not supported", name.text)
		}
	}
	if found != 1 {
		p.schema(place, n, "Exactly one comparison, And, Or or Not is required, but there are %d", found)
	}
	return t
}

// comparison reads Variable and the operator's operand.
func (p *parser) comparison(t *choiceTest, n, at *node, place, name, base string) {
	p.required(n, place, "Variable")
	t.operator, t.variable = base, p.pathField(n, place, "Variable", false)
	if name != base {
		t.other = p.pathField(n, place, name, false)
		return
	}
	t.literal = at.value
	var want string
	var ok bool
	switch {
	case strings.HasPrefix(name, "Is"), strings.HasPrefix(name, "Boolean"):
		_, ok = at.value.(bool)
		want = "Boolean"
	case strings.HasPrefix(name, "Numeric"):
		_, ok = value.Float(at.value)
		want = "Number"
	case strings.HasPrefix(name, "Timestamp"):
		text, _ := at.value.(string)
		_, ok = parseTimestamp(text)
		want = "Timestamp"
	default:
		_, ok = at.value.(string)
		want = "String"
	}
	if !ok {
		p.schema(child(place, name), at, "Expected value of type %s", want)
	}
}

// conditionLabel is a rule's condition for people: $.a NumericEquals 1.
func conditionLabel(n *node) string {
	if when := n.member("Condition"); when != nil {
		text, _ := when.value.(string)
		if source, ok := expressionSource(text); ok {
			return source
		}
		return value.Text(when.value)
	}
	for i, name := range n.names {
		switch name.text {
		case "And", "Or":
			var parts []string
			for _, item := range n.items[i].items {
				parts = append(parts, conditionLabel(item))
			}
			return strings.Join(parts, " "+strings.ToLower(name.text)+" ")
		case "Not":
			return "not " + conditionLabel(n.items[i])
		}
		if _, known := operators[strings.TrimSuffix(name.text, "Path")]; known {
			if variable := n.member("Variable"); variable != nil {
				text, _ := variable.value.(string)
				return text + " " + name.text + " " + value.Text(n.items[i].value)
			}
		}
	}
	return ""
}

// holds says whether the condition is true for what the frame sees.
func (t *choiceTest) holds(f *frame) (bool, *failure) {
	switch {
	case t.not != nil:
		ok, failed := t.not.holds(f)
		return !ok, failed
	case t.and != nil:
		for _, part := range t.and {
			if ok, failed := part.holds(f); failed != nil || !ok {
				return false, failed
			}
		}
		return true, nil
	case t.or != nil:
		for _, part := range t.or {
			if ok, failed := part.holds(f); failed != nil || ok {
				return ok, failed
			}
		}
		return false, nil
	}
	return t.compare(f)
}

func (t *choiceTest) compare(f *frame) (bool, *failure) {
	left, err := t.variable.get(f)
	if t.operator == "IsPresent" {
		_, err = t.variable.lookup(f)
		return (err == nil) == t.literal.(bool), nil
	}
	if err != nil {
		return false, runtimeFailure(choicePathCause, t.variable.text)
	}
	right := t.literal
	if t.other != nil {
		if right, err = t.other.get(f); err != nil {
			return false, runtimeFailure(choicePathCause, t.other.text)
		}
	}
	return compareAs(t.operator, left, right), nil
}

// compareAs compares two values by an operator; values of other types than the operator's are never equal, less or greater.
func compareAs(operator string, left, right any) bool {
	switch operator {
	case "IsNull":
		return (left == nil) == right.(bool)
	case "IsNumeric":
		_, ok := value.Float(left)
		return ok == right.(bool)
	case "IsString":
		_, ok := left.(string)
		return ok == right.(bool)
	case "IsBoolean":
		_, ok := left.(bool)
		return ok == right.(bool)
	case "IsTimestamp":
		text, _ := left.(string)
		_, ok := parseTimestamp(text)
		return ok == right.(bool)
	case "BooleanEquals":
		a, ok := left.(bool)
		b, also := right.(bool)
		return ok && also && a == b
	case "StringMatches":
		a, ok := left.(string)
		b, also := right.(string)
		return ok && also && wildcard(b, a)
	}
	if relation, ok := strings.CutPrefix(operator, "String"); ok {
		a, ok := left.(string)
		b, also := right.(string)
		return ok && also && related(relation, strings.Compare(a, b))
	}
	if relation, ok := strings.CutPrefix(operator, "Numeric"); ok {
		a, ok := value.Float(left)
		b, also := value.Float(right)
		return ok && also && related(relation, order(a, b))
	}
	relation := strings.TrimPrefix(operator, "Timestamp")
	a, ok := timestampOf(left)
	b, also := timestampOf(right)
	return ok && also && related(relation, a.Compare(b))
}

func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func related(relation string, order int) bool {
	switch relation {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "GreaterThan":
		return order > 0
	case "LessThanEquals":
		return order <= 0
	}
	return order >= 0
}

// wildcard says whether text matches a pattern in which * stands for any characters; \* is a star, \\ a backslash.
func wildcard(pattern, text string) bool {
	star, mark := -1, 0 // where the last * was in the pattern and what of the text it was tried with
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
			continue
		case i+1 < len(pattern) && pattern[i] == '\\' && pattern[i+1] == text[j]:
			i, j = i+2, j+1
			continue
		case i < len(pattern) && pattern[i] == text[j] && pattern[i] != '\\':
			i, j = i+1, j+1
			continue
		case star >= 0:
			mark++
			i, j = star+1, mark
			continue
		}
		return false
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}
