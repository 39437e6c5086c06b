package dedupe

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/biwa-data/biwa/internal/record"
)

// before finds the accepted record of which e is a copy: the largest smaller id
// with its key, if that lies within the window.
func (x *Index) before(e entry) (first record.RecordID, copied bool, err error) {
	last := entry{id: -1}
	if at, ok := x.young[e.key]; ok {
		for ; at >= 0; at = x.order[at].before {
			if o := x.order[at]; o.id < e.id && o.id > last.id {
				last = o
			}
		}
	}
	if last.id < 0 {
		if last, err = x.stored(e); err != nil {
			return 0, false, err
		}
	}
	return last.id, last.id >= 0 && e.micros-last.micros <= x.o.Window.Microseconds(), nil
}

// near finds another accepted record with e's key, not farther from it than the
// window.
func (x *Index) near(e entry) (other record.RecordID, found bool, err error) {
	window := x.o.Window.Microseconds()
	within := func(o entry) bool {
		return o.id != e.id && o.micros >= e.micros-window && o.micros <= e.micros+window
	}
	if at, ok := x.young[e.key]; ok {
		for ; at >= 0; at = x.order[at].before {
			if within(x.order[at]) {
				return x.order[at].id, true, nil
			}
		}
	}
	err = x.visit(e, func(o entry) bool {
		if within(o) {
			other, found = o.id, true
		}
		return !found
	})
	return other, found, err
}

// stored looks into the buckets for the largest smaller id with e's key.
func (x *Index) stored(e entry) (last entry, err error) {
	last.id = -1
	err = x.visit(e, func(o entry) bool {
		if o.id < e.id && o.id > last.id {
			last = o
		}
		return o.id < e.id
	})
	return last, err
}

// visit gives the entries with e's key in the buckets that e's window reaches, the
// newest bucket first, in each by id until more says no.
func (x *Index) visit(e entry, more func(entry) bool) (err error) {
	var from [keySize]byte
	for i := len(x.buckets) - 1; i >= 0; i-- {
		b := &x.buckets[i]
		if b.Newest < e.micros-x.o.Window.Microseconds() {
			break
		}
		if !b.mayHave(&e.key) {
			continue
		}
		if x.probe == nil {
			if x.probe, err = x.db.NewIter(&pebble.IterOptions{}); err != nil {
				return fmt.Errorf("read dedupe index: %w", err)
			}
		}
		binary.BigEndian.PutUint32(from[:], b.Number)
		copy(from[bucketSize:], e.key[:])
		for ok := x.probe.SeekPrefixGE(from[:]); ok; ok = x.probe.Next() {
			id := record.RecordID(binary.BigEndian.Uint64(x.probe.Key()[prefixSize:]))
			if !more(entry{key: e.key, id: id, micros: int64(binary.BigEndian.Uint64(x.probe.Value()))}) {
				break
			}
		}
		if err := x.probe.Error(); err != nil {
			return fmt.Errorf("read dedupe index: %w", err)
		}
	}
	return nil
}
