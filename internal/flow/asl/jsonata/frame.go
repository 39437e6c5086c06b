package jsonata

// frame holds the variables of a block, a function's call or a tuple. Most have one or two.
type frame struct {
	outer *frame
	count int
	few   [2]binding
	more  []binding
}

// binding is a variable, by its number in the expression, and its value.
type binding struct {
	name  int
	value any
}

func (f *frame) bind(name int, v any) {
	for i := range min(f.count, len(f.few)) {
		if f.few[i].name == name {
			f.few[i].value = v
			return
		}
	}
	for i := range f.more {
		if f.more[i].name == name {
			f.more[i].value = v
			return
		}
	}
	if f.count < len(f.few) {
		f.few[f.count] = binding{name, v}
	} else {
		f.more = append(f.more, binding{name, v})
	}
	f.count++
}

// lookup finds a variable in the frame or those around it.
func (f *frame) lookup(name int) (any, bool) {
	for ; f != nil; f = f.outer {
		for i := range min(f.count, len(f.few)) {
			if f.few[i].name == name {
				return f.few[i].value, true
			}
		}
		for i := range f.more {
			if f.more[i].name == name {
				return f.more[i].value, true
			}
		}
	}
	return nil, false
}
