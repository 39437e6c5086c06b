package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

func TestNothingGoesAwayWhileAnOlderWorldIsPinned(t *testing.T) {
	s := NewStore()
	g := &Generation{Name: "g1"}
	s.Publish(func(d *Draft) { d.Table("events").Recent = []*Generation{g} }, nil)
	old := s.Pin()
	dropped := 0
	s.Publish(func(d *Draft) {
		table := d.Table("events")
		table.Recent = nil
		table.Files = table.Files.Add(record.File{Path: "a", Rows: 1})
	}, func() { dropped++ })
	if len(old.Table("events").Recent) != 1 || old.Table("events").Files.Len() != 0 {
		t.Error("a pinned World has changed")
	}
	newer := s.Pin()
	if len(newer.Table("events").Recent) != 0 || newer.Table("events").Files.Len() != 1 {
		t.Error("the next World does not have the change")
	}
	newer.Release()
	if dropped != 0 {
		t.Error("dropped while the older World was pinned")
	}
	old.Release()
	old.Release()
	if dropped != 1 {
		t.Errorf("dropped %d times after the last pin, want once", dropped)
	}
	s.Publish(func(d *Draft) { d.Drop("events") }, func() { dropped++ })
	if dropped != 2 || s.Current().Table("events") != nil {
		t.Error("without pins a retirement runs at once")
	}
}

// TestFileIndexFindsWhatALookAtEachFileFinds compares the index with the plain way.
func TestFileIndexFindsWhatALookAtEachFileFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x FileIndex
	var all []record.File
	for i := range 3000 {
		at := r.Int64N(1_000_000)
		f := record.File{Path: fmt.Sprint(i), Rows: 1 + r.Int64N(9), Bytes: 10, HasTime: r.IntN(50) > 0, MinTime: at, MaxTime: at + r.Int64N(500),
			MinID: record.RecordID(1 + i*10), MaxID: record.RecordID(i*10 + 10)}
		all = append(all, f)
		x = x.Add(f)
	}
	gone := map[string]bool{}
	for range 700 {
		gone[fmt.Sprint(r.IntN(3000))] = true
	}
	before := x
	x = x.Remove(gone)
	all = slices.DeleteFunc(all, func(f record.File) bool { return gone[f.Path] })
	if before.Len() != 3000 || x.Len() != len(all) {
		t.Fatalf("%d and %d files, want 3000 and %d", before.Len(), x.Len(), len(all))
	}
	var rows int64
	for _, f := range all {
		rows += f.Rows
	}
	if x.Rows() != rows || x.Bytes() != int64(10*len(all)) {
		t.Errorf("%d rows, %d bytes", x.Rows(), x.Bytes())
	}
	for range 500 {
		b := Everything
		b.MinTime = r.Int64N(1_000_000)
		b.MaxTime = b.MinTime + r.Int64N(20_000)
		if r.IntN(2) == 0 {
			b.MinID = record.RecordID(r.Int64N(30_000))
			b.MaxID = b.MinID + record.RecordID(r.Int64N(3000))
		}
		var got, want []string
		x.Find(b, func(f *record.File) bool { got = append(got, f.Path); return true })
		for _, f := range all {
			inTime := !f.HasTime || f.MinTime <= b.MaxTime && f.MaxTime >= b.MinTime
			if inTime && f.MinID <= b.MaxID && f.MaxID >= b.MinID {
				want = append(want, f.Path)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: %v, want %v", b, got, want)
		}
	}
}

func TestGenerationOverlaps(t *testing.T) {
	g := &Generation{}
	if g.Overlaps(Everything) {
		t.Error("an empty generation holds nothing")
	}
	g.Grow(3, 100, 200)
	g.Grow(1, 150, 300)
	for _, c := range []struct {
		min, max int64
		want     bool
	}{{0, 99, false}, {0, 100, true}, {300, 400, true}, {301, 400, false}} {
		b := Everything
		b.MinTime, b.MaxTime = c.min, c.max
		if g.Overlaps(b) != c.want {
			t.Errorf("%d to %d: %v", c.min, c.max, !c.want)
		}
	}
	if g.Rows() != 4 || !g.Overlaps(Everything) {
		t.Errorf("%d rows", g.Rows())
	}
}
