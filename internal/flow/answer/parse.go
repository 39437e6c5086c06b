package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
	"github.com/biwa-data/biwa/internal/nearest"
)

// Mistake is one thing that is wrong with a file of rules.
type Mistake struct {
	Line, Column int // from 1
	Message      string
}

func (m Mistake) String() string { return fmt.Sprintf("%d:%d: %s", m.Line, m.Column, m.Message) }

const (
	maxFile  = 16 << 20 // bytes
	maxDepth = 100
)

// Parse reads the rules of a YAML (or JSON) file. If there are mistakes they are all of them, and there are no rules.
func Parse(text []byte) (rules *Rules, mistakes []Mistake) {
	if len(text) > maxFile {
		return nil, []Mistake{{1, 1, fmt.Sprintf("the file is longer than %d bytes", maxFile)}}
	}
	defer func() {
		if recover() != nil { // the YAML parser, on text that is hardly YAML
			rules, mistakes = nil, []Mistake{{1, 1, "this is no YAML that can be read"}}
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return nil, []Mistake{{syntax.Token.Position.Line, max(syntax.Token.Position.Column, 1), syntax.Message}}
		}
		return nil, []Mistake{{1, 1, err.Error()}}
	}
	r := &reader{rules: &Rules{folder: ".", ctx: context.Background()}}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return r.rules, nil
	}
	r.file(file.Docs[0].Body)
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	return r.rules, nil
}

// reader reads on after a mistake, so that all are found at once.
type reader struct {
	rules    *Rules
	mistakes []Mistake
}

func (r *reader) add(at ast.Node, format string, args ...any) {
	m := Mistake{Message: fmt.Sprintf(format, args...), Line: 1, Column: 1}
	if mapping, ok := at.(*ast.MappingNode); ok && len(mapping.Values) > 0 && !mapping.IsFlowStyle {
		at = mapping.Values[0].Key
	}
	if pair, ok := at.(*ast.MappingValueNode); ok {
		at = pair.Key
	}
	if token := at.GetToken(); token != nil {
		m.Line, m.Column = token.Position.Line, max(token.Position.Column, 1)
	}
	r.mistakes = append(r.mistakes, m)
}

func (r *reader) file(n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.add(n, "the file is a list of rules: - match: {resource: \"*\"}")
		return
	}
	for _, entry := range list.Values {
		r.rule(entry)
	}
}

// pairs are the members of a mapping; ok is false, and a mistake is noted, if it is none.
func (r *reader) pairs(n ast.Node, what string) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	r.add(n, "%s", what)
	return nil, false
}

var ruleKeys = []string{"match", "answers", "exec", "echo"}

func (r *reader) rule(n ast.Node) {
	pairs, ok := r.pairs(n, "a rule has match and one of answers, exec and echo")
	if !ok {
		return
	}
	one := rule{}
	var matched bool
	var ways []string
	before := len(r.mistakes)
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		switch key {
		case "match":
			matched = true
			r.match(&one, pair.Value)
		case "answers":
			r.answers(&one, pair.Value)
		case "exec":
			one.command = r.texts(pair.Value, "exec is a command and its arguments: [python3, answer.py]")
		case "echo":
			one.echo = r.truth(pair.Value, "echo")
		default:
			r.unknown(pair.Key, key, "a rule", ruleKeys)
			continue
		}
		if key != "match" {
			ways = append(ways, key)
		}
	}
	if len(pairs) > 0 {
		one.line = pairs[0].Key.GetToken().Position.Line
	}
	switch {
	case len(r.mistakes) > before:
	case !matched:
		r.add(n, `the rule has no match; {resource: "*"} matches every task`)
	case len(ways) == 0:
		r.add(n, "the rule does not say how to answer: answers, exec or echo")
	case len(ways) > 1:
		r.add(n, "the rule has %s; one of them is enough", strings.Join(ways, " and "))
	}
	r.rules.rules = append(r.rules.rules, one)
}

func (r *reader) unknown(at ast.Node, key, where string, known []string) {
	hint := "there are " + strings.Join(known, ", ")
	if near := nearest.Word(key, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	r.add(at, "%q is no part of %s; %s", key, where, hint)
}

func (r *reader) match(one *rule, n ast.Node) {
	pairs, ok := r.pairs(n, `match is {state: NAME}, {resource: ARN} or both; * stands for any text`)
	if !ok {
		return
	}
	if len(pairs) == 0 {
		r.add(n, `match is empty; {resource: "*"} matches every task`)
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		switch key {
		case "state":
			one.state = r.text(pair.Value, key)
		case "resource":
			one.resource = r.text(pair.Value, key)
		default:
			r.unknown(pair.Key, key, "match", []string{"state", "resource"})
		}
	}
}

// text is a scalar as text; what YAML takes for a number or a truth value is text here too.
func (r *reader) text(n ast.Node, name string) string {
	switch n := n.(type) {
	case *ast.StringNode:
		if n.Value == "" {
			r.add(n, "%s is empty", name)
		}
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	}
	r.add(n, "%s is a text", name)
	return ""
}

func (r *reader) texts(n ast.Node, what string) []string {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		r.add(n, "%s", what)
		return nil
	}
	var texts []string
	for _, entry := range list.Values {
		texts = append(texts, r.text(entry, "a part of exec"))
	}
	return texts
}

func (r *reader) truth(n ast.Node, name string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok || !b.Value {
		r.add(n, "%s is true or left out", name)
	}
	return ok && b.Value
}

func (r *reader) answers(one *rule, n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		r.add(n, "answers is a list such as [{output: {rows: 3}}]; its last answer repeats")
		return
	}
	for _, entry := range list.Values {
		one.answers = append(one.answers, r.answer(entry))
	}
}

func (r *reader) answer(n ast.Node) (answer asl.Answer) {
	pairs, ok := r.pairs(n, "an answer is {output: VALUE} or {error: NAME, cause: TEXT}")
	if !ok {
		return answer
	}
	before, hasOutput := len(r.mistakes), false
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		switch key {
		case "output":
			answer.Output, hasOutput = r.value(pair.Value), true
		case "submitted":
			answer.Submitted = r.value(pair.Value)
		case "error", "cause", "delay", "worker":
			if err := setText(&answer, key, r.text(pair.Value, key)); err != nil {
				r.add(pair.Value, "%v", err)
			}
		default:
			r.unknown(pair.Key, key, "an answer", answerKeys)
		}
	}
	if len(r.mistakes) == before {
		if err := check(&answer, hasOutput); err != nil {
			r.add(n, "%v", err)
		}
	}
	return answer
}

// value is a node as JSON.
func (r *reader) value(n ast.Node) any {
	var decoded any
	if err := yaml.NodeToValue(n, &decoded, yaml.UseOrderedMap()); err != nil {
		r.add(n, "this value cannot be read: %v", err)
		return nil
	}
	converted, err := fromYAML(decoded, 0)
	if err != nil {
		r.add(n, "%v", err)
	}
	return converted
}

func fromYAML(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the value is nested more than %d levels deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			var err error
			if items[i], err = fromYAML(item, depth+1); err != nil {
				return nil, err
			}
		}
		return items, nil
	case yaml.MapSlice:
		object := value.NewObject(len(v))
		for _, member := range v {
			item, err := fromYAML(member.Value, depth+1)
			if err != nil {
				return nil, err
			}
			object.Set(fmt.Sprint(member.Key), item)
		}
		return object, nil
	case int64, uint64:
		return value.Number(json.Number(fmt.Sprint(v))), nil
	case float64:
		return value.Number(json.Number(value.Text(v))), nil
	}
	return nil, fmt.Errorf("a value of the kind %T is not JSON", v)
}
