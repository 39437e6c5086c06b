package value

import "iter"

// indexFrom is the number of members from which a map finds them; below it a walk is faster.
const indexFrom = 9

// Object is a JSON object; its members keep the order in which they were first set. The zero Object is empty.
type Object struct {
	names []string
	items []any
	index map[string]int // of all names once there are indexFrom of them, else nil
}

// NewObject makes an empty object with room for size members.
func NewObject(size int) *Object {
	return &Object{names: make([]string, 0, size), items: make([]any, 0, size)}
}

// ObjectOf makes an object of names and values that alternate, for texts of the program.
func ObjectOf(pairs ...any) *Object {
	o := NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// Len is the number of members.
func (o *Object) Len() int { return len(o.names) }

// Get gives the member called name.
func (o *Object) Get(name string) (any, bool) {
	if at := o.find(name); at >= 0 {
		return o.items[at], true
	}
	return nil, false
}

// At gives the i-th member.
func (o *Object) At(i int) (name string, item any) { return o.names[i], o.items[i] }

// Names are the members' names in order; the caller must not change the slice.
func (o *Object) Names() []string { return o.names }

// All walks the members in order.
func (o *Object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i, name := range o.names {
			if !yield(name, o.items[i]) {
				return
			}
		}
	}
}

// Set gives the member called name a value; a new one goes to the end.
func (o *Object) Set(name string, item any) {
	if at := o.find(name); at >= 0 {
		o.items[at] = item
		return
	}
	o.names = append(o.names, name)
	o.items = append(o.items, item)
	if o.index != nil {
		o.index[name] = len(o.names) - 1
	} else if len(o.names) == indexFrom {
		o.reindex()
	}
}

// Delete removes the member called name, if there is one.
func (o *Object) Delete(name string) {
	at := o.find(name)
	if at < 0 {
		return
	}
	o.names = append(o.names[:at], o.names[at+1:]...)
	o.items = append(o.items[:at], o.items[at+1:]...)
	if o.index != nil {
		o.reindex()
	}
}

// Clone copies the object, not what its members hold.
func (o *Object) Clone() *Object {
	c := &Object{names: append([]string(nil), o.names...), items: append([]any(nil), o.items...)}
	if o.index != nil {
		c.reindex()
	}
	return c
}

func (o *Object) reindex() {
	o.index = make(map[string]int, len(o.names)+1)
	for i, name := range o.names {
		o.index[name] = i
	}
}

func (o *Object) find(name string) int {
	if o.index != nil {
		if at, ok := o.index[name]; ok {
			return at
		}
		return -1
	}
	for i, n := range o.names {
		if n == name {
			return i
		}
	}
	return -1
}

// MarshalJSON writes the object as Append does.
func (o *Object) MarshalJSON() ([]byte, error) { return Append(nil, o), nil }
