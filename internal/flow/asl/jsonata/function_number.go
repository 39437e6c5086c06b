package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

var numberFunctions = map[string]*builtin{
	"sum": define("<a<n>:n>", 1, given(func(r *run, args []any) any { return r.sum(args[0]) })),
	"max": define("<a<n>:n>", 1, given(func(r *run, args []any) any { return r.extreme(args[0], math.Max) })),
	"min": define("<a<n>:n>", 1, given(func(r *run, args []any) any { return r.extreme(args[0], math.Min) })),
	"average": define("<a<n>:n>", 1, given(func(r *run, args []any) any {
		if length(args[0]) == 0 {
			return undefined
		}
		return r.sum(args[0]) / float64(length(args[0]))
	})),
	"number": define("<(nsb)-:n>", 1, given(func(_ *run, args []any) any { return toNumber(args[0]) })),
	"floor":  define("<n-:n>", 1, onNumber(math.Floor)),
	"ceil":   define("<n-:n>", 1, onNumber(math.Ceil)),
	"abs":    define("<n-:n>", 1, onNumber(math.Abs)),
	"round": define("<n-n?:n>", 2, given(func(_ *run, args []any) any {
		places, _ := optional(args, 1)
		if places != math.Trunc(places) {
			return math.NaN()
		}
		return round(float(args[0]), int(max(-10000, min(places, 10000))))
	})),
	"sqrt": define("<n-:n>", 1, onNumber(func(f float64) float64 {
		if f < 0 {
			panic(mistake("D3060", 0).withValue(f).with("index", 1.0))
		}
		return math.Sqrt(f)
	})),
	"power":        define("<n-n:n>", 2, given(power)),
	"formatBase":   define("<n-n?:s>", 2, given(formatBase)),
	"boolean":      define("<x-:b>", 1, given(func(r *run, args []any) any { return r.truth(args[0]) })),
	"not":          define("<x-:b>", 1, given(func(r *run, args []any) any { return !r.truth(args[0]) })),
	"formatNumber": define("<n-so?:s>", 3, given(formatNumber)),
	"formatInteger": define("<n-s:s>", 2, given(func(r *run, args []any) any {
		return r.text(parseIntegerPicture(textOf(args, 1)).format(math.Floor(float(args[0]))))
	})),
	"parseInteger": define("<s-s:n>", 2, given(func(_ *run, args []any) any {
		return parseIntegerPicture(textOf(args, 1)).parser().parse(args[0].(string))
	})),
}

func (r *run) sum(v any) float64 {
	total := 0.0
	for _, item := range r.list(v) {
		r.step()
		total += float(item)
	}
	return total
}

func (r *run) extreme(v any, pick func(a, b float64) float64) any {
	items := r.list(v)
	if len(items) == 0 {
		return undefined
	}
	best := float(items[0])
	for _, item := range items[1:] {
		r.step()
		best = pick(best, float(item))
	}
	return best
}

// power is ECMAScript's Math.pow, which differs from Go's in that 1 to an infinite or no power is not a number.
func power(_ *run, args []any) any {
	base, exponent := float(args[0]), math.NaN()
	if e, ok := optional(args, 1); ok {
		exponent = e
	}
	result := raise(base, exponent)
	if math.Abs(base) == 1 && (math.IsInf(exponent, 0) || math.IsNaN(exponent)) {
		result = math.NaN()
	}
	if math.IsInf(result, 0) || math.IsNaN(result) {
		panic(mistake("D3061", 0).withValue(base).with("exp", exponent).with("index", 1.0))
	}
	return result
}

// raise is math.Pow, correctly rounded for whole exponents: those are multiplied out with twice the precision.
func raise(base, exponent float64) float64 {
	n := math.Abs(exponent)
	if n != math.Trunc(n) || n > 1<<20 || base == 0 || math.IsInf(base, 0) || math.IsNaN(base) {
		return math.Pow(base, exponent)
	}
	rough := math.Pow(base, exponent)
	if abs := math.Abs(math.Log2(math.Abs(rough))); abs > 900 || math.IsNaN(abs) {
		return rough
	}
	high, low := 1.0, 0.0
	squareHigh, squareLow := base, 0.0
	for k := uint64(n); k > 0; k >>= 1 {
		if k&1 == 1 {
			high, low = multiply(high, low, squareHigh, squareLow)
		}
		if k > 1 {
			squareHigh, squareLow = multiply(squareHigh, squareLow, squareHigh, squareLow)
		}
	}
	if exponent < 0 {
		quotient := 1 / high
		rest := math.FMA(-quotient, high, 1) - quotient*low
		return quotient + rest/high
	}
	return high + low
}

// multiply multiplies two numbers, each of which is the sum of a float64 and a much smaller one.
func multiply(a, aLow, b, bLow float64) (high, low float64) {
	product := a * b
	rest := math.FMA(a, b, -product) + (a*bLow + aLow*b)
	high = product + rest
	return high, rest - (high - product)
}

// toNumber is $number: a number, a text that is one in decimal, hexadecimal, octal or binary, or a boolean.
func toNumber(v any) any {
	switch v := v.(type) {
	case bool:
		return float64(btoi(v))
	case string:
		if isDecimal(v) {
			f, _ := strconv.ParseFloat(v, 64)
			if !math.IsInf(f, 0) {
				return f
			}
		} else if f, ok := radixNumber(v); ok {
			return f
		}
	default:
		if isNumber(v) {
			return v
		}
	}
	panic(mistake("D3030", 0).withValue(v).with("index", 1.0))
}

// isDecimal tells whether s is -digits, with a fraction and an exponent as one likes.
func isDecimal(s string) bool {
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	s = strings.TrimPrefix(s, "-")
	if !digits() {
		return false
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		if s = rest; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// radixText is what is taken for a hexadecimal, octal or binary number. As in the reference implementation only the first alternative
// is tied to the start and only the last to the end; a text that is no number as a whole gives not-a-number.
var radixText = mustRegex(`^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$`)

// radixNumber reads 0x…, 0o… and 0b….
func radixNumber(s string) (float64, bool) {
	budget := 10 * (len(s) + 10)
	if found, _ := radixText.Match(textUnits(s), 0, &budget); found == nil {
		return 0, false
	}
	s = strings.TrimSpace(s)
	base := map[byte]float64{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]
	if s[0] != '0' || base == 0 {
		return math.NaN(), true
	}
	total := 0.0
	for i := 2; i < len(s); i++ {
		d := float64(hexDigit(s[i]))
		if d < 0 || d >= base {
			return math.NaN(), true
		}
		total = total*base + d
	}
	if exact, err := strconv.ParseUint(s[2:], int(base), 64); err == nil {
		total = float64(exact)
	}
	return total, true
}

// formatBase writes a rounded number in base 2 to 36, 10 if none is given.
func formatBase(_ *run, args []any) any {
	f, base := round(float(args[0]), 0), 10.0
	if b, ok := optional(args, 1); ok {
		base = round(b, 0)
	}
	if base < 2 || base > 36 {
		panic(mistake("D3100", 0).withValue(base))
	}
	if base == 10 || math.IsNaN(f) || math.IsInf(f, 0) {
		return numberText(f)
	}
	if math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), int(base))
	}
	return largeInBase(f, base)
}

// largeInBase writes a whole number of which not all digits are known: the lowest are zeros, as engines of ECMAScript write them.
func largeInBase(f, base float64) string {
	negative := f < 0
	f = math.Abs(f)
	var digits []byte
	for f >= 1<<55 {
		f /= base
		digits = append(digits, '0')
	}
	for f > 0 {
		rest := math.Mod(f, base)
		digits = append(digits, "0123456789abcdefghijklmnopqrstuvwxyz"[int(rest)])
		f = (f - rest) / base
	}
	if negative {
		digits = append(digits, '-')
	}
	slices.Reverse(digits)
	return string(digits)
}
