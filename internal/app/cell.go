package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/world"
)

// cell is one value of an answer as text; Null where it is null.
type cell struct {
	Text string
	Null bool
}

// cells runs a statement of the node's own whose columns are all VARCHAR, on a
// pinned World, in the project's zone.
func (n *Node) cells(ctx context.Context, pin *world.Pin, sql string) (rows [][]cell, err error) {
	if err := n.exact(ctx); err != nil {
		return nil, err
	}
	result, err := n.engine.Query(ctx, engine.Request{SQL: sql, World: pin, Location: n.project.Load().Location, Admin: true})
	if err != nil {
		return nil, n.noteQuery(ctx, err)
	}
	defer result.Close()
	for {
		b, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, n.noteQuery(ctx, err)
		}
		for i := range int(b.NumRows()) {
			row := make([]cell, b.NumCols())
			for c, column := range b.Columns() {
				text, ok := column.(*array.String)
				if !ok {
					b.Release()
					return nil, fmt.Errorf("column %d of %s is a %s, want VARCHAR", c, sql, column.DataType())
				}
				if row[c].Null = text.IsNull(i); !row[c].Null {
					row[c].Text = strings.Clone(text.Value(i)) // the batch's memory goes with it
				}
			}
			rows = append(rows, row)
		}
		b.Release()
	}
}
