package jsonata

import (
	"time"
)

// Env is what an evaluation needs from the world.
type Env struct {
	Now    time.Time      // of $now and $millis
	Random func() float64 // of $random and $shuffle: at least 0, less than 1; nil: a generator with a fixed seed
	UUID   func() string  // of $uuid; nil: made from Random
	Limits Limits
}

// Expression is a compiled expression. It is safe for use by several goroutines at once.
type Expression struct {
	source     string
	root       node
	globals    []global
	references []Reference
}

// global is a variable that the expression does not bind, or not everywhere.
type global struct {
	name    string
	builtin any // the function of that name, or undefined
}

// Compile reads an expression. The error is an *Error.
func Compile(source string) (compiled *Expression, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			compiled, err = nil, r.finish()
		default:
			panic(r)
		}
	}()
	p := &parser{lexer: lexer{text: textUnits(source)}}
	return compile(source, resolve(p.parse())), nil
}

// Source is the expression's text.
func (e *Expression) Source() string { return e.source }

// Eval evaluates the expression. input is what $ and $$ stand for; Undefined if there is nothing. vars are the variables by their
// names without $. If defined is false the expression has no value. An err is an *Error.
func (e *Expression) Eval(input any, vars map[string]any, env Env) (result any, defined bool, err error) {
	r := newRun(env)
	defer func() {
		switch mistake := recover().(type) {
		case nil:
		case *Error:
			r.locate(mistake)
			result, defined, err = nil, false, r.describe(mistake)
		default:
			panic(mistake)
		}
	}()
	r.globals = make([]any, len(e.globals))
	for i, g := range e.globals {
		v, ok := vars[g.name]
		switch {
		case g.name == "$":
			v = input
		case !ok:
			v = g.builtin
		}
		r.globals[i] = v
	}
	if isArray(input) {
		input = &array{items: []any{input}, sequence: true, wholeData: true}
	}
	result = r.export(r.eval(e.root, input, &frame{}))
	if result == undefined {
		return nil, false, nil
	}
	return result, true, nil
}

// describe fills in an error's message. A value that is too large to be shown is left out.
func (r *run) describe(e *Error) *Error {
	export := func(v any) (plain any) {
		defer func() {
			if _, ok := recover().(*Error); ok {
				plain = undefined
			}
		}()
		shown := &run{maxSteps: 100_000, maxDepth: 1000, maxBytes: 16 << 20}
		return shown.export(v)
	}
	e.Value = export(e.Value)
	for name, v := range e.detail {
		e.detail[name] = export(v)
	}
	e = e.finish()
	if e.Value == undefined {
		e.Value = nil
	}
	return e
}
