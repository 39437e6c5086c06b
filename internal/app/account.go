package app

import (
	"context"
	"maps"
	"time"

	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Ledger reports what became of every record. The accounts and what is pending
// beyond them come from two places, so it is read again if a commit came between.
func (n *Node) Ledger(ctx context.Context) (ledger.Report, error) {
	for attempt := 0; ; attempt++ {
		before, err := n.offsets(ctx)
		if err != nil {
			return ledger.Report{}, err
		}
		report, err := n.ledger.Summary(ctx, n.clock.Now().Add(-hoursShown), func(id record.StreamID) int64 { return n.journal.Pending(id, before[id]) })
		if err != nil {
			return report, err
		}
		after, err := n.offsets(ctx)
		if err != nil {
			return report, err
		}
		if maps.Equal(before, after) && n.settled(after) || attempt == 100 {
			return report, nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return report, ctx.Err()
		}
	}
}

// hoursShown is how far back the ledger tells hour by hour.
const hoursShown = 7 * 24 * time.Hour

// offsets are the streams' offsets as they are committed.
func (n *Node) offsets(ctx context.Context) (map[record.StreamID]record.Sequence, error) {
	offsets := map[record.StreamID]record.Sequence{}
	err := n.meta.View(ctx, func(q meta.Querier) error {
		for _, s := range n.list() {
			offset, _, err := meta.Offset(ctx, q, consumerTable(s.id), n.shard)
			if err != nil {
				return err
			}
			offsets[s.id] = offset
		}
		return nil
	})
	return offsets, err
}

// settled says whether the workers know of all that is committed.
func (n *Node) settled(offsets map[record.StreamID]record.Sequence) bool {
	for _, s := range n.list() {
		if s.worker.Offset() != offsets[s.id] {
			return false
		}
	}
	return true
}

// Verify recounts the tables from their files; full counts distinct ids as well,
// which the sum of their hashes makes all but needless.
func (n *Node) Verify(ctx context.Context, full bool) (ledger.Verification, error) {
	v, err := n.ledger.Verify(ctx, n.engine)
	if err != nil || !full {
		return v, err
	}
	pin := n.worlds.Pin()
	defer pin.Release()
	for i := range v.Tables {
		t := &v.Tables[i]
		distinct, rows, err := n.distinct(ctx, pin.Table(t.Table).Files.All())
		if err != nil {
			return v, err
		}
		t.Balanced = t.Balanced && distinct == rows
		v.Balanced = v.Balanced && t.Balanced
	}
	return v, nil
}

// distinctSlice is how many envelopes are counted at a time, to bound memory.
const distinctSlice = 1 << 10

// distinct counts the different ids and the rows of files, slice by slice.
func (n *Node) distinct(ctx context.Context, files []record.File) (distinct, rows int64, err error) {
	slices, err := n.engine.TallySlices(ctx, files, distinctSlice)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range slices {
		rows += s.Count
		d, err := n.engine.DistinctIDs(ctx, files, record.NewRecordID(s.Shard, s.First, 0), record.NewRecordID(s.Shard, s.Last, record.MaxRecords))
		if err != nil {
			return 0, 0, err
		}
		distinct += d
	}
	return distinct, rows, nil
}
