package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// Recent rows are tables of the reader's one database, so that one transaction
// sees all of them at one moment. Users cannot name this schema.
const recentSchema = "recent"

func recentName(name string) string { return recentSchema + "." + record.QuoteName(name) }

// CreateRecent makes the table of a generation of recent rows.
func (e *Engine) CreateRecent(ctx context.Context, name string, schema record.Schema) error {
	err := e.reader.with(ctx, func(c *conn) error {
		return c.exec(ctx, "CREATE TABLE "+recentName(name)+" ("+columnList(schema)+")")
	})
	if err != nil {
		return fmt.Errorf("create recent rows %s: %w", name, err)
	}
	e.recent.Store(name, schema)
	return nil
}

// AppendRecent adds rows to a generation; queries that begin later see all of
// them, earlier ones none. An error of kind Limited means that memory is short:
// the rows can go straight to a file.
func (e *Engine) AppendRecent(ctx context.Context, name string, list []arrow.RecordBatch) error {
	if len(list) == 0 {
		return nil
	}
	schema, ok := e.recent.Load(name)
	if !ok {
		return record.Errorf(record.NotFound, "there are no recent rows %s", name)
	}
	reader, err := newBatches(schema.(record.Schema), list)
	if err != nil {
		return fmt.Errorf("append recent rows %s: %w", name, err)
	}
	defer reader.Release()
	return e.reader.with(ctx, func(c *conn) error {
		if err := c.appendTo(ctx, name, reader); err != nil {
			return fmt.Errorf("append recent rows %s: %w", name, err)
		}
		return nil
	})
}

// vectorSize is how many rows DuckDB takes at a time.
const vectorSize = 2048

// appendTo appends what reader gives. It uses DuckDB's appender, whose work is
// all done by the calling thread: an INSERT would hand a part to the worker
// threads, which run at a low priority, and wait for it.
func (c *conn) appendTo(ctx context.Context, name string, reader *batches) error {
	var appender duckdb.Appender
	defer duckdb.AppenderDestroy(&appender)
	if duckdb.AppenderCreate(c.handle, recentSchema, name, &appender) == duckdb.StateError {
		return c.inst.failure(ctx, source{}, duckdb.AppenderError(appender))
	}
	schema, fail := duckdb.SchemaFromArrow(c.handle, reader.Schema())
	defer duckdb.DestroyArrowConvertedSchema(&schema)
	if err := takeError(fail); err != nil {
		return err
	}
	for reader.Next() {
		batch := reader.RecordBatch()
		for from := int64(0); from < batch.NumRows(); from += vectorSize {
			slice, err := rebase(batch.NewSlice(from, min(from+vectorSize, batch.NumRows())))
			if err != nil {
				return err
			}
			chunk, fail := duckdb.DataChunkFromArrow(c.handle, slice, schema)
			slice.Release()
			err = takeError(fail)
			if err == nil && duckdb.AppendDataChunk(appender, chunk) == duckdb.StateError {
				err = c.inst.failure(ctx, source{}, duckdb.AppenderError(appender))
			}
			duckdb.DestroyDataChunk(&chunk)
			if err != nil {
				return err
			}
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	// Rows for a table that is gone fail here; the COMMIT would not.
	if duckdb.AppenderFlush(appender) == duckdb.StateError {
		return c.inst.failure(ctx, source{}, duckdb.AppenderError(appender))
	}
	return nil
}

// DropRecent removes a generation. Transactions that see it keep it.
func (e *Engine) DropRecent(ctx context.Context, name string) error {
	e.recent.Delete(name)
	if err := e.catalog.forget(ctx, name); err != nil {
		return fmt.Errorf("drop recent rows %s: %w", name, err)
	}
	return e.reader.with(ctx, func(c *conn) error {
		return c.exec(ctx, "DROP TABLE IF EXISTS "+recentName(name))
	})
}

// columnList is the columns of a CREATE TABLE.
func columnList(schema record.Schema) string {
	parts := make([]string, len(schema))
	for i, c := range schema {
		parts[i] = record.QuoteName(c.Name) + " " + c.Type.SQL()
	}
	return strings.Join(parts, ", ")
}

// nameList is the schema's quoted names.
func nameList(schema record.Schema) string {
	parts := make([]string, len(schema))
	for i, c := range schema {
		parts[i] = record.QuoteName(c.Name)
	}
	return strings.Join(parts, ", ")
}
