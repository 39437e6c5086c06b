package regex

import (
	"math"
	"unicode/utf16"
)

// term is a node of a pattern's tree.
type term struct {
	kind      termKind
	unit      uint16
	set       *set
	terms     []*term // of a sequence, or the alternatives of a choice; of the others the only one is terms[0]
	group     int     // of a capture or a back reference
	name      string  // of a back reference that is not resolved yet
	min, max  int     // of a loop; max is -1 for no bound
	lazy      bool    // of a loop
	negate    bool    // of a look-around or a word boundary
	behind    bool    // of a look-around
	fromGroup int     // groups that begin inside a loop: [fromGroup, toGroup)
	toGroup   int
}

type termKind uint8

const (
	empty termKind = iota
	unit
	class
	sequence
	choice
	capture
	reference
	loop
	lookAround
	lineStart
	lineEnd
	wordBoundary
)

// maxNesting is how deeply groups may be nested.
const maxNesting = 250

type parser struct {
	source  string
	pattern []uint16
	at      int
	groups  int // groups opened so far, the whole match included
	total   int // groups of the whole pattern
	names   map[string]int
	depth   int
	fold    bool
}

// Compile reads a pattern.
func Compile(pattern string, flags Flags) (compiled *Regex, err error) {
	p := &parser{source: pattern, pattern: units(pattern), groups: 1, names: map[string]int{}, fold: flags.IgnoreCase}
	defer func() {
		switch mistake := recover().(type) {
		case nil:
		case *SyntaxError:
			compiled, err = nil, mistake
		default:
			panic(mistake)
		}
	}()
	p.countGroups()
	tree := p.choice()
	if p.at < len(p.pattern) {
		p.fail("unmatched )")
	}
	p.resolve(tree)
	return assemble(pattern, tree, p.groups, flags), nil
}

// units are the UTF-16 code units of a text in which a lone surrogate is written as UTF-8 would write its number.
func units(s string) []uint16 {
	out := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		if i+2 < len(s) && s[i] == 0xed && s[i+1]&0xe0 == 0xa0 && s[i+2]&0xc0 == 0x80 {
			out = append(out, 0xd000|uint16(s[i+1]&0x3f)<<6|uint16(s[i+2]&0x3f))
			i += 3
			continue
		}
		for _, r := range s[i:] {
			out = utf16.AppendRune(out, r)
			i++
			for i < len(s) && r >= 0x80 && s[i]&0xc0 == 0x80 {
				i++
			}
			break
		}
	}
	return out
}

func (p *parser) fail(reason string) {
	panic(&SyntaxError{Pattern: p.source, Offset: p.at, Reason: reason})
}

func (p *parser) peek() int {
	if p.at < len(p.pattern) {
		return int(p.pattern[p.at])
	}
	return -1
}

func (p *parser) ahead(s string) bool {
	if len(p.pattern)-p.at < len(s) {
		return false
	}
	for i := range len(s) {
		if p.pattern[p.at+i] != uint16(s[i]) {
			return false
		}
	}
	return true
}

func (p *parser) eat(s string) bool {
	if p.ahead(s) {
		p.at += len(s)
		return true
	}
	return false
}

// countGroups finds how many groups there are and their names: \2 and \k<n> mean different things with and without them.
func (p *parser) countGroups() {
	p.total = 1
	inClass := false
	for i := 0; i < len(p.pattern); i++ {
		switch p.pattern[i] {
		case '\\':
			i++
		case '[':
			inClass = true
		case ']':
			inClass = false
		case '(':
			if inClass {
				continue
			}
			p.at = i + 1
			named := p.ahead("?<") && !p.ahead("?<=") && !p.ahead("?<!")
			if !p.ahead("?") || named {
				p.total++
			}
			if named {
				p.names[""] = 0
			}
		}
	}
	p.at = 0
}

func (p *parser) choice() *term {
	if p.depth++; p.depth > maxNesting {
		p.fail("groups are nested too deeply")
	}
	defer func() { p.depth-- }()
	alternatives := []*term{p.sequence()}
	for p.eat("|") {
		alternatives = append(alternatives, p.sequence())
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return &term{kind: choice, terms: alternatives}
}

func (p *parser) sequence() *term {
	s := &term{kind: sequence}
	for c := p.peek(); c >= 0 && c != '|' && c != ')'; c = p.peek() {
		groups := p.groups
		atom, quantifiable := p.atom()
		s.terms = append(s.terms, p.quantified(atom, quantifiable, groups))
	}
	return s
}

func (p *parser) quantified(atom *term, quantifiable bool, groups int) *term {
	least, most, ok := p.quantifier()
	if !ok {
		return atom
	}
	if !quantifiable {
		p.fail("nothing to repeat")
	}
	if most >= 0 && most < least {
		p.fail("numbers out of order in {} quantifier")
	}
	lazy := p.eat("?")
	return &term{kind: loop, terms: []*term{atom}, min: least, max: most, lazy: lazy, fromGroup: groups, toGroup: p.groups}
}

func (p *parser) quantifier() (least, most int, ok bool) {
	switch p.peek() {
	case '*':
		p.at++
		return 0, -1, true
	case '+':
		p.at++
		return 1, -1, true
	case '?':
		p.at++
		return 0, 1, true
	case '{':
		return p.braces()
	}
	return 0, 0, false
}

// braces reads {n}, {n,} or {n,m}; anything else that starts with { is text.
func (p *parser) braces() (least, most int, ok bool) {
	start := p.at
	p.at++
	least, ok = p.number()
	most = least
	if ok && p.eat(",") {
		if most = -1; p.peek() != '}' {
			most, ok = p.number()
		}
	}
	if !ok || !p.eat("}") {
		p.at = start
		return 0, 0, false
	}
	return least, most, true
}

func (p *parser) number() (n int, ok bool) {
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		n, ok = min(n*10+c-'0', math.MaxInt32), true
		p.at++
	}
	return n, ok
}

// atom reads one term without its quantifier; quantifiable is false for what cannot have one.
func (p *parser) atom() (atom *term, quantifiable bool) {
	c := p.pattern[p.at]
	switch c {
	case '^':
		p.at++
		return &term{kind: lineStart}, false
	case '$':
		p.at++
		return &term{kind: lineEnd}, false
	case '(':
		return p.group()
	case '.':
		p.at++
		return &term{kind: class, set: lineEnds().not()}, true
	case '[':
		p.at++
		return p.class(), true
	case '\\':
		p.at++
		return p.escape()
	case '*', '+', '?':
		p.fail("nothing to repeat")
	case '{':
		if _, _, ok := p.braces(); ok {
			p.fail("nothing to repeat")
		}
	}
	p.at++
	return &term{kind: unit, unit: c}, true
}

func (p *parser) group() (*term, bool) {
	p.at++
	var t *term
	quantifiable := true
	switch {
	case p.eat("?:"):
		t = p.choice()
	case p.eat("?="):
		t = &term{kind: lookAround, terms: []*term{p.choice()}}
	case p.eat("?!"):
		t = &term{kind: lookAround, negate: true, terms: []*term{p.choice()}}
	case p.eat("?<="):
		t, quantifiable = &term{kind: lookAround, behind: true, terms: []*term{p.choice()}}, false
	case p.eat("?<!"):
		t, quantifiable = &term{kind: lookAround, behind: true, negate: true, terms: []*term{p.choice()}}, false
	case p.ahead("?") && !p.ahead("?<"):
		p.fail("invalid group")
	default:
		number := p.groups
		p.groups++
		if p.eat("?<") {
			name := p.name()
			if _, taken := p.names[name]; taken {
				p.fail("duplicate capture group name")
			}
			p.names[name] = number
		}
		t = &term{kind: capture, group: number, terms: []*term{p.choice()}}
	}
	if !p.eat(")") {
		p.fail("unterminated group")
	}
	return t, quantifiable
}

// name reads the name of a group up to and with its >.
func (p *parser) name() string {
	start := p.at
	for c := p.peek(); c != '>'; c = p.peek() {
		letter := c == '$' || c >= 128 || c > 0 && isWord(uint16(c))
		if !letter || p.at == start && c >= '0' && c <= '9' {
			p.fail("invalid capture group name")
		}
		p.at++
	}
	name := string(utf16.Decode(p.pattern[start:p.at]))
	if name == "" {
		p.fail("invalid capture group name")
	}
	p.at++
	return name
}

// resolve gives back references by name their numbers.
func (p *parser) resolve(t *term) {
	if t.kind == reference && t.name != "" {
		number, ok := p.names[t.name]
		if !ok {
			p.fail("invalid named capture referenced")
		}
		t.group = number
	}
	for _, inner := range t.terms {
		p.resolve(inner)
	}
}
