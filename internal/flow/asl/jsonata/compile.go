package jsonata

import (
	"math"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
)

// node is a compiled part of an expression. Its result may be a sequence; run.eval gives what that stands for.
type node interface {
	eval(r *run, input any, env *frame) any
}

// compiler turns a resolved tree into nodes. Variables become numbers.
type compiler struct {
	numbers   map[string]int
	names     []string
	bound     map[int]bool // variables that some part of the expression binds
	variables []*variableNode
}

func compile(source string, tree *syntax) *Expression {
	c := &compiler{numbers: map[string]int{}, bound: map[int]bool{}}
	e := &Expression{source: source, root: c.node(tree), references: references(source, tree)}
	for _, v := range c.variables {
		v.local = c.bound[v.name]
	}
	for _, name := range c.names {
		g := global{name: name, builtin: undefined}
		if f, ok := builtins[name]; ok {
			g.builtin = f
		}
		e.globals = append(e.globals, g)
	}
	return e
}

// number is the number of a variable.
func (c *compiler) number(name string) int {
	n, ok := c.numbers[name]
	if !ok {
		n = len(c.names)
		c.numbers[name] = n
		c.names = append(c.names, name)
	}
	return n
}

// binds is the number of a variable that gets a value here.
func (c *compiler) binds(name string) int {
	n := c.number(name)
	c.bound[n] = true
	return n
}

func (c *compiler) variable(name string) *variableNode {
	v := &variableNode{name: c.number(name)}
	c.variables = append(c.variables, v)
	return v
}

func (c *compiler) nodes(xs []*syntax) []node {
	out := make([]node, len(xs))
	for i, x := range xs {
		out[i] = c.node(x)
	}
	return out
}

// node compiles x with the predicates and the grouping that follow it.
func (c *compiler) node(x *syntax) node {
	n := c.plain(x)
	if x.predicate != nil {
		filtered := &filteredNode{of: n}
		for _, s := range x.predicate {
			filtered.filters = append(filtered.filters, c.filter(s.filter))
		}
		n = filtered
	}
	if x.group != nil && x.kind != kindPath {
		n = &groupedNode{of: n, group: c.group(x.group.pairs, x.group.position)}
	}
	if x.keepArray {
		n = &keepNode{of: n}
	}
	return n
}

func (c *compiler) plain(x *syntax) node {
	switch x.kind {
	case kindPath:
		return c.path(x)
	case kindBinary:
		return c.binary(x)
	case kindUnary:
		return c.unary(x)
	case kindName:
		return &nameNode{x.value.(string)}
	case kindString, kindNumber, kindValue:
		return &literalNode{x.value}
	case kindWildcard:
		return wildcardNode{}
	case kindDescendant:
		return descendantNode{}
	case kindParent:
		return &boundNode{c.number(x.slot.label)}
	case kindCondition:
		n := &conditionNode{condition: c.node(x.condition), then: c.node(x.then)}
		if x.otherwise != nil {
			n.otherwise = c.node(x.otherwise)
		}
		return n
	case kindBlock:
		return &blockNode{c.nodes(x.expressions)}
	case kindBind:
		return &bindNode{name: c.binds(x.lhs.value.(string)), of: c.node(x.rhs)}
	case kindRegex:
		return &regexNode{regex: x.value.(*regex.Regex), position: x.position}
	case kindFunction, kindPartial:
		return c.call(x)
	case kindVariable:
		if x.value == "" {
			return contextNode{}
		}
		return c.variable(x.value.(string))
	case kindLambda:
		n := &lambdaNode{signature: x.signature}
		for _, parameter := range x.arguments {
			n.parameters = append(n.parameters, c.binds(parameter.value.(string)))
		}
		n.body = c.node(x.body)
		return n
	case kindThunk:
		return &thunkNode{c.call(x.body).(*callNode)}
	case kindApply:
		n := &chainNode{position: x.position, of: c.node(x.lhs)}
		if call, ok := c.plain(x.rhs).(*callNode); ok && x.rhs.kind == kindFunction {
			n.call = call
		} else {
			n.to = c.node(x.rhs)
			if x.rhs.kind == kindVariable {
				n.token = x.rhs.value.(string)
			}
		}
		return n
	case kindTransform:
		return c.transform(x)
	}
	return &literalNode{undefined}
}

func (c *compiler) unary(x *syntax) node {
	switch x.value {
	case "[":
		n := &arrayNode{items: c.nodes(x.expressions), cons: x.consArray}
		for _, item := range x.expressions {
			n.whole = append(n.whole, item.value == "[")
		}
		return n
	case "{":
		return &objectNode{c.group(x.pairs, x.position)}
	}
	return &negateNode{of: c.node(x.expressions[0]), position: x.position}
}

func (c *compiler) binary(x *syntax) node {
	operator := x.value.(string)
	left, right := c.node(x.lhs), c.node(x.rhs)
	switch operator {
	case "and", "or":
		return &logicNode{left: left, right: right, operator: operator, position: x.position}
	case "+", "-", "*", "/", "%":
		return &numericNode{left: left, right: right, operator: operator[0], position: x.position}
	case "<", "<=", ">", ">=":
		return &compareNode{left: left, right: right, operator: operator, position: x.position}
	}
	return &binaryNode{left: left, right: right, operator: operator, position: x.position}
}

func (c *compiler) group(pairs [][2]*syntax, position int) *group {
	g := &group{position: position}
	for _, pair := range pairs {
		g.names = append(g.names, c.node(pair[0]))
		g.values = append(g.values, c.node(pair[1]))
	}
	return g
}

// filter compiles the expression of a predicate.
func (c *compiler) filter(x *syntax) *filter {
	f := &filter{}
	if n, ok := x.value.(float64); ok && x.kind == kindNumber {
		f.literal, f.index = true, math.Floor(n)
		return f
	}
	f.test = c.node(x)
	return f
}

func (c *compiler) call(x *syntax) node {
	n := &callNode{position: x.position, procedure: c.node(x.procedure), procedurePosition: x.procedure.position}
	switch x.procedure.kind {
	case kindPath:
		if name, ok := x.procedure.steps[0].value.(string); ok {
			n.token, n.meant = name, c.variable(name)
		}
	case kindVariable:
		n.token, n.isVariable = x.procedure.value.(string), true
	default:
		if x.procedure.value != nil {
			n.token = tokenText(x.procedure.value)
		}
	}
	if x.kind == kindFunction {
		n.arguments = c.nodes(x.arguments)
		return n
	}
	for _, argument := range x.arguments {
		if argument.kind == kindOperator && argument.value == "?" {
			n.arguments = append(n.arguments, &literalNode{hole})
		} else {
			n.arguments = append(n.arguments, c.node(argument))
		}
	}
	return &partialNode{n}
}

func (c *compiler) transform(x *syntax) node {
	n := &transformNode{
		pattern: c.node(x.pattern), update: c.node(x.update), clone: c.variable("clone"),
		position: x.position, updatePosition: x.update.position,
	}
	if x.remove != nil {
		n.remove, n.removePosition = c.node(x.remove), x.remove.position
	}
	return n
}

func (c *compiler) path(x *syntax) node {
	p := &pathNode{keepSingleton: x.keepSingleton, keepTuples: x.tuple, absolute: x.steps[0].kind == kindVariable}
	for _, s := range x.steps {
		added := step{node: c.stepNode(s), tuple: s.tuple, cons: s.consArray, focus: -1, index: -1, ancestor: -1}
		if name, ok := added.node.(*nameNode); ok {
			added.name, added.isName = name.name, s.stages == nil
		}
		if order, ok := added.node.(*orderNode); ok {
			added.order = order
		}
		if s.hasFocus {
			added.focus = c.binds(s.focus)
		}
		if s.hasIndex {
			added.index = c.binds(s.index)
		}
		if s.ancestor != nil {
			added.ancestor = c.number(s.ancestor.label)
		}
		for _, stage := range s.stages {
			if stage.filter != nil {
				added.stages = append(added.stages, stepStage{filter: c.filter(stage.filter)})
			} else {
				added.stages = append(added.stages, stepStage{index: c.binds(stage.index)})
			}
		}
		p.steps = append(p.steps, added)
		p.tuples = p.tuples || s.tuple
	}
	if x.group != nil {
		p.group = c.group(x.group.pairs, x.group.position)
	}
	return p
}

func (c *compiler) stepNode(x *syntax) node {
	if x.kind != kindSort {
		if x.kind == kindName {
			return &nameNode{x.value.(string)}
		}
		return c.node(x)
	}
	n := &orderNode{position: x.position}
	for _, term := range x.terms {
		n.terms = append(n.terms, c.node(term.expression))
		n.descending = append(n.descending, term.descending)
	}
	return n
}
