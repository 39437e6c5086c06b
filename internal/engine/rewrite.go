package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/record"
)

// Partition values, as RewriteJob.Path gets them, are nil, bool, int32, int64,
// float64, string, arrow.Date32, arrow.Timestamp (microseconds) or, of a decimal,
// its text.

// Rewrite writes the job's files and makes their content durable. It holds one
// file's row groups in memory; a sort that does not fit goes to TempDir. If it
// fails it leaves no file.
func (e *Engine) Rewrite(ctx context.Context, job record.RewriteJob) (files []record.File, err error) {
	defer func() {
		if err != nil {
			for _, f := range files {
				_ = os.Remove(e.file(f.Path))
			}
			files, err = nil, fmt.Errorf("rewrite %d files: %w", len(job.Sources), err)
		}
	}()
	var rows, bytes int64
	for _, f := range job.Sources {
		rows, bytes = rows+f.Rows, bytes+f.Bytes
	}
	if rows == 0 {
		return nil, nil
	}
	perFile := max(1, orElse(job.TargetBytes, 128<<20)*rows/max(1, bytes))
	err = e.rewriter.aside(ctx, func(c *conn) error {
		l, err := e.weigh(ctx, c, job.Sources)
		if err != nil {
			return err
		}
		statements, err := e.statements(ctx, c, job, l)
		if err != nil {
			return err
		}
		rows := &chain{conn: c, sql: statements}
		defer rows.close()
		if err := rows.open(ctx); err != nil {
			return err
		}
		s := &sorted{cur: rows, partition: job.Partition}
		defer s.close()
		files, err = e.writeRuns(ctx, job, s, perFile, e.settled(job.Schema, l.width()))
		return err
	})
	if err != nil {
		return files, err
	}
	written := int64(0)
	for _, f := range files {
		written += f.Rows
	}
	if written != rows {
		return files, record.Errorf(record.Internal, "%d rows were read, %d written", rows, written)
	}
	return files, nil
}

// What a rewrite fits into its memory: pieces of a sort, beside what DuckDB holds
// of the file it writes; and rows, of which DuckDB never takes less than 2,048 at a
// time, some sixteen times over.
const (
	piecesInMemory = 8
	widthsInMemory = 16 * 2048
)

// statements give the job's rows in order, one piece after the other.
func (e *Engine) statements(ctx context.Context, c *conn, job record.RewriteJob, l load) ([]string, error) {
	conditions := []string{""}
	if n := 1 + l.bytes/(e.share("rewriter")/piecesInMemory); n > 1 && slices.Contains(job.SortBy, record.ColumnRecordID) {
		if widest := e.share("rewriter") / widthsInMemory; l.width() > widest {
			return nil, record.Errorf(record.TooLarge, "rows of %d bytes on average are too wide to be sorted: limits.memory allows for %d; they stay in the files they were flushed to", l.width(), widest)
		}
		var err error
		if conditions, err = e.pieces(ctx, c, job, l.rows, n); err != nil {
			return nil, err
		}
	}
	columns := make([]string, len(job.Schema))
	for i, c := range job.Schema {
		columns[i] = c.Name
	}
	list := make([]string, len(conditions))
	for i, condition := range conditions {
		list[i] = e.rewriteStatement(job, columns, condition)
	}
	return list, nil
}

func (e *Engine) rewriteStatement(job record.RewriteJob, columns []string, where string) string {
	if where != "" {
		where = " WHERE " + where
	}
	list := make([]string, len(columns))
	for i, name := range columns {
		list[i] = record.QuoteName(name)
	}
	order := ""
	for _, name := range append(append([]string(nil), job.Partition...), job.SortBy...) {
		order += ", " + record.QuoteName(name)
	}
	if order != "" {
		order = " ORDER BY " + order[2:]
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + e.readParquet(job.Sources, job.Schema) + where + order
}

// FilesAs is what stands in FROM to read files with the columns of a schema, by field
// id, in a statement of Biwa's own.
func (e *Engine) FilesAs(files []record.File, schema record.Schema) string {
	return e.readParquet(files, schema)
}

// readParquet is the table function over files; with a schema, columns come by
// field id.
func (e *Engine) readParquet(files []record.File, schema record.Schema) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = record.QuoteText(e.file(f.Path))
	}
	option := ""
	if schema != nil {
		option = ", schema=" + parquetSchema(schema)
	}
	read := "read_parquet([" + strings.Join(paths, ", ") + "]" + option + ")"
	if head := fromParquet(schema); head != "FROM " {
		return "(" + head + read + ")"
	}
	return read
}

// writeRuns writes one file after another until the sorted rows end.
func (e *Engine) writeRuns(ctx context.Context, job record.RewriteJob, s *sorted, perFile int64, how layout) (files []record.File, err error) {
	n, last := 0, []any(nil)
	for {
		values, err := s.peek(ctx)
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		if last != nil && sameValues(values, last) {
			n++
		} else {
			n, last = 0, values
		}
		f, err := e.writeRun(ctx, job, s, job.Path(values, n), perFile, how)
		if err != nil {
			return files, err
		}
		if len(job.Partition) > 0 {
			f.Partition = values
		}
		files = append(files, f)
	}
}

// writeRun copies the rows of one file from s, which a goroutine of its own
// reads while DuckDB compresses.
func (e *Engine) writeRun(ctx context.Context, job record.RewriteJob, s *sorted, path string, rows int64, how layout) (record.File, error) {
	ctx, cancel := context.WithCancel(ctx)
	pipe := &pipe{schema: s.cur.schema, batches: make(chan arrow.RecordBatch), stop: ctx.Done()}
	var reading sync.WaitGroup
	var failed error
	reading.Go(func() {
		defer close(pipe.batches)
		failed = s.run(ctx, rows, pipe.batches)
	})
	f, err := e.copyTo(ctx, e.rewriter, path, job.Schema, job.TimeColumn, pipe, how)
	cancel()
	for batch := range pipe.batches {
		batch.Release()
	}
	reading.Wait()
	pipe.forget()
	if err == nil && failed != nil {
		_ = os.Remove(e.file(path))
		err = failed
	}
	return f, err
}

// sorted reads a cursor whose rows are sorted by the partition columns, run by run.
type sorted struct {
	cur       *chain
	partition []string
	now       arrow.RecordBatch // not yet handed out
}

func (s *sorted) close() {
	if s.now != nil {
		s.now.Release()
		s.now = nil
	}
}

// peek is the partition of the next row, or io.EOF.
func (s *sorted) peek(ctx context.Context) ([]any, error) {
	for s.now == nil || s.now.NumRows() == 0 {
		s.close()
		batch, err := s.cur.next(ctx)
		if err != nil {
			return nil, err
		}
		s.now = batch
	}
	return s.values(s.now, 0), nil
}

// run hands out at most rows rows, all of the partition of the first.
func (s *sorted) run(ctx context.Context, rows int64, out chan<- arrow.RecordBatch) error {
	first, err := s.peek(ctx)
	for rows > 0 && err == nil {
		n := min(rows, s.same(first))
		if n == 0 {
			return nil
		}
		piece := s.now.NewSlice(0, n)
		rest := s.now.NewSlice(n, s.now.NumRows())
		s.now.Release()
		s.now = rest
		select {
		case out <- piece:
		case <-ctx.Done():
			piece.Release()
			return interrupted(ctx)
		}
		rows -= n
		_, err = s.peek(ctx)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// same is how many rows at the head of the batch have the given partition; they
// are sorted, so a search by halves finds it.
func (s *sorted) same(first []any) int64 {
	low, high := int64(0), s.now.NumRows()
	for low < high {
		middle := (low + high + 1) / 2
		if sameValues(s.values(s.now, int(middle-1)), first) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

func (s *sorted) values(batch arrow.RecordBatch, row int) []any {
	values := make([]any, len(s.partition))
	for i, name := range s.partition {
		values[i] = arrowValue(batch.Column(batch.Schema().FieldIndices(name)[0]), row)
	}
	return values
}

func sameValues(a, b []any) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// arrowValue is a value in Go's form, for a partition.
func arrowValue(column arrow.Array, row int) any {
	if column.IsNull(row) {
		return nil
	}
	switch c := column.(type) {
	case *array.Boolean:
		return c.Value(row)
	case *array.Int32:
		return c.Value(row)
	case *array.Int64:
		return c.Value(row)
	case *array.Float64:
		return c.Value(row)
	case *array.Date32:
		return c.Value(row)
	case *array.Timestamp:
		return c.Value(row)
	}
	return strings.Clone(column.ValueStr(row))
}

// pipe is a RecordReader over a channel.
type pipe struct {
	schema  *arrow.Schema
	batches chan arrow.RecordBatch
	stop    <-chan struct{}
	now     arrow.RecordBatch
	err     error
}

func (p *pipe) Schema() *arrow.Schema          { return p.schema }
func (p *pipe) Record() arrow.RecordBatch      { return p.now }
func (p *pipe) RecordBatch() arrow.RecordBatch { return p.now }
func (p *pipe) Err() error                     { return p.err }
func (p *pipe) Retain()                        {}
func (p *pipe) Release()                       {}

func (p *pipe) Next() bool {
	p.forget()
	select {
	case batch, more := <-p.batches:
		if !more {
			return false
		}
		if p.now, p.err = rebase(batch); p.err != nil {
			batch.Release()
			p.now = nil
		}
		return p.err == nil
	case <-p.stop:
		return false
	}
}

func (p *pipe) forget() {
	if p.now != nil {
		p.now.Release()
		p.now = nil
	}
}

var _ array.RecordReader = (*pipe)(nil)
