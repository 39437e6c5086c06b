package jsonata

import (
	"github.com/biwa-data/biwa/internal/flow/value"
)

// maxNesting is how deeply the text of an expression may be nested.
const maxNesting = 3000

// leftPower is how strongly a token binds the expression on its left; tokens that are not here end an expression.
var leftPower = map[string]int{
	".": 75, "+": 50, "-": 50, "*": 60, "/": 60, "%": 60, "=": 40, "<": 40, ">": 40, "!=": 40, "<=": 40, ">=": 40, "&": 50,
	"and": 30, "or": 25, "in": 40, "~>": 40, "(": 80, "[": 80, "^": 40, "{": 70, ":=": 10, "@": 80, "#": 80, "?": 20,
}

// symbols are the operators that may stand in an expression at all.
var symbols = map[string]bool{
	"..": true, "**": true, "|": true, ":": true, ";": true, ",": true, ")": true, "]": true, "}": true,
}

// parser is a parser after Pratt's method. Mistakes are raised as panics with *Error; parse catches them.
type parser struct {
	lexer lexer
	token *syntax // the current token
	depth int
}

// parse reads an expression into a tree as its text has it.
func (p *parser) parse() *syntax {
	p.advance("", false)
	tree := p.expression(0)
	if p.token.id != "(end)" {
		panic(mistake("S0201", p.token.position).withToken(tokenText(p.token.value)))
	}
	return tree
}

// tokenText is a token as the messages show it.
func tokenText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case interface{ Source() string }:
		return v.Source()
	}
	return value.Text(v)
}

// advance goes to the next token. If id is given, the current one must be of that symbol.
func (p *parser) advance(id string, operand bool) *syntax {
	if id != "" && p.token.id != id {
		code := "S0202"
		if p.token.id == "(end)" {
			code = "S0203"
		}
		panic(mistake(code, p.token.position).withToken(tokenText(p.token.value)).withValue(id))
	}
	start := p.lexer.at
	next, ok := p.lexer.next(operand)
	if !ok {
		p.token = &syntax{kind: kindEnd, id: "(end)", value: "(end)", position: len(p.lexer.text)}
		return p.token
	}
	token := &syntax{kind: next.kind, value: next.value, position: next.position, start: start}
	switch next.kind {
	case kindOperator:
		token.id = next.value.(string)
		if _, infix := leftPower[token.id]; !infix && !symbols[token.id] {
			panic(mistake("S0204", next.position).withToken(token.id))
		}
	case kindVariable:
		token.id, token.start = "(name)", next.position-len(textUnits(next.value.(string)))-1
	case kindName:
		token.id = "(name)"
	case kindRegex:
		token.id = "(regex)"
	default:
		token.id = "(literal)"
	}
	p.token = token
	return token
}

func (p *parser) expression(power int) *syntax {
	if p.depth++; p.depth > maxNesting {
		panic(mistake(codeNesting, p.token.position).with("limit", float64(maxNesting)))
	}
	token := p.token
	p.advance("", true)
	left := p.prefix(token)
	for power < leftPower[p.token.id] {
		token = p.token
		p.advance("", false)
		left = p.infix(token, left)
	}
	p.depth--
	return left
}

// prefix parses what begins with token t.
func (p *parser) prefix(t *syntax) *syntax {
	switch t.id {
	case "(end)", "(name)", "(literal)", "(regex)", "and", "or", "in":
	case "-":
		t.kind, t.expressions = kindUnary, []*syntax{p.expression(70)}
	case "*":
		t.kind = kindWildcard
	case "**":
		t.kind = kindDescendant
	case "%":
		t.kind = kindParent
	case "(":
		p.block(t)
	case "[":
		p.array(t)
	case "{":
		t.kind, t.pairs = kindUnary, p.pairs()
	case "|":
		p.transform(t)
	default:
		panic(mistake("S0211", t.position).withToken(tokenText(t.value)))
	}
	return t
}

// infix parses what token t does with the expression on its left.
func (p *parser) infix(t, left *syntax) *syntax {
	switch t.id {
	case "(":
		return p.call(t, left)
	case "[":
		return p.filter(t, left)
	case "^":
		t.terms = p.orderTerms()
	case "{":
		t.pairs = p.pairs()
	case ":=":
		if left.kind != kindVariable {
			panic(mistake("S0212", left.position).withToken(tokenText(left.value)))
		}
		t.rhs = p.expression(leftPower[":="] - 1)
	case "@", "#":
		t.rhs = p.expression(leftPower[t.id])
		if t.rhs.kind != kindVariable {
			panic(mistake("S0214", t.rhs.position).withToken(t.id))
		}
	case "?":
		t.kind, t.condition, t.then = kindCondition, left, p.expression(0)
		if p.token.id == ":" {
			p.advance(":", false)
			t.otherwise = p.expression(0)
		}
		return t
	default:
		t.rhs = p.expression(leftPower[t.id])
	}
	t.kind, t.lhs = kindBinary, left
	return t
}

// list parses items with commas between them, up to the symbol end, which is not read.
func (p *parser) list(end string, item func()) {
	if p.token.id == end {
		return
	}
	for {
		item()
		if p.token.id != "," {
			return
		}
		p.advance(",", false)
	}
}

func (p *parser) block(t *syntax) {
	t.kind = kindBlock
	for p.token.id != ")" {
		t.expressions = append(t.expressions, p.expression(0))
		if p.token.id != ";" {
			break
		}
		p.advance(";", false)
	}
	p.advance(")", true)
}

func (p *parser) array(t *syntax) {
	t.kind = kindUnary
	p.list("]", func() {
		item := p.expression(0)
		if p.token.id == ".." {
			span := &syntax{kind: kindBinary, value: "..", position: p.token.position, lhs: item}
			p.advance("..", false)
			span.rhs = p.expression(0)
			item = span
		}
		t.expressions = append(t.expressions, item)
	})
	p.advance("]", true)
}

func (p *parser) pairs() [][2]*syntax {
	var pairs [][2]*syntax
	p.list("}", func() {
		name := p.expression(0)
		p.advance(":", false)
		pairs = append(pairs, [2]*syntax{name, p.expression(0)})
	})
	p.advance("}", true)
	return pairs
}

func (p *parser) transform(t *syntax) {
	t.kind = kindTransform
	t.pattern = p.expression(0)
	p.advance("|", false)
	t.update = p.expression(0)
	if p.token.id == "," {
		p.advance(",", false)
		t.remove = p.expression(0)
	}
	p.advance("|", false)
}

// filter parses […] after an expression; an empty one says that its result stays an array.
func (p *parser) filter(t, left *syntax) *syntax {
	if p.token.id == "]" {
		step := left
		for step.kind == kindBinary && step.value == "[" {
			step = step.lhs
		}
		step.keepArray = true
		p.advance("]", false)
		return left
	}
	t.lhs, t.rhs, t.kind = left, p.expression(0), kindBinary
	p.advance("]", true)
	return t
}

func (p *parser) orderTerms() []orderTerm {
	p.advance("(", false)
	var terms []orderTerm
	for {
		var term orderTerm
		if p.token.id == "<" || p.token.id == ">" {
			term.descending = p.token.id == ">"
			p.advance("", false)
		}
		term.expression = p.expression(0)
		terms = append(terms, term)
		if p.token.id != "," {
			break
		}
		p.advance(",", false)
	}
	p.advance(")", false)
	return terms
}

// call parses the arguments of a function, or the definition of one.
func (p *parser) call(t, left *syntax) *syntax {
	t.procedure, t.kind = left, kindFunction
	p.list(")", func() {
		if p.token.kind == kindOperator && p.token.id == "?" {
			t.kind = kindPartial
			t.arguments = append(t.arguments, p.token)
			p.advance("?", false)
		} else {
			t.arguments = append(t.arguments, p.expression(0))
		}
	})
	p.advance(")", true)
	if left.kind == kindName && (left.value == "function" || left.value == "λ") {
		p.lambda(t)
	}
	return t
}

func (p *parser) lambda(t *syntax) {
	for i, parameter := range t.arguments {
		if parameter.kind != kindVariable {
			panic(mistake("S0208", parameter.position).withToken(tokenText(parameter.value)).withValue(float64(i + 1)))
		}
	}
	t.kind = kindLambda
	if p.token.id == "<" {
		t.signature = p.signature()
	}
	p.advance("{", false)
	t.body = p.expression(0)
	p.advance("}", false)
}

func (p *parser) signature() *signature {
	position, depth, text := p.token.position, 1, "<"
	for depth > 0 && p.token.id != "{" && p.token.id != "(end)" {
		token := p.advance("", false)
		switch token.id {
		case ">":
			depth--
		case "<":
			depth++
		}
		text += tokenText(token.value)
	}
	p.advance(">", false)
	s, err := parseSignature(text)
	if err != nil {
		err.Position += position
		panic(err)
	}
	return s
}
