package jsonata

// kind is what a node of the syntax tree is. The names are those that the reference implementation shows in its messages.
type kind string

const (
	kindOperator   kind = "operator"
	kindName       kind = "name"
	kindVariable   kind = "variable"
	kindString     kind = "string"
	kindNumber     kind = "number"
	kindValue      kind = "value"
	kindRegex      kind = "regex"
	kindBinary     kind = "binary"
	kindUnary      kind = "unary"
	kindWildcard   kind = "wildcard"
	kindDescendant kind = "descendant"
	kindParent     kind = "parent"
	kindFunction   kind = "function"
	kindPartial    kind = "partial"
	kindLambda     kind = "lambda"
	kindThunk      kind = "thunk" // a call in tail position, which its caller carries out
	kindCondition  kind = "condition"
	kindBlock      kind = "block"
	kindTransform  kind = "transform"
	kindPath       kind = "path"
	kindBind       kind = "bind"
	kindApply      kind = "apply"
	kindSort       kind = "sort"
	kindEnd        kind = "(end)"
)

// syntax is a node of the syntax tree. The parser makes nodes as the text has them; resolve turns these into paths of steps, whose
// predicates have become stages, and so on.
type syntax struct {
	kind     kind
	id       string // of a token: its symbol
	value    any    // of a literal, name or variable its value; of an operator its text
	position int
	start    int // where a variable begins

	lhs, rhs    *syntax
	expressions []*syntax    // of a block or an array; of - its operand
	pairs       [][2]*syntax // of an object
	terms       []orderTerm  // of ^(…)
	procedure   *syntax      // of a call
	arguments   []*syntax    // of a call or a lambda
	signature   *signature   // of a lambda
	body        *syntax      // of a lambda, a thunk
	condition   *syntax
	then        *syntax
	otherwise   *syntax
	pattern     *syntax // of a transform
	update      *syntax
	remove      *syntax

	steps     []*syntax // of a path
	predicate []stage   // filters of a node that is no step
	stages    []stage   // filters and positions of a step
	group     *grouping

	keepArray     bool // the node was followed by []
	keepSingleton bool // of a path: a step of it has keepArray
	consArray     bool // an array constructor at an end of a path, whose result is not flattened
	tuple         bool // a step that gives tuples: values with variables bound along the way
	focus         string
	hasFocus      bool
	index         string
	hasIndex      bool

	ancestor *slot   // of a step: where a % further right finds this step's context
	slot     *slot   // of a %
	seeking  []*slot // of %s inside whose step is not found yet
}

type orderTerm struct {
	descending bool
	expression *syntax
}

// stage is what happens to the values of a step: a filter, or, where filter is nil, binding their positions to a variable.
type stage struct {
	filter   *syntax
	index    string
	position int
}

type grouping struct {
	pairs    [][2]*syntax
	position int
}

// slot stands for the value of one %: the context of the step that is level steps further left.
type slot struct {
	label string
	level int
	index int // in the list of all slots
}
