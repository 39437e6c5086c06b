package jsonata

import (
	"math"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
)

// bindingPower is how strongly an operator binds what is on its left; all of them also end a name.
var bindingPower = map[string]int{
	".": 75, "[": 80, "]": 0, "{": 70, "}": 0, "(": 80, ")": 0, ",": 0, "@": 80, "#": 80, ";": 80, ":": 80, "?": 20,
	"+": 50, "-": 50, "*": 60, "/": 60, "%": 60, "|": 20, "=": 40, "<": 40, ">": 40, "^": 40, "**": 60, "..": 20, ":=": 10,
	"!=": 40, "<=": 40, ">=": 40, "~>": 40, "and": 30, "or": 25, "in": 40, "&": 50, "!": 0, "~": 0,
}

// doubles are the operators of two characters.
var doubles = []string{"..", ":=", "!=", ">=", "<=", "**", "~>"}

// lexer cuts an expression into tokens. Its positions are UTF-16 code units.
type lexer struct {
	text []uint16
	at   int
}

// lexeme is a token as it stands in the text.
type lexeme struct {
	kind     kind
	value    any // string, float64, bool, nil or *regex.Regex
	position int
}

func (l *lexer) char(i int) int {
	if i >= 0 && i < len(l.text) {
		return int(l.text[i])
	}
	return -1
}

func (l *lexer) slice(from, to int) string { return unitsText(l.text[from:to]) }

func isBlank(c int) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\f' }

// isOperator tells whether c is an operator by itself.
func isOperator(c int) bool {
	if c < 0 || c >= 128 {
		return false
	}
	_, ok := bindingPower[string(rune(c))]
	return ok
}

func (l *lexer) skipBlanks() {
	for {
		for isBlank(l.char(l.at)) {
			l.at++
		}
		if l.char(l.at) != '/' || l.char(l.at+1) != '*' {
			return
		}
		start := l.at
		for l.at += 2; l.char(l.at) != '*' || l.char(l.at+1) != '/'; l.at++ {
			if l.at+1 >= len(l.text) {
				panic(mistake("S0106", start))
			}
		}
		l.at += 2
	}
}

// next is the next token; ok is false at the end. After an operand a slash divides, elsewhere it begins a regular expression.
func (l *lexer) next(operand bool) (next lexeme, ok bool) {
	l.skipBlanks()
	if l.at >= len(l.text) {
		return lexeme{}, false
	}
	start := l.at
	c := l.char(l.at)
	token := func(k kind, v any) (lexeme, bool) { return lexeme{k, v, l.at}, true }
	if c == '/' && !operand {
		l.at++
		r := l.regex()
		return token(kindRegex, r)
	}
	for _, double := range doubles {
		if c == int(double[0]) && l.char(l.at+1) == int(double[1]) {
			l.at += 2
			return token(kindOperator, double)
		}
	}
	switch {
	case isOperator(c):
		l.at++
		return token(kindOperator, string(rune(c)))
	case c == '"' || c == '\'':
		s := l.quoted(c)
		return token(kindString, s)
	case c == '`':
		s := l.backquoted()
		return token(kindName, s)
	}
	if length := l.numberLength(); length > 0 {
		literal := l.slice(start, start+length)
		n, _ := strconv.ParseFloat(literal, 64)
		if math.IsInf(n, 0) {
			panic(mistake("S0102", start).withToken(literal))
		}
		l.at += length
		return token(kindNumber, n)
	}
	return l.word()
}

// word reads a name, a variable or a keyword.
func (l *lexer) word() (lexeme, bool) {
	start := l.at
	for l.at < len(l.text) && !isBlank(l.char(l.at)) && !isOperator(l.char(l.at)) {
		l.at++
	}
	if l.char(start) == '$' {
		return lexeme{kindVariable, l.slice(start+1, l.at), l.at}, true
	}
	switch name := l.slice(start, l.at); name {
	case "or", "in", "and":
		return lexeme{kindOperator, name, l.at}, true
	case "true":
		return lexeme{kindValue, true, l.at}, true
	case "false":
		return lexeme{kindValue, false, l.at}, true
	case "null":
		return lexeme{kindValue, nil, l.at}, true
	default:
		return lexeme{kindName, name, l.at}, true
	}
}

// quoted reads a string literal.
func (l *lexer) quoted(quote int) string {
	var out []uint16
	for l.at++; l.at < len(l.text); l.at++ {
		c := l.char(l.at)
		switch c {
		case quote:
			l.at++
			return unitsText(out)
		case '\\':
			l.at++
			out = append(out, l.escaped())
		default:
			out = append(out, uint16(c))
		}
	}
	panic(mistake("S0101", l.at))
}

// escaped reads what follows a backslash, up to its last character.
func (l *lexer) escaped() uint16 {
	c := l.char(l.at)
	switch c {
	case '"', '\\', '/':
		return uint16(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		digits := l.text[l.at+1 : min(l.at+5, len(l.text))]
		n, err := strconv.ParseUint(unitsText(digits), 16, 16)
		if err != nil {
			panic(mistake("S0104", l.at))
		}
		l.at += 4
		return uint16(n)
	}
	token := ""
	if c >= 0 {
		token = l.slice(l.at, l.at+1)
	}
	panic(mistake("S0103", l.at).withToken(token))
}

func (l *lexer) backquoted() string {
	start := l.at + 1
	for end := start; end < len(l.text); end++ {
		if l.text[end] == '`' {
			l.at = end + 1
			return l.slice(start, end)
		}
	}
	panic(mistake("S0105", len(l.text)))
}

// numberLength is the length of the number literal at the position, 0 if there is none.
func (l *lexer) numberLength() int {
	digits := func(from int) int {
		for c := l.char(from); c >= '0' && c <= '9'; c = l.char(from) {
			from++
		}
		return from
	}
	end := l.at
	switch c := l.char(end); {
	case c == '0':
		end++
	case c >= '1' && c <= '9':
		end = digits(end)
	default:
		return 0
	}
	if l.char(end) == '.' && digits(end+1) > end+1 {
		end = digits(end + 1)
	}
	if c := l.char(end); c == 'e' || c == 'E' {
		from := end + 1
		if c := l.char(from); c == '-' || c == '+' {
			from++
		}
		if digits(from) > from {
			end = digits(from)
		}
	}
	return end - l.at
}

// regex reads a regular expression, whose first slash is read. The closing slash is the first one outside brackets that is not escaped.
func (l *lexer) regex() *regex.Regex {
	start, depth := l.at, 0
	for ; l.at < len(l.text); l.at++ {
		c := l.char(l.at)
		if c == '/' && depth == 0 && !l.isEscaped(l.at) {
			return l.compileRegex(start)
		}
		if l.char(l.at-1) == '\\' {
			continue
		}
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
	}
	panic(mistake("S0302", l.at))
}

// isEscaped tells whether an odd number of backslashes is before position i.
func (l *lexer) isEscaped(i int) bool {
	n := 0
	for l.char(i-n-1) == '\\' {
		n++
	}
	return n%2 == 1
}

func (l *lexer) compileRegex(start int) *regex.Regex {
	if l.at == start {
		panic(mistake("S0301", l.at))
	}
	pattern := l.slice(start, l.at)
	var flags regex.Flags
	seen := map[int]bool{}
	for l.at++; l.char(l.at) == 'i' || l.char(l.at) == 'm'; l.at++ {
		c := l.char(l.at)
		if seen[c] {
			panic(mistake(codePattern, start).with("reason", "a flag is given twice"))
		}
		seen[c] = true
		flags.IgnoreCase = flags.IgnoreCase || c == 'i'
		flags.Multiline = flags.Multiline || c == 'm'
	}
	compiled, err := regex.Compile(pattern, flags)
	if err != nil {
		panic(mistake(codePattern, start).with("reason", err.Error()))
	}
	return compiled
}
