package app

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// carried shapes by a generation of a definition for a table whose columns later
// generations have renamed and dropped: what is read from the log again goes into the
// columns as they are now.
type carried struct {
	*shape.Shaper
	schema     record.Schema
	arrow      *arrow.Schema
	kept       []int // of the shaper's columns, those of schema
	timeColumn string
}

// carry is a shaper whose columns have gone through moves, in their order.
func carry(s *shape.Shaper, moves []shape.Moves) deliver.Shaper {
	c := &carried{Shaper: s, timeColumn: record.ColumnReceivedAt} // where the event time was dropped
	changed := false
	for i, column := range s.Schema() {
		name, kept := column.Name, true
		for j := 0; kept && j < len(moves); j++ {
			name, kept = moves[j].Name(name)
		}
		changed = changed || !kept || name != column.Name
		if !kept {
			continue
		}
		if column.Name == s.TimeColumn() {
			c.timeColumn = name
		}
		column.Name = name
		c.schema, c.kept = append(c.schema, column), append(c.kept, i)
	}
	if !changed {
		return s
	}
	c.arrow = c.schema.Arrow()
	return c
}

func (c *carried) Schema() record.Schema { return c.schema }

func (c *carried) TimeColumn() string { return c.timeColumn }

func (c *carried) Shape(ctx context.Context, env *record.Envelope, s *record.Section) (*record.Batch, error) {
	b, err := c.Shaper.Shape(ctx, env, s)
	if err != nil {
		return b, err
	}
	b.Schema = c.schema
	if b.Rows != nil {
		columns := make([]arrow.Array, len(c.kept))
		for i, at := range c.kept {
			columns[i] = b.Rows.Column(at)
		}
		rows := array.NewRecordBatch(c.arrow, columns, b.Rows.NumRows())
		b.Rows.Release()
		b.Rows = rows
	}
	return b, nil
}
