package jsonata

// literalNode is a text, number, boolean or null.
type literalNode struct{ v any }

func (n *literalNode) eval(*run, any, *frame) any { return n.v }

// contextNode is $.
type contextNode struct{}

func (contextNode) eval(_ *run, input any, _ *frame) any {
	if a, ok := input.(*array); ok && a.wholeData {
		return a.items[0]
	}
	return input
}

// variableNode is a variable.
type variableNode struct {
	name  int
	local bool // some part of the expression binds it
}

func (n *variableNode) eval(r *run, _ any, env *frame) any {
	if n.local {
		if v, ok := env.lookup(n.name); ok {
			return v
		}
	}
	return r.globals[n.name]
}

// boundNode is a %: the context of a step, which its path has bound.
type boundNode struct{ name int }

func (n *boundNode) eval(_ *run, _ any, env *frame) any {
	if v, ok := env.lookup(n.name); ok {
		return v
	}
	return undefined
}

// bindNode is :=.
type bindNode struct {
	name int
	of   node
}

func (n *bindNode) eval(r *run, input any, env *frame) any {
	v := r.eval(n.of, input, env)
	env.bind(n.name, v)
	return v
}

// blockNode is (…; …).
type blockNode struct{ parts []node }

func (n *blockNode) eval(r *run, input any, env *frame) any {
	inner := &frame{outer: env}
	v := undefined
	for _, part := range n.parts {
		v = r.eval(part, input, inner)
	}
	return v
}

// conditionNode is ? :.
type conditionNode struct{ condition, then, otherwise node }

func (n *conditionNode) eval(r *run, input any, env *frame) any {
	if r.truth(r.eval(n.condition, input, env)) {
		return r.eval(n.then, input, env)
	}
	if n.otherwise != nil {
		return r.eval(n.otherwise, input, env)
	}
	return undefined
}

// arrayNode is […].
type arrayNode struct {
	items []node
	whole []bool // the item is itself an array constructor: it becomes one item
	cons  bool
}

func (n *arrayNode) eval(r *run, input any, env *frame) any {
	result := &array{cons: n.cons}
	for i, item := range n.items {
		v := r.eval(item, input, env)
		if v == undefined {
			continue
		}
		a, _ := v.(*array)
		switch {
		case n.whole[i] || !isArray(v):
			r.charge(bytesItem)
			result.items = append(result.items, v)
		case a != nil && a.lazy > 0 && len(n.items) == 1:
			result.first, result.lazy = a.first, a.lazy
		default:
			items := r.list(v)
			r.charge(len(items) * bytesItem)
			result.items = append(result.items, items...)
		}
	}
	return result
}
