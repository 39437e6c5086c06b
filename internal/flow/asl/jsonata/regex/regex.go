// Package regex is the regular expressions of ECMAScript (ECMA-262, 22.2, with annex B, without the u and v flags), matched by
// backtracking within a budget of steps.
//
// It exists because JSONata promises ECMAScript's semantics (leftmost-first alternatives, captures that reset in each turn of a
// loop, look-behind, positions in UTF-16 code units) and because an expression of a stranger must not hang a node: a match ends
// after a number of steps that the caller sets, the same number on every machine, where a time limit would differ from run to run.
//
// Texts are slices of UTF-16 code units, as ECMAScript's strings are; a lone surrogate is an ordinary unit.
package regex

import (
	"errors"
	"fmt"
)

// ErrBudget says that a match took more steps than it was allowed.
var ErrBudget = errors.New("regex: the match takes too many steps")

// maxStack is how many choices and undo notes a match may keep; each takes 24 bytes.
const maxStack = 1 << 20

// Flags are the flags of a pattern.
type Flags struct {
	IgnoreCase bool // i
	Multiline  bool // m
}

// Regex is a compiled pattern. It is safe for use by several goroutines at once.
type Regex struct {
	source    string
	code      []instruction
	groups    int // capture groups, the whole match included
	registers int
	fold      bool
	multiline bool
	first     *set // what the first unit of a match must be in, nil if nothing is known
}

// SyntaxError is a mistake in a pattern.
type SyntaxError struct {
	Pattern string
	Offset  int // in UTF-16 code units
	Reason  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("regex: invalid pattern /%s/ at offset %d: %s", e.Pattern, e.Offset, e.Reason)
}

// Groups is the number of capture groups, the whole match included.
func (r *Regex) Groups() int { return r.groups }

// Source is the pattern's text.
func (r *Regex) Source() string { return r.source }

// Match finds the first match of text at or after start. Of group i it gives [2*i] and [2*i+1], start and end, or -1 and -1 if the
// group took no part; nil if nothing matches. Steps are taken off budget; ErrBudget if they do not suffice.
func (r *Regex) Match(text []uint16, start int, budget *int) ([]int, error) {
	m := matcher{regex: r, text: text, budget: *budget, captures: make([]int, 2*r.groups), registers: make([]int, r.registers)}
	defer func() { *budget = m.budget }()
	for at := start; at <= len(text); at++ {
		if r.first != nil && (at == len(text) || !r.first.has(text[at])) {
			if m.budget--; m.budget < 0 {
				return nil, ErrBudget
			}
			continue
		}
		for i := range m.captures {
			m.captures[i] = -1
		}
		m.stack = m.stack[:0]
		end, err := m.run(0, at)
		if err != nil {
			return nil, err
		}
		if end >= 0 {
			m.captures[0], m.captures[1] = at, end
			return m.captures, nil
		}
	}
	return nil, nil
}
