package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

var objectFunctions = map[string]*builtin{
	"keys": define("<x-:a<s>>", 1, func(r *run, args []any) any {
		return newSequence(r.keys(argument(args, 0))...)
	}),
	"lookup": define("<x-s:x>", 2, func(r *run, args []any) any {
		return r.lookup(argument(args, 0), textOf(args, 1))
	}),
	"spread": define("<x-:a<o>>", 1, func(r *run, args []any) any { return r.spread(argument(args, 0)) }),
	"merge":  define("<a<o>:o>", 1, given(merge)),
	"clone":  define("<(oa)-:o>", 1, given(func(r *run, args []any) any { return r.copied(args[0]) })),
	"error": define("<s?:x>", 1, func(_ *run, args []any) any {
		panic(mistake("D3137", 0).with("message", message(args, 0, "$error() function evaluated")))
	}),
	"assert": define("<bs?:x>", 2, func(_ *run, args []any) any {
		if !truthy(argument(args, 0)) {
			panic(mistake("D3141", 0).with("message", message(args, 1, "$assert() statement failed")))
		}
		return undefined
	}),
	"type": define("<x:s>", 1, given(func(_ *run, args []any) any { return typeName(args[0]) })),
}

// keys are the names of an object, or of all objects in an array.
func (r *run) keys(v any) []any {
	seen := value.NewObject(4)
	r.collectKeys(v, seen)
	var names []any
	members(seen, func(name string, _ any) { names = append(names, name) })
	return names
}

func (r *run) collectKeys(v any, seen *value.Object) {
	r.enter()
	defer r.leave()
	if o, ok := v.(*value.Object); ok {
		members(o, func(name string, _ any) {
			r.step()
			r.charge(bytesMember)
			seen.Set(name, true)
		})
	}
	for _, item := range r.list(v) {
		r.step()
		r.collectKeys(item, seen)
	}
}

// spread makes an object of each member.
func (r *run) spread(v any) any {
	r.enter()
	defer r.leave()
	r.step()
	if o, ok := v.(*value.Object); ok {
		result := newSequence()
		r.charge(o.Len() * (bytesItem + bytesMember))
		members(o, func(name string, item any) { result.items = append(result.items, value.ObjectOf(name, item)) })
		return result
	}
	if !isArray(v) {
		return v
	}
	result := newSequence()
	for _, item := range r.list(v) {
		if parts := r.spread(item); parts != undefined {
			items := r.asList(parts)
			r.charge(len(items) * bytesItem)
			result.items, result.sequence = append(result.items, items...), false
		}
	}
	return result
}

func merge(r *run, args []any) any {
	result := value.NewObject(8)
	for _, item := range r.list(args[0]) {
		r.step()
		o, ok := item.(*value.Object)
		if !ok {
			continue
		}
		r.charge(o.Len() * bytesMember)
		r.work(o.Len())
		members(o, func(name string, item any) { result.Set(name, item) })
	}
	return result
}

func message(args []any, i int, otherwise string) string {
	if s := textOf(args, i); s != "" {
		return s
	}
	return otherwise
}

func typeName(v any) string {
	switch typeOf(v) {
	case typeNull:
		return "null"
	case typeNumber:
		return "number"
	case typeString:
		return "string"
	case typeBoolean:
		return "boolean"
	case typeArray:
		return "array"
	case typeFunction:
		return "function"
	}
	return "object"
}
