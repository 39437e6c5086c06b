package asl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// readYAML reads one YAML document as JSON would have it: numbers, truth values and null as YAML 1.2 writes them in its
// core schema, everything else text. Anchors and aliases work; tags other than the core ones do not.
func readYAML(text []byte) (n *node, mistake *syntaxError) {
	defer func() {
		if r := recover(); r != nil { // the parser, on text that is hardly YAML
			n, mistake = nil, &syntaxError{1, 1, "this is neither JSON nor YAML that can be read"}
		}
	}()
	file, err := yamlparser.ParseBytes(text, 0, yamlparser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return nil, &syntaxError{syntax.Token.Position.Line, max(syntax.Token.Position.Column, 1), syntax.Message}
		}
		return nil, &syntaxError{1, 1, err.Error()}
	}
	y := &yamlReader{anchors: map[string]ast.Node{}}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, &syntaxError{1, 1, "the text is empty"}
	}
	if len(file.Docs) > 1 && file.Docs[1].Body != nil {
		at := file.Docs[1].Body.GetToken().Position
		return nil, &syntaxError{at.Line, max(at.Column, 1), "a second document; a file holds one definition"}
	}
	return y.node(file.Docs[0].Body, 0)
}

type yamlReader struct {
	anchors map[string]ast.Node
	nodes   int
}

func (y *yamlReader) node(from ast.Node, depth int) (*node, *syntaxError) {
	at := from.GetToken().Position
	n := &node{line: at.Line, column: max(at.Column, 1)}
	if y.nodes++; y.nodes > maxDefinitionNodes {
		return nil, &syntaxError{n.line, n.column, fmt.Sprintf("more than %d values", maxDefinitionNodes)}
	}
	if depth > maxDefinitionDepth {
		return nil, &syntaxError{n.line, n.column, fmt.Sprintf("nested more than %d levels deep", maxDefinitionDepth)}
	}
	switch v := from.(type) {
	case *ast.MappingNode:
		return y.object(n, v.Values, depth)
	case *ast.MappingValueNode:
		return y.object(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		items := []any{}
		for _, entry := range v.Values {
			item, err := y.node(entry, depth+1)
			if err != nil {
				return nil, err
			}
			n.items, items = append(n.items, item), append(items, item.value)
		}
		n.value = items
	case *ast.AnchorNode:
		y.anchors[v.Name.GetToken().Value] = v.Value
		return y.node(v.Value, depth+1)
	case *ast.AliasNode:
		target, ok := y.anchors[v.Value.GetToken().Value]
		if !ok {
			return nil, &syntaxError{n.line, n.column, fmt.Sprintf("no anchor &%s stands before this alias", v.Value.GetToken().Value)}
		}
		return y.node(target, depth+1)
	case *ast.TagNode:
		return y.node(v.Value, depth+1)
	default:
		scalar, ok := yamlScalar(from)
		if !ok {
			return nil, &syntaxError{n.line, n.column, "a definition cannot have this kind of YAML value"}
		}
		n.value = scalar
	}
	return n, nil
}

func (y *yamlReader) object(n *node, members []*ast.MappingValueNode, depth int) (*node, *syntaxError) {
	n.value = value.NewObject(len(members))
	for _, member := range members {
		key := member.Key.GetToken()
		place := name{text: key.Value, line: key.Position.Line, column: max(key.Position.Column, 1)}
		if len(n.names) == 0 && n.line >= place.line {
			n.line, n.column = place.line, place.column
		}
		item, err := y.node(member.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if _, merge := member.Key.(*ast.MergeKeyNode); merge {
			for i := range item.names {
				if n.member(item.names[i].text) == nil {
					n.set(item.names[i], item.items[i])
				}
			}
			continue
		}
		n.set(place, item)
	}
	return n, nil
}

// yamlScalar is the value of a scalar; an integer or float that JSON cannot write stays text.
func yamlScalar(from ast.Node) (any, bool) {
	switch v := from.(type) {
	case *ast.NullNode:
		return nil, true
	case *ast.BoolNode:
		return v.Value, true
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		literal := from.GetToken().Value
		if json.Valid([]byte(literal)) {
			return value.Number(json.Number(literal)), true
		}
		if i, err := strconv.ParseInt(strings.TrimPrefix(literal, "+"), 0, 64); err == nil {
			return value.Number(json.Number(strconv.FormatInt(i, 10))), true
		}
		if f, err := strconv.ParseFloat(literal, 64); err == nil {
			return f, true
		}
		return literal, true
	}
	return nil, false
}
