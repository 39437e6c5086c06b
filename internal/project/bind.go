package project

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// Binder tells the type of a scalar SQL expression over a schema's columns, or
// why it has none. It refuses what is not deterministic.
type Binder interface {
	Bind(ctx context.Context, schema record.Schema, expr string) (record.Type, error)
}

// BindError is a Binder's error that knows its place in the expression.
type BindError struct {
	Line, Column int // from 1, in characters; 0 where unknown
	Message      string
	Suggestion   string
}

func (e *BindError) Error() string { return e.Message }

// Bind checks the SQL of all streams. Streams with other problems are left out.
func (p *Project) Bind(ctx context.Context, binder Binder) Problems {
	var problems Problems
	for _, name := range p.StreamNames() {
		def, doc := p.Streams[name], p.documents[name]
		program, err := shape.ProgramOf(def, p.options(name))
		if err != nil {
			continue
		}
		bind := func(path, expr, what string, want record.TypeKind) {
			typ, err := binder.Bind(ctx, program.Input, expr)
			if err == nil && want != 0 && typ.Kind != want {
				err = fmt.Errorf("the %s is %s, expected a condition that is true or false", what, typ)
			}
			if err != nil {
				problems = append(problems, doc.bindProblem(path, what, err))
			}
		}
		for i, c := range def.Columns {
			if c.Expr != "" {
				bind(fmt.Sprintf("columns[%d].expr", i), c.Expr, "expression of column "+c.Name, 0)
			}
		}
		if def.Filter != "" {
			bind("filter", def.Filter, "filter", record.Boolean)
		}
	}
	return problems.sorted()
}

// bindProblem puts a binder's error at its place in the file.
func (d *document) bindProblem(path, what string, err error) Problem {
	at := d.place(path)
	p := Problem{File: d.file, Message: fmt.Sprintf("%s: %v", what, err)}
	if at != nil {
		p.Line, p.Column = at.Line, at.Column
	}
	var placed *BindError
	if errors.As(err, &placed) {
		p.Suggestion = placed.Suggestion
		if placed.Line > 0 && d.values[path] != nil {
			p.Line, p.Column = shifted(d.plain(d.values[path]), at, placed.Line, placed.Column)
		}
	}
	return p
}

// shifted is where a place in a scalar's text is in the file. Of texts that YAML
// folds or unescapes only the start is known for sure.
func shifted(n ast.Node, at *token.Position, line, column int) (int, int) {
	switch n := n.(type) {
	case *ast.StringNode:
		switch n.Token.Type {
		case token.StringType:
			if line == 1 && utf8.RuneCountInString(n.Value) >= column-1 {
				return at.Line, at.Column + column - 1
			}
		case token.SingleQuoteType, token.DoubleQuoteType:
			if line == 1 {
				return at.Line, at.Column + column
			}
		}
	case *ast.LiteralNode:
		if n.Start.Type == token.LiteralType {
			return at.Line + line, indentOf(n) + column
		}
	}
	return at.Line, at.Column
}

// indentOf is how far a literal block's lines are indented.
func indentOf(n *ast.LiteralNode) int {
	indent := 0
	origin := n.Value.GetToken().Origin
	for _, c := range origin {
		switch c {
		case ' ':
			indent++
		case '\n', '\r':
			indent = 0
		default:
			return indent
		}
	}
	return indent
}
