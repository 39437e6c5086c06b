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
	x.buckets = append(x.buckets, bucket{Number: number, Oldest: oldest, Newest: newest})
}

// forget drops the oldest bucket. Should it come back after a crash, because its
// deletion was not durable yet, its keys are outside of the window or a copy is
// recognised that need not have been.
func (x *Index) forget() {
	b := x.buckets[0]
	var from, to [bucketSize]byte
	binary.BigEndian.PutUint32(from[:], b.Number)
	binary.BigEndian.PutUint32(to[:], b.Number+1)
	if err := x.db.DeleteRange(from[:], to[:], pebble.NoSync); err != nil {
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
