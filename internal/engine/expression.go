package engine

import (
	"context"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// Expressions of stream definitions run again whenever a record is replayed, and
// must then give the same value. So they see one row, and nothing that changes:
// no clock, no chance, no other table.

// Bind checks a scalar expression over a schema's columns and says its type.
func (e *Engine) Bind(ctx context.Context, schema record.Schema, expr string) (record.Type, error) {
	x, err := e.inspectExpression(ctx, schema, expr)
	if err != nil {
		return record.Type{}, err
	}
	var t record.Type
	err = e.evaluator.aside(ctx, func(c *conn) error {
		text, edits := x.statement(schema)
		src := source{text: text, edits: edits}
		cur, err := c.prepare(ctx, src, apply(text, edits))
		if err != nil {
			return x.relocate(err)
		}
		defer cur.close()
		logical := duckdb.PreparedStatementColumnLogicalType(cur.statement, 0)
		defer duckdb.DestroyLogicalType(&logical)
		var ok bool
		if t, ok = recordType(logical); !ok {
			return sqlError(record.Invalid, expr, 0, "", "the expression gives a %s, which a column cannot hold", typeName(logical))
		}
		return nil
	})
	return t, err
}

// expression is a checked expression.
type expression struct {
	text   string // as the user wrote it
	edited string // for DuckDB
	edits  []edit
}

const expressionHead = "SELECT ("

// statement is a query of the expression over an empty table.
func (x *expression) statement(schema record.Schema) (string, []edit) {
	edits := make([]edit, len(x.edits))
	for i, e := range x.edits {
		edits[i] = edit{e.at + len(expressionHead), e.n, e.text}
	}
	return expressionHead + x.text + "\n) FROM " + noRows(schema), edits
}

// noRows is a table expression of the schema's columns, without rows.
func noRows(schema record.Schema) string {
	parts := make([]string, len(schema))
	for i, c := range schema {
		parts[i] = "CAST(NULL AS " + c.Type.SQL() + ") AS " + record.QuoteName(c.Name)
	}
	return "(SELECT " + strings.Join(parts, ", ") + " LIMIT 0) AS record"
}

// relocate moves an error's place from the statement to the expression, which
// begins on its first line.
func (x *expression) relocate(err error) error {
	e, ok := asSQLError(err)
	if !ok || e.Line == 0 {
		return err
	}
	at := offset(expressionHead+x.text+"\n", e.Line, e.Column) - len(expressionHead)
	if at < 0 || at > len(x.text) {
		at = -1
	}
	return sqlError(record.KindOf(err), x.text, at, e.Suggestion, "%s", e.Message)
}

// inspectExpression parses an expression and refuses what is not a function of
// one row.
func (e *Engine) inspectExpression(ctx context.Context, schema record.Schema, expr string) (*expression, error) {
	if strings.TrimSpace(expr) == "" {
		return nil, sqlError(record.Invalid, expr, -1, "", "the expression is empty")
	}
	x := &expression{text: expr, edited: expr}
	root, err := e.parse(ctx, e.evaluator, expressionHead+expr+"\n)")
	if err != nil {
		return nil, x.relocate(err)
	}
	list := root.list("select_list")
	if len(list) != 1 || root.child("from_table").text("type") != "EMPTY" || len(root.list("modifiers")) > 0 || root["where_clause"] != nil || root["having"] != nil {
		return nil, sqlError(record.Invalid, expr, 0, "", "want one expression, not a query")
	}
	w := &expressionWalker{walker: walker{engine: e, text: expressionHead + expr, found: &statement{}}, schema: schema}
	w.visit(list[0])
	if w.err != nil {
		return nil, x.relocate(w.err)
	}
	for _, edit := range w.edits {
		edit.at -= len(expressionHead)
		x.edits = append(x.edits, edit)
	}
	x.edited = apply(expr, x.edits)
	return x, nil
}

// expressionWalker goes through the tree of an expression.
type expressionWalker struct {
	walker
	schema record.Schema
}

func (w *expressionWalker) visit(v any) {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			w.visit(child)
		}
	case map[string]any:
		w.check(v)
		for _, child := range v {
			if w.err == nil {
				w.visit(child)
			}
		}
	}
}

func (w *expressionWalker) check(n node) {
	switch n.text("class") {
	case "WINDOW":
		w.refuseInvalid(n, "a window function needs more than one row")
	case "SUBQUERY":
		w.refuseInvalid(n, "an expression cannot read other tables: no subqueries")
	case "STAR":
		w.refuseInvalid(n, "an expression gives one value: no *")
	case "PARAMETER":
		w.refuseInvalid(n, "an expression has no parameters")
	case "COLUMN_REF":
		names := n.list("column_names")
		if name, _ := names[0].(string); len(names) == 1 && clockNames[strings.ToLower(name)] && !w.isColumn(name) {
			w.refuseInvalid(n, "%s gives another value at every replay; use %s", name, record.ColumnReceivedAt)
		}
	case "FUNCTION":
		w.checkFunction(n)
	}
}

func (w *expressionWalker) isColumn(name string) bool {
	for _, c := range w.schema {
		if strings.EqualFold(c.Name, name) {
			return true
		}
	}
	return false
}

func (w *expressionWalker) checkFunction(n node) {
	name := strings.ToLower(n.text("function_name"))
	f := w.engine.functions[name]
	switch {
	case name == "unnest" || name == "unlist":
		w.refuseInvalid(n, "%s gives several rows", name)
	case f.aggregate:
		w.refuseInvalid(n, "%s is an aggregate: it needs more than one row", name)
	case f.clock:
		w.refuseInvalid(n, "%s() gives another value at every replay; use %s", name, record.ColumnReceivedAt)
	case f.random:
		w.refuseInvalid(n, "%s() gives another value at every call", name)
	default:
		w.visitFunction(n)
	}
}

func (w *expressionWalker) refuseInvalid(n node, format string, args ...any) {
	w.fail(sqlError(record.Invalid, w.text, n.at(), "", format, args...))
}
