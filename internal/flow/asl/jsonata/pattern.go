package jsonata

import (
	"errors"
	"math"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// A regular expression is a function that finds its first match in a text; the match has a function that finds the next one. Functions
// of the expression that work alike can stand in for it.

// regexNode makes such a function.
type regexNode struct {
	regex    *regex.Regex
	position int
}

func (n *regexNode) eval(*run, any, *frame) any { return &pattern{node: n} }

// pattern is a regular expression as a value.
type pattern struct {
	node *regexNode
	last int // where its last match ended
}

// subject is a text that matches are sought in.
type subject struct {
	text  string
	units []uint16
	ascii bool // text and units have the same positions
}

// match is one match. Fields that a function of the expression gave can be anything.
type match struct {
	subject    *subject
	text       any
	start, end any
	groups     any
	next       any
}

// nextMatch is the function that finds the match after one.
type nextMatch struct {
	pattern *pattern
	subject *subject
}

// subject is v as a text to search in.
func (r *run) subject(v any) *subject {
	s, ok := v.(string)
	if !ok {
		s = "undefined"
		if v != undefined {
			s = r.stringify(v, false)
		}
	}
	units := textUnits(s)
	r.work(len(units))
	r.charge(2 * len(units))
	return &subject{text: s, units: units, ascii: len(units) == len(s)}
}

// cut is the text from one position to another, as ECMAScript's substring has it.
func (s *subject) cut(from, to int) string {
	from, to = max(0, min(from, len(s.units))), max(0, min(to, len(s.units)))
	if from > to {
		from, to = to, from
	}
	if s.ascii {
		return s.text[from:to]
	}
	return unitsText(s.units[from:to])
}

// exec finds the first match at or after a position, nil if there is none.
func (p *pattern) exec(r *run, s *subject, from int) *match {
	if from < 0 || from > len(s.units) {
		p.last = 0
		return nil
	}
	budget := r.maxSteps - r.steps
	before := budget
	found, err := p.node.regex.Match(s.units, from, &budget)
	r.work(before - budget)
	if errors.Is(err, regex.ErrBudget) {
		r.work(r.maxSteps)
	}
	if found == nil {
		p.last = 0
		return nil
	}
	p.last = found[1]
	groups := make([]any, len(found)/2-1)
	for i := range groups {
		groups[i] = undefined
		if start := found[2*i+2]; start >= 0 {
			groups[i] = r.text(s.cut(start, found[2*i+3]))
		}
	}
	r.charge(len(groups)*bytesItem + bytesFrame)
	return &match{
		subject: s, text: r.text(s.cut(found[0], found[1])), start: float64(found[0]), end: float64(found[1]), groups: groups,
		next: &nextMatch{pattern: p, subject: s},
	}
}

func (n *nextMatch) next(r *run) *match {
	if n.pattern.last >= len(n.subject.units) {
		return nil
	}
	m := n.pattern.exec(r, n.subject, n.pattern.last)
	if m != nil && m.text == "" {
		panic(mistake("D1004", n.pattern.node.position).withValue(n.pattern.node.regex.Source()))
	}
	return m
}

// object is a match as an expression sees it.
func (m *match) object() *value.Object {
	return value.ObjectOf("match", m.text, "start", m.start, "end", m.end, "groups", m.groups, "next", m.next)
}

// firstMatch applies a regular expression, or a function that stands for one, to a text.
func (r *run) firstMatch(function any, s *subject) *match {
	if c, ok := function.(*closure); ok {
		if p, ok := c.function.(*pattern); ok {
			function = p
		}
	}
	if p, ok := function.(*pattern); ok {
		r.step()
		return p.exec(r, s, 0)
	}
	return r.matchOf(r.call(function, s.text), s)
}

// followingMatch is the match after m.
func (r *run) followingMatch(m *match) *match {
	r.step()
	if n, ok := m.next.(*nextMatch); ok {
		return n.next(r)
	}
	if !isFunction(m.next) {
		panic(mistake("T1010", 0))
	}
	return r.matchOf(r.call(m.next, undefined), m.subject)
}

// matchOf is the match that a function of the expression has given, nil if it found none.
func (r *run) matchOf(v any, s *subject) *match {
	if v == undefined {
		return nil
	}
	o, ok := v.(*value.Object)
	if !ok {
		panic(mistake("T1010", 0))
	}
	field := func(name string) any {
		if item, ok := o.Get(name); ok {
			return item
		}
		return undefined
	}
	m := &match{subject: s, text: field("match"), start: field("start"), end: field("end"), groups: field("groups"), next: field("next")}
	if !isNumber(m.start) && !isArray(m.groups) && !isFunction(m.next) {
		panic(mistake("T1010", 0))
	}
	return m
}

// index is a number of an expression as a position in a text: whole, and within what an int32 holds.
func index(v any) int {
	f, ok := value64(v)
	if !ok || math.IsNaN(f) {
		return 0
	}
	return int(math.Trunc(max(-1<<31, min(f, 1<<31-1))))
}
