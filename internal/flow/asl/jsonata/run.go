package jsonata

import (
	"time"
)

// Limits bound an evaluation. One that reaches a limit ends with an error of code U1001 (steps and depth) or U1002 (bytes).
type Limits struct {
	MaxSteps int   // nodes evaluated, items handled by functions, steps of regular expressions; default 10 million
	MaxDepth int   // evaluations nested in one another; default 10,000
	MaxBytes int64 // memory taken by results on the way, an estimate that is never given back; default 128 MiB
}

// Defaults of Limits.
const (
	defaultSteps = 10_000_000
	defaultDepth = 10_000
	defaultBytes = 128 << 20
)

// Sizes by which memory is estimated.
const (
	bytesItem   = 16 // an item of an array
	bytesNumber = 24 // an item of an array that is a new number
	bytesMember = 48 // a member of an object
	bytesFrame  = 96 // a frame of variables, a tuple, an array's own
)

// run is one evaluation of an expression. Errors are raised as panics with *Error, which Eval catches: every evaluation ends at its
// first error, and what lies between its place and Eval is on the list of calls.
type run struct {
	env      Env
	now      time.Time
	globals  []any // of variables that no part of the expression binds, by number
	calls    []call
	steps    int
	depth    int
	bytes    int64
	maxSteps int
	maxDepth int
	maxBytes int64
}

func newRun(env Env) *run {
	r := &run{env: env, now: env.Now, maxSteps: env.Limits.MaxSteps, maxDepth: env.Limits.MaxDepth, maxBytes: env.Limits.MaxBytes}
	if r.maxSteps <= 0 {
		r.maxSteps = defaultSteps
	}
	if r.maxDepth <= 0 {
		r.maxDepth = defaultDepth
	}
	if r.maxBytes <= 0 {
		r.maxBytes = defaultBytes
	}
	return r
}

// eval evaluates a node. Of a sequence it gives what that stands for.
func (r *run) eval(n node, input any, env *frame) any {
	r.step()
	r.enter()
	v := n.eval(r, input, env)
	r.depth--
	if a, ok := v.(*array); ok && a.sequence {
		return a.settled()
	}
	return v
}

func (r *run) step() {
	if r.steps++; r.steps > r.maxSteps {
		panic(mistake(codeRunaway, 0).with("reason", "Expression evaluation timeout: Check for infinite loop"))
	}
}

// work is many steps at once.
func (r *run) work(steps int) {
	r.steps += max(steps, 0) - 1
	r.step()
}

func (r *run) enter() {
	if r.depth++; r.depth > r.maxDepth {
		panic(mistake(codeRunaway, 0).with("reason",
			"Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."))
	}
}

func (r *run) leave() { r.depth-- }

// charge accounts for memory that is about to be taken.
func (r *run) charge(bytes int) {
	if r.bytes += int64(bytes); r.bytes > r.maxBytes || bytes < 0 {
		panic(mistake(codeMemory, 0).with("limit", float64(r.maxBytes)))
	}
}

// list are the items of an array; a range is filled in if there is memory for it. Of what is no array it is nil.
func (r *run) list(v any) []any {
	if a, ok := v.(*array); ok && a.lazy > 0 {
		r.charge(a.lazy * bytesNumber)
		r.work(a.lazy)
	}
	items, _ := elements(v)
	return items
}

// text charges for a text that was made.
func (r *run) text(s string) string {
	r.charge(len(s))
	return s
}

// call notes a function that is being applied, or an operator whose operand is being evaluated, for the position and token of an error.
type call struct {
	kind     callKind
	function any // of an application
	token    string
	position int
}

type callKind uint8

const (
	callInvoke callKind = iota // a call in the expression
	callApply                  // a function that is applied
	callLogic                  // the right side of and / or
)

// locate gives an error the position and token that it takes on its way out of the calls it happened in.
func (r *run) locate(e *Error) {
	for i := len(r.calls) - 1; i >= 0; i-- {
		c := &r.calls[i]
		switch c.kind {
		case callInvoke:
			if e.Position == 0 {
				e.Position = c.position
			}
			if e.Token == "" && c.token != "" {
				e = e.withToken(c.token)
			}
		case callApply:
			token, position := c.token, c.position
			if l, ok := c.function.(*lambda); ok {
				token, position = l.token, l.position
			}
			if !e.tokens && token != "" {
				e = e.withToken(token)
			}
			if position != 0 {
				e.Position = position
			}
		case callLogic:
			e.Position = c.position
			e = e.withToken(c.token)
		}
	}
}
