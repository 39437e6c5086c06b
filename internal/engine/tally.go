package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/record"
)

// tallyFiles is how many files one statement counts: its text and DuckDB's
// footers stay small, and a canceled recount ends soon.
const tallyFiles = 256

// hashSum is the sum of hashed ids modulo 2^64. Rows without an id are users'
// own and count for nothing.
const hashSum = "count(_record_id), coalesce((sum(hash(_record_id)) FILTER (WHERE _record_id IS NOT NULL) % 18446744073709551616::HUGEINT)::UBIGINT, 0)"

// TallyFiles counts the records in files from the rows themselves. It reads the
// column _record_id only.
func (e *Engine) TallyFiles(ctx context.Context, files []record.File) (record.Tally, error) {
	var total record.Tally
	err := e.recount(ctx, files, "SELECT 0::BIGINT, "+hashSum, "", func(_ int64, t record.Tally) { total = total.Plus(t) })
	return total, err
}

// TallyRange is TallyFiles for the ids from first to last.
func (e *Engine) TallyRange(ctx context.Context, files []record.File, first, last record.RecordID) (record.Tally, error) {
	var total record.Tally
	where := fmt.Sprintf(" WHERE _record_id BETWEEN %d AND %d", first, last)
	err := e.recount(ctx, files, "SELECT 0::BIGINT, "+hashSum, where, func(_ int64, t record.Tally) { total = total.Plus(t) })
	return total, err
}

// Slice is the records of one shard whose sequence lies in [First, Last].
type Slice struct {
	Shard       uint8
	First, Last record.Sequence
	record.Tally
}

// TallySlices is TallyFiles by slices of width sequences of each shard, ascending;
// slices without records are left out.
func (e *Engine) TallySlices(ctx context.Context, files []record.File, width record.Sequence) ([]Slice, error) {
	if width < 1 {
		return nil, record.Errorf(record.Invalid, "tally by slices of %d sequences", width)
	}
	ids := uint64(width) << record.IndexBits
	slice := map[int64]record.Tally{}
	// Shards differ in their high bits, so number slices within each shard.
	const shardBits = record.SequenceBits + record.IndexBits
	perShard := (uint64(1)<<shardBits + ids - 1) / ids
	key := fmt.Sprintf("(_record_id >> %d) * %d + (_record_id & %d) // %d", shardBits, perShard, uint64(1)<<shardBits-1, ids)
	err := e.recount(ctx, files, "SELECT "+key+", "+hashSum, " WHERE _record_id IS NOT NULL GROUP BY 1", func(k int64, t record.Tally) { slice[k] = slice[k].Plus(t) })
	if err != nil {
		return nil, err
	}
	out := make([]Slice, 0, len(slice))
	for k, t := range slice {
		first := record.Sequence(uint64(k) % perShard * uint64(width))
		out = append(out, Slice{Shard: uint8(uint64(k) / perShard), First: first, Last: min(first+width-1, record.MaxSequence), Tally: t})
	}
	slices.SortFunc(out, func(a, b Slice) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.First, b.First))
	})
	return out, nil
}

// DistinctIDs counts the different record ids from first to last in files: with
// TallyFiles it proves that none is there twice. The ids of one call are held in
// memory or in TempDir, so callers go by slices of some 50 million.
func (e *Engine) DistinctIDs(ctx context.Context, files []record.File, first, last record.RecordID) (int64, error) {
	var near []record.File
	for _, f := range files {
		if f.MaxID == 0 || f.MinID <= last && f.MaxID >= first {
			near = append(near, f)
		}
	}
	if len(near) == 0 {
		return 0, nil
	}
	var n int64
	err := e.rewriter.aside(ctx, func(c *conn) error {
		sql := fmt.Sprintf("SELECT count(DISTINCT _record_id) FROM %s WHERE _record_id BETWEEN %d AND %d", e.readParquet(near, nil), first, last)
		return c.each(ctx, sql, nil, func(batch arrow.RecordBatch) error {
			n += batch.Column(0).(*array.Int64).Value(0)
			return nil
		})
	})
	return n, err
}

// recount runs "head FROM files tail", some files at a time. Its columns are a
// key, a count and a hash.
func (e *Engine) recount(ctx context.Context, files []record.File, head, tail string, add func(key int64, t record.Tally)) error {
	for part := range slices.Chunk(files, tallyFiles) {
		err := e.rewriter.aside(ctx, func(c *conn) error {
			return c.each(ctx, head+" FROM "+e.readParquet(part, nil)+tail, nil, func(batch arrow.RecordBatch) error {
				for i := range int(batch.NumRows()) {
					add(batch.Column(0).(*array.Int64).Value(i), record.Tally{Count: batch.Column(1).(*array.Int64).Value(i), Hash: batch.Column(2).(*array.Uint64).Value(i)})
				}
				return nil
			})
		})
		if err != nil {
			return fmt.Errorf("recount files: %w", err)
		}
	}
	return nil
}
