package jsonata

import (
	"slices"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// members walks the members of o in the order of ECMAScript: names that are array indices first, by number, then the others in the
// order in which they were set.
func members(o *value.Object, visit func(name string, item any)) {
	var indices []int
	for i := range o.Len() {
		if name, _ := o.At(i); isIndex(name) {
			indices = append(indices, i)
		}
	}
	if indices == nil {
		for name, item := range o.All() {
			visit(name, item)
		}
		return
	}
	slices.SortFunc(indices, func(a, b int) int {
		x, _ := o.At(a)
		y, _ := o.At(b)
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return compareText(x, y)
	})
	for _, i := range indices {
		visit(o.At(i))
	}
	for name, item := range o.All() {
		if !isIndex(name) {
			visit(name, item)
		}
	}
}

// isIndex tells whether name is the canonical text of an integer from 0 to 2^32-2.
func isIndex(name string) bool {
	if name == "" || len(name) > 10 || name[0] < '0' || name[0] > '9' || name[0] == '0' && len(name) > 1 {
		return false
	}
	n, err := strconv.ParseUint(name, 10, 32)
	return err == nil && n < 1<<32-1
}
