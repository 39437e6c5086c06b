package app

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// Discard takes a stream's rejected records out of quarantine for good. A file of the
// table at a time, one commit rewrites it without them and writes the ledger's row.
// Copies, which were not rejected, go only where their code is named.
func (n *Node) Discard(ctx context.Context, r api.DiscardRequest) (answer api.DiscardAnswer, err error) {
	n.replaying.Lock()
	defer n.replaying.Unlock()
	id, err := n.everKnown(ctx, r.Stream)
	if err != nil {
		return answer, err
	}
	if s := n.byName(r.Stream); s != nil {
		if err := n.flush(ctx, s); err != nil { // what is recent goes into files, where it can be taken out
			return answer, err
		}
	}
	condition := "stream = " + record.QuoteText(r.Stream) + " AND code <> " + record.QuoteText(record.CodeDuplicate)
	if r.Code != "" {
		condition = "stream = " + record.QuoteText(r.Stream) + " AND code = " + record.QuoteText(r.Code)
	}
	pin := n.worlds.Pin()
	defer pin.Release()
	for _, f := range pin.Table(record.QuarantineTable).Files.All() {
		gone, err := n.discardFrom(ctx, id, f, condition)
		answer.Discarded += gone
		if err != nil {
			return answer, fmt.Errorf("discard: %d records are gone, others are not: %w", answer.Discarded, err)
		}
	}
	return answer, nil
}

// discardFrom takes the rows of one file that meet a condition out of quarantine.
func (n *Node) discardFrom(ctx context.Context, id record.StreamID, f record.File, condition string) (int64, error) {
	removal := ledger.Removal{Table: record.QuarantineTable, Stream: id, Reason: ledger.Delete, By: "quarantine discard"}
	batches, _, err := n.rowsOf(ctx, "SELECT _record_id, epoch_us(_received_at) FROM read_parquet("+record.QuoteText(n.pathOf(f.Path))+") WHERE "+condition)
	hour, young := n.clock.Now().Truncate(time.Hour), int64(0)
	for _, b := range batches {
		for i, value := range b.Column(0).(*array.Int64).Int64Values() {
			if b.Column(1).(*array.Int64).Value(i) >= hour.UnixMicro() {
				young++
			}
			gone := record.RecordID(value)
			if removal.Tally.Count == 0 {
				removal.MinID, removal.MaxID = gone, gone
			}
			removal.Tally.Add(gone)
			removal.MinID, removal.MaxID = min(removal.MinID, gone), max(removal.MaxID, gone)
		}
		b.Release()
	}
	if err != nil || removal.Tally.Count == 0 {
		return 0, err
	}
	change := lake.Append{Table: record.QuarantineTable}
	if err := n.takeOut(ctx, &change, f, condition); err != nil {
		return 0, err
	}
	c := &lake.Commit{Appends: []lake.Append{change}}
	c.InTx = func(tx *sql.Tx) error {
		removal.Snapshot, removal.At = c.Snapshots[record.QuarantineTable], n.clock.Now()
		if err := noteDiscarded(ctx, tx, id, hour, young); err != nil {
			return err
		}
		return ledger.Remove(ctx, tx, removal)
	}
	if err := n.lake.Commit(ctx, c); err != nil {
		return 0, err
	}
	return removal.Tally.Count, nil
}

// settingDiscarded, with a stream's id, is the hour of the stream's last discard and how
// many of the records received within it are discarded. The ledger's hours go on saying
// that they were rejected; what is in quarantine now is that many less.
const settingDiscarded = "discarded."

func noteDiscarded(ctx context.Context, tx *sql.Tx, id record.StreamID, hour time.Time, count int64) error {
	before, err := discardedIn(ctx, tx, id, hour)
	if err != nil {
		return err
	}
	return meta.Set(ctx, tx, settingDiscarded+id.String(), fmt.Sprintf("%d %d", hour.Unix(), before+count))
}

// discardedIn is how many of the records that a stream received since an hour began were
// discarded.
func discardedIn(ctx context.Context, q meta.Querier, id record.StreamID, hour time.Time) (count int64, err error) {
	text, err := meta.Setting(ctx, q, settingDiscarded+id.String())
	if err != nil || text == "" {
		return 0, err
	}
	var at int64
	if _, err := fmt.Sscan(text, &at, &count); err != nil {
		return 0, fmt.Errorf("setting %s%s is %q: %w", settingDiscarded, id, text, err)
	}
	if at != hour.Unix() {
		return 0, nil
	}
	return count, nil
}

// everKnown is the stream that had a name last, in the project or not any more.
func (n *Node) everKnown(ctx context.Context, name string) (id record.StreamID, err error) {
	if s := n.byName(name); s != nil {
		return s.id, nil
	}
	var text string
	err = n.meta.View(ctx, func(q meta.Querier) error {
		return q.QueryRowContext(ctx, "SELECT coalesce((SELECT id FROM streams WHERE name = ? ORDER BY created_at DESC LIMIT 1), '')", name).Scan(&text)
	})
	if err != nil {
		return id, fmt.Errorf("look up stream %s: %w", name, err)
	}
	if text == "" {
		_, err := n.named(name) // says which there are
		return id, err
	}
	return record.ParseStreamID(text)
}
