package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

// Expression is a computed column.
type Expression struct {
	Name string
	SQL  string
	Type record.Type // the value is cast to it
}

// RowError says why a row could not be computed.
type RowError struct {
	Column  string // "" if it was the filter
	Message string
}

// maxMessages is how many failing rows of a batch get the reason in DuckDB's own
// words, each by a statement of its own. The others get a general one.
const maxMessages = 64

// Evaluator computes columns, and a filter, over batches. It is safe for
// concurrent use.
type Evaluator struct {
	engine  *Engine
	zone    *time.Location // in which times are read, cut and printed
	schema  record.Schema
	columns []Expression // SQL edited and cast
	filter  string       // edited; "" for none
	first   bool         // the filter looks at no computed column
	prefix  string       // of names that no column has
}

// NewEvaluator checks the expressions. Columns see the schema's columns; the
// filter also sees the computed ones, which hide columns of their name. Times are
// those of a zone, whatever the engine's own is.
func (e *Engine) NewEvaluator(ctx context.Context, zone *time.Location, schema record.Schema, columns []Expression, filter string) (*Evaluator, error) {
	v := &Evaluator{engine: e, zone: zone, schema: schema, first: true, prefix: "_"}
	visible := append(record.Schema(nil), schema...)
	for _, c := range columns {
		sql, err := v.check(ctx, schema, c.SQL, c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		v.columns = append(v.columns, Expression{Name: c.Name, SQL: sql, Type: c.Type})
		if i := visible.Index(c.Name); i >= 0 {
			visible = append(visible[:i:i], visible[i+1:]...)
		}
		visible = append(visible, record.Column{Name: c.Name, Type: c.Type})
	}
	for slices.ContainsFunc(visible, func(c record.Column) bool { return strings.HasPrefix(c.Name, v.prefix) }) {
		v.prefix += "_"
	}
	if filter == "" {
		return v, nil
	}
	boolean := record.Type{Kind: record.Boolean}
	t, err := e.Bind(ctx, visible, filter)
	if err == nil && t.Kind != record.Boolean {
		err = sqlError(record.Invalid, filter, 0, "", "the filter gives a %s, not a boolean", t)
	}
	if err == nil {
		v.filter, err = v.check(ctx, visible, filter, boolean)
	}
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	_, err = v.check(ctx, v.untouched(), filter, boolean)
	v.first = err == nil
	return v, nil
}

// check gives the expression as DuckDB shall see it, cast to t.
func (v *Evaluator) check(ctx context.Context, schema record.Schema, expr string, t record.Type) (string, error) {
	if _, err := v.engine.Bind(ctx, schema, expr); err != nil {
		return "", err
	}
	x, err := v.engine.inspectExpression(ctx, schema, expr)
	if err != nil {
		return "", err
	}
	cast := "CAST((" + x.edited + "\n) AS " + t.SQL() + ")"
	err = v.engine.evaluator.asideIn(ctx, v.zone, func(c *conn) error {
		sql := "SELECT " + cast + " FROM " + noRows(schema)
		cur, err := c.prepare(ctx, source{text: expr}, sql)
		if err != nil {
			f, _ := asSQLError(err)
			return sqlError(record.Invalid, expr, 0, "", "the value cannot become a %s: %s", t, f.Message)
		}
		cur.close()
		return nil
	})
	return cast, err
}

// untouched are the schema's columns that no computed one hides.
func (v *Evaluator) untouched() record.Schema {
	var out record.Schema
	for _, c := range v.schema {
		if !slices.ContainsFunc(v.columns, func(x Expression) bool { return strings.EqualFold(x.Name, c.Name) }) {
			out = append(out, c)
		}
	}
	return out
}

// Evaluate computes the columns of a batch of the schema, row for row. keep says
// which rows the filter keeps, nil for all of them. failed are the rows of which
// an expression raised an error; their values mean nothing. A row that the filter
// drops does not fail, unless the filter needs what failed. The caller releases
// the arrays.
func (v *Evaluator) Evaluate(ctx context.Context, batch arrow.RecordBatch) (computed []arrow.Array, keep []bool, failed map[int]RowError, err error) {
	if len(v.columns) == 0 && v.filter == "" {
		return nil, nil, nil, nil
	}
	out, err := v.run(ctx, batch, v.quick)
	if err == nil {
		computed, keep, err = v.take(out)
		return computed, keep, nil, err
	}
	if record.KindOf(err) != record.Invalid {
		return nil, nil, nil, err
	}
	if out, err = v.run(ctx, batch, v.careful); err != nil {
		return nil, nil, nil, err
	}
	if failed, err = v.failures(ctx, batch, out); err != nil {
		release(out)
		return nil, nil, nil, err
	}
	for i, a := range out { // struct(v) -> v
		field := a.(*array.Struct).Field(0)
		field.Retain()
		a.Release()
		out[i] = field
	}
	computed, keep, err = v.take(out)
	for row := range failed {
		if keep != nil {
			keep[row] = true
		}
	}
	return computed, keep, failed, err
}

// quick computes everything at once; one bad row fails it.
func (v *Evaluator) quick(view string) string {
	var inner, outer []string
	for _, c := range v.untouched() {
		inner = append(inner, record.QuoteName(c.Name))
	}
	for _, c := range v.columns {
		inner = append(inner, c.SQL+" AS "+record.QuoteName(c.Name))
		outer = append(outer, record.QuoteName(c.Name))
	}
	if v.filter != "" {
		outer = append(outer, v.filter+" AS "+v.prefix+"f")
	}
	return "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(inner, ", ") + " FROM " + v.source(view) + ")"
}

// careful gives each value as struct(v), which is null exactly where computing v
// raised an error.
func (v *Evaluator) careful(view string) string {
	var inner, middle, outer []string
	for _, c := range v.untouched() {
		inner = append(inner, record.QuoteName(c.Name))
		middle = append(middle, record.QuoteName(c.Name))
	}
	for i, c := range v.columns {
		name := fmt.Sprintf("%sc%d", v.prefix, i)
		inner = append(inner, "TRY({v: "+c.SQL+"}) AS "+name)
		middle = append(middle, name, name+".v AS "+record.QuoteName(c.Name))
		outer = append(outer, name)
	}
	if v.filter != "" {
		outer = append(outer, "TRY({v: "+v.filter+"}) AS "+v.prefix+"f")
	}
	return "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(middle, ", ") + " FROM (SELECT " + strings.Join(inner, ", ") + " FROM " + v.source(view) + "))"
}

// source names the batch's columns as their types: a dictionary becomes text.
func (v *Evaluator) source(view string) string {
	parts := make([]string, len(v.schema))
	for i, c := range v.schema {
		parts[i] = "CAST(" + record.QuoteName(c.Name) + " AS " + c.Type.SQL() + ") AS " + record.QuoteName(c.Name)
	}
	return "(SELECT " + strings.Join(parts, ", ") + " FROM " + view + ")"
}

// run gives the columns of a statement over the batch, in its rows' order.
func (v *Evaluator) run(ctx context.Context, batch arrow.RecordBatch, statement func(view string) string) (out []arrow.Array, err error) {
	reader, err := newBatches(v.schema, []arrow.RecordBatch{batch})
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var parts [][]arrow.Array
	err = v.engine.evaluator.asideIn(ctx, v.zone, func(c *conn) error {
		view, release, err := c.scan(reader)
		if err != nil {
			return err
		}
		defer release()
		return c.each(ctx, statement(view), nil, func(b arrow.RecordBatch) error {
			parts = append(parts, make([]arrow.Array, b.NumCols()))
			for i, column := range b.Columns() {
				column.Retain()
				parts[len(parts)-1][i] = column
			}
			return nil
		})
	})
	defer func() {
		for _, p := range parts {
			release(p)
		}
	}()
	if err != nil {
		return nil, err
	}
	return join(parts)
}

// join puts the parts of each column together.
func join(parts [][]arrow.Array) ([]arrow.Array, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	out := make([]arrow.Array, len(parts[0]))
	column := make([]arrow.Array, len(parts))
	for i := range out {
		for j := range parts {
			column[j] = parts[j][i]
		}
		var err error
		if out[i], err = array.Concatenate(column, memory.DefaultAllocator); err != nil {
			release(out[:i])
			return nil, record.Errorf(record.Internal, "join computed columns: %w", err)
		}
	}
	return out, nil
}

func release(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// take turns the selected columns into computed ones of the declared Arrow types
// and the filter's verdicts.
func (v *Evaluator) take(out []arrow.Array) (computed []arrow.Array, keep []bool, err error) {
	defer release(out)
	if v.filter != "" && len(out) > 0 {
		verdicts := out[len(out)-1].(*array.Boolean)
		for i := range verdicts.Len() {
			pass := verdicts.IsValid(i) && verdicts.Value(i)
			if !pass && keep == nil {
				keep = make([]bool, verdicts.Len())
				for j := range i {
					keep[j] = true
				}
			}
			if keep != nil {
				keep[i] = pass
			}
		}
	}
	for i, c := range v.columns {
		if len(out) == 0 {
			computed = append(computed, array.MakeArrayOfNull(memory.DefaultAllocator, c.Type.Arrow(), 0))
			continue
		}
		data := retyped(out[i].Data(), c.Type.Arrow())
		computed = append(computed, array.MakeFromData(data))
		data.Release()
	}
	return computed, keep, nil
}

// retyped is the same data under a type of the same layout: DuckDB names time
// zones and list elements in its own way.
func retyped(data arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	children := data.Children()
	next := make([]arrow.ArrayData, len(children))
	for i, child := range children {
		switch t := t.(type) {
		case *arrow.ListType:
			next[i] = retyped(child, t.Elem())
		case *arrow.StructType:
			next[i] = retyped(child, t.Field(i).Type)
		}
	}
	out := array.NewData(t, data.Len(), data.Buffers(), next, data.NullN(), data.Offset())
	for _, child := range next {
		child.Release()
	}
	return out
}

// failures finds the failed rows of careful's result, and says why.
func (v *Evaluator) failures(ctx context.Context, batch arrow.RecordBatch, out []arrow.Array) (map[int]RowError, error) {
	failed := map[int]RowError{}
	var verdicts *array.Boolean
	if v.filter != "" && v.first {
		verdicts = out[len(out)-1].(*array.Struct).Field(0).(*array.Boolean)
	}
	for row := range int(batch.NumRows()) {
		for i, a := range out {
			if a.IsValid(row) {
				continue
			}
			dropped := verdicts != nil && out[len(out)-1].IsValid(row) && !(verdicts.IsValid(row) && verdicts.Value(row))
			if dropped && i < len(v.columns) {
				break
			}
			reason, err := v.reason(ctx, batch, row, i, len(failed) < maxMessages)
			if err != nil {
				return nil, err
			}
			failed[row] = reason
			break
		}
	}
	return failed, nil
}

// reason evaluates one failed expression on one row, for its message.
func (v *Evaluator) reason(ctx context.Context, batch arrow.RecordBatch, row, i int, exact bool) (RowError, error) {
	r := RowError{Message: "the filter's expression cannot be computed for this row"}
	one := Evaluator{engine: v.engine, zone: v.zone, schema: v.schema, columns: v.columns, filter: v.filter, prefix: v.prefix}
	if i < len(v.columns) {
		r = RowError{Column: v.columns[i].Name, Message: "the column's expression cannot be computed for this row"}
		one.columns, one.filter = v.columns[i:i+1], ""
	}
	if !exact {
		return r, nil
	}
	slice := batch.NewSlice(int64(row), int64(row)+1)
	defer slice.Release()
	out, err := one.run(ctx, slice, one.quick)
	switch e, ok := asSQLError(err); {
	case ok:
		r.Message = e.Message
	case err != nil:
		return r, err
	default: // what fails among others does not fail alone
		release(out)
	}
	return r, nil
}
