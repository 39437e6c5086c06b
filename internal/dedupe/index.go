// Package dedupe tells the first record with a key from its copies.
//
// It remembers every key that was accepted within the window, with the record id
// and time of its record. A record is a copy exactly if the largest smaller id
// with its key lies within the window. So the answer does not change when a part
// of the log is read again: what is remembered may be ahead of the table, never
// behind it, for it is made durable before the table's commit.
package dedupe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/biwa-data/biwa/internal/record"
)

// Bounds say for how long keys are remembered, and how many. Window is required.
type Bounds struct {
	Window  time.Duration
	MaxKeys int64 // default DefaultMaxKeys; each takes about 32 bytes of disk and 2 of memory
	// Refuse keeps every key for its window, also past MaxKeys: whoever asks Keys
	// before taking records sees to it that there is room.
	Refuse bool
}

// DefaultMaxKeys is how many keys are remembered where nothing else is said.
const DefaultMaxKeys = 50_000_000

func (b *Bounds) ensureDefaults() {
	if b.MaxKeys == 0 {
		b.MaxKeys = DefaultMaxKeys
	}
}

// Options of an Index. Dir and the bounds' Window are required.
type Options struct {
	Dir string
	Bounds
	// Shortened is told when keys are forgotten before their window has passed.
	Shortened func(ctx context.Context, since time.Time)
	// Full is called where the disk is full. When it returns, the write is tried once
	// more; without it, or without success then, the error is what it was.
	Full func()
	// Fatal is told of an error after which Pebble can do nothing any more, as when
	// its list of files cannot be written. It must end the process: nothing of the
	// index that matters is lost by that. Without it, the error is a panic.
	Fatal func(err error)
	Log   *slog.Logger
}

// Index remembers the keys of one stream. Filter and Sync may be called at the
// same time; what is synced may then be ahead of what is committed.
type Index struct {
	o  Options
	db *pebble.DB

	mu      sync.Mutex       // guards all below
	probe   *pebble.Iterator // over what is in db
	buckets []bucket         // ascending by number; the last one takes new keys
	synced  [2]mark          // the last two Syncs, the newer one last

	young map[[16]byte]int32 // the last place in order of each key accepted since the last Sync
	order []entry            // what was accepted since then
	files int                // numbers the files that are ingested

	loading sync.WaitGroup
	closing chan struct{} // closed to end the loading of filters

	// level is what Keys counts, apart from mu, which is held while files are
	// written.
	level struct {
		sync.Mutex
		buckets []bucket
		young   int64
	}
}

// mark is a Sync: the number it was for, and when the newest key was received
// that was remembered then.
type mark struct {
	upTo   record.Sequence
	newest int64
}

// entry is one accepted record.
type entry struct {
	key    [16]byte
	id     record.RecordID
	micros int64 // when it was received
	before int32 // while young: the place of an earlier entry of the key, -1 for none
}

// A stored key is bucket u32 | key 16 | id u64, big-endian; its value the time.
// Buckets are forgotten whole, so each holds a quarter of the window, or an
// eighth of max_keys where that comes first.
const (
	bucketSize = 4
	prefixSize = bucketSize + 16
	keySize    = prefixSize + 8
)

// Open opens or makes the index.
func Open(o Options) (*Index, error) {
	o.ensureDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tuned := options()
	tuned.Logger = quiet{o.Fatal}
	files := vfs.Default
	if o.Full != nil {
		files = vfs.OnDiskFull(files, o.Full)
	}
	tuned.FS = files
	if o.Fatal != nil {
		tuned.FS = &watchedFS{files, o.Fatal} // Pebble compares file systems
	}
	db, err := pebble.Open(o.Dir, tuned)
	if err != nil {
		return nil, fmt.Errorf("open dedupe index: %w", err)
	}
	x := &Index{o: o, db: db, young: map[[16]byte]int32{}, closing: make(chan struct{})}
	if err := x.loadBuckets(); err != nil {
		return nil, errors.Join(fmt.Errorf("open dedupe index: %w", err), db.Close())
	}
	x.count()
	x.loading.Go(x.loadFilters)
	return x, nil
}

func options() *pebble.Options {
	comparer := *pebble.DefaultComparer
	comparer.Name = "biwa.dedupe"
	comparer.Split = func(key []byte) int { return min(prefixSize, len(key)) }
	o := &pebble.Options{Comparer: &comparer, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}, MemTableSize: 1 << 20,
		CacheSize: 16 << 20,
		// A key that is not there is mostly not looked for here (see filter), so
		// fewer, larger levels and less work to tidy them.
		LBaseMaxBytes: 256 << 20}
	o.TargetFileSizes[0] = 16 << 20
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.EnsureDefaults()
	return o
}

// quiet keeps Pebble's progress reports out of the log.
type quiet struct{ fatal func(err error) }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

// Fatalf does not return: Pebble counts on that.
func (q quiet) Fatalf(format string, args ...any) {
	err := fmt.Errorf("dedupe index: "+format, args...)
	if q.fatal != nil {
		q.fatal(err)
	}
	panic(err)
}

// SetBounds changes the bounds for what comes.
func (x *Index) SetBounds(b Bounds) {
	b.ensureDefaults()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.o.Bounds = b
}

// Filter moves the batch's copies from Rows to Rejects and remembers the keys of
// the rest. A zero key is no key.
func (x *Index) Filter(ctx context.Context, b *record.Batch, at time.Time) error {
	return x.take(ctx, b, x.before)
}

// Admit is Filter for records that come out of their turn, because they were in
// quarantine: one is a copy if another with its key was accepted within the
// window before it or after it.
func (x *Index) Admit(ctx context.Context, b *record.Batch) error {
	return x.take(ctx, b, x.near)
}

func (x *Index) take(ctx context.Context, b *record.Batch, original func(entry) (first record.RecordID, copied bool, err error)) error {
	if b.Rows == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.count()
	ids := b.Rows.Column(0).(*array.Int64)
	received := b.Rows.Column(1).(*array.Timestamp)
	var mask []bool
	for i, key := range b.DedupeKeys {
		if key == ([16]byte{}) {
			continue
		}
		e := entry{key: key, id: record.RecordID(ids.Value(i)), micros: int64(received.Value(i))}
		first, copied, err := original(e)
		if err != nil {
			return err
		}
		if !copied {
			x.remember(e)
			continue
		}
		if mask == nil {
			mask = slices.Repeat([]bool{true}, int(b.Rows.NumRows()))
		}
		mask[i] = false
		b.Rejects = append(b.Rejects, record.Reject{ID: e.id, ReceivedAt: time.UnixMicro(e.micros).UTC(), Code: record.CodeDuplicate,
			Message: fmt.Sprintf("its key came before, with record %s", first), FirstID: first})
	}
	if mask == nil {
		return nil
	}
	slices.SortFunc(b.Rejects, func(p, q record.Reject) int { return int(p.ID - q.ID) })
	return keep(ctx, b, mask)
}

// keep leaves only the marked rows.
func keep(ctx context.Context, b *record.Batch, mask []bool) error {
	builder := array.NewBooleanBuilder(compute.GetAllocator(ctx))
	defer builder.Release()
	builder.AppendValues(mask, nil)
	marks := builder.NewBooleanArray()
	defer marks.Release()
	columns := make([]arrow.Array, b.Rows.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range b.Rows.Columns() {
		kept, err := compute.FilterArray(ctx, c, marks, *compute.DefaultFilterOptions())
		if err != nil {
			return fmt.Errorf("take out copies: %w", err)
		}
		columns[i] = kept
	}
	rows := array.NewRecordBatch(b.Rows.Schema(), columns, int64(columns[0].Len()))
	b.Rows.Release()
	if b.Rows = rows; rows.NumRows() == 0 {
		rows.Release()
		b.Rows = nil
	}
	return nil
}

// remember takes an accepted record among the young ones.
func (x *Index) remember(e entry) {
	e.before = -1
	if at, ok := x.young[e.key]; ok {
		e.before = at
	}
	x.young[e.key] = int32(len(x.order))
	x.order = append(x.order, e)
}

// Sync makes the keys accepted so far durable. It is called before each commit
// with the number up to which that goes; again with the same if it failed.
func (x *Index) Sync(ctx context.Context, upTo record.Sequence) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.save(ctx, upTo)
}

// SyncAdmitted is Sync before a commit of records that came out of their turn: the
// log is committed no further by it.
func (x *Index) SyncAdmitted(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.save(ctx, x.synced[1].upTo)
}

func (x *Index) save(ctx context.Context, upTo record.Sequence) error {
	defer x.count()
	if len(x.order) == 0 {
		return nil
	}
	oldest, newest := x.order[0].micros, x.order[0].micros
	for _, e := range x.order {
		oldest, newest = min(oldest, e.micros), max(newest, e.micros)
	}
	x.advance(ctx, oldest, newest)
	current := &x.buckets[len(x.buckets)-1]
	path, err := x.writeFile(current.Number)
	if err != nil {
		return fmt.Errorf("write dedupe index: %w", err)
	}
	if err := x.db.Ingest(ctx, []string{path}); err != nil {
		return fmt.Errorf("write dedupe index: %w", err)
	}
	for i := range x.order {
		current.Newest = max(current.Newest, x.order[i].micros)
		current.since.add(&x.order[i].key)
	}
	current.Keys += int64(len(x.order))
	if x.synced[1].upTo != upTo {
		x.synced = [2]mark{x.synced[1], {upTo, newest}}
	}
	if err := x.saveBuckets(); err != nil {
		return fmt.Errorf("write dedupe index: %w", err)
	}
	clear(x.young)
	x.order = x.order[:0]
	if x.probe != nil {
		err = x.probe.Close()
		x.probe = nil
	}
	return err
}

// writeFile writes the young keys as one sorted, fsynced file.
func (x *Index) writeFile(number uint32) (string, error) {
	sorted := slices.Clone(x.order) // order is asked for until the keys are in db
	slices.SortFunc(sorted, func(a, b entry) int {
		if c := bytes.Compare(a.key[:], b.key[:]); c != 0 {
			return c
		}
		return int(a.id - b.id)
	})
	x.files++
	path := filepath.Join(x.o.Dir, fmt.Sprintf("young-%d.sst", x.files))
	f, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return "", err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), options().MakeWriterOptions(0, x.db.TableFormat()))
	var key [keySize]byte
	var value [8]byte
	binary.BigEndian.PutUint32(key[:], number)
	for i, e := range sorted {
		if i > 0 && e.key == sorted[i-1].key && e.id == sorted[i-1].id {
			continue // taken twice, for its part of the log was read again
		}
		copy(key[bucketSize:], e.key[:])
		binary.BigEndian.PutUint64(key[prefixSize:], uint64(e.id))
		binary.BigEndian.PutUint64(value[:], uint64(e.micros))
		if err := w.Set(key[:], value[:]); err != nil {
			return "", err
		}
	}
	return path, w.Close()
}

// Close closes the index; keys accepted since the last Sync are forgotten, for
// their records are not committed either.
func (x *Index) Close() error {
	close(x.closing)
	x.loading.Wait()
	if x.probe != nil {
		if err := x.probe.Close(); err != nil {
			return err
		}
	}
	return x.db.Close()
}

// Remove deletes a stream's index.
func Remove(dir string) error { return os.RemoveAll(dir) }
