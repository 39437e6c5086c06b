package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// queries lets the API run statements on the engine.
type queries struct{ engine watchedEngine }

// Query runs a reader's statement.
func (q queries) Query(ctx context.Context, r api.Query) (api.Rows, error) {
	q.engine.node.asked.Add(r.By, 1)
	if err := q.engine.node.exact(ctx); err != nil {
		return nil, err
	}
	result, err := q.engine.Query(ctx, engine.Request{SQL: r.SQL, Params: r.Params, Location: r.Location, TimeLimit: r.Limit})
	if err != nil {
		return nil, q.engine.node.noteQuery(ctx, err)
	}
	return rows{result, q.engine.node}, nil
}

type rows struct {
	*engine.Result
	node *Node
}

// Next is the next rows, io.EOF after the last.
func (r rows) Next(ctx context.Context) (arrow.RecordBatch, error) {
	batch, err := r.Result.Next(ctx)
	return batch, r.node.noteQuery(ctx, err)
}

func (r rows) Columns() []api.Column {
	columns := []api.Column{}
	for _, c := range r.Result.Columns() {
		columns = append(columns, api.Column{Name: c.Name, Type: c.Type})
	}
	return columns
}

func (r rows) Stats() api.Stats {
	s := r.Result.Stats()
	return api.Stats{ElapsedMS: float64(s.Elapsed) / float64(time.Millisecond), Rows: s.Rows, FilesRead: s.FilesRead, FilesSkipped: s.FilesSkipped,
		SkippedBy: s.SkippedBy, BytesRead: s.BytesRead, RecentRows: s.RecentRows}
}

// Engine is what the API runs queries with.
func (n *Node) Engine() api.Engine { return queries{watchedEngine{n.engine, n}} }

// list runs a statement of the node's own and decodes each row, as a JSON object,
// into a T.
func list[T any](ctx context.Context, n *Node, sql string, params ...any) ([]T, error) {
	if err := n.exact(ctx); err != nil {
		return nil, err
	}
	result, err := n.engine.Query(ctx, engine.Request{SQL: sql, Params: params, Admin: true})
	if err != nil {
		return nil, n.noteQuery(ctx, err)
	}
	defer result.Close()
	var found []T
	for {
		batch, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, n.noteQuery(ctx, err)
		}
		for i := range int(batch.NumRows()) {
			var v T
			if err := json.Unmarshal(api.RowJSON(rows{result, n}.Columns(), batch, i), &v); err != nil {
				return nil, err
			}
			found = append(found, v)
		}
		batch.Release()
	}
}
