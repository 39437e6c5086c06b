package shape

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// column holds one column of the rows that are being built.
//
// Values are set by row number, and setting one gives up all that come after it.
// So a row that proves broken halfway needs no undoing: the next row is set in
// its place. Within a batch the numbers grow one by one.
type column interface {
	// put sets a row to a value that is present; it says what is wrong with it.
	put(row int, v *jsontext.Value) *problem
	null(row int)
	isNull(row int) bool
	// array copies the first rows to memory of the allocator.
	array(mem memory.Allocator, rows int) arrow.ArrayData
}

// problem is why a value does not fit its column.
type problem struct {
	code    string
	message string
}

// fixed is a column whose values all have the same width.
type fixed[T any] struct {
	values []T
	valid  []byte // 1 for a value, 0 for null
}

func (f *fixed[T]) set(row int, v T) {
	if row >= len(f.values) {
		f.grow()
	}
	f.values[row] = v
	f.valid[row] = 1
}

func (f *fixed[T]) null(row int) {
	var zero T
	f.set(row, zero)
	f.valid[row] = 0
}

func (f *fixed[T]) isNull(row int) bool { return f.valid[row] == 0 }

func (f *fixed[T]) grow() {
	n := max(256, 2*len(f.values))
	f.values = append(f.values, make([]T, n-len(f.values))...)
	f.valid = append(f.valid, make([]byte, n-len(f.valid))...)
}

// data is the first rows as Arrow has them.
func (f *fixed[T]) data(mem memory.Allocator, t arrow.DataType, rows int) arrow.ArrayData {
	validity, nulls := bitmap(mem, f.valid[:rows])
	return newData(t, rows, nulls, nil, validity, copied(mem, bytesOf(f.values[:rows])))
}

// text is a column of texts, one after the other in data.
type text struct {
	ends  []int32 // ends[row] is where row's text ends; it starts where the one before ends
	valid []byte
	bytes []byte
}

// start gives the space for a row's text: append to it, then call end.
func (t *text) start(row int) []byte { return t.bytes[:t.startOf(row)] }

func (t *text) startOf(row int) int32 {
	if row == 0 {
		return 0
	}
	return t.ends[row-1]
}

// end takes what has been appended to start's result as the row's text.
func (t *text) end(row int, bytes []byte) {
	if row >= len(t.ends) {
		t.grow()
	}
	t.bytes = bytes
	t.ends[row] = int32(len(bytes))
	t.valid[row] = 1
}

func (t *text) set(row int, s string)      { t.end(row, append(t.start(row), s...)) }
func (t *text) setBytes(row int, s []byte) { t.end(row, append(t.start(row), s...)) }
func (t *text) isNull(row int) bool        { return t.valid[row] == 0 }
func (t *text) get(row int) []byte         { return t.bytes[t.startOf(row):t.ends[row]] }
func (t *text) null(row int) {
	t.end(row, t.start(row))
	t.valid[row] = 0
}

func (t *text) grow() {
	n := max(256, 2*len(t.ends))
	t.ends = append(t.ends, make([]int32, n-len(t.ends))...)
	t.valid = append(t.valid, make([]byte, n-len(t.valid))...)
}

func (t *text) array(mem memory.Allocator, rows int) arrow.ArrayData {
	validity, nulls := bitmap(mem, t.valid[:rows])
	content := t.bytes[:0]
	if rows > 0 {
		content = t.bytes[:t.ends[rows-1]]
	}
	return newData(arrow.BinaryTypes.String, rows, nulls, nil, validity, offsets(mem, t.ends[:rows]), copied(mem, content))
}

// listColumn is a column of arrays.
type listColumn struct {
	typ   arrow.DataType
	elem  column
	ends  []int32 // as of text, counting elements
	valid []byte
}

func (l *listColumn) startOf(row int) int32 {
	if row == 0 {
		return 0
	}
	return l.ends[row-1]
}

func (l *listColumn) put(row int, v *jsontext.Value) *problem {
	if v.Kind != jsontext.ArrayKind {
		return wrongType("an array", v)
	}
	at := l.startOf(row)
	for a := jsontext.NewArray(v); a.Next(); at++ {
		if !a.Value.Present() {
			l.elem.null(int(at))
			continue
		}
		if p := l.elem.put(int(at), &a.Value); p != nil {
			return p.within("element %d", at-l.startOf(row))
		}
	}
	l.end(row, at, 1)
	return nil
}

func (l *listColumn) end(row int, at int32, valid byte) {
	if row >= len(l.ends) {
		n := max(256, 2*len(l.ends))
		l.ends = append(l.ends, make([]int32, n-len(l.ends))...)
		l.valid = append(l.valid, make([]byte, n-len(l.valid))...)
	}
	l.ends[row], l.valid[row] = at, valid
}

func (l *listColumn) null(row int)        { l.end(row, l.startOf(row), 0) }
func (l *listColumn) isNull(row int) bool { return l.valid[row] == 0 }

func (l *listColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	validity, nulls := bitmap(mem, l.valid[:rows])
	elements := 0
	if rows > 0 {
		elements = int(l.ends[rows-1])
	}
	child := l.elem.array(mem, elements)
	return newData(l.typ, rows, nulls, []arrow.ArrayData{child}, validity, offsets(mem, l.ends[:rows]))
}

// structColumn is a column of objects. The members a struct does not name are
// the walker's to keep.
type structColumn struct {
	typ    arrow.DataType
	names  []record.Column
	fields []column
	last   []jsontext.Value // of each field, of the object at hand
	key    []byte
	valid  []byte
}

func (s *structColumn) put(row int, v *jsontext.Value) *problem {
	if v.Kind != jsontext.ObjectKind {
		return wrongType("an object", v)
	}
	clear(s.last)
	for o := jsontext.NewObject(v.Raw); o.Next(); {
		s.key = o.Key.AppendText(s.key[:0])
		for i := range s.fields {
			if s.names[i].Name == string(s.key) {
				s.last[i] = o.Value
			}
		}
	}
	for i, f := range s.fields {
		if !s.last[i].Present() {
			f.null(row)
		} else if p := f.put(row, &s.last[i]); p != nil {
			return p.within("%s", s.names[i].Name)
		}
	}
	s.mark(row, 1)
	return nil
}

func (s *structColumn) null(row int) {
	for _, f := range s.fields {
		f.null(row)
	}
	s.mark(row, 0)
}

func (s *structColumn) isNull(row int) bool { return s.valid[row] == 0 }

func (s *structColumn) mark(row int, valid byte) {
	for row >= len(s.valid) {
		s.valid = append(s.valid, 0)
	}
	s.valid[row] = valid
}

func (s *structColumn) array(mem memory.Allocator, rows int) arrow.ArrayData {
	validity, nulls := bitmap(mem, s.valid[:rows])
	children := make([]arrow.ArrayData, len(s.fields))
	for i, f := range s.fields {
		children[i] = f.array(mem, rows)
	}
	return newData(s.typ, rows, nulls, children, validity)
}

// newData makes an array's data and gives it the buffers and children.
func newData(t arrow.DataType, rows, nulls int, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.ArrayData {
	d := array.NewData(t, rows, buffers, children, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return d
}

// copied is a buffer of the allocator that holds the bytes.
func copied(mem memory.Allocator, content []byte) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Resize(len(content))
	copy(b.Bytes(), content)
	return b
}

// offsets is a buffer of Arrow's offsets: a zero before the ends.
func offsets(mem memory.Allocator, ends []int32) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Resize(4 * (len(ends) + 1))
	content := b.Bytes()
	clear(content[:4])
	copy(content[4:], bytesOf(ends))
	return b
}

// bitmap packs marks of 0 and 1 into bits; without a 0 there is no buffer.
func bitmap(mem memory.Allocator, valid []byte) (*memory.Buffer, int) {
	set := 0
	for _, v := range valid {
		set += int(v)
	}
	if set == len(valid) {
		return nil, 0
	}
	return packed(mem, valid), len(valid) - set
}

func packed(mem memory.Allocator, marks []byte) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
	b.Resize((len(marks) + 7) / 8)
	bits := b.Bytes()
	clear(bits)
	for i, m := range marks {
		bits[i>>3] |= m << (i & 7)
	}
	return b
}

// bytesOf is the memory of a slice of numbers.
func bytesOf[T any](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}
