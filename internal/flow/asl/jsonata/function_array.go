package jsonata

import "math"

var arrayFunctions = map[string]*builtin{
	"count": define("<a:n>", 1, func(_ *run, args []any) any { return float64(length(argument(args, 0))) }),
	"append": define("<xx:a>", 2, func(r *run, args []any) any {
		return r.appended(argument(args, 0), argument(args, 1))
	}),
	"exists":   define("<x:b>", 1, func(_ *run, args []any) any { return argument(args, 0) != undefined }),
	"reverse":  define("<a:a>", 1, given(reverse)),
	"zip":      define("<a+>", 0, zip),
	"distinct": define("<x:x>", 1, given(distinct)),
	"shuffle":  define("<a:a>", 1, given(shuffle)),
	"sort":     define("<af?:a>", 2, given(sortItems)),
}

// appended is $append.
func (r *run) appended(a, b any) any {
	if a == undefined {
		return b
	}
	if b == undefined {
		return a
	}
	left, right := r.asList(a), r.asList(b)
	r.charge((len(left) + len(right)) * bytesItem)
	return &array{items: append(append(make([]any, 0, len(left)+len(right)), left...), right...)}
}

func reverse(r *run, args []any) any {
	items := r.list(args[0])
	if len(items) <= 1 {
		return args[0]
	}
	r.work(len(items))
	r.charge(len(items) * bytesItem)
	out := make([]any, len(items))
	for i, item := range items {
		out[len(items)-1-i] = item
	}
	return &array{items: out}
}

// zip makes arrays of the first items of its arguments, of the second ones, and so on.
func zip(r *run, args []any) any {
	shortest := 0
	for i, arg := range args {
		n := 0
		if isArray(arg) {
			n = length(arg)
		}
		if i == 0 || n < shortest {
			shortest = n
		}
	}
	lists := make([][]any, len(args))
	for i, arg := range args {
		lists[i] = r.list(arg)
	}
	result := &array{}
	for i := range shortest {
		r.work(len(lists))
		r.charge(bytesFrame + len(lists)*bytesItem)
		row := make([]any, len(lists))
		for k, list := range lists {
			row[k] = list[i]
		}
		result.items = append(result.items, row)
	}
	return result
}

// distinct compares an item with all before it that are different, as numbers and texts by a table.
func distinct(r *run, args []any) any {
	if !isArray(args[0]) || length(args[0]) <= 1 {
		return args[0]
	}
	result := &array{sequence: isSequence(args[0])}
	seen := map[any]bool{}
	var others []any
	for _, item := range r.list(args[0]) {
		r.step()
		key, simple := tableKey(item)
		if simple && seen[key] {
			continue
		}
		if simple {
			r.charge(bytesMember)
			seen[key] = true
		} else {
			found := false
			for _, other := range others {
				if found = r.deepEqual(item, other); found {
					break
				}
			}
			if found {
				continue
			}
			others = append(others, item)
		}
		r.charge(bytesItem)
		result.items = append(result.items, item)
	}
	return result
}

// tableKey is what a scalar is found under in a table; simple is false for what has to be compared otherwise.
func tableKey(v any) (key any, simple bool) {
	switch v := v.(type) {
	case string, bool, nil:
		return v, true
	}
	f, ok := value64(v)
	return f, ok && !math.IsNaN(f)
}

func shuffle(r *run, args []any) any {
	items := r.list(args[0])
	if len(items) <= 1 {
		return args[0]
	}
	r.work(len(items))
	r.charge(len(items) * bytesItem)
	out := make([]any, len(items))
	for i, item := range items {
		j := int(r.random() * float64(i+1))
		out[i] = out[j]
		out[j] = item
	}
	return &array{items: out}
}

// sortItems is $sort: by a function that tells whether its first argument comes after its second, or numbers or texts by themselves.
func sortItems(r *run, args []any) any {
	items := r.list(args[0])
	if len(items) <= 1 {
		return args[0]
	}
	after := func(a, b any) bool { return truthy(r.call(argument(args, 1), a, b)) }
	if argument(args, 1) == undefined {
		switch {
		case allNumbers(items):
			after = func(a, b any) bool { return float(a) > float(b) }
		case allStrings(items):
			after = func(a, b any) bool { return compareText(a.(string), b.(string)) > 0 }
		default:
			panic(mistake("D3070", 0).with("index", 1.0))
		}
	}
	return &array{items: mergeSort(r, items, after)}
}
