package jsonata

import "slices"

// Reference is a place where an expression uses a variable that it does not bind itself.
type Reference struct {
	Name   string   // without $; "$" for $$, "" for $
	Path   []string // the members that follow, as far as they are names: [input id] of $states.input.id[0].x
	Offset int      // of the $ in the source, in bytes
	Rune   int      // the same in code points
}

// Variables are the places where the expression uses variables that it does not bind, those of the language's functions left out, in
// the order of the source.
func (e *Expression) Variables() []Reference { return e.references }

// scope is a block, a function or a path, with the variables that it binds.
type scope struct {
	outer    *scope
	function bool
	path     bool            // only @ and # bind here
	bound    map[string]bool // so far
	binds    map[string]bool // somewhere in the scope: a function inside it is called when all are bound
}

// referrer collects references.
type referrer struct {
	found []foundReference
}

type foundReference struct {
	Reference
	at int // in UTF-16 code units
}

func references(source string, tree *syntax) []Reference {
	f := &referrer{}
	top := &scope{bound: map[string]bool{}, binds: map[string]bool{}}
	collectBinds(tree, top.binds)
	f.walk(tree, top)
	slices.SortStableFunc(f.found, func(a, b foundReference) int { return a.at - b.at })
	sorted := make([]Reference, len(f.found))
	offset, runes, at := 0, 0, 0
	for i, found := range f.found {
		for at < found.at {
			r, size := nextRune(source[offset:])
			offset += size
			runes++
			at += len(appendUnits(nil, r))
		}
		sorted[i] = found.Reference
		sorted[i].Offset, sorted[i].Rune = offset, runes
	}
	return sorted
}

// collectBinds finds the variables that := binds in the scope of x.
func collectBinds(x *syntax, binds map[string]bool) {
	if x == nil || x.kind == kindLambda || x.kind == kindBlock {
		return
	}
	if x.kind == kindBind {
		binds[x.lhs.value.(string)] = true
	}
	x.children(func(child *syntax) { collectBinds(child, binds) })
}

// children visits the nodes right below x that are evaluated in its scope.
func (x *syntax) children(visit func(*syntax)) {
	each := func(xs ...*syntax) {
		for _, child := range xs {
			if child != nil {
				visit(child)
			}
		}
	}
	pairs := func(list [][2]*syntax) {
		for _, pair := range list {
			each(pair[:]...)
		}
	}
	if x.kind != kindBind {
		each(x.lhs)
	}
	each(x.rhs, x.procedure)
	each(x.expressions...)
	each(x.steps...)
	pairs(x.pairs)
	for _, term := range x.terms {
		each(term.expression)
	}
	if x.kind != kindLambda {
		each(x.arguments...)
	}
	each(x.body, x.condition, x.then, x.otherwise, x.pattern, x.update, x.remove)
	for _, list := range [][]stage{x.predicate, x.stages} {
		for _, s := range list {
			each(s.filter)
		}
	}
	if x.group != nil {
		pairs(x.group.pairs)
	}
}

func (f *referrer) walk(x *syntax, s *scope) {
	switch x.kind {
	case kindVariable:
		f.use(x, s, nil)
	case kindPath:
		f.path(x, s)
		return
	case kindBlock, kindLambda:
		inner := &scope{outer: s, function: x.kind == kindLambda, bound: map[string]bool{}, binds: map[string]bool{}}
		x.children(func(child *syntax) { collectBinds(child, inner.binds) })
		if x.kind == kindLambda {
			for _, parameter := range x.arguments {
				inner.bound[parameter.value.(string)] = true
			}
		}
		x.children(func(child *syntax) { f.walk(child, inner) })
		return
	case kindBind:
		f.walk(x.rhs, s)
		for s.path {
			s = s.outer
		}
		s.bound[x.lhs.value.(string)] = true
		return
	}
	x.children(func(child *syntax) { f.walk(child, s) })
}

// path walks a path, whose steps may bind variables for those that follow.
func (f *referrer) path(x *syntax, outer *scope) {
	s := &scope{outer: outer, path: true, bound: map[string]bool{}, binds: outer.binds}
	for i, step := range x.steps {
		if step.kind == kindVariable && i == 0 {
			f.use(step, s, staticPath(x.steps))
			step.children(func(child *syntax) { f.walk(child, s) })
		} else {
			stages := step.stages
			step.stages = nil
			f.walk(step, s)
			step.stages = stages
		}
		if step.hasFocus {
			s.bound[step.focus] = true
		}
		if step.hasIndex {
			s.bound[step.index] = true
		}
		for _, stage := range step.stages {
			if stage.filter == nil {
				s.bound[stage.index] = true
			} else if step.kind != kindVariable || i > 0 {
				f.walk(stage.filter, s)
			}
		}
	}
	if x.group != nil {
		for _, pair := range x.group.pairs {
			f.walk(pair[0], s)
			f.walk(pair[1], s)
		}
	}
	for _, stage := range x.predicate {
		f.walk(stage.filter, s)
	}
}

// staticPath are the names that follow the first step.
func staticPath(steps []*syntax) []string {
	var names []string
	if steps[0].predicate != nil || steps[0].stages != nil {
		return nil
	}
	for _, step := range steps[1:] {
		if step.kind != kindName {
			break
		}
		names = append(names, step.value.(string))
		if step.stages != nil {
			break
		}
	}
	return names
}

func (f *referrer) use(x *syntax, s *scope, path []string) {
	name := x.value.(string)
	inFunction := false
	for ; s != nil; s = s.outer {
		if s.bound[name] || inFunction && s.binds[name] {
			return
		}
		inFunction = inFunction || s.function
	}
	if _, ok := builtins[name]; ok {
		return
	}
	f.found = append(f.found, foundReference{Reference{Name: name, Path: path}, x.start})
}
