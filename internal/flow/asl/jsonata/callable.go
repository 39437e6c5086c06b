package jsonata

// lambda is a function of the expression, with the context and the variables of the place where it was made.
type lambda struct {
	parameters []int // their numbers
	signature  *signature
	body       node
	input      any
	env        *frame
	// Where it was called last, for errors.
	token    string
	position int
}

// builtin is a function of the language.
type builtin struct {
	signature *signature
	arity     int // how many arguments it can use: what $map and its like pass to it
	apply     func(r *run, args []any) any
}

// partial is a builtin function, or one that was passed as an argument, some of whose arguments are given.
type partial struct {
	function any
	args     []any
	holes    []int // the places in args that are still open
}

// closure is a function that was passed as an argument: it is applied without a context, and without the checks of its own kind.
type closure struct {
	function any
	arity    int
}

// thunk is a call in tail position that is still to be carried out.
type thunk struct {
	call  *callNode
	input any
	env   *frame
}

func isFunction(v any) bool {
	switch v.(type) {
	case *lambda, *builtin, *closure, *partial, *pattern, *nextMatch:
		return true
	}
	return false
}

// arity is how many arguments a function takes.
func arity(v any) int {
	switch f := v.(type) {
	case *lambda:
		return len(f.parameters)
	case *builtin:
		return f.arity
	case *closure:
		return f.arity
	case *partial:
		return len(f.holes)
	case *pattern:
		return 2
	}
	return 0
}

// apply applies a function and then the calls in tail position that it leaves.
func (r *run) apply(function any, args []any, input any, env *frame, token string, position int) any {
	v := r.applyOnce(function, args, input, env, token, position)
	for {
		t, ok := v.(*thunk)
		if !ok {
			return v
		}
		r.step()
		function := r.eval(t.call.procedure, t.input, t.env)
		token, position := t.call.token, t.call.procedurePosition
		if l, ok := function.(*lambda); ok {
			if t.call.isVariable {
				l.token = token
			}
			l.position = position
		}
		args := make([]any, len(t.call.arguments))
		for i, argument := range t.call.arguments {
			args[i] = r.eval(argument, t.input, t.env)
		}
		v = r.applyOnce(function, args, input, env, token, position)
	}
}

func (r *run) applyOnce(function any, args []any, input any, env *frame, token string, position int) any {
	r.calls = append(r.calls, call{kind: callApply, function: function, token: token, position: position})
	var v any
	switch f := function.(type) {
	case *lambda:
		if f.signature != nil {
			args = f.signature.validate(args, input)
		}
		v = r.applyLambda(f, args)
	case *builtin:
		if f.signature != nil {
			args = f.signature.validate(args, input)
		}
		v = f.apply(r, args)
	default:
		r.calls[len(r.calls)-1].token, r.calls[len(r.calls)-1].position = "", 0
		v = r.applyOther(function, args, env)
	}
	r.calls = r.calls[:len(r.calls)-1]
	return v
}

// applyOther applies functions that have no place in the expression of their own.
func (r *run) applyOther(function any, args []any, env *frame) any {
	switch f := function.(type) {
	case *closure:
		return r.apply(f.function, args, nil, env, "", 0)
	case *partial:
		filled := append([]any(nil), f.args...)
		for i, hole := range f.holes {
			filled[hole] = argument(args, i)
		}
		if b, ok := f.function.(*builtin); ok && b.signature != nil {
			return b.apply(r, b.signature.loosely(filled))
		}
		return r.apply(f.function, filled, nil, env, "", 0)
	case *pattern:
		if m := f.exec(r, r.subject(argument(args, 0)), index(argument(args, 1))); m != nil {
			return m.object()
		}
		return undefined
	case *nextMatch:
		if m := f.next(r); m != nil {
			return m.object()
		}
		return undefined
	}
	panic(mistake("T1006", 0))
}

func (r *run) applyLambda(f *lambda, args []any) any {
	env := &frame{outer: f.env}
	for i, name := range f.parameters {
		env.bind(name, argument(args, i))
	}
	return r.eval(f.body, f.input, env)
}

// partially is a function with some of its arguments given; a hole stands for each of the others.
func (r *run) partially(function any, args []any) any {
	if f, ok := function.(*lambda); ok {
		env := &frame{outer: f.env}
		var open []int
		for i, name := range f.parameters {
			if v := argument(args, i); v == hole {
				open = append(open, name)
			} else {
				env.bind(name, v)
			}
		}
		return &lambda{parameters: open, body: f.body, input: f.input, env: env}
	}
	p := &partial{function: function, args: append([]any(nil), args...)}
	if n := arity(function); n > len(args) {
		for len(p.args) < n {
			p.args = append(p.args, undefined)
		}
	}
	for i, v := range p.args {
		if v == hole {
			p.holes = append(p.holes, i)
			p.args[i] = undefined
		}
	}
	return p
}

// hole is the argument that partial application leaves open.
var hole any = openArgument{}

type openArgument struct{}

// call applies a function that a builtin function was given; it has no context.
func (r *run) call(function any, args ...any) any {
	r.step()
	return r.apply(function, args, nil, nil, "", 0)
}

// callWith applies a function to as many of the arguments as it takes, at least one.
func (r *run) callWith(function any, args ...any) any {
	return r.call(function, args[:max(1, min(arity(function), len(args)))]...)
}
