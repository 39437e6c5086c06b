package jsonpath

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// parser reads a path, and the paths and expressions inside its filters, from left to right.
type parser struct {
	text    string
	at      int
	nesting int
}

func (p *parser) fail(format string, args ...any) error {
	return &InvalidPath{Text: p.text, Position: min(p.at, len(p.text)), Message: fmt.Sprintf(format, args...)}
}

func (p *parser) done() bool { return p.at >= len(p.text) }

// peek is the byte that comes next, 0 at the end.
func (p *parser) peek() byte { return p.peekAt(0) }

func (p *parser) peekAt(ahead int) byte {
	if p.at+ahead < len(p.text) {
		return p.text[p.at+ahead]
	}
	return 0
}

func (p *parser) blanks() {
	for p.peek() == ' ' {
		p.at++
	}
}

// path reads a whole text as a path.
func (p *parser) path() (*Path, error) {
	p.blanks()
	if p.peek() != '$' {
		return nil, p.fail("Path must start with '$'")
	}
	start := p.at
	p.at++
	root, err := p.rootName(start)
	if err != nil {
		return nil, err
	}
	steps, err := p.steps(false)
	if err != nil {
		return nil, err
	}
	p.blanks()
	if !p.done() {
		return nil, p.fail("Illegal character at position %d expected '.' or '['", p.at)
	}
	return newPath(p.text, root, steps), nil
}

// rootName reads what stands between $ and the first step: nothing, a second $, or a variable's name.
func (p *parser) rootName(start int) (string, error) {
	if p.peek() == '$' {
		p.at++
	} else {
		for !p.done() {
			r, size := utf8.DecodeRuneInString(p.text[p.at:])
			if r != '_' && !unicode.IsLetter(r) && !(p.at > start+1 && (unicode.IsDigit(r) || unicode.IsMark(r))) {
				break
			}
			p.at += size
		}
	}
	if c := p.peek(); c != 0 && c != '.' && c != '[' && c != ' ' {
		return "", p.fail("Illegal character at position %d expected '.' or '['", p.at)
	}
	return p.text[start:p.at], nil
}

func newPath(text, root string, steps []step) *Path {
	steps = invertScan(steps)
	path := &Path{text: text, root: root, steps: steps, definite: true, plain: true}
	for _, s := range steps {
		path.definite = path.definite && s.definite()
		if property, ok := s.(*propertyStep); ok && len(property.names) == 1 {
			path.names = append(path.names, property.names[0])
		} else {
			path.plain = false
		}
	}
	for i, s := range steps { // two or more properties are merged at the end of a path, tried in turn before it
		if property, ok := s.(*propertyStep); ok {
			property.last = i == len(steps)-1
			if len(property.names) > 1 && !property.last {
				path.definite = false
			}
		}
	}
	return path
}

// steps reads steps until the text ends or, inside a filter, until something that cannot belong to a path.
func (p *parser) steps(inFilter bool) ([]step, error) {
	var steps []step
	for !p.done() {
		var s step
		var err error
		switch c := p.peek(); {
		case c == '.' && p.peekAt(1) == '.':
			p.at += 2
			steps = append(steps, &scanStep{})
			switch p.peek() {
			case 0:
				return nil, p.fail("Path must not end with a '.' or '..'")
			case '.':
				return nil, p.fail("Character '.' on position %d is not valid.", p.at)
			case '[':
				continue
			}
			s, err = p.dotted(inFilter)
		case c == '.':
			p.at++
			if p.done() {
				return nil, p.fail("Path must not end with a '.' or '..'")
			}
			if p.peek() == '[' {
				continue
			}
			s, err = p.dotted(inFilter)
		case c == '[':
			s, err = p.bracket()
		default:
			return steps, nil
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// dotted reads what follows a dot: *, name or name().
func (p *parser) dotted(inFilter bool) (step, error) {
	if p.peek() == '*' {
		p.at++
		return &wildcardStep{}, nil
	}
	start := p.at
	for !p.done() {
		c := p.peek()
		if c == '.' || c == '[' || c == '(' || inFilter && endsFilterPath(p.text[p.at:]) {
			break
		}
		if c == ' ' {
			if strings.TrimSpace(p.text[p.at:]) == "" {
				break
			}
			return nil, p.fail("Use bracket notion ['my prop'] if your property contains blank characters. position: %d", start)
		}
		p.at++
	}
	name := p.text[start:p.at]
	if name == "" {
		return nil, p.fail("Could not parse token starting at position %d", p.at)
	}
	if p.peek() == '(' {
		return p.call(name)
	}
	return &propertyStep{names: []string{name}}, nil
}

// endsFilterPath says whether rest, inside a filter, no longer belongs to the path before it.
func endsFilterPath(rest string) bool {
	return strings.IndexByte(" ,)<>=~!", rest[0]) >= 0 || strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||")
}

// bracket reads ['name', …], [*], [0, …], [1:2] or [?(…)].
func (p *parser) bracket() (step, error) {
	open := p.at
	p.at++
	p.blanks()
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		return p.properties(c)
	case c == '*':
		p.at++
		if err := p.closeBracket("Expected wildcard token to end with ']' on position %d", p.at); err != nil {
			return nil, err
		}
		return &wildcardStep{}, nil
	case c == '?':
		return p.filterStep(open)
	case c == '-' || c == ':' || '0' <= c && c <= '9':
		return p.indexes(open)
	}
	p.at = open
	return nil, p.fail("Could not parse token starting at position %d. Expected ?, ', 0-9, * ", open)
}

func (p *parser) closeBracket(format string, args ...any) error {
	p.blanks()
	if p.peek() != ']' {
		return p.fail(format, args...)
	}
	p.at++
	return nil
}

// properties reads quoted names and the bracket's end; the first quote is the one that all names use.
func (p *parser) properties(quote byte) (step, error) {
	s := &propertyStep{quote: quote}
	for {
		p.blanks()
		if p.peek() != quote {
			return nil, p.fail("Found empty property at index %d", p.at)
		}
		p.at++
		var name strings.Builder
		for p.peek() != quote {
			if p.done() {
				return nil, p.fail("Property has not been closed - missing closing %c", quote)
			}
			if p.peek() == '\\' && p.peekAt(1) == quote {
				p.at++
			}
			name.WriteByte(p.text[p.at])
			p.at++
		}
		closing := p.at
		p.at++
		s.names = append(s.names, name.String())
		p.blanks()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return s, nil
		case 0:
			return nil, p.fail("Property has not been closed - missing closing ]")
		default:
			p.at = closing
			return nil, p.fail("Property must be separated by comma or Property must be terminated close square bracket at index %d", closing)
		}
	}
}

// indexes reads an index, several, or a slice, and the bracket's end.
func (p *parser) indexes(open int) (step, error) {
	length := strings.IndexByte(p.text[p.at:], ']')
	if length < 0 {
		p.at = open
		return nil, p.fail("Could not parse token starting at position %d. Expected ?, ', 0-9, * ", open)
	}
	text := strings.TrimSpace(p.text[p.at : p.at+length])
	if from, to, ok := strings.Cut(text, ":"); ok {
		s := &sliceStep{written: "[" + text + "]"}
		var err error
		if s.from, s.hasFrom, err = bound(from); err == nil {
			s.to, s.hasTo, err = bound(to)
		}
		if err != nil || !s.hasFrom && !s.hasTo {
			return nil, p.fail("Failed to parse SliceOperation: %s", text)
		}
		p.at += length + 1
		return s, nil
	}
	s := &indexStep{}
	for _, part := range strings.Split(text, ",") {
		index, err := strconv.ParseInt(strings.TrimSpace(part), 10, 32)
		if err != nil {
			return nil, p.fail("Failed to parse token in ArrayIndexOperation: %s", strings.TrimSpace(part))
		}
		s.indexes = append(s.indexes, int(index))
	}
	p.at += length + 1
	return s, nil
}

// bound reads one end of a slice, which may be left out.
func bound(text string) (int, bool, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), true, err
}

// call reads the arguments of a function and the parenthesis that ends them.
func (p *parser) call(name string) (step, error) {
	f, known := functions[name]
	if !known {
		return nil, p.fail("Function with name: %s does not exist.", name)
	}
	p.at++
	s := &functionStep{name: name, compute: f}
	for {
		p.skipSpace()
		switch c := p.peek(); {
		case c == ')':
			p.at++
			return s, nil
		case c == 0:
			return nil, p.fail("Arguments to function: '%s' are not closed properly.", name)
		case c == ',' && len(s.arguments) > 0:
			p.at++
			continue
		case c == '$' || c == '@':
			inner, err := p.innerPath()
			if err != nil {
				return nil, err
			}
			s.arguments = append(s.arguments, argument{path: inner})
		default:
			literal, err := p.literalJSON()
			if err != nil {
				return nil, p.fail("Arguments to function: '%s' are not closed properly.", name)
			}
			s.arguments = append(s.arguments, argument{literal: literal})
		}
	}
}

func (p *parser) skipSpace() {
	for strings.IndexByte(" \t\r\n", p.peek()) >= 0 && !p.done() {
		p.at++
	}
}

// literalJSON reads one JSON value.
func (p *parser) literalJSON() (any, error) {
	decoder := json.NewDecoder(strings.NewReader(p.text[p.at:]))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return nil, err
	}
	p.at += int(decoder.InputOffset())
	return value.Parse(raw)
}

// innerPath reads a path inside a filter or among a function's arguments; it starts with @ or $.
func (p *parser) innerPath() (*innerPath, error) {
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fail("The path is nested more than %d levels deep", maxNesting)
	}
	defer func() { p.nesting-- }()
	start := p.at
	inner := &innerPath{fromRoot: p.peek() == '$'}
	p.at++
	steps, err := p.steps(true)
	if err != nil {
		return nil, err
	}
	inner.path = newPath(p.text[start:p.at], p.text[start:start+1], steps)
	return inner, nil
}
