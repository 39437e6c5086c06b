package jsontext

import "bytes"

// Cutter finds the end of a JSON object that comes piece by piece. It knows which
// token may follow which and no more: numbers and words may be anything, so that
// a broken one costs its object only. No string goes on over a line break.
type Cutter struct {
	within  []byte // the brackets that are open
	want    byte   // v value, e value or end, k key, f key or end (first), c colon, n comma or end
	quoted  bool   // within a string
	escaped bool   // after its backslash
	word    bool   // within a number or a word
}

// delimiters end a number or a word.
const delimiters = " \t\r\n,:[]{}\""

// Feed takes the next piece. end is where the object ends in it, 0 if it goes on;
// broken says that no further piece can make an object of it.
func (c *Cutter) Feed(b []byte) (end int, broken bool) {
	if c.want == 0 {
		c.want = 'v'
	}
	for i := 0; i < len(b); {
		ch := b[i]
		switch {
		case c.quoted:
			n, ok := c.str(b[i:])
			if !ok {
				return 0, true
			}
			i += n
		case c.word:
			n := bytes.IndexAny(b[i:], delimiters)
			if n < 0 {
				return 0, false
			}
			c.word = false
			i += n
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
		case ch == '}' || ch == ']':
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
		case ch == '"' && len(c.within) > 0:
			c.quoted, i = true, i+1
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
			if ch == ',' || ch == ':' || len(c.within) == 0 {
				return 0, true
			}
			c.want, c.word = 'n', true
		}
	}
	return 0, false
}

// str goes on in a string, to its end or that of the piece; false at a line break.
func (c *Cutter) str(b []byte) (n int, ok bool) {
	for n < len(b) {
		ch := b[n]
		n++
		switch {
		case ch == '\n':
			return n, false
		case c.escaped:
			c.escaped = false
		case ch == '\\':
			c.escaped = true
		case ch == '"':
			c.quoted = false
			if c.want == 'k' || c.want == 'f' {
				c.want = 'c'
			} else {
				c.want = 'n'
			}
			return n, true
		}
	}
	return n, true
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

// Trim removes JSON's white space from both ends.
func Trim(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}
