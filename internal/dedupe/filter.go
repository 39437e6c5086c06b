package dedupe

import (
	"encoding/binary"
	"math/bits"
)

// filter says of a key that it is not in a bucket, in one or two reads of memory,
// so that the index is asked only for what is probably there: a blocked Bloom
// filter (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom
// Filters, 2007). All bits of a key lie in one block of 64 bytes.
//
// It grows by segments, each four times as large as the one before, up to two
// million keys. The zero filter is empty.
type filter struct{ segments []segment }

type segment struct {
	blocks []block
	room   int // for how many more keys
}

type block [8]uint64

const (
	firstRoom    = 1 << 15 // keys of the first segment
	bitsPerKey   = 13      // at which about 1 of 100 keys that are not there seems to be
	bitsPerBlock = 8 * 64
	probes       = 7 // bits set for a key; each takes 9 bits of its hash
)

// add remembers a key.
func (f *filter) add(key *[16]byte) {
	n := len(f.segments)
	if n == 0 || f.segments[n-1].room == 0 {
		room := firstRoom << (2 * min(n, 3))
		f.segments = append(f.segments, segment{make([]block, room*bitsPerKey/bitsPerBlock+1), room})
		n++
	}
	s := &f.segments[n-1]
	s.room--
	place, mask := spread(key)
	b := s.block(place)
	for range probes {
		b[mask>>6&7] |= 1 << (mask & 63)
		mask >>= 9
	}
}

// has says whether the key may have been added; if not, it says so for certain
// only.
func (f *filter) has(key *[16]byte) bool {
	place, mask := spread(key)
	for i := range f.segments {
		if f.segments[i].block(place).has(mask) {
			return true
		}
	}
	return false
}

func (b *block) has(mask uint64) bool {
	for range probes {
		if b[mask>>6&7]&(1<<(mask&63)) == 0 {
			return false
		}
		mask >>= 9
	}
	return true
}

func (s *segment) block(place uint64) *block {
	at, _ := bits.Mul64(place, uint64(len(s.blocks)))
	return &s.blocks[at]
}

// spread makes two hashes of a key, which is a hash itself: the place of its
// block, and its bits there.
func spread(key *[16]byte) (place, mask uint64) {
	const odd1, odd2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	low, high := binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])
	place = (low ^ high>>32) * odd1
	mask = (high ^ bits.RotateLeft64(low, 29)) * odd2
	return place ^ place>>32*odd2, mask ^ mask>>29
}
