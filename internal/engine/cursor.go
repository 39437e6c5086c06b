package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// cursor is a running statement whose rows are fetched as they are made: DuckDB
// keeps about 1 MB of them and waits for the reader.
//
// While a cursor is open its connection can run nothing else.
type cursor struct {
	conn      *conn
	src       source
	statement duckdb.PreparedStatement
	result    duckdb.Result
	options   duckdb.ArrowOptions
	columns   []Column
	casts     []string // of the columns whose types are inexact, "" for the others
	original  []Column // of the statement that this one wraps, or nil
	schema    *arrow.Schema
	ended     bool
}

// Column is a column of a result.
type Column struct {
	Name string
	Type string // in DuckDB's spelling: BIGINT, DECIMAL(18,2), VARCHAR[]
}

// prepare binds sql, without its parameters and without running it.
func (c *conn) prepare(ctx context.Context, src source, sql string) (*cursor, error) {
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if err := c.inst.injected(sql); err != nil {
		return nil, err
	}
	cur := &cursor{conn: c, src: src}
	stop := c.guard(ctx)
	state := duckdb.Prepare(c.handle, sql, &cur.statement)
	stop()
	if state == duckdb.StateError {
		err := c.inst.failure(ctx, src, duckdb.PrepareError(cur.statement))
		cur.close()
		return nil, err
	}
	return cur, nil
}

// query prepares and starts sql. The caller is inside a transaction.
func (c *conn) query(ctx context.Context, src source, sql string, params ...any) (*cursor, error) {
	cur, err := c.prepare(ctx, src, sql)
	if err != nil {
		return nil, err
	}
	original, casts := cur.preparedTypes()
	list := exactList(casts)
	if list == "" {
		if err := cur.run(ctx, params); err != nil {
			return nil, err
		}
		if len(params) == 0 {
			return cur, nil
		}
		// What a parameter leaves open was known once it had its value.
		if original, list = cur.columns, exactList(cur.casts); list == "" {
			return cur, nil
		}
	}
	cur.close()
	src, sql = exactly(src, sql, list, len(original))
	if cur, err = c.prepare(ctx, src, sql); err != nil {
		return nil, err
	}
	cur.original = original
	if err := cur.run(ctx, params); err != nil {
		return nil, err
	}
	return cur, nil
}

// run starts a prepared statement with its parameters; where it fails it is closed.
func (cur *cursor) run(ctx context.Context, params []any) error {
	err := bindParams(cur.statement, params)
	if err == nil {
		err = cur.start(ctx)
	}
	if err != nil {
		cur.close()
	}
	return err
}

func (cur *cursor) start(ctx context.Context) error {
	var pending duckdb.PendingResult
	defer duckdb.DestroyPending(&pending)
	stop := cur.conn.guard(ctx)
	defer stop()
	if duckdb.PendingPreparedStreaming(cur.statement, &pending) == duckdb.StateError {
		return cur.conn.inst.failure(ctx, cur.src, duckdb.PendingError(pending))
	}
	if duckdb.ExecutePending(pending, &cur.result) == duckdb.StateError {
		return cur.conn.inst.failure(ctx, cur.src, duckdb.ResultError(&cur.result))
	}
	return cur.describe()
}

// describe reads names and types, and makes the Arrow schema.
func (cur *cursor) describe() error {
	n := int(duckdb.ColumnCount(&cur.result))
	names, types := make([]string, n), make([]duckdb.LogicalType, n)
	cur.columns, cur.casts = make([]Column, n), make([]string, n)
	for i := range n {
		names[i] = duckdb.ColumnName(&cur.result, duckdb.IdxT(i))
		types[i] = duckdb.ColumnLogicalType(&cur.result, duckdb.IdxT(i))
		cur.columns[i] = Column{Name: names[i], Type: typeName(types[i])}
		cur.casts[i] = exactType(types[i])
	}
	for i := range cur.original {
		if cur.original[i].Type != "" { // else a parameter's, which is known by now
			cur.columns[i].Type = cur.original[i].Type
		}
		cur.columns[i].Name = cur.original[i].Name
	}
	cur.options = duckdb.ResultGetArrowOptions(&cur.result)
	schema, fail := duckdb.NewArrowSchema(cur.options, types, names)
	for i := range types {
		duckdb.DestroyLogicalType(&types[i])
	}
	if err := takeError(fail); err != nil {
		return record.Errorf(record.Internal, "duckdb: the result has no Arrow form: %w", err)
	}
	cur.schema = schema
	return nil
}

// next is the next rows, at most 2,048, or io.EOF. The caller releases them.
func (cur *cursor) next(ctx context.Context) (arrow.RecordBatch, error) {
	if cur.ended {
		return nil, io.EOF
	}
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	stop := cur.conn.guard(ctx)
	chunk := duckdb.FetchChunk(cur.result)
	stop()
	defer duckdb.DestroyDataChunk(&chunk)
	if chunk.Ptr == nil {
		cur.ended = true
		if text := duckdb.ResultError(&cur.result); text != "" {
			return nil, cur.conn.inst.failure(ctx, cur.src, text)
		}
		return nil, io.EOF
	}
	batch, fail := duckdb.DataChunkToArrowArray(cur.options, cur.schema, chunk)
	if err := takeError(fail); err != nil {
		return nil, record.Errorf(record.Internal, "duckdb: rows have no Arrow form: %w", err)
	}
	return batch, nil
}

// close may be called at any time, more than once.
func (cur *cursor) close() {
	cur.ended = true
	duckdb.DestroyArrowOptions(&cur.options)
	duckdb.DestroyResult(&cur.result)
	duckdb.DestroyPrepare(&cur.statement)
}

// each runs sql and calls visit with every batch of its rows. After the call the
// batch is released, and every string taken from it with it: it lies in DuckDB's
// memory.
func (c *conn) each(ctx context.Context, sql string, params []any, visit func(arrow.RecordBatch) error) error {
	cur, err := c.query(ctx, source{text: sql}, sql, params...)
	if err != nil {
		return err
	}
	defer cur.close()
	for {
		batch, err := cur.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = visit(batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
}

// text is the last column of every row of sql, as text.
func (c *conn) text(ctx context.Context, sql string, params ...any) ([]string, error) {
	var all []string
	err := c.each(ctx, sql, params, func(batch arrow.RecordBatch) error {
		for i := range int(batch.NumRows()) {
			all = append(all, strings.Clone(batch.Column(int(batch.NumCols())-1).ValueStr(i)))
		}
		return nil
	})
	return all, err
}

func takeError(e duckdb.ErrorData) error {
	defer duckdb.DestroyErrorData(&e)
	if !duckdb.ErrorDataHasError(e) {
		return nil
	}
	return fmt.Errorf("%s", parseFault(duckdb.ErrorDataMessage(e)).Message)
}
