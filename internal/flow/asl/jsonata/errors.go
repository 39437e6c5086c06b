package jsonata

import (
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Error is a mistake in an expression (codes S…), a value of the wrong type (T…), a failure while it is evaluated (D…) or a limit
// that was reached (U…). Codes and messages of the first three are those of the reference implementation.
type Error struct {
	Code     string
	Position int    // in the expression, in UTF-16 code units; 0 if it is not known
	Token    string // the operator, function or piece of text concerned; "" if there is none
	Value    any    // the value concerned; nil if there is none
	Message  string

	detail map[string]any // what the message names beside Token and Value
	valued bool           // Value is set, maybe to null
	tokens bool           // Token is set, maybe to ""
}

// Codes of limits and of mistakes for which the reference implementation has none.
const (
	codeRunaway = "U1001" // too many steps, or evaluations nested too deeply
	codeMemory  = "U1002" // results take too much memory
	codeNesting = "U1003" // the text of the expression is nested too deeply
	codePattern = "S0303" // a regular expression that cannot be compiled
	codeNative  = "T0001" // a function without a signature was given a value that it cannot take
)

// Error is the message with its code, and the position where one is known.
func (e *Error) Error() string {
	return e.Code + ": " + e.Message
}

func (e *Error) withValue(v any) *Error {
	e.Value, e.valued = v, true
	return e
}

func (e *Error) withToken(token string) *Error {
	e.Token, e.tokens = token, true
	return e
}

func (e *Error) with(name string, v any) *Error {
	if e.detail == nil {
		e.detail = map[string]any{}
	}
	e.detail[name] = v
	return e
}

func mistake(code string, position int) *Error {
	return &Error{Code: code, Position: position}
}

// finish fills in the message: {{name}} is replaced by the JSON of a field, {{{name}}} by its text.
func (e *Error) finish() *Error {
	template, ok := messages[e.Code]
	if !ok || e.Message != "" {
		return e
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{{")
		out.WriteString(before)
		if !found {
			break
		}
		raw := strings.HasPrefix(rest, "{")
		name, after, _ := strings.Cut(strings.TrimPrefix(rest, "{"), "}}")
		template = after
		if raw {
			template = strings.TrimPrefix(after, "}")
		}
		out.WriteString(e.field(name, raw))
	}
	e.Message = out.String()
	return e
}

func (e *Error) field(name string, raw bool) string {
	var v any = undefined
	switch {
	case name == "token" && e.tokens:
		v = e.Token
	case name == "value" && e.valued:
		v = e.Value
	default:
		if d, ok := e.detail[name]; ok {
			v = d
		}
	}
	if s, ok := v.(string); ok {
		if raw {
			return s
		}
		return quote(s)
	}
	if v == undefined {
		return "undefined"
	}
	return value.Text(v)
}
