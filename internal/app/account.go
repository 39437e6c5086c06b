package app

import (
	"context"
	"maps"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Ledger reports what became of every record.
func (n *Node) Ledger(ctx context.Context) (ledger.Report, error) {
	report, _, err := n.account(ctx)
	for i := range report.Streams {
		report.Streams[i].State = n.stateOf(report.Streams[i].Name)
	}
	return report, err
}

// account is what became of every record, and how the workers fared at that moment:
// what they hold is what the report has as pending. The accounts and what is pending
// beyond them come from two places, so they are read again if a commit came between.
func (n *Node) account(ctx context.Context) (report ledger.Report, fared map[record.StreamID]deliver.Status, err error) {
	for attempt := 0; ; attempt++ {
		before, err := n.offsets(ctx)
		if err != nil {
			return report, nil, err
		}
		if report, err = n.ledger.Summary(ctx, n.clock.Now().Add(-hoursShown), func(id record.StreamID) int64 { return n.journal.Pending(id, before[id]) }); err != nil {
			return report, nil, err
		}
		fared, settled := n.fare(before)
		after, err := n.offsets(ctx)
		if err != nil {
			return report, nil, err
		}
		if maps.Equal(before, after) && settled || attempt == 100 {
			return report, fared, nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return report, nil, ctx.Err()
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

// fare asks the workers how they fare; settled says whether they know of all that is
// committed, and of no more.
func (n *Node) fare(offsets map[record.StreamID]record.Sequence) (fared map[record.StreamID]deliver.Status, settled bool) {
	fared, settled = map[record.StreamID]deliver.Status{}, true
	for _, s := range n.list() {
		fared[s.id] = s.worker.Status()
		settled = settled && fared[s.id].Offset == offsets[s.id]
	}
	return fared, settled
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
		table := pin.Table(t.Table)
		if table == nil {
			continue // it was dropped
		}
		distinct, rows, err := n.distinct(ctx, table.Files.All())
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
