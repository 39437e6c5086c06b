package intrinsic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonpath"
	"github.com/biwa-data/biwa/internal/flow/value"
)

const maxLength = 10_000 // bytes of an expression

// SyntaxError is a text that is no call.
type SyntaxError struct {
	Text     string
	Position int // byte offset of the mistake in Text
	Message  string
}

func (e *SyntaxError) Error() string { return e.Message }

// Is says whether a text is meant as a call, so that Parse is to judge it, and not as a path.
func Is(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "States.") }

// Parse reads a call. A mistake is a *SyntaxError.
func Parse(text string) (*Call, error) {
	p := &parser{text: text}
	if len(text) > maxLength {
		return nil, p.fail("The call is longer than %d bytes", maxLength)
	}
	p.space()
	call, err := p.call(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(text) {
		return nil, p.fail("Unexpected text after the call: %s", text[p.at:])
	}
	return call, nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Text: p.text, Position: p.at, Message: fmt.Sprintf(format, args...)}
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) space() {
	for strings.IndexByte(" \t\r\n", p.peek()) >= 0 && p.at < len(p.text) {
		p.at++
	}
}

// call reads States.Name(argument, …).
func (p *parser) call(nesting int) (*Call, error) {
	if nesting > maxNesting {
		return nil, p.fail("Functions are nested more than %d levels deep", maxNesting)
	}
	start := p.at
	for c := p.peek(); c == '.' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'; c = p.peek() {
		p.at++
	}
	call := &Call{text: strings.TrimSpace(p.text), name: p.text[start:p.at]}
	var known bool
	if call.function, known = functions[call.name]; !known {
		p.at = start
		return nil, p.fail("There is no intrinsic function %q", call.name)
	}
	p.space()
	if p.peek() != '(' {
		return nil, p.fail("%s needs its arguments in parentheses", call.name)
	}
	p.at++
	p.space()
	if p.peek() == ')' {
		p.at++
		return call, nil
	}
	for {
		a, err := p.argument(nesting)
		if err != nil {
			return nil, err
		}
		call.arguments = append(call.arguments, a)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
			p.space()
		case ')':
			p.at++
			return call, nil
		case 0:
			return nil, p.fail("The parenthesis of %s is not closed", call.name)
		default:
			return nil, p.fail("Expected , or ) after an argument of %s", call.name)
		}
	}
}

func (p *parser) argument(nesting int) (argument, error) {
	switch c := p.peek(); {
	case c == '\'':
		return p.quoted()
	case c == '$':
		return p.path()
	case c == 'S':
		call, err := p.call(nesting + 1)
		return argument{call: call}, err
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for word, literal := range map[string]any{"null": nil, "true": true, "false": false} {
		if strings.HasPrefix(p.text[p.at:], word) {
			p.at += len(word)
			return argument{literal: literal}, nil
		}
	}
	return argument{}, p.fail("Expected an argument: a path, a number, a text in single quotes, true, false, null or a call")
}

func (p *parser) number() (argument, error) {
	decoder := json.NewDecoder(strings.NewReader(p.text[p.at:]))
	decoder.UseNumber()
	token, err := decoder.Token()
	literal, ok := token.(json.Number)
	if err != nil || !ok {
		return argument{}, p.fail("A number is written as in JSON")
	}
	p.at += int(decoder.InputOffset())
	return argument{literal: value.Number(literal)}, nil
}

// path reads as far as the comma or the parenthesis that ends the argument.
func (p *parser) path() (argument, error) {
	start, depth := p.at, 0
scan:
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case '(', '[':
			depth++
		case ']':
			depth--
		case ')':
			if depth == 0 {
				break scan
			}
			depth--
		case ',':
			if depth == 0 {
				break scan
			}
		case '\'', '"':
			for p.at++; p.at < len(p.text) && p.text[p.at] != c; p.at++ {
				if p.text[p.at] == '\\' {
					p.at++
				}
			}
		}
	}
	p.at = min(p.at, len(p.text))
	text := strings.TrimSpace(p.text[start:p.at])
	if _, err := jsonpath.Compile(text); err != nil {
		p.at = start
		return argument{}, p.fail("%v", err)
	}
	return argument{path: text}, nil
}

// quoted reads a text in single quotes. A backslash escapes ', {, } and itself, nothing else.
func (p *parser) quoted() (argument, error) {
	start := p.at
	var text, piece strings.Builder
	var a argument
	for p.at++; p.peek() != '\''; p.at++ {
		if p.at >= len(p.text) {
			p.at = start
			return argument{}, p.fail("The text is not closed: a single quote is missing")
		}
		c := p.peek()
		switch {
		case c == '\\':
			p.at++
			if c = p.peek(); strings.IndexByte(`'{}\`, c) < 0 || c == 0 {
				p.at--
				return argument{}, p.fail(`A backslash may stand before ', {, } and \ only`)
			}
		case c == '{' && strings.HasPrefix(p.text[p.at:], "{}"):
			p.at++
			text.WriteString("{}")
			a.pieces = append(a.pieces, piece.String())
			piece.Reset()
			continue
		case c == '{' || c == '}':
			if a.braces == nil {
				a.braces = unmatched(c)
			}
		}
		text.WriteByte(c)
		piece.WriteByte(c)
	}
	p.at++
	a.pieces = append(a.pieces, piece.String())
	a.literal = text.String()
	return a, nil
}

// unmatched is AWS's reason for a brace that is no part of {}.
func unmatched(brace byte) error {
	other := '}'
	if brace == '}' {
		other = '{'
	}
	return because("Invalid template in States.Format: matching '%c' not found for '%c'.", other, brace)
}
