package jsonpath

import (
	"regexp"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// filterStep is [?(…)]: of an object itself or of an array's items, those for which the condition holds.
type filterStep struct{ holds condition }

func (s *filterStep) definite() bool { return false }
func (s *filterStep) text() string   { return "[?]" }

func (s *filterStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	switch model := model.(type) {
	case *value.Object:
		if s.accepts(e, model) {
			return next(&place{parent: at.parent, name: at.name, number: at.number, kind: at.kind}, model)
		}
		return nil
	case []any:
		for i, item := range model {
			if !s.accepts(e, item) {
				continue
			}
			if err := next(at.index(i, false), item); err != nil {
				return err
			}
		}
		return nil
	}
	if !at.definite {
		return nil
	}
	return &Mismatch{"Filter: [?] can not be applied to primitives. Current context is: " + value.Text(model)}
}

// accepts is false, too, where the condition cannot be evaluated: Jayway skips what does not fit.
func (s *filterStep) accepts(e *evaluation, item any) bool {
	if e.visit() != nil {
		return false
	}
	ok, err := s.holds.test(e, item)
	return err == nil && ok
}

// condition is a boolean expression over the item of a filter.
type condition interface {
	test(e *evaluation, item any) (bool, error)
}

type anyCondition []condition

func (c anyCondition) test(e *evaluation, item any) (bool, error) {
	for _, part := range c {
		if ok, err := part.test(e, item); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

type allCondition []condition

func (c allCondition) test(e *evaluation, item any) (bool, error) {
	for _, part := range c {
		if ok, err := part.test(e, item); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

type notCondition struct{ part condition }

func (c notCondition) test(e *evaluation, item any) (bool, error) {
	ok, err := c.part.test(e, item)
	return !ok, err
}

// existsCondition is a path alone; an indefinite path exists even where it finds nothing, as long as no property is missing on the way.
type existsCondition struct{ path *innerPath }

func (c existsCondition) test(e *evaluation, item any) (bool, error) {
	_, err := c.path.get(e, item, true)
	return err == nil, nil
}

type comparison struct {
	left, right operand
	compare     operator
}

func (c comparison) test(e *evaluation, item any) (bool, error) {
	return c.compare(e, c.left.resolve(e, item), c.right.resolve(e, item))
}

// operand is one side of a comparison: a path, a regular expression or a literal.
type operand struct {
	path    *innerPath
	pattern *regexp.Regexp
	literal any
}

// term is what an operand stands for at one item.
type term struct {
	item      any
	undefined bool // a path that leads nowhere
	pattern   *regexp.Regexp
}

func (o operand) resolve(e *evaluation, item any) term {
	if o.path == nil {
		return term{item: o.literal, pattern: o.pattern}
	}
	found, err := o.path.get(e, item, false)
	return term{item: found, undefined: err != nil}
}

// innerPath is a path inside a path: from the item (@) or from the document ($).
type innerPath struct {
	path     *Path
	fromRoot bool
}

func (p *innerPath) get(e *evaluation, item any, require bool) (any, error) {
	if p.fromRoot {
		item = e.root
	}
	if p.path.plain {
		if found, ok := follow(item, p.path.names); ok {
			return found, e.visit()
		}
	}
	strict, required := e.strict, e.require
	e.strict, e.require = true, require
	found, err := e.run(p.path, item)
	e.strict, e.require = strict, required
	return found, err
}

// filterStep reads ?(…)] after a bracket that stands at open.
func (p *parser) filterStep(open int) (step, error) {
	p.at++
	p.blanks()
	switch p.peek() {
	case '(':
	case ']', ',':
		return nil, p.fail("Not enough predicates supplied for filter [?] at position %d", open)
	default:
		return nil, p.fail("Could not parse token starting at position %d. Expected ?, ', 0-9, * ", open)
	}
	holds, err := p.anyOf()
	if err != nil {
		return nil, err
	}
	if err := p.closeBracket("Filter must start with '[?(' and end with ')]'. %s", p.text[open:]); err != nil {
		return nil, err
	}
	return &filterStep{holds: holds}, nil
}

// anyOf reads conditions joined by ||.
func (p *parser) anyOf() (condition, error) {
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fail("The path is nested more than %d levels deep", maxNesting)
	}
	defer func() { p.nesting-- }()
	first, err := p.allOf()
	if err != nil {
		return nil, err
	}
	parts := anyCondition{first}
	for p.accept("||") {
		part, err := p.allOf()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return parts, nil
}

// allOf reads conditions joined by &&.
func (p *parser) allOf() (condition, error) {
	first, err := p.oneOf()
	if err != nil {
		return nil, err
	}
	parts := allCondition{first}
	for p.accept("&&") {
		part, err := p.oneOf()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return parts, nil
}

// accept goes past token if it comes next.
func (p *parser) accept(token string) bool {
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

// oneOf reads (…), !…, or one comparison.
func (p *parser) oneOf() (condition, error) {
	negated := false
	for p.accept("!") {
		negated = !negated
	}
	var c condition
	var err error
	if p.accept("(") {
		if c, err = p.anyOf(); err == nil && !p.accept(")") {
			err = p.fail("Expected character: )")
		}
	} else {
		c, err = p.comparison()
	}
	if negated && err == nil {
		c = notCondition{c}
	}
	return c, err
}

// comparison reads an operand, and an operator and another operand unless a path stands alone.
func (p *parser) comparison() (condition, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.blanks()
	start := p.at
	compare, ok := operators[p.operatorName()]
	if !ok {
		p.at = start
		if ends := p.peek() == ')' || strings.HasPrefix(p.text[p.at:], "&&") || strings.HasPrefix(p.text[p.at:], "||"); !ends {
			return nil, p.fail("Filter operator %s is not supported!", firstWord(p.text[p.at:]))
		}
		if left.path == nil {
			return nil, p.fail("Expected path node")
		}
		return existsCondition{left.path}, nil
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	return comparison{left: left, right: right, compare: compare}, nil
}

func firstWord(text string) string {
	if fields := strings.Fields(text); len(fields) > 0 {
		return fields[0]
	}
	return "at the end"
}

// operatorName reads signs such as <=, or a word such as nin.
func (p *parser) operatorName() string {
	start := p.at
	for strings.IndexByte("<>=~!", p.peek()) >= 0 && !p.done() {
		p.at++
	}
	if p.at == start {
		for c := p.peek() | 0x20; 'a' <= c && c <= 'z'; c = p.peek() | 0x20 {
			p.at++
		}
	}
	return strings.ToLower(p.text[start:p.at])
}

// operand reads a path, a literal or a regular expression.
func (p *parser) operand() (operand, error) {
	p.blanks()
	switch c := p.peek(); c {
	case '$', '@':
		inner, err := p.innerPath()
		return operand{path: inner}, err
	case '/':
		pattern, err := p.pattern()
		return operand{pattern: pattern}, err
	case '\'', '"':
		text, err := p.quoted(c)
		return operand{literal: text}, err
	case '[', '{':
		return p.container(c)
	}
	literal, err := p.literalJSON()
	if err != nil {
		return operand{}, p.fail("Failed to parse filter: %s, error on position: %d", p.text, p.at)
	}
	return operand{literal: literal}, nil
}

// quoted reads a string in either kind of quotes, with the escapes of JSON.
func (p *parser) quoted(quote byte) (string, error) {
	start := p.at
	p.at++
	var text strings.Builder
	for p.peek() != quote {
		if p.done() {
			p.at = start
			return "", p.fail("String literal does not have matching quotes. Expected %c in %s", quote, p.text)
		}
		if p.peek() == '\\' && p.at+1 < len(p.text) {
			p.at++
			p.escape(&text)
			continue
		}
		text.WriteByte(p.text[p.at])
		p.at++
	}
	p.at++
	return text.String(), nil
}

// escape writes what the character after a backslash stands for.
func (p *parser) escape(text *strings.Builder) {
	c := p.text[p.at]
	p.at++
	switch c {
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'u':
		if p.at+4 <= len(p.text) {
			if decoded, err := value.Parse([]byte(`"\u` + p.text[p.at:p.at+4] + `"`)); err == nil {
				text.WriteString(decoded.(string))
				p.at += 4
				return
			}
		}
	}
	text.WriteByte(c)
}

// container reads an array or an object; its strings may stand in single quotes.
func (p *parser) container(open byte) (operand, error) {
	start := p.at
	var text strings.Builder
	depth := 0
	for !p.done() {
		c := p.peek()
		if c == '\'' || c == '"' {
			item, err := p.quoted(c)
			if err != nil {
				return operand{}, err
			}
			text.Write(value.AppendString(nil, item))
			continue
		}
		text.WriteByte(c)
		p.at++
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth == 0 {
			literal, err := value.Parse([]byte(text.String()))
			if err != nil {
				p.at = start
				return operand{}, p.fail("Failed to parse filter: %s, error on position: %d", p.text, start)
			}
			return operand{literal: literal}, nil
		}
	}
	p.at = start
	return operand{}, p.fail("The %c at position %d is not closed", open, start)
}

// pattern reads /…/ and its flags, and compiles it so that it has to match the whole text.
func (p *parser) pattern() (*regexp.Regexp, error) {
	start := p.at
	p.at++
	for p.peek() != '/' {
		if p.done() {
			p.at = start
			return nil, p.fail("Pattern not closed. Expected / in %s", p.text)
		}
		if p.peek() == '\\' {
			p.at++
		}
		p.at++
	}
	if p.at > len(p.text) {
		p.at = start
		return nil, p.fail("Pattern not closed. Expected / in %s", p.text)
	}
	expression := strings.ReplaceAll(p.text[start+1:p.at], `\/`, `/`)
	p.at++
	flags := ""
	for ; strings.IndexByte("dixmsuU", p.peek()) >= 0 && !p.done(); p.at++ {
		switch c := p.peek(); c {
		case 'i', 'm', 's':
			flags += string(c)
		case 'x', 'd':
			return nil, p.fail("The flag %c of a regular expression is not supported", c)
		}
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	if len(expression) > maxPattern {
		p.at = start
		return nil, p.fail("The regular expression is longer than %d bytes", maxPattern)
	}
	compiled, err := regexp.Compile(flags + `\A(?:` + expression + `)\z`)
	if err != nil {
		p.at = start
		return nil, p.fail("The regular expression /%s/ cannot be used: %v", expression, err)
	}
	return compiled, nil
}
