package project

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document is a YAML file that has been parsed, and where its keys are.
type document struct {
	file     string
	root     ast.Node
	anchors  map[string]ast.Node
	keys     map[string]*token.Position // by path, as in columns[2].type
	values   map[string]ast.Node
	problems *Problems
}

// parseDocument parses a file's text. It notes at most one problem: after a
// mistake in YAML itself the rest means nothing.
func parseDocument(file string, text []byte, problems *Problems) (d *document) {
	d = &document{file: file, anchors: map[string]ast.Node{}, keys: map[string]*token.Position{}, values: map[string]ast.Node{}, problems: problems}
	defer func() {
		if r := recover(); r != nil { // of the parser, on text that is hardly YAML
			d.root = nil
			d.add(nil, "", "this is not YAML that can be read: %v", r)
		}
	}()
	parsed, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			hint := ""
			if strings.Contains(string(text), "${") && strings.Contains(syntax.Message, "must be specified") {
				hint = `within [ ] and { } write "${NAME}" in quotes`
			}
			d.add(syntax.Token.Position, hint, "%s", syntax.Message)
		} else {
			d.add(nil, "", "this is not YAML: %v", err)
		}
		return d
	}
	for i, doc := range parsed.Docs {
		if i > 0 && doc.Body != nil {
			d.add(doc.Body.GetToken().Position, "put it into a file of its own", "a second document in the file")
			break
		}
		d.root = doc.Body
	}
	return d
}

// add notes a problem; without a position it is the file's.
func (d *document) add(at *token.Position, suggestion, format string, args ...any) {
	p := Problem{File: d.file, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	if at != nil {
		p.Line, p.Column = at.Line, max(at.Column, 1)
	}
	*d.problems = append(*d.problems, p)
}

// place is where the value of a path is; where it is not in the file, the key,
// or the nearest thing above it, which may be nothing.
func (d *document) place(path string) *token.Position {
	for path != "" {
		if n := d.values[path]; n != nil {
			return nodeStart(n)
		}
		if at := d.keys[path]; at != nil {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	if d.root != nil {
		return nodeStart(d.root)
	}
	return nil
}

// nodeStart is where a node begins: of a mapping its first key, for its own
// token is the first colon.
func nodeStart(n ast.Node) *token.Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken().Position
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position
	}
	return n.GetToken().Position
}

// pairsOf are a mapping's keys with their values; nil for no mapping.
func pairsOf(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// plain looks through anchors, aliases and tags.
func (d *document) plain(n ast.Node) ast.Node {
	for range maxNesting {
		switch x := n.(type) {
		case *ast.AnchorNode:
			d.anchors[x.Name.GetToken().Value] = x.Value
			n = x.Value
		case *ast.AliasNode:
			n = d.anchors[x.Value.GetToken().Value]
		case *ast.TagNode:
			n = x.Value
		default:
			return n
		}
	}
	return nil
}

// scalar is a scalar's text; ok is false for lists and mappings.
func scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// wordFor says what a node is.
func wordFor(n ast.Node) string {
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.NullNode, nil:
		return "nothing"
	}
	text, _ := scalar(n)
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:40], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
