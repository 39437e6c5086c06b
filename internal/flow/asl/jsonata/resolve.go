package jsonata

import "slices"

// resolver turns the tree of the text into the tree that is evaluated: paths become lists of steps, predicates stages of steps, and
// each % finds the step whose context it is.
type resolver struct {
	slots []*slot // of all %s, by index
	label int
	depth int
}

// resolve is the whole of it; it may change the tree given to it.
func resolve(tree *syntax) *syntax {
	r := &resolver{}
	result := r.node(tree)
	if result.kind == kindParent || result.seeking != nil {
		panic(mistake("S0217", result.position).withToken(string(result.kind)))
	}
	return result
}

func (r *resolver) node(x *syntax) *syntax {
	if r.depth++; r.depth > maxNesting {
		panic(mistake(codeNesting, x.position).with("limit", float64(maxNesting)))
	}
	result := r.resolved(x)
	if x.keepArray {
		result.keepArray = true
	}
	r.depth--
	return result
}

func (r *resolver) resolved(x *syntax) *syntax {
	switch x.kind {
	case kindBinary:
		return r.binary(x)
	case kindUnary:
		return r.unary(x)
	case kindFunction, kindPartial:
		result := &syntax{kind: x.kind, value: x.value, position: x.position}
		result.arguments = r.nodes(x.arguments, result)
		result.procedure = r.node(x.procedure)
		return result
	case kindLambda:
		return &syntax{
			kind: x.kind, arguments: x.arguments, signature: x.signature, position: x.position, body: tailCalls(r.node(x.body)),
		}
	case kindCondition:
		return r.condition(x)
	case kindTransform:
		result := &syntax{kind: x.kind, position: x.position, pattern: r.node(x.pattern), update: r.node(x.update)}
		if x.remove != nil {
			result.remove = r.node(x.remove)
		}
		return result
	case kindBlock:
		result := &syntax{kind: x.kind, position: x.position}
		result.expressions = r.nodes(x.expressions, result)
		for _, part := range result.expressions {
			if part.consArray || part.kind == kindPath && part.steps[0].consArray {
				result.consArray = true
			}
		}
		return result
	case kindName:
		return &syntax{kind: kindPath, steps: []*syntax{x}, keepSingleton: x.keepArray}
	case kindParent:
		result := &syntax{kind: kindParent, slot: &slot{label: slotLabel(r.label), level: 1, index: len(r.slots)}}
		r.label++
		r.slots = append(r.slots, result.slot)
		return result
	case kindString, kindNumber, kindValue, kindWildcard, kindDescendant, kindVariable, kindRegex:
		return x
	case kindOperator:
		switch x.value {
		case "and", "or", "in":
			x.kind = kindName
			return r.node(x)
		case "?":
			return x
		}
		panic(mistake("S0201", x.position).withToken(tokenText(x.value)))
	}
	code := "S0206"
	if x.id == "(end)" {
		code = "S0207"
	}
	panic(mistake(code, x.position).withToken(tokenText(x.value)))
}

func (r *resolver) nodes(xs []*syntax, parent *syntax) []*syntax {
	results := make([]*syntax, len(xs))
	for i, x := range xs {
		results[i] = r.node(x)
		pushAncestry(parent, results[i])
	}
	return results
}

func (r *resolver) unary(x *syntax) *syntax {
	result := &syntax{kind: kindUnary, value: x.value, position: x.position}
	switch x.value {
	case "[":
		result.expressions = r.nodes(x.expressions, result)
	case "{":
		for _, pair := range x.pairs {
			resolved := r.nodes(pair[:], result)
			result.pairs = append(result.pairs, [2]*syntax(resolved))
		}
	default:
		operand := r.node(x.expressions[0])
		if n, ok := operand.value.(float64); ok && operand.kind == kindNumber {
			operand.value = -n
			return operand
		}
		result.expressions = []*syntax{operand}
		pushAncestry(result, operand)
	}
	return result
}

func (r *resolver) condition(x *syntax) *syntax {
	result := &syntax{kind: kindCondition, position: x.position}
	result.condition = r.node(x.condition)
	pushAncestry(result, result.condition)
	result.then = r.node(x.then)
	pushAncestry(result, result.then)
	if x.otherwise != nil {
		result.otherwise = r.node(x.otherwise)
		pushAncestry(result, result.otherwise)
	}
	return result
}

func (r *resolver) binary(x *syntax) *syntax {
	switch x.value {
	case ".":
		return r.path(x)
	case "[":
		return r.filter(x)
	case "{":
		result := r.node(x.lhs)
		if result.group != nil {
			panic(mistake("S0210", x.position))
		}
		group := &grouping{position: x.position}
		for _, pair := range x.pairs {
			group.pairs = append(group.pairs, [2]*syntax{r.node(pair[0]), r.node(pair[1])})
		}
		result.group = group
		return result
	case "^":
		return r.order(x)
	case ":=":
		result := &syntax{kind: kindBind, value: x.value, position: x.position, lhs: r.node(x.lhs), rhs: r.node(x.rhs)}
		pushAncestry(result, result.rhs)
		return result
	case "@":
		return r.focus(x)
	case "#":
		return r.index(x)
	case "~>":
		result := &syntax{kind: kindApply, value: x.value, position: x.position, lhs: r.node(x.lhs), rhs: r.node(x.rhs)}
		result.keepArray = result.lhs.keepArray || result.rhs.keepArray
		return result
	}
	result := &syntax{kind: kindBinary, value: x.value, position: x.position, lhs: r.node(x.lhs), rhs: r.node(x.rhs)}
	pushAncestry(result, result.lhs)
	pushAncestry(result, result.rhs)
	return result
}

// path joins the steps on both sides of a dot.
func (r *resolver) path(x *syntax) *syntax {
	result := r.node(x.lhs)
	if left := result; left.kind != kindPath {
		result = &syntax{kind: kindPath, steps: []*syntax{left}}
		if left.kind == kindParent {
			result.seeking = []*slot{left.slot}
		}
	}
	rest := r.node(x.rhs)
	if rest.kind == kindPath {
		result.steps = append(result.steps, rest.steps...)
	} else {
		if rest.predicate != nil {
			rest.stages, rest.predicate = rest.predicate, nil
		}
		result.steps = append(result.steps, rest)
	}
	for _, step := range result.steps {
		switch step.kind {
		case kindNumber, kindValue:
			panic(mistake("S0213", step.position).withValue(step.value))
		case kindString:
			step.kind = kindName
		}
		if step.keepArray {
			result.keepSingleton = true
		}
	}
	for _, step := range []*syntax{result.steps[0], result.steps[len(result.steps)-1]} {
		if step.kind == kindUnary && step.value == "[" {
			step.consArray = true
		}
	}
	r.resolveAncestry(result)
	return result
}

// lastStep is the step of a path that […], @ and # belong to; the node itself if it is no path.
func lastStep(x *syntax) *syntax {
	if x.kind == kindPath {
		return x.steps[len(x.steps)-1]
	}
	return x
}

func (r *resolver) filter(x *syntax) *syntax {
	result := r.node(x.lhs)
	step := lastStep(result)
	if step.group != nil {
		panic(mistake("S0209", x.position))
	}
	filter := r.node(x.rhs)
	if filter.seeking != nil {
		for _, s := range filter.seeking {
			if s.level == 1 {
				r.seekParent(step, s)
			} else {
				s.level--
			}
		}
		pushAncestry(step, filter)
	}
	added := stage{filter: filter, position: x.position}
	if result.kind == kindPath {
		step.stages = append(step.stages, added)
	} else {
		step.predicate = append(step.predicate, added)
	}
	return result
}

func (r *resolver) order(x *syntax) *syntax {
	result := r.node(x.lhs)
	if result.kind != kindPath {
		result = &syntax{kind: kindPath, steps: []*syntax{result}}
	}
	step := &syntax{kind: kindSort, position: x.position}
	for _, term := range x.terms {
		expression := r.node(term.expression)
		pushAncestry(step, expression)
		step.terms = append(step.terms, orderTerm{term.descending, expression})
	}
	result.steps = append(result.steps, step)
	r.resolveAncestry(result)
	return result
}

func (r *resolver) focus(x *syntax) *syntax {
	result := r.node(x.lhs)
	step := lastStep(result)
	if step.stages != nil || step.predicate != nil {
		panic(mistake("S0215", x.position))
	}
	if step.kind == kindSort {
		panic(mistake("S0216", x.position))
	}
	if x.keepArray {
		step.keepArray = true
	}
	step.focus, step.hasFocus, step.tuple = x.rhs.value.(string), true, true
	return result
}

func (r *resolver) index(x *syntax) *syntax {
	result := r.node(x.lhs)
	step := lastStep(result)
	if result.kind != kindPath {
		result = &syntax{kind: kindPath, steps: []*syntax{result}}
		if step.predicate != nil {
			step.stages, step.predicate = step.predicate, nil
		}
	}
	name := x.rhs.value.(string)
	if step.stages == nil {
		step.index, step.hasIndex = name, true
	} else {
		step.stages = append(step.stages, stage{index: name, position: x.position})
	}
	step.tuple = true
	return result
}

// tailCalls marks the calls that end a function, so that they do not nest.
func tailCalls(x *syntax) *syntax {
	switch x.kind {
	case kindFunction:
		if x.predicate == nil {
			return &syntax{kind: kindThunk, position: x.position, body: x}
		}
	case kindCondition:
		x.then = tailCalls(x.then)
		if x.otherwise != nil {
			x.otherwise = tailCalls(x.otherwise)
		}
	case kindBlock:
		if n := len(x.expressions); n > 0 {
			x.expressions[n-1] = tailCalls(x.expressions[n-1])
		}
	}
	return x
}

// pushAncestry hands the %s that seek their step inside x to the node around it.
func pushAncestry(parent, x *syntax) {
	if x.seeking == nil && x.kind != kindParent {
		return
	}
	slots := slices.Clone(x.seeking)
	if x.kind == kindParent {
		slots = append(slots, x.slot)
	}
	parent.seeking = append(parent.seeking, slots...)
}
