package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

// export is v as the rest of the program knows values: plain arrays, and no functions: one that is a member of an object is left out,
// one in an array is null, as JSON.stringify has it. It is undefined only if v is undefined or a function.
//
// It visits all of v, so a result that shares parts of itself until its text would be endless ends here.
func (r *run) export(v any) any {
	switch v := v.(type) {
	case string, float64, bool, nil, missing:
		return v
	case []any:
		return r.exportItems(v)
	case *array:
		return r.exportItems(r.list(v))
	case *value.Object:
		return r.exportObject(v)
	case *tuples:
		return r.exportItems(v.contexts())
	}
	if isFunction(v) {
		return undefined
	}
	return v
}

func (r *run) exportItems(items []any) []any {
	r.enter()
	defer r.leave()
	var copied []any // nil as long as all items are as they should be
	for i, item := range items {
		r.step()
		plain := r.export(item)
		if plain == undefined {
			plain = nil
		}
		if copied == nil && !same(plain, item) {
			copied = append(make([]any, 0, len(items)), items[:i]...)
		}
		if copied != nil {
			copied = append(copied, plain)
		}
	}
	switch {
	case copied != nil:
		return copied
	case items == nil:
		return []any{}
	}
	return items
}

func (r *run) exportObject(o *value.Object) *value.Object {
	r.enter()
	defer r.leave()
	var copied *value.Object
	for i := range o.Len() {
		r.step()
		name, item := o.At(i)
		plain := r.export(item)
		if copied == nil && !same(plain, item) {
			copied = value.NewObject(o.Len())
			for k := range i {
				copied.Set(o.At(k))
			}
		}
		if copied != nil && plain != undefined {
			copied.Set(name, plain)
		}
	}
	if copied != nil {
		return copied
	}
	return o
}

// same tells whether export left a value as it was.
func same(plain, v any) bool {
	switch v := v.(type) {
	case *array, missing, *tuples:
		return false
	case []any:
		p := plain.([]any)
		return len(p) == len(v) && (len(p) == 0 || &p[0] == &v[0])
	case *value.Object:
		return plain == any(v)
	}
	return !isFunction(v)
}
