package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/record"
)

// A sort of DuckDB's that spills still pins 122,880 rows for each thread: of rows
// of 4 kB that is more than the rewriter has, and the sort fails however little
// else there is. So what does not fit is sorted in pieces, each a range of the
// sort keys, one after the other.

// load is how much the rows of some files are in memory, about.
type load struct{ rows, bytes int64 }

// width is the mean of a row.
func (l load) width() int64 { return max(1, l.bytes/max(1, l.rows)) }

// weigh reads the footers of files.
func (e *Engine) weigh(ctx context.Context, c *conn, files []record.File) (load, error) {
	paths := make([]string, len(files))
	l := load{}
	for i, f := range files {
		paths[i] = record.QuoteText(e.file(f.Path))
		l.rows += f.Rows
	}
	texts, err := c.text(ctx, "SELECT sum(total_uncompressed_size)::BIGINT::VARCHAR FROM parquet_metadata(["+strings.Join(paths, ", ")+"])")
	if err == nil {
		l.bytes, err = strconv.ParseInt(texts[0], 10, 64)
	}
	return l, err
}

// pieces are conditions that part a job's rows into n ranges of its order, about
// equally large, the first first.
func (e *Engine) pieces(ctx context.Context, c *conn, job record.RewriteJob, rows int64, n int64) ([]string, error) {
	ranges, err := e.ranges(ctx, c, job, max(1, rows/n))
	if err != nil || len(ranges) < 2 {
		return []string{""}, err
	}
	keys := append(append([]string(nil), job.Partition...), job.SortBy...)
	bounds, err := e.bounds(ctx, c, job, keys, ranges[:len(ranges)-1])
	if err != nil {
		return nil, err
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = record.QuoteName(k)
	}
	key := "row(" + strings.Join(names, ", ") + ")"
	conditions := make([]string, len(ranges))
	for i, r := range ranges {
		var parts []string
		if i > 0 {
			parts = append(parts, key+" > "+bounds[i-1])
		}
		if i < len(bounds) {
			parts = append(parts, "coalesce("+key+" <= "+bounds[i]+", false)") // DuckDB joins two comparisons to a BETWEEN, which rows do not know
		}
		conditions[i] = strings.Join(append(parts, r.times(job.TimeColumn)...), " AND ")
	}
	return conditions, nil
}

// stretch is what follows one another in a job's order.
type stretch struct {
	last     int64 // record id
	from, to arrow.Timestamp
	timeless bool // some rows have no time, or one that is not written here
}

// times are conditions that leave out files and row groups by their bounds.
func (s stretch) times(column string) []string {
	from, to := time.UnixMicro(int64(s.from)).UTC(), time.UnixMicro(int64(s.to)).UTC()
	if s.timeless || column == "" || from.Year() < 1 || to.Year() > 9999 {
		return nil
	}
	const layout = "2006-01-02 15:04:05.000000+00"
	name := record.QuoteName(column)
	return []string{name + " >= TIMESTAMPTZ '" + from.Format(layout) + "'", name + " <= TIMESTAMPTZ '" + to.Format(layout) + "'"}
}

// ranges goes through the keys in order and cuts after each step rows.
func (e *Engine) ranges(ctx context.Context, c *conn, job record.RewriteJob, step int64) (list []stretch, err error) {
	timed := job.TimeColumn != "" && job.Schema[job.Schema.Index(job.TimeColumn)].Type.Kind == record.Timestamptz
	columns := []string{record.ColumnRecordID}
	if timed {
		columns = append(columns, job.TimeColumn)
	}
	sql := e.rewriteStatement(job, columns, "")
	n, now := int64(0), stretch{}
	cut := func() {
		if n > 0 {
			list, n = append(list, now), 0
		}
	}
	err = c.each(ctx, sql, nil, func(batch arrow.RecordBatch) error {
		ids := batch.Column(0).(*array.Int64)
		for i := range ids.Len() {
			if n == 0 {
				now = stretch{timeless: !timed}
			}
			if now.last = ids.Value(i); timed {
				now.note(batch.Column(1).(*array.Timestamp), i, n == 0)
			}
			if n++; n == step {
				cut()
			}
		}
		return nil
	})
	cut()
	return list, err
}

func (s *stretch) note(times *array.Timestamp, i int, first bool) {
	if times.IsNull(i) {
		s.timeless = true
		return
	}
	at := times.Value(i)
	if first {
		s.from, s.to = at, at
	}
	s.from, s.to = min(s.from, at), max(s.to, at)
}

// bounds are the keys of the stretches' last rows, as rows in SQL.
func (e *Engine) bounds(ctx context.Context, c *conn, job record.RewriteJob, keys []string, list []stretch) ([]string, error) {
	ids := make([]string, len(list))
	at := map[int64]int{}
	for i, s := range list {
		ids[i], at[s.last] = strconv.FormatInt(s.last, 10), i
	}
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = record.QuoteName(k) + "::VARCHAR"
	}
	sql := "SELECT _record_id, " + strings.Join(values, ", ") + " FROM " + e.readParquet(job.Sources, job.Schema) + " WHERE _record_id IN (" + strings.Join(ids, ", ") + ")"
	found := make([]string, len(list))
	err := c.each(ctx, sql, nil, func(batch arrow.RecordBatch) error {
		for row := range int(batch.NumRows()) {
			literals := make([]string, len(keys))
			for i, k := range keys {
				literal := "NULL"
				if text := batch.Column(i + 1).(*array.String); text.IsValid(row) {
					literal = record.QuoteText(text.Value(row))
				}
				literals[i] = "CAST(" + literal + " AS " + job.Schema[job.Schema.Index(k)].Type.SQL() + ")"
			}
			found[at[batch.Column(0).(*array.Int64).Value(row)]] = "row(" + strings.Join(literals, ", ") + ")"
		}
		return nil
	})
	for i, text := range found {
		if err == nil && text == "" {
			err = record.Errorf(record.Internal, "record %s, at which a sort is cut, is not in the files", ids[i])
		}
	}
	return found, err
}

// chain reads a job's pieces, one after the other.
type chain struct {
	conn   *conn
	sql    []string // of the pieces that are not begun
	cur    *cursor
	schema *arrow.Schema
}

// open begins the next piece.
func (c *chain) open(ctx context.Context) (err error) {
	c.close()
	sql := c.sql[0]
	c.sql = c.sql[1:]
	if c.cur, err = c.conn.query(ctx, source{text: sql}, sql); err == nil {
		c.schema = c.cur.schema
	}
	return err
}

// next is the next rows, or io.EOF after those of the last piece.
func (c *chain) next(ctx context.Context) (arrow.RecordBatch, error) {
	for {
		batch, err := c.cur.next(ctx)
		if !errors.Is(err, io.EOF) || len(c.sql) == 0 {
			return batch, err
		}
		if err := c.open(ctx); err != nil {
			return nil, fmt.Errorf("the next piece of the sort: %w", err)
		}
	}
}

func (c *chain) close() {
	if c.cur != nil {
		c.cur.close()
		c.cur = nil
	}
}
