package engine

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// scan lets statements of one transaction read Arrow batches as the view of the
// returned name.
//
// The view can be read once: a second reading gives no rows and no error. So it
// is never committed: either the transaction is rolled back, or the view is
// dropped before its COMMIT.
//
// A statement must read all columns of the view and have no WHERE on it, unless
// it runs in the planner: DuckDB asks the stream for some columns, and for some
// rows, and does not notice that it gets all.
func (c *conn) scan(reader array.RecordReader) (name string, release func(), err error) {
	stream, pin := new(cdata.CArrowArrayStream), new(runtime.Pinner)
	pin.Pin(stream) // DuckDB keeps the pointer
	cdata.ExportRecordReader(reader, stream)
	release = func() {
		cdata.ReleaseCArrowArrayStream(stream)
		pin.Unpin()
	}
	name = "arrow_" + c.name
	if duckdb.ArrowScan(c.handle, name, duckdb.ArrowStream{Ptr: unsafe.Pointer(stream)}) == duckdb.StateError {
		release()
		return "", nil, record.Errorf(record.Internal, "duckdb: cannot read the Arrow batches")
	}
	return name, release, nil
}

// batches is a RecordReader over a slice, which keeps its own references.
type batches struct {
	refs   atomic.Int64
	schema *arrow.Schema
	rest   []arrow.RecordBatch
	now    arrow.RecordBatch
	err    error
}

// newBatches reads list, whose columns are those of schema in its order; JSON
// columns are marked as such, so that DuckDB need not parse them again.
func newBatches(schema record.Schema, list []arrow.RecordBatch) (*batches, error) {
	b := &batches{schema: schema.Arrow()}
	if len(list) > 0 {
		b.schema = list[0].Schema()
	}
	fields := append([]arrow.Field(nil), b.schema.Fields()...)
	if len(fields) != len(schema) {
		return nil, record.Errorf(record.Internal, "a batch has %d columns, its schema %d", len(fields), len(schema))
	}
	for i := range fields {
		if fields[i].Name != schema[i].Name {
			return nil, record.Errorf(record.Internal, "column %d of a batch is %q, of its schema %q", i, fields[i].Name, schema[i].Name)
		}
		if schema[i].Type.Kind == record.JSON {
			fields[i].Metadata = arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.json", ""})
		}
	}
	b.schema = arrow.NewSchema(fields, nil)
	for _, batch := range list {
		for i, f := range batch.Schema().Fields() {
			if i >= len(fields) || !arrow.TypeEqual(f.Type, fields[i].Type) {
				b.Release()
				return nil, record.Errorf(record.Internal, "batches of different schemas: column %q", f.Name)
			}
		}
		b.rest = append(b.rest, sliced(batch)...)
	}
	b.refs.Store(1)
	return b, nil
}

// sliceBytes is about how much is handed to DuckDB at once: it keeps more than one of
// them whole in memory, and looks how much it holds only between them.
const sliceBytes = 1 << 20

// sliced is a batch in parts of about sliceBytes, each with a reference of its own.
func sliced(batch arrow.RecordBatch) (list []arrow.RecordBatch) {
	rows, bytes := batch.NumRows(), uint64(0)
	for _, c := range batch.Columns() {
		bytes += c.Data().SizeInBytes()
	}
	step := max(1, rows/max(1, int64(bytes/sliceBytes)))
	for at := int64(0); at < rows; at += step {
		list = append(list, batch.NewSlice(at, min(at+step, rows)))
	}
	return list
}

func (b *batches) Schema() *arrow.Schema          { return b.schema }
func (b *batches) Record() arrow.RecordBatch      { return b.now }
func (b *batches) RecordBatch() arrow.RecordBatch { return b.now }
func (b *batches) Err() error                     { return b.err }
func (b *batches) Retain()                        { b.refs.Add(1) }

func (b *batches) Next() bool {
	if b.now != nil {
		b.now.Release()
		b.now = nil
	}
	if len(b.rest) == 0 {
		return false
	}
	first := b.rest[0]
	b.rest = b.rest[1:]
	if b.now, b.err = rebase(first); b.err != nil {
		first.Release()
		b.now = nil
	}
	return b.err == nil
}

func (b *batches) Release() {
	if b.refs.Add(-1) > 0 {
		return
	}
	if b.now != nil {
		b.now.Release()
	}
	for _, batch := range b.rest {
		batch.Release()
	}
	b.now, b.rest = nil, nil
}

var _ array.RecordReader = (*batches)(nil)
