// Package jsonata evaluates JSONata, version 2.0.6 of the language as its reference implementation has it: the same results, error
// codes, positions and messages. As in Step Functions there is no $eval, and there are $partition, $range, $hash, $random with a seed,
// $uuid and $parse.
//
//	e, err := jsonata.Compile("$sum($states.input.items.(price * quantity))")
//	result, defined, err := e.Eval(jsonata.Undefined, map[string]any{"states": states}, jsonata.Env{Now: now})
//
// # From text to result
//
// The lexer cuts the text into tokens, the parser makes a tree of them as the text has it, and resolve turns that into the tree which
// is evaluated: paths become lists of steps, predicates belong to steps, calls in tail position are marked, and each % is tied to the
// step whose context it is. Compile makes nodes of this tree, with variables as numbers and functions of the language resolved.
//
// # Values
//
// Values come and go as those of package value and are never changed. Inside, an array that the evaluation made is an *array: it knows
// whether it is a sequence, of which a single value stands for itself and none for undefined, and a range of integers is not filled in
// before somebody looks into it. A json.Number that is only passed on keeps its literal; arithmetic is in float64. Texts behave as
// ECMAScript's do (UTF-16 order, surrogates), see text.go.
//
// # Bounds
//
// Expressions come from strangers. Every evaluation ends within Limits: steps (of nodes, of functions' loops, of regular expressions),
// nesting and memory, all counted, none timed, so that an evaluation ends the same way everywhere. Whatever recurses over a value or
// makes one goes through run.enter, run.step and run.charge. Errors are panics with *Error inside the package; Compile and Eval catch
// these and no others.
//
// # Differences from the reference implementation
//
// Values from outside are not changed by |…|…| even where its pattern leaves the copy. A function that is applied partially still
// checks the types of its arguments. $formatNumber with an exponent ends for zero and for negative numbers. Members of ECMAScript's
// own objects (constructor and the like) are not there.
package jsonata
