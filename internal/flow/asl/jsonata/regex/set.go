package regex

import "unicode"

// set is a set of code units: ASCII in a bitmap, the rest in ranges.
type set struct {
	ascii  [2]uint64
	ranges []span
	negate bool
	fold   bool // compare without regard to case
}

type span struct{ low, high uint16 }

func (s *set) add(low, high uint16) {
	for c := low; c <= high && c < 128; c++ {
		s.ascii[c>>6] |= 1 << (c & 63)
	}
	if high >= 128 {
		s.ranges = append(s.ranges, span{max(low, 128), high})
	}
}

// addSet adds what is in other, whose own negation counts.
func (s *set) addSet(other *set) {
	if !other.negate {
		s.ascii[0] |= other.ascii[0]
		s.ascii[1] |= other.ascii[1]
		s.ranges = append(s.ranges, other.ranges...)
		return
	}
	from := -1
	for c := 0; c <= 0x10000; c++ {
		in := c <= 0xffff && other.has(uint16(c))
		if in && from < 0 {
			from = c
		} else if !in && from >= 0 {
			s.add(uint16(from), uint16(c-1))
			from = -1
		}
	}
}

func (s *set) holds(c uint16) bool {
	if c < 128 {
		return s.ascii[c>>6]&(1<<(c&63)) != 0
	}
	for _, r := range s.ranges {
		if c >= r.low && c <= r.high {
			return true
		}
	}
	return false
}

// has tells whether the unit c is in the set.
func (s *set) has(c uint16) bool {
	in := s.holds(c)
	if !in && s.fold {
		upper := canonical(c)
		in = s.holds(upper)
		if !in {
			for r := unicode.SimpleFold(rune(c)); r != rune(c) && !in; r = unicode.SimpleFold(r) {
				in = r <= 0xffff && canonical(uint16(r)) == upper && s.holds(uint16(r))
			}
		}
	}
	return in != s.negate
}

// canonical is ECMA-262's Canonicalize without the u flag: the upper case, unless that leaves the code unit or enters ASCII.
func canonical(c uint16) uint16 {
	if c < 128 {
		if 'a' <= c && c <= 'z' {
			return c - 32
		}
		return c
	}
	upper := unicode.ToUpper(rune(c))
	if upper < 128 || upper > 0xffff {
		return c
	}
	return uint16(upper)
}

func digits() *set {
	s := &set{}
	s.add('0', '9')
	return s
}

func words() *set {
	s := digits()
	s.add('a', 'z')
	s.add('A', 'Z')
	s.add('_', '_')
	return s
}

func spaces() *set {
	s := &set{}
	s.add(9, 13)
	for _, c := range []uint16{' ', 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0xfeff} {
		s.add(c, c)
	}
	s.add(0x2000, 0x200a)
	s.add(0x2028, 0x2029)
	return s
}

func lineEnds() *set {
	s := &set{}
	s.add('\n', '\n')
	s.add('\r', '\r')
	s.add(0x2028, 0x2029)
	return s
}

func (s *set) not() *set {
	s.negate = !s.negate
	return s
}

func isWord(c uint16) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func isLineEnd(c uint16) bool { return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029 }
