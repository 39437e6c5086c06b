package jsonata

import (
	"math"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// numberFormat are the characters of a picture of a number, after the decimal formats of XPath 3.1 (functions and operators, 4.7).
type numberFormat struct {
	decimal, grouping, exponent, minus, percent, perMille, digit, pattern string
	zero                                                                  rune
	zeroText                                                              string
}

// numberPicture is one half of a picture (for positive or for negative numbers) and what its analysis gives.
type numberPicture struct {
	text                       []rune
	prefix, suffix             string
	active, mantissa, exponent []rune
	hasExponent                bool
	integer, fraction          []rune

	groups, fractionGroups []int // how many digits are right of, or left of, each separator
	regular                int
	scale                  int
	minInteger             int
	minFraction            int
	maxFraction            int
	minExponent            int
}

// maxPicture is how many characters a picture of a number may have.
const maxPicture = 10_000

func formatNumber(r *run, args []any) any {
	format := newNumberFormat(argument(args, 2))
	picture := textOf(args, 1)
	if len(picture) > maxPicture {
		panic(mistake(codeMemory, 0).with("limit", float64(maxPicture)))
	}
	r.work(len(picture) * len(picture) / 1000)
	var parts []*numberPicture
	texts := strings.Split(picture, format.pattern)
	if len(texts) > 2 {
		panic(mistake("D3080", 0))
	}
	for _, text := range texts {
		parts = append(parts, format.split([]rune(text)))
	}
	for _, p := range parts {
		if code := format.check(p); code != "" {
			panic(mistake(code, 0))
		}
	}
	for _, p := range parts {
		format.analyse(p)
	}
	f := float(args[0])
	p := parts[0]
	if !(f >= 0) {
		if len(parts) == 2 {
			p = parts[1]
		} else {
			p.prefix = format.minus + p.prefix
		}
	}
	return r.text(p.prefix + format.format(p, f) + p.suffix)
}

func newNumberFormat(options any) *numberFormat {
	f := &numberFormat{
		decimal: ".", grouping: ",", exponent: "e", minus: "-", percent: "%", perMille: "‰", digit: "#", pattern: ";", zeroText: "0",
	}
	if o, ok := options.(*value.Object); ok {
		for name, field := range map[string]*string{
			"decimal-separator": &f.decimal, "grouping-separator": &f.grouping, "exponent-separator": &f.exponent, "minus-sign": &f.minus,
			"percent": &f.percent, "per-mille": &f.perMille, "digit": &f.digit, "pattern-separator": &f.pattern, "zero-digit": &f.zeroText,
		} {
			if v, ok := o.Get(name); ok {
				text, ok := v.(string)
				if !ok {
					panic(mistake(codeNative, 0).withValue(v))
				}
				*field = text
			}
		}
	}
	f.zero, _ = nextRune(f.zeroText)
	return f
}

func (f *numberFormat) isDigit(c rune) bool { return c >= f.zero && c < f.zero+10 }

func is(c rune, s string) bool { return string(c) == s }

// isActive tells whether c means something in a picture.
func (f *numberFormat) isActive(c rune) bool {
	return f.isDigit(c) || is(c, f.decimal) || is(c, f.exponent) || is(c, f.grouping) || is(c, f.digit) || is(c, f.pattern)
}

// find is the place of s in text from a place on, -1 if there is none.
func find(text []rune, s string, from int) int {
	from = max(0, min(from, len(text)))
	if at := strings.Index(string(text[from:]), s); at >= 0 {
		return from + len([]rune(string(text[from:])[:at]))
	}
	return -1
}

func head(text []rune, n int) []rune { return text[:max(0, min(n, len(text)))] }

func tail(text []rune, n int) []rune { return text[max(0, min(n, len(text))):] }

// split cuts a picture into its parts. The place of the exponent counts from the start of the picture also in the active part, as it
// does in the reference implementation.
func (f *numberFormat) split(text []rune) *numberPicture {
	p := &numberPicture{text: text}
	edge := func(c rune) bool { return f.isActive(c) && !is(c, f.exponent) }
	start := slices.IndexFunc(text, edge)
	if start < 0 {
		panic(mistake("D3085", 0))
	}
	end := len(text)
	for !edge(text[end-1]) {
		end--
	}
	p.prefix, p.suffix, p.active = string(text[:start]), string(text[end:]), text[start:end]
	p.mantissa = p.active
	if at := find(text, f.exponent, start); at >= 0 && at <= end {
		p.mantissa, p.exponent, p.hasExponent = head(p.active, at), tail(p.active, at+1), true
	}
	p.integer, p.fraction = p.mantissa, text[end:]
	if at := find(p.mantissa, f.decimal, 0); at >= 0 {
		p.integer, p.fraction = p.mantissa[:at], p.mantissa[at+1:]
	}
	return p
}

// check gives the code of a mistake in a picture; of several, the last one in the order of the rules.
func (f *numberFormat) check(p *numberPicture) (code string) {
	text := string(p.text)
	rule := func(broken bool, c string) {
		if broken {
			code = c
		}
	}
	rule(strings.Count(text, f.decimal) > 1, "D3081")
	rule(strings.Count(text, f.percent) > 1, "D3082")
	rule(strings.Count(text, f.perMille) > 1, "D3083")
	scaled := strings.Contains(text, f.percent) || strings.Contains(text, f.perMille)
	rule(strings.Contains(text, f.percent) && strings.Contains(text, f.perMille), "D3084")
	rule(f.places(p.mantissa) == 0, "D3085")
	rule(slices.ContainsFunc(p.active, func(c rune) bool { return !f.isActive(c) }), "D3086")
	if at := find(p.text, f.decimal, 0); at >= 0 {
		before := at > 0 && is(p.text[at-1], f.grouping)
		after := at+1 < len(p.text) && is(p.text[at+1], f.grouping)
		rule(before || after, "D3087")
	} else {
		rule(len(p.integer) > 0 && is(p.integer[len(p.integer)-1], f.grouping), "D3088")
	}
	rule(strings.Contains(text, f.grouping+f.grouping), "D3089")
	if at := find(p.integer, f.digit, 0); at >= 0 {
		rule(f.digits(p.integer[:at]) > 0, "D3090")
	}
	if at := strings.LastIndex(string(p.fraction), f.digit); at >= 0 {
		rule(f.digits([]rune(string(p.fraction)[at:])) > 0, "D3091")
	}
	rule(len(p.exponent) > 0 && scaled, "D3092")
	rule(p.hasExponent && (len(p.exponent) == 0 || f.digits(p.exponent) < len(p.exponent)), "D3093")
	return code
}

// digits counts mandatory digits, places these and the optional ones.
func (f *numberFormat) digits(text []rune) (n int) {
	for _, c := range text {
		n += btoi(f.isDigit(c))
	}
	return n
}

func (f *numberFormat) places(text []rune) (n int) {
	for _, c := range text {
		n += btoi(f.isDigit(c) || is(c, f.digit))
	}
	return n
}

func (f *numberFormat) analyse(p *numberPicture) {
	// The separators after the first are looked for in the integer part, in both parts: so does the reference implementation.
	separators := func(part []rune, count func(at int) []rune) (positions []int) {
		for at := find(part, f.grouping, 0); at >= 0; at = find(p.integer, f.grouping, at+1) {
			positions = append(positions, f.places(count(at)))
		}
		return positions
	}
	p.groups = separators(p.integer, func(at int) []rune { return tail(p.integer, at) })
	p.fractionGroups = separators(p.fraction, func(at int) []rune { return head(p.fraction, at) })
	p.regular = regularPositions(p.groups)
	p.minInteger = f.digits(p.integer)
	p.scale = p.minInteger
	p.minFraction, p.maxFraction = f.digits(p.fraction), f.places(p.fraction)
	if p.minInteger == 0 && p.maxFraction == 0 {
		if p.hasExponent {
			p.minFraction, p.maxFraction = 1, 1
		} else {
			p.minInteger = 1
		}
	}
	if p.hasExponent && p.minInteger == 0 && find(p.integer, f.digit, 0) >= 0 {
		p.minInteger = 1
	}
	if p.minInteger == 0 && p.minFraction == 0 {
		p.minFraction = 1
	}
	if p.hasExponent {
		p.minExponent = f.digits(p.exponent)
	}
}

// format writes a number without what stands before and after it.
func (f *numberFormat) format(p *numberPicture, n float64) string {
	switch {
	case find(p.text, f.percent, 0) >= 0:
		n *= 100
	case find(p.text, f.perMille, 0) >= 0:
		n *= 1000
	}
	exponent := 0
	if p.minExponent > 0 && n != 0 && !math.IsInf(n, 0) {
		most, least := math.Pow(10, float64(p.scale)), math.Pow(10, float64(p.scale-1))
		for math.Abs(n) < least {
			n *= 10
			exponent--
		}
		for math.Abs(n) > most {
			n /= 10
			exponent++
		}
	}
	text := []rune(f.digitsOf(round(n, p.maxFraction), p.maxFraction))
	if at := slices.Index(text, '.'); at >= 0 {
		text = slices.Concat(text[:at], []rune(f.decimal), text[at+1:])
	} else {
		text = append(text, []rune(f.decimal)...)
	}
	for len(text) > 0 && text[0] == f.zero {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] == f.zero {
		text = text[:len(text)-1]
	}
	at := find(text, f.decimal, 0)
	zero := string(f.zero)
	left := strings.Repeat(zero, max(0, p.minInteger-at))
	right := strings.Repeat(zero, max(0, p.minFraction-(len(text)-at-1)))
	text = []rune(left + string(text) + right)
	text = f.separate(p, text)
	at = find(text, f.decimal, 0)
	if find(p.text, f.decimal, 0) < 0 || at == len(text)-1 {
		text = head(text, len(text)-1)
	}
	if p.minExponent == 0 {
		return string(text)
	}
	size := f.digitsOf(float64(exponent), 0)
	size = strings.Repeat(zero, max(0, p.minExponent-len([]rune(size)))) + size
	if exponent < 0 {
		size = f.minus + size
	}
	return string(text) + f.exponent + size
}

// digitsOf is the absolute value of a number with so many places, in the digits of the format.
func (f *numberFormat) digitsOf(n float64, places int) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c - '0' + f.zero
		}
		return c
	}, fixed(math.Abs(n), places))
}

// separate puts in the grouping separators.
func (f *numberFormat) separate(p *numberPicture, text []rune) []rune {
	insert := func(at int) {
		if at < 0 {
			at = max(0, len(text)+at)
		}
		text = slices.Concat(head(text, at), []rune(f.grouping), tail(text, at))
	}
	at := find(text, f.decimal, 0)
	if p.regular > 0 {
		for i := 1; i <= int(math.Floor(float64(at-1)/float64(p.regular))); i++ {
			insert(at - i*p.regular)
		}
	} else {
		for _, position := range p.groups {
			insert(at - position)
			at++
		}
	}
	at = find(text, f.decimal, 0)
	for _, position := range p.fractionGroups {
		insert(position + at + 1)
	}
	return text
}
