package shape

import (
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// number is an exact decimal number: magnitude × 10^-scale. The last digit of
// the magnitude is not 0, so a whole number has a scale of 0 or less.
type number struct {
	negative  bool
	high, low uint64 // the magnitude, below 10^38
	scale     int
}

// numberForm is what came of reading a number's text.
type numberForm int

const (
	notNumber numberForm = iota
	exactNumber
	tooManyDigits // more than 38 of them; high, low and scale say nothing
)

// maxExponent bounds written exponents, so that sums of them do not overflow.
const maxExponent = 1 << 20

// parseNumber reads a decimal number. Beside JSON's form it takes what strings
// hold: a plus, leading zeros, a point without digits on one side.
func parseNumber(s []byte) (n number, form numberForm) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		n.negative = s[i] == '-'
		i++
	}
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	whole, fraction := s[start:i], s[i:i]
	if i < len(s) && s[i] == '.' {
		start = i + 1
		for i++; i < len(s) && isDigit(s[i]); i++ {
		}
		fraction = s[start:i]
	}
	if len(whole)+len(fraction) == 0 {
		return n, notNumber
	}
	exponent := 0
	if i < len(s) && s[i]|0x20 == 'e' {
		var ok bool
		if exponent, ok = parseExponent(s[i+1:]); !ok {
			return n, notNumber
		}
		i = len(s)
	}
	if i < len(s) {
		return n, notNumber
	}
	return n.digits(whole, fraction, exponent)
}

func parseExponent(s []byte) (e int, ok bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		if !isDigit(c) {
			return 0, false
		}
		e = min(e*10+int(c-'0'), maxExponent)
	}
	if negative {
		e = -e
	}
	return e, true
}

// digits sets magnitude and scale. Zeros are held back until another digit shows
// that they count, so that leading and trailing ones never do.
func (n number) digits(whole, fraction []byte, exponent int) (number, numberForm) {
	zeros := 0
	for _, part := range [2][]byte{whole, fraction} {
		for _, c := range part {
			if c == '0' {
				zeros++
				continue
			}
			if n.high|n.low == 0 {
				zeros = 0
			}
			for ; zeros >= 0; zeros-- {
				d := uint64(0)
				if zeros == 0 {
					d = uint64(c - '0')
				}
				if !n.push(d) {
					return n, tooManyDigits
				}
			}
			zeros = 0
		}
	}
	if n.high|n.low == 0 {
		return number{}, exactNumber
	}
	n.scale = len(fraction) - zeros - exponent
	return n, exactNumber
}

// tenTo38 is 10^38, the first magnitude that does not fit a decimal.
var tenTo38High, tenTo38Low = func() (high, low uint64) {
	low = 1
	for range 38 {
		high, low, _ = timesTen(high, low)
	}
	return high, low
}()

func timesTen(high, low uint64) (h, l uint64, ok bool) {
	over, h := bits.Mul64(high, 10)
	carry, l := bits.Mul64(low, 10)
	h, c := bits.Add64(h, carry, 0)
	return h, l, over == 0 && c == 0
}

// push appends a digit, unless the magnitude would come to 10^38.
func (n *number) push(d uint64) bool {
	h, l, ok := timesTen(n.high, n.low)
	l, c := bits.Add64(l, d, 0)
	h += c
	if !ok || h > tenTo38High || h == tenTo38High && l >= tenTo38Low {
		return false
	}
	n.high, n.low = h, l
	return true
}

// at is the magnitude with that scale, if it is exact and below 10^38.
func (n number) at(scale int) (high, low uint64, ok bool) {
	if n.high|n.low == 0 {
		return 0, 0, true
	}
	if n.scale > scale || scale-n.scale > 38 {
		return 0, 0, false
	}
	for range scale - n.scale {
		if !n.push(0) {
			return 0, 0, false
		}
	}
	return n.high, n.low, true
}

// isWhole says that the number has no fraction.
func (n number) isWhole() bool { return n.scale <= 0 }

// int64 is the whole number, if it is one and fits.
func (n number) int64() (int64, bool) {
	high, low, ok := n.at(0)
	switch {
	case !ok || high != 0:
		return 0, false
	case n.negative:
		return -int64(low), low <= 1<<63
	}
	return int64(low), low < 1<<63
}

// decimal is the number as a decimal of that scale, if it is exact.
func (n number) decimal(scale int) (decimal128.Num, bool) {
	high, low, ok := n.at(scale)
	d := decimal128.New(int64(high), low)
	if n.negative {
		d = d.Negate()
	}
	return d, ok
}

// parseInt reads the common case, a whole number of at most 18 digits.
func parseInt(s []byte) (v int64, ok bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for _, c := range s {
		if !isDigit(c) {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}

// parseFloat rounds to the nearest double; ok is false where the text is no
// number, fits where it is one beyond the range of doubles.
func parseFloat(s []byte) (v float64, fits, ok bool) {
	if _, form := parseNumber(s); form == notNumber {
		return 0, true, false
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(s), len(s)), 64)
	return v, err == nil, true
}

func isDigit(c byte) bool { return c-'0' < 10 }
