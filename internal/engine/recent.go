package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

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
		view, release, err := c.scan(reader)
		if err != nil {
			return err
		}
		defer release()
		// An INSERT into a table that is gone fails here; its COMMIT would not.
		if err := c.exec(ctx, "INSERT INTO "+recentName(name)+" FROM "+view); err != nil {
			return err
		}
		return c.exec(ctx, "DROP VIEW "+view)
	})
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
