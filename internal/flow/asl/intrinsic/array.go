package intrinsic

import (
	"sort"

	"github.com/biwa-data/biwa/internal/flow/value"
)

const maxRange = 1000 // items that ArrayRange makes

func array(_ *Call, _ Env, arguments []any) (any, error) { return append([]any{}, arguments...), nil }

// arrayContains compares what would be printed: 1 and "1" are the same to it, {a, b} and {b, a} are not.
func arrayContains(_ *Call, _ Env, arguments []any) (any, error) {
	items, ok := arguments[0].([]any)
	if !ok {
		return nil, errInvalid
	}
	wanted := display(arguments[1])
	for _, item := range items {
		if display(item) == wanted {
			return true, nil
		}
	}
	return false, nil
}

func arrayGetItem(_ *Call, _ Env, arguments []any) (any, error) {
	items, ok := arguments[0].([]any)
	i, isNumber := integer(arguments[1])
	if ok && isNumber && len(items) == 0 {
		return nil, nil
	}
	if !ok || !isNumber || i < 0 || i >= len(items) {
		return nil, errInvalid
	}
	return items[i], nil
}

func arrayLength(_ *Call, _ Env, arguments []any) (any, error) {
	items, ok := arguments[0].([]any)
	if !ok {
		return nil, errInvalid
	}
	return float64(len(items)), nil
}

func arrayPartition(_ *Call, _ Env, arguments []any) (any, error) {
	items, ok := arguments[0].([]any)
	size, isNumber := integer(arguments[1])
	if !ok || !isNumber || size < 1 {
		return nil, errInvalid
	}
	parts := []any{}
	for len(items) > size {
		parts = append(parts, items[:size:size])
		items = items[size:]
	}
	if len(items) > 0 {
		parts = append(parts, items)
	}
	return parts, nil
}

// arrayRange counts from the first number to the second, which belongs to the range, in steps of the third.
func arrayRange(_ *Call, _ Env, arguments []any) (any, error) {
	from, ok1 := integer(arguments[0])
	to, ok2 := integer(arguments[1])
	by, ok3 := integer(arguments[2])
	if !ok1 || !ok2 || !ok3 || by == 0 {
		return nil, errInvalid
	}
	numbers := []any{}
	for n := from; by > 0 && n <= to || by < 0 && n >= to; n += by {
		if len(numbers) == maxRange {
			return nil, errInvalid
		}
		numbers = append(numbers, float64(n))
	}
	return numbers, nil
}

// arrayUnique drops values that are there already. What is left stands in the order of a Java HashSet made of the array:
// by the buckets of the values' hash codes, in one bucket as they came.
func arrayUnique(_ *Call, _ Env, arguments []any) (any, error) {
	items, ok := arguments[0].([]any)
	if !ok {
		return nil, errInvalid
	}
	buckets := uint32(16)
	for float64(buckets) < float64(len(items))/0.75+1 {
		buckets *= 2
	}
	type entry struct {
		item   any
		bucket uint32
	}
	var kept []entry
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		if key := identity(item); !seen[key] {
			seen[key] = true
			hash := uint32(javaHash(item))
			kept = append(kept, entry{item, (hash ^ hash>>16) & (buckets - 1)})
		}
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].bucket < kept[j].bucket })
	unique := make([]any, len(kept))
	for i, e := range kept {
		unique[i] = e.item
	}
	return unique, nil
}

// identity is a text that is the same for values that are equal in Java: 1 and 1.0 are not, the order of members does not count.
func identity(v any) string { return string(appendIdentity(nil, v)) }

func appendIdentity(dst []byte, v any) []byte {
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		for _, item := range v {
			dst = append(appendIdentity(dst, item), ',')
		}
		return append(dst, ']')
	case *value.Object:
		members := make([]string, 0, v.Len())
		for name, item := range v.All() {
			members = append(members, string(appendIdentity(append(value.AppendString(nil, name), ':'), item)))
		}
		sort.Strings(members)
		dst = append(dst, '{')
		for _, member := range members {
			dst = append(append(dst, member...), ',')
		}
		return append(dst, '}')
	case string:
		return value.AppendString(dst, v)
	default:
		return append(dst, display(v)...)
	}
}
