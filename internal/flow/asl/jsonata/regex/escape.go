package regex

// escape reads what follows a backslash outside a class.
func (p *parser) escape() (*term, bool) {
	c := p.peek()
	switch {
	case c < 0:
		p.fail("\\ at end of pattern")
	case c == 'b' || c == 'B':
		p.at++
		return &term{kind: wordBoundary, negate: c == 'B'}, false
	case c >= '1' && c <= '9':
		start := p.at
		if n, _ := p.number(); n < p.total {
			return &term{kind: reference, group: n}, true
		}
		p.at = start
	case c == 'k':
		if _, named := p.names[""]; named {
			p.at++
			if !p.eat("<") {
				p.fail("invalid named reference")
			}
			return &term{kind: reference, name: p.name()}, true
		}
	}
	if s := p.classEscape(); s != nil {
		return &term{kind: class, set: s}, true
	}
	return &term{kind: unit, unit: p.unitEscape(false)}, true
}

// classEscape reads d, D, s, S, w or W; nil if there is none.
func (p *parser) classEscape() *set {
	var s *set
	c := p.peek()
	switch c {
	case 'd', 'D':
		s = digits()
	case 's', 'S':
		s = spaces()
	case 'w', 'W':
		s = words()
	default:
		return nil
	}
	p.at++
	s.negate = c < 'a'
	return s
}

// unitEscape reads an escape that stands for one code unit.
func (p *parser) unitEscape(inClass bool) uint16 {
	c := p.pattern[p.at]
	p.at++
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'v':
		return '\v'
	case 'f':
		return '\f'
	case 'r':
		return '\r'
	case 'c':
		return p.control(inClass)
	case 'x':
		return p.hex(2, 'x')
	case 'u':
		return p.hex(4, 'u')
	}
	if c >= '0' && c <= '7' {
		return p.octal(c)
	}
	return c
}

// control reads the letter after \c; without one the backslash stands for itself.
func (p *parser) control(inClass bool) uint16 {
	c := p.peek()
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	if letter || inClass && (c >= '0' && c <= '9' || c == '_') {
		p.at++
		return uint16(c % 32)
	}
	p.at--
	return '\\'
}

func (p *parser) hex(length int, otherwise uint16) uint16 {
	if len(p.pattern)-p.at < length {
		return otherwise
	}
	var n uint16
	for _, c := range p.pattern[p.at : p.at+length] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | (c - '0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | (c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			n = n<<4 | (c - 'A' + 10)
		default:
			return otherwise
		}
	}
	p.at += length
	return n
}

// octal reads up to three octal digits, at most 377, the first of which is already read.
func (p *parser) octal(first uint16) uint16 {
	n := first - '0'
	for range 2 {
		c := p.peek()
		if c < '0' || c > '7' || n*8+uint16(c-'0') > 0377 {
			break
		}
		n = n*8 + uint16(c-'0')
		p.at++
	}
	return n
}

// class reads the rest of [...].
func (p *parser) class() *term {
	s := &set{}
	negate := p.eat("^")
	for !p.eat("]") {
		if p.peek() < 0 {
			p.fail("unterminated character class")
		}
		low, lowSet := p.classAtom()
		if p.peek() != '-' || p.at+1 >= len(p.pattern) || p.pattern[p.at+1] == ']' {
			s.addItem(low, lowSet)
			continue
		}
		p.at++
		high, highSet := p.classAtom()
		switch {
		case lowSet != nil || highSet != nil:
			s.addItem(low, lowSet)
			s.addItem('-', nil)
			s.addItem(high, highSet)
		case low > high:
			p.fail("range out of order in character class")
		default:
			s.add(low, high)
		}
	}
	s.negate = negate
	return &term{kind: class, set: s}
}

func (s *set) addItem(c uint16, other *set) {
	if other != nil {
		s.addSet(other)
	} else {
		s.add(c, c)
	}
}

func (p *parser) classAtom() (uint16, *set) {
	c := p.pattern[p.at]
	p.at++
	if c != '\\' {
		return c, nil
	}
	switch {
	case p.peek() < 0:
		p.fail("\\ at end of pattern")
	case p.eat("b"):
		return '\b', nil
	case p.eat("-"):
		return '-', nil
	}
	if s := p.classEscape(); s != nil {
		return 0, s
	}
	return p.unitEscape(true), nil
}
