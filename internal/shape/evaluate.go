package shape

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

// Evaluator works out a definition's SQL over parsed rows; a Program says what.
// It is used by several goroutines at once and must not depend on anything but
// the rows.
type Evaluator interface {
	// Evaluate returns the program's columns, of the batch's length; which rows
	// the filter keeps, nil for all; and the rows for which an expression
	// fails, by number. The caller releases the columns.
	Evaluate(ctx context.Context, batch arrow.RecordBatch) (computed []arrow.Array, keep []bool, failed map[int]RowError, err error)
}

// RowError is why an expression fails for one row.
type RowError struct {
	Column  string // "" for the filter
	Message string
}

// Program is the SQL of a definition.
type Program struct {
	Input   record.Schema // of the batches: all columns that are no expressions
	Columns []Expression
	Filter  string
}

// Expression is a column worked out by SQL; its values are cast to the type.
type Expression struct {
	Name string
	Type record.Type
	SQL  string
}

// Empty says that there is nothing to evaluate.
func (p Program) Empty() bool { return len(p.Columns) == 0 && p.Filter == "" }

// evaluate fills in the expressions' columns and takes out the rows that are
// filtered or fail.
func (w *worker) evaluate(ctx context.Context, t *table, b *record.Batch) error {
	s := w.shaper
	inputs := make([]arrow.Array, len(s.inputs))
	for i, at := range s.inputs {
		inputs[i] = t.columns[at]
	}
	batch := array.NewRecordBatch(s.program.Input.Arrow(), inputs, int64(t.rows))
	defer batch.Release()
	computed, keep, failed, err := s.evaluator.Evaluate(ctx, batch)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if len(computed) != len(s.program.Columns) || keep != nil && len(keep) != t.rows {
		releaseAll(computed)
		return fmt.Errorf("evaluate: %d columns and %d verdicts for %d expressions and %d rows", len(computed), len(keep), len(s.program.Columns), t.rows)
	}
	for i, at := range s.expressions {
		t.columns[at], err = retyped(computed[i], s.schema[at].Type.Arrow(), t.rows)
		if err != nil {
			releaseAll(computed[i:])
			return fmt.Errorf("evaluate %s: %w", s.schema[at].Name, err)
		}
	}
	mask := make([]byte, t.rows)
	kept := 0
	for row := range t.rows {
		switch p, column := w.judge(t, row, failed); {
		case p != nil:
			b.Rejects = append(b.Rejects, w.reject(row, column, p))
		case keep != nil && !keep[row]:
			b.Filtered.Add(record.RecordID(w.ids.values[row]))
		default:
			mask[row] = 1
			kept++
		}
	}
	if kept == t.rows {
		return nil
	}
	return t.filter(ctx, s.allocator, mask, kept)
}

// judge applies to a row what can only be judged once expressions are known.
func (w *worker) judge(t *table, row int, failed map[int]RowError) (p *problem, column string) {
	if f, ok := failed[row]; ok {
		return &problem{record.CodeExpression, f.Message}, f.Column
	}
	s := w.shaper
	for i, at := range s.expressions {
		if s.expressionNotNull[i] && t.columns[at].IsNull(row) {
			return missing, s.schema[at].Name
		}
	}
	if s.timeIsExpression && !t.columns[s.timeAt].IsNull(row) {
		a := t.columns[s.timeAt].(*array.Timestamp)
		received := w.received.values[row]
		low, high := s.timeRange.bounds(received)
		if p := w.checkTime(int64(a.Value(row)), low, high); p != nil {
			return p, s.timeColumn
		}
	}
	return nil, ""
}

// retyped is the array as the schema has it: an engine may name the zone of a
// timestamp otherwise, or mark text as another kind of text.
func retyped(a arrow.Array, want arrow.DataType, rows int) (arrow.Array, error) {
	if a.Len() != rows {
		return nil, fmt.Errorf("%d values for %d rows", a.Len(), rows)
	}
	if arrow.TypeEqual(a.DataType(), want) {
		return a, nil
	}
	if a.DataType().ID() != want.ID() || want.ID() != arrow.TIMESTAMP || a.DataType().(*arrow.TimestampType).Unit != arrow.Microsecond {
		return nil, fmt.Errorf("values of type %s, expected %s", a.DataType(), want)
	}
	d := a.Data()
	renamed := array.NewData(want, d.Len(), d.Buffers(), nil, d.NullN(), d.Offset())
	defer renamed.Release()
	a.Release()
	return array.MakeFromData(renamed), nil
}

// filter keeps the rows whose mark is 1.
func (t *table) filter(ctx context.Context, mem memory.Allocator, mask []byte, kept int) error {
	bits := newData(arrow.FixedWidthTypes.Boolean, len(mask), 0, nil, nil, packed(mem, mask))
	defer bits.Release()
	keep := array.NewBooleanData(bits)
	defer keep.Release()
	ctx = compute.WithAllocator(ctx, mem)
	for i, c := range t.columns {
		if c == nil {
			continue
		}
		filtered, err := compute.FilterArray(ctx, c, keep, *compute.DefaultFilterOptions())
		if err != nil {
			return fmt.Errorf("take out rows: %w", err)
		}
		c.Release()
		t.columns[i] = filtered
	}
	t.rows = kept
	return nil
}

func releaseAll(columns []arrow.Array) {
	for _, c := range columns {
		if c != nil {
			c.Release()
		}
	}
}
