package jsontext

import "bytes"

// Cutter finds the end of a JSON object that comes line by line. It knows which
// token may follow which and no more: numbers and words may be anything, so that
// a broken one costs its object only.
type Cutter struct {
	within []byte // the brackets that are open
	want   byte   // v value, e value or end, k key, f key or end (first), c colon, n comma or end
}

// Feed takes the next line. end is where the object ends in it, 0 if it goes on;
// broken says that no further line can make an object of it.
func (c *Cutter) Feed(b []byte) (end int, broken bool) {
	if c.want == 0 {
		c.want = 'v'
	}
	for i := 0; i < len(b); {
		ch := b[i]
		switch {
		case isSpace(ch):
			i++
		case c.want == 'c':
			if ch != ':' {
				return 0, true
			}
			c.want, i = 'v', i+1
		case c.want == 'n' && ch == ',':
			c.want, i = 'v', i+1
			if c.within[len(c.within)-1] == '{' {
				c.want = 'k'
			}
		case (c.want == 'n' || c.want == 'e' || c.want == 'f' || c.want == 'k' || c.want == 'v') && (ch == '}' || ch == ']'):
			// A comma before the bracket is a fault of this object alone.
			if n := len(c.within); n == 0 || c.within[n-1]+2 != ch {
				return 0, true
			}
			c.within, c.want, i = c.within[:len(c.within)-1], 'n', i+1
			if len(c.within) == 0 {
				return i, false
			}
		case c.want == 'n':
			return 0, true
		case ch == '"':
			n := stringEnd(b[i+1:])
			if n < 0 {
				return 0, true
			}
			i += 1 + n
			if c.want == 'k' || c.want == 'f' {
				c.want = 'c'
			} else {
				c.want = 'n'
			}
		case c.want == 'k' || c.want == 'f':
			return 0, true
		case ch == '{' || ch == '[':
			c.within, c.want, i = append(c.within, ch), 'e', i+1
			if ch == '{' {
				c.want = 'f'
			}
			if len(c.within) > 1000 {
				return 0, true
			}
		default:
			n := bytes.IndexAny(b[i:], " \t\r\n,:[]{}\"")
			if n == 0 || len(c.within) == 0 {
				return 0, true
			}
			if n < 0 {
				n = len(b) - i
			}
			c.want, i = 'n', i+n
		}
	}
	return 0, false
}

// stringEnd is where the string that b is within has ended, -1 if it has not.
func stringEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// NextObject is the end of the first of several objects that stand after one
// another in text, 0 if it does not hold several.
func NextObject(text []byte) int {
	if len(text) == 0 || text[0] != '{' {
		return 0
	}
	var c Cutter
	end, _ := c.Feed(text)
	if end == 0 {
		return 0
	}
	if at := skipSpace(text, end); at < len(text) && text[at] == '{' {
		return end
	}
	return 0
}
