package world

import (
	"math"

	"github.com/biwa-data/biwa/internal/record"
)

// chunkSize bounds what adding a file copies.
const chunkSize = 512

// FileIndex is the files of one snapshot with what prunes them. It is a value
// that never changes; Add and Remove return another that shares its chunks.
type FileIndex struct {
	chunks []*chunk
	count  int
	rows   int64
	bytes  int64
}

type chunk struct {
	bounds Bounds
	files  []record.File
}

// Bounds is a range of event time, in microseconds since 1970, and of record
// ids; both ends belong to it.
type Bounds struct {
	MinTime, MaxTime int64
	MinID, MaxID     record.RecordID
}

// Everything prunes nothing.
var Everything = Bounds{math.MinInt64, math.MaxInt64, math.MinInt64, math.MaxInt64}

// Len is the number of files.
func (x FileIndex) Len() int { return x.count }

// Rows is the number of rows in all files.
func (x FileIndex) Rows() int64 { return x.rows }

// Bytes is the size of all files.
func (x FileIndex) Bytes() int64 { return x.bytes }

// Add returns the index with more files.
func (x FileIndex) Add(files ...record.File) FileIndex {
	next := x
	next.chunks = append([]*chunk(nil), x.chunks...)
	for len(files) > 0 {
		last := &chunk{}
		if n := len(next.chunks); n > 0 && len(next.chunks[n-1].files) < chunkSize {
			old := next.chunks[n-1]
			last.files = append(make([]record.File, 0, min(chunkSize, len(old.files)+len(files))), old.files...)
			next.chunks = next.chunks[:n-1]
		}
		n := min(chunkSize-len(last.files), len(files))
		last.files = append(last.files, files[:n]...)
		for _, f := range files[:n] {
			next.count++
			next.rows += f.Rows
			next.bytes += f.Bytes
		}
		files = files[n:]
		last.bound()
		next.chunks = append(next.chunks, last)
	}
	return next
}

// Remove returns the index without the files at the given paths.
func (x FileIndex) Remove(paths map[string]bool) FileIndex {
	next := FileIndex{}
	for _, c := range x.chunks {
		kept := make([]record.File, 0, len(c.files))
		for _, f := range c.files {
			if !paths[f.Path] {
				kept = append(kept, f)
			}
		}
		switch {
		case len(kept) == len(c.files):
			next.chunks = append(next.chunks, c)
		case len(kept) > 0:
			smaller := &chunk{files: kept}
			smaller.bound()
			next.chunks = append(next.chunks, smaller)
		}
		for _, f := range kept {
			next.count++
			next.rows += f.Rows
			next.bytes += f.Bytes
		}
	}
	return next
}

// Find calls visit with each file that can hold a row within b, until it
// returns false. A file of which nothing is known is always visited.
func (x FileIndex) Find(b Bounds, visit func(*record.File) bool) {
	for _, c := range x.chunks {
		if !c.bounds.meets(b) {
			continue
		}
		for i := range c.files {
			if f := &c.files[i]; boundsOf(f).meets(b) && !visit(f) {
				return
			}
		}
	}
}

// All lists every file.
func (x FileIndex) All() []record.File {
	all := make([]record.File, 0, x.count)
	for _, c := range x.chunks {
		all = append(all, c.files...)
	}
	return all
}

func (c *chunk) bound() {
	c.bounds = boundsOf(&c.files[0])
	for i := range c.files[1:] {
		f := boundsOf(&c.files[i+1])
		c.bounds.MinTime, c.bounds.MaxTime = min(c.bounds.MinTime, f.MinTime), max(c.bounds.MaxTime, f.MaxTime)
		c.bounds.MinID, c.bounds.MaxID = min(c.bounds.MinID, f.MinID), max(c.bounds.MaxID, f.MaxID)
	}
}

// boundsOf widens what the file does not know to everything, so that a row is
// never hidden: a file whose times are all null still answers a query by id.
func boundsOf(f *record.File) Bounds {
	b := Bounds{f.MinTime, f.MaxTime, f.MinID, f.MaxID}
	if !f.HasTime {
		b.MinTime, b.MaxTime = math.MinInt64, math.MaxInt64
	}
	if f.MaxID == 0 {
		b.MinID, b.MaxID = math.MinInt64, math.MaxInt64
	}
	return b
}

func (b Bounds) meets(o Bounds) bool {
	return b.MinTime <= o.MaxTime && b.MaxTime >= o.MinTime && b.MinID <= o.MaxID && b.MaxID >= o.MinID
}
