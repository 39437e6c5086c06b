package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

// Functions that apply a function to the items of an array or the members of an object.
var callbackFunctions = map[string]*builtin{
	"map": define("<af>", 2, given(func(r *run, args []any) any {
		result := newSequence()
		r.eachItem(args, func(_ any, v any) {
			if v != undefined {
				result.items = append(result.items, v)
			}
		})
		return result
	})),
	"filter": define("<af>", 2, given(func(r *run, args []any) any {
		result := newSequence()
		r.eachItem(args, func(item, v any) {
			if r.truth(v) {
				result.items = append(result.items, item)
			}
		})
		return result
	})),
	"single": define("<af?>", 2, given(single)),
	"reduce": define("<afj?:j>", 3, given(reduce)),
	"each": define("<o-f:a>", 2, func(r *run, args []any) any {
		result := newSequence()
		r.eachMember(args, func(_ string, _, v any) {
			if v != undefined {
				result.items = append(result.items, v)
			}
		})
		return result
	}),
	"sift": define("<o-f?:o>", 2, func(r *run, args []any) any {
		result := value.NewObject(4)
		r.eachMember(args, func(name string, item, v any) {
			if r.truth(v) {
				result.Set(name, item)
			}
		})
		if result.Len() == 0 {
			return undefined
		}
		return result
	}),
}

// eachItem visits the items of an array, the first argument, and what the function, the second, gives for them.
func (r *run) eachItem(args []any, visit func(item, v any)) {
	for i, item := range r.list(args[0]) {
		r.charge(bytesItem)
		visit(item, r.callWith(argument(args, 1), item, float64(i), args[0]))
	}
}

// eachMember visits the members of an object, the first argument, and what the function, the second, gives for them.
func (r *run) eachMember(args []any, visit func(name string, item, v any)) {
	visitMember := func(name string, item any) {
		r.charge(bytesMember)
		visit(name, item, r.callWith(argument(args, 1), item, name, args[0]))
	}
	if o, ok := argument(args, 0).(*value.Object); ok {
		members(o, visitMember)
	}
	for i, item := range r.list(argument(args, 0)) {
		visitMember(numberText(float64(i)), item)
	}
}

func single(r *run, args []any) any {
	result := undefined
	found := false
	for i, item := range r.list(args[0]) {
		r.step()
		if f := argument(args, 1); f != undefined && !r.truth(r.callWith(f, item, float64(i), args[0])) {
			continue
		}
		if found {
			panic(mistake("D3138", 0).with("index", float64(i)))
		}
		result, found = item, true
	}
	if !found {
		panic(mistake("D3139", 0))
	}
	return result
}

func reduce(r *run, args []any) any {
	items, f, result := r.list(args[0]), argument(args, 1), argument(args, 2)
	takes := arity(f)
	if takes < 2 {
		panic(mistake("D3050", 0).with("index", 1.0))
	}
	from := 0
	if result == undefined && len(items) > 0 {
		result, from = items[0], 1
	}
	for i := from; i < len(items); i++ {
		passed := []any{result, items[i], float64(i), args[0]}
		result = r.call(f, passed[:min(takes, 4)]...)
	}
	return result
}
