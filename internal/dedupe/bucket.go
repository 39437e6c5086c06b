package dedupe

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// bucket is a part of the window that is forgotten as a whole.
type bucket struct {
	Number uint32 `json:"number"`
	Oldest int64  `json:"oldest"` // when its first key was received, in microseconds
	Newest int64  `json:"newest"`
	Keys   int64  `json:"keys"`

	stored *filter // of the keys there were when the index was opened; nil until it has been loaded
	since  filter  // of those that came since
}

// mayHave says whether the key may be in the bucket.
func (b *bucket) mayHave(key *[16]byte) bool {
	return b.stored == nil || b.since.has(key) || b.stored.has(key)
}

// bucketList is the key under which the buckets are kept, after all of theirs.
var bucketList = []byte("\xff\xff\xff\xffbuckets")

func (x *Index) loadBuckets() error {
	text, closer, err := x.db.Get(bucketList)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	if err := json.Unmarshal(text, &x.buckets); err != nil {
		return err
	}
	return nil
}

// loadFilters reads the keys of the buckets that were there at the start, the
// newest first. A bucket is asked itself until its filter is there.
func (x *Index) loadFilters() {
	x.mu.Lock()
	numbers := make([]uint32, len(x.buckets))
	for i := range x.buckets {
		numbers[len(numbers)-1-i] = x.buckets[i].Number
	}
	x.mu.Unlock()
	for _, number := range numbers {
		f, err := x.loadFilter(number)
		if err != nil {
			x.o.Log.Warn("dedupe index is slow", "error", fmt.Errorf("read bucket %d: %w", number, err))
		}
		if f == nil {
			return
		}
		x.mu.Lock()
		for i := range x.buckets {
			if x.buckets[i].Number == number {
				x.buckets[i].stored = f
			}
		}
		x.mu.Unlock()
	}
}

// loadFilter makes the filter of all keys of a bucket; nil if the index is
// being closed. Keys that are synced meanwhile may be in it; they are in since.
func (x *Index) loadFilter(number uint32) (*filter, error) {
	from, to := bounds(number)
	all, err := x.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, err
	}
	f := &filter{}
	count := 0
	for ok := all.First(); ok; ok = all.Next() {
		f.add((*[16]byte)(all.Key()[bucketSize:prefixSize]))
		if count++; count%4096 == 0 {
			select {
			case <-x.closing:
				return nil, all.Close()
			default:
			}
		}
	}
	if err := errors.Join(all.Error(), all.Close()); err != nil {
		return nil, err
	}
	return f, nil
}

// bounds are the first key of a bucket and the first of the next.
func bounds(number uint32) (from, to []byte) {
	return binary.BigEndian.AppendUint32(nil, number), binary.BigEndian.AppendUint32(nil, number+1)
}

func (x *Index) saveBuckets() error {
	text, err := json.Marshal(x.buckets)
	if err != nil {
		return err
	}
	return x.db.Set(bucketList, text, pebble.Sync)
}

// advance forgets buckets that the window has left, or, past max_keys, the oldest
// ones before it has, and starts a new bucket where the last one has its share.
//
// After a crash the log is read again from the last commit, and must meet the
// buckets that were there before. So the window is that of the oldest record
// that may come again: none is older than what was known two Syncs ago, for the
// part of the log that is synced now was begun after that one's commit.
func (x *Index) advance(ctx context.Context, oldest, newest int64) {
	window := x.o.Window.Microseconds()
	for len(x.buckets) > 0 && x.buckets[0].Newest < x.synced[0].newest-window {
		x.forget()
	}
	for !x.o.Refuse && len(x.buckets) > 1 && within(x.buckets, newest-window)+int64(len(x.order)) > x.o.MaxKeys {
		since := time.UnixMicro(x.buckets[1].Oldest).UTC()
		x.forget()
		x.o.Log.Warn("dedupe index full: its window is shorter", "max_keys", x.o.MaxKeys, "since", since)
		if x.o.Shortened != nil {
			x.o.Shortened(ctx, since)
		}
	}
	share := x.o.Window.Microseconds() / 4
	n := len(x.buckets)
	if n > 0 && newest-x.buckets[n-1].Oldest < share && x.buckets[n-1].Keys < max(1, x.o.MaxKeys/8) {
		return
	}
	number := uint32(1)
	if n > 0 {
		number = x.buckets[n-1].Number + 1
	}
	x.buckets = append(x.buckets, bucket{Number: number, Oldest: oldest, Newest: newest, stored: &filter{}})
}

// forget drops the oldest bucket. Should it come back after a crash, because its
// deletion was not durable yet, its keys are outside of the window or a copy is
// recognised that need not have been.
func (x *Index) forget() {
	b := x.buckets[0]
	from, to := bounds(b.Number)
	if err := x.db.DeleteRange(from, to, pebble.NoSync); err != nil {
		x.o.Log.Warn("dedupe index", "error", fmt.Errorf("forget bucket %d: %w", b.Number, err))
	}
	x.buckets = x.buckets[1:]
}

// within is how many keys are in buckets that a window beginning at since reaches.
func within(buckets []bucket, since int64) (keys int64) {
	for _, b := range buckets {
		if b.Newest >= since {
			keys += b.Keys
		}
	}
	return keys
}

// count notes what Keys needs. The caller holds mu.
func (x *Index) count() {
	x.level.Lock()
	defer x.level.Unlock()
	x.level.buckets = append(x.level.buckets[:0], x.buckets...)
	x.level.young = int64(len(x.order))
}

// Keys is how many keys are remembered for a window that began at since.
func (x *Index) Keys(since time.Time) int64 {
	x.level.Lock()
	defer x.level.Unlock()
	return within(x.level.buckets, since.UnixMicro()) + x.level.young
}
