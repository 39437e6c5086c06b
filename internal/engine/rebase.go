package engine

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// rebase returns a batch with the same rows, of which every struct array begins
// at offset 0, and releases the one it is given. Every batch passes it on its way
// to DuckDB: arrow-go 18.8 exports a slice of a struct array with its offset both
// in the array and in its children, so that the reader applies it twice and
// silently gets the values of later rows.
func rebase(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := batch.Columns()
	var fresh []arrow.Array
	for i, c := range columns {
		if !shifted(c.Data()) {
			continue
		}
		whole, err := array.Concatenate([]arrow.Array{c}, memory.DefaultAllocator)
		if err != nil {
			release(fresh)
			return nil, err
		}
		if fresh == nil {
			columns = append([]arrow.Array(nil), columns...)
		}
		fresh = append(fresh, whole)
		columns[i] = whole
	}
	if fresh == nil {
		return batch, nil
	}
	out := array.NewRecordBatch(batch.Schema(), columns, batch.NumRows())
	release(fresh)
	batch.Release()
	return out, nil
}

// shifted says whether a struct somewhere in data begins at another offset than 0.
func shifted(data arrow.ArrayData) bool {
	if data.DataType().ID() == arrow.STRUCT && data.Offset() != 0 {
		return true
	}
	for _, child := range data.Children() {
		if shifted(child) {
			return true
		}
	}
	return false
}
