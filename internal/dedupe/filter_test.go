package dedupe

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func randomKey(r *rand.Rand) (key [16]byte) {
	binary.LittleEndian.PutUint64(key[:], r.Uint64())
	binary.LittleEndian.PutUint64(key[8:], r.Uint64())
	return key
}

func TestAFilterKnowsEveryKeyAndFewOthers(t *testing.T) {
	const keys = 400_000 // over three segments
	var f filter
	r := rand.New(rand.NewPCG(1, 1))
	for range keys {
		key := randomKey(r)
		f.add(&key)
	}
	r = rand.New(rand.NewPCG(1, 1))
	for i := range keys {
		if key := randomKey(r); !f.has(&key) {
			t.Fatalf("key %d was added and is not there", i)
		}
	}
	wrong := 0
	for range keys {
		if key := randomKey(r); f.has(&key) {
			wrong++
		}
	}
	if share := float64(wrong) / keys; share > 0.04 {
		t.Errorf("%.1f%% of other keys seem to be there", 100*share)
	}
	var blocks int
	for _, s := range f.segments {
		blocks += len(s.blocks)
	}
	if perKey := blocks * bitsPerBlock / keys; perKey > 32 {
		t.Errorf("%d bits a key", perKey)
	}
}

func TestAFilterOfKeysThatAreNotRandomStillKnowsThem(t *testing.T) {
	var f filter
	var key [16]byte
	for i := range uint64(100_000) {
		binary.BigEndian.PutUint64(key[:], i)
		f.add(&key)
	}
	for i := range uint64(100_000) {
		if binary.BigEndian.PutUint64(key[:], i); !f.has(&key) {
			t.Fatalf("key %d was added and is not there", i)
		}
	}
}

func BenchmarkFilterHas(b *testing.B) {
	var f filter
	r := rand.New(rand.NewPCG(1, 1))
	for range 5_000_000 {
		key := randomKey(r)
		f.add(&key)
	}
	found := 0
	for b.Loop() {
		if key := randomKey(r); f.has(&key) {
			found++
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "wrong/op")
}
