package jsonata

// orderNode is the order-by operator, a step of a path.
type orderNode struct {
	terms      []node
	descending []bool
	position   int
}

// eval is never reached: a path calls sort.
func (n *orderNode) eval(_ *run, input any, _ *frame) any { return input }

// ordered is an item with the values of its terms that have been needed so far.
type ordered struct {
	item any // a value, or a *tuple
	keys []any
}

// sort orders an array, or a stream of tuples.
func (n *orderNode) sort(r *run, input any, env *frame) any {
	var items []*ordered
	stream, tupled := input.(*tuples)
	if tupled {
		for _, t := range stream.all {
			items = append(items, &ordered{item: t})
		}
	} else {
		for _, item := range r.list(input) {
			items = append(items, &ordered{item: item})
		}
	}
	if len(items) <= 1 {
		return input
	}
	r.charge(len(items) * (bytesFrame + len(n.terms)*bytesItem))
	items = mergeSort(r, items, func(a, b *ordered) bool { return n.after(r, a, b, env) })
	if tupled {
		sorted := &tuples{}
		for _, o := range items {
			sorted.all = append(sorted.all, o.item.(*tuple))
		}
		return sorted
	}
	sorted := &array{}
	for _, o := range items {
		sorted.items = append(sorted.items, o.item)
	}
	return sorted
}

// key is the value of a term for an item.
func (n *orderNode) key(r *run, o *ordered, term int, env *frame) any {
	if term == len(o.keys) {
		if t, ok := o.item.(*tuple); ok {
			o.keys = append(o.keys, r.eval(n.terms[term], t.context, r.tupleFrame(env, t)))
		} else {
			o.keys = append(o.keys, r.eval(n.terms[term], o.item, env))
		}
	}
	return o.keys[term]
}

// after tells whether a comes after b.
func (n *orderNode) after(r *run, a, b *ordered, env *frame) bool {
	for i := range n.terms {
		x, y := n.key(r, a, i, env), n.key(r, b, i, env)
		if x == undefined || y == undefined {
			if (x == undefined) != (y == undefined) {
				return x == undefined
			}
			continue
		}
		c := n.compare(x, y)
		if c == 0 {
			continue
		}
		return (c > 0) != n.descending[i]
	}
	return false
}

func (n *orderNode) compare(x, y any) int {
	xs, xText := x.(string)
	ys, yText := y.(string)
	xNumber, yNumber := isNumber(x), isNumber(y)
	if !xText && !xNumber || !yText && !yNumber {
		wrong := y
		if !xText && !xNumber {
			wrong = x
		}
		panic(mistake("T2008", n.position).withValue(wrong))
	}
	if xText != yText {
		panic(mistake("T2007", n.position).withValue(x).with("value2", y))
	}
	if xText {
		return compareText(xs, ys)
	}
	switch xf, yf := float(x), float(y); {
	case xf == yf:
		return 0
	case xf < yf:
		return -1
	}
	return 1
}

// mergeSort is a stable merge sort that compares the same pairs, in the same order, as the reference implementation's: that shows
// when the comparison is a function of the expression.
func mergeSort[T any](r *run, items []T, after func(a, b T) bool) []T {
	if len(items) <= 1 {
		return items
	}
	middle := len(items) / 2
	left, right := mergeSort(r, items[:middle], after), mergeSort(r, items[middle:], after)
	r.work(len(items))
	r.charge(len(items) * bytesItem)
	merged := make([]T, 0, len(items))
	for len(left) > 0 && len(right) > 0 {
		if after(left[0], right[0]) {
			merged, right = append(merged, right[0]), right[1:]
		} else {
			merged, left = append(merged, left[0]), left[1:]
		}
	}
	return append(append(merged, left...), right...)
}
