package engine

import (
	"context"
	"slices"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/world"
)

// Describe says what columns a statement gives and what types its parameters
// have, without running it; a type is "" where only a value can tell. It reads
// no file, and ignores the request's Params.
func (e *Engine) Describe(ctx context.Context, r Request) (columns []Column, params []string, err error) {
	views, err := e.catalog.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	st, err := e.inspect(ctx, r.SQL, views)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.reader.take(ctx, orElse(r.Location, e.options.Location))
	if err != nil {
		return nil, nil, err
	}
	defer e.reader.give(c)
	if views, err = e.catalog.begin(ctx, c, &world.World{}, st.tables); err != nil {
		return nil, nil, err
	}
	defer c.rollback()
	if err := c.setVariables(ctx, e.variables(st, &plan{}, views, false)); err != nil {
		return nil, nil, err
	}
	cur, err := c.prepare(ctx, st.src, st.text)
	if err != nil {
		return nil, nil, err
	}
	defer cur.close()
	for i := range duckdb.NParams(cur.statement) {
		params = append(params, childName(duckdb.ParamLogicalType(cur.statement, i+1)))
	}
	if slices.Contains(params, "") {
		columns, err = c.columnsOf(ctx, st, params)
		return columns, params, err
	}
	for i := range duckdb.PreparedStatementColumnCount(cur.statement) {
		columns = append(columns, Column{Name: duckdb.PreparedStatementColumnName(cur.statement, i), Type: childName(duckdb.PreparedStatementColumnLogicalType(cur.statement, i))})
	}
	return columns, params, nil
}

// columnsOf are the columns of a statement that DuckDB does not bind before its
// parameters have values. Those it knows nothing of are taken for text, as
// PostgreSQL does. LIMIT 0 keeps the statement from running.
func (c *conn) columnsOf(ctx context.Context, st *statement, params []string) ([]Column, error) {
	values := make([]any, len(params))
	for i, t := range params {
		if t == "" {
			values[i] = ""
		}
	}
	const head = "SELECT * FROM ("
	src := source{text: st.src.text, edits: append([]edit{{0, 0, head}}, st.src.edits...)}
	cur, err := c.query(ctx, src, head+st.text+"\n) LIMIT 0", values...)
	if err != nil {
		return nil, err
	}
	defer cur.close()
	return cur.columns, nil
}
