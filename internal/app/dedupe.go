package app

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/dedupe"
	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// onFullRefuse is the word of dedupe.on_full that shuts the doors.
const onFullRefuse = "refuse"

// deduper lets a worker tell first records from copies, as the definition says
// that holds for them. Its index is opened when a definition first asks for it.
type deduper struct {
	node   *Node
	stream *stream

	most atomic.Int64 // keys

	mu    sync.Mutex
	index *dedupe.Index
}

// keys is how many keys are remembered and at most how many may be; ok is false where
// the stream does not deduplicate.
func (d *deduper) keys(now time.Time) (keys, limit int64, ok bool) {
	want := d.stream.newest().stored.Definition.Dedupe
	x := d.opened()
	if want == nil || x == nil {
		return 0, 0, false
	}
	if limit = want.MaxKeys; limit == 0 {
		limit = dedupe.DefaultMaxKeys
	}
	keys = x.Keys(now.Add(-time.Duration(want.Window)))
	raise(&d.most, keys)
	return keys, limit, true
}

// Filter moves copies from the batch's rows to its rejects.
func (d *deduper) Filter(ctx context.Context, b *record.Batch, at time.Time) error {
	if len(b.DedupeKeys) == 0 {
		return nil
	}
	g, err := d.stream.generationAt(b.Seq)
	if err != nil {
		return err
	}
	x, err := d.open(g.stored.Definition.Dedupe)
	if err != nil {
		return err
	}
	return x.Filter(ctx, b, at)
}

// admit is Filter for records that leave quarantine: copies leave the batch.
func (d *deduper) admit(ctx context.Context, b *record.Batch) error {
	want := d.stream.newest().stored.Definition.Dedupe
	if want == nil || len(b.DedupeKeys) == 0 {
		return nil
	}
	x, err := d.open(want)
	if err != nil {
		return err
	}
	return x.Admit(ctx, b)
}

// syncAdmitted makes durable what admit has had remembered.
func (d *deduper) syncAdmitted(ctx context.Context) error {
	if x := d.opened(); x != nil {
		return x.SyncAdmitted(ctx)
	}
	return nil
}

// Sync makes what is remembered durable.
func (d *deduper) Sync(ctx context.Context, upTo record.Sequence) error {
	if x := d.opened(); x != nil {
		return x.Sync(ctx, upTo)
	}
	return nil
}

// open is the index, bounded as a definition says.
func (d *deduper) open(want *shape.Dedupe) (*dedupe.Index, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	bounds := dedupe.Bounds{Window: time.Duration(want.Window), MaxKeys: want.MaxKeys, Refuse: want.OnFull == onFullRefuse}
	if d.index != nil {
		d.index.SetBounds(bounds)
		return d.index, nil
	}
	x, err := dedupe.Open(dedupe.Options{Dir: filepath.Join(d.node.o.Data, dedupeFolder, d.stream.id.String()), Bounds: bounds, Log: d.node.log, Shortened: d.shortened, Full: d.node.awaitRoom, Fatal: d.node.halt})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", d.stream.name, err)
	}
	d.index = x
	return x, nil
}

func (d *deduper) opened() *dedupe.Index {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index
}

// prepare opens the index where the newest definition has one, so that a door
// knows from the start whether there is room.
func (d *deduper) prepare() error {
	want := d.stream.newest().stored.Definition.Dedupe
	if want == nil {
		return nil
	}
	_, err := d.open(want)
	return err
}

// shortened notes in the ledger that keys were forgotten before their time.
func (d *deduper) shortened(ctx context.Context, since time.Time) {
	n := d.node
	at := n.journal.Last()
	n.note("dedupe of "+d.stream.name, (&registry{n.meta, n.clock}).ReportIncident(ctx, journal.Incident{Shard: n.shard, Kind: "dedupe_shortened", From: at, To: at,
		Detail: fmt.Sprintf("stream %s: dedupe.max_keys is reached; copies of records received before %s are no longer recognised", d.stream.name, since.Format(time.RFC3339))}))
}

// room is an error while the index is full and the stream then refuses records.
func (d *deduper) room(now time.Time) error {
	want := d.stream.newest().stored.Definition.Dedupe
	if want == nil || want.OnFull != onFullRefuse {
		return nil
	}
	if keys, limit, ok := d.keys(now); ok && keys >= limit {
		return record.Errorf(record.Unavailable, "stream %s remembers as many keys as dedupe.max_keys allows, %d, and has dedupe.on_full: refuse: try again later, raise max_keys, or shorten dedupe.window",
			d.stream.name, limit)
	}
	return nil
}

func (d *deduper) close() error {
	if x := d.opened(); x != nil {
		return x.Close()
	}
	return nil
}
