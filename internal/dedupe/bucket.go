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
	for _, b := range x.buckets {
		x.total += b.Keys
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
func (x *Index) advance(ctx context.Context) {
	newest := x.order[len(x.order)-1].micros
	for len(x.buckets) > 0 && x.buckets[0].Newest < newest-x.o.Window.Microseconds() {
		x.forget()
	}
	for len(x.buckets) > 1 && x.total+int64(len(x.order)) > x.o.MaxKeys {
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
	x.buckets = append(x.buckets, bucket{Number: number, Oldest: x.order[0].micros, Newest: newest})
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
	x.total -= b.Keys
	x.buckets = x.buckets[1:]
}

// Keys is how many keys are remembered, and how many can be.
func (x *Index) Keys() (now, limit int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.total + int64(len(x.order)), x.o.MaxKeys
}
