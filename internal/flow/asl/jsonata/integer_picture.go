package jsonata

import (
	"math"
	"strings"
)

// integerPicture says how an integer is written, after the function format-integer of XPath 3.1.
type integerPicture struct {
	style      integerStyle
	letterCase letterCase
	ordinal    bool
	token      string // of a style that is not supported
	// Of decimal digits:
	zero       rune // of the family of digits
	mandatory  int
	optional   int
	regular    int // the digits between separators, if that is always the same
	separators []digitSeparator
}

type integerStyle uint8

const (
	styleDecimal integerStyle = iota
	styleLetters
	styleRoman
	styleWords
	styleOther
)

type letterCase uint8

const (
	caseNone letterCase = iota
	caseLower
	caseUpper
	caseTitle
)

// digitSeparator stands before as many digits, counted from the right.
type digitSeparator struct {
	position int
	char     string
}

// decimalZeros are the zeros of the families of decimal digits.
var decimalZeros = []rune{
	0x30, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20,
	0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0,
	0xaa50, 0xabf0, 0xff10,
}

func parseIntegerPicture(picture string) *integerPicture {
	p := &integerPicture{letterCase: caseLower}
	primary := picture
	if at := strings.LastIndexByte(picture, ';'); at >= 0 {
		primary = picture[:at]
		p.ordinal = strings.HasPrefix(picture[at+1:], "o")
	}
	switch primary {
	case "A", "a":
		p.style = styleLetters
	case "I", "i":
		p.style = styleRoman
	case "W", "w", "Ww":
		p.style = styleWords
	default:
		p.digits(primary)
	}
	switch primary {
	case "A", "I", "W":
		p.letterCase = caseUpper
	case "Ww":
		p.letterCase = caseTitle
	}
	return p
}

// digits analyses a picture of decimal digits, # for digits that may be missing, and separators.
func (p *integerPicture) digits(primary string) {
	chars := []rune(primary)
	position := 0
	for i := len(chars) - 1; i >= 0; i-- {
		c := chars[i]
		if zero, ok := digitFamily(c); ok {
			if p.zero != 0 && p.zero != zero {
				panic(mistake("D3131", 0))
			}
			p.zero = zero
			p.mandatory++
			position++
		} else if c == '#' {
			p.optional++
			position++
		} else {
			p.separators = append(p.separators, digitSeparator{position, string(c)})
		}
	}
	if p.mandatory == 0 {
		p.style, p.token, p.separators = styleOther, primary, nil
		return
	}
	p.regular = regularGrouping(p.separators)
}

func digitFamily(c rune) (rune, bool) {
	for _, zero := range decimalZeros {
		if c >= zero && c <= zero+9 {
			return zero, true
		}
	}
	return 0, false
}

// regularGrouping is the number of digits between separators if they are all alike and equally far from one another, else 0.
func regularGrouping(separators []digitSeparator) int {
	positions := make([]int, len(separators))
	for i, s := range separators {
		if s.char != separators[0].char {
			return 0
		}
		positions[i] = s.position
	}
	return regularPositions(positions)
}

func regularPositions(positions []int) int {
	factor := 0
	for _, p := range positions {
		for p != 0 {
			factor, p = p, factor%p
		}
	}
	for i := range positions {
		found := false
		for _, p := range positions {
			found = found || p == (i+1)*factor
		}
		if !found {
			return 0
		}
	}
	return factor
}

// format writes a whole number.
func (p *integerPicture) format(f float64) string {
	if p.style == styleOther {
		panic(mistake("D3130", 0).withValue(p.token))
	}
	if p.style != styleDecimal && math.IsInf(f, 0) || p.style == styleWords && math.IsNaN(f) {
		panic(mistake("D1001", 0).withValue(f))
	}
	negative := f < 0
	f = math.Abs(f)
	var s string
	switch p.style {
	case styleLetters:
		s = letters(f, p.letterCase == caseUpper)
	case styleRoman:
		s = roman(f)
		if p.letterCase == caseUpper {
			s = strings.ToUpper(s)
		}
	case styleWords:
		s = numberWords(f, p.ordinal)
		switch p.letterCase {
		case caseUpper:
			s = strings.ToUpper(s)
		case caseLower:
			s = strings.ToLower(s)
		}
	default:
		s = p.decimal(f)
	}
	if negative {
		return "-" + s
	}
	return s
}

func (p *integerPicture) decimal(f float64) string {
	chars := []rune(numberText(f))
	for len(chars) < p.mandatory {
		chars = append([]rune(strings.Repeat("0", p.mandatory-len(chars))), chars...)
	}
	for i := range chars {
		chars[i] += p.zero - '0'
	}
	insert := func(at int, s string) {
		at = max(0, min(at, len(chars)))
		chars = append(chars[:at:at], append([]rune(s), chars[at:]...)...)
	}
	if p.regular > 0 {
		for i := (len(chars) - 1) / p.regular; i > 0; i-- {
			insert(len(chars)-i*p.regular, p.separators[0].char)
		}
	} else {
		for i := len(p.separators) - 1; i >= 0; i-- {
			s := p.separators[i]
			if at := len(chars) - s.position; at >= 0 {
				insert(at, s.char)
			} else {
				// A negative position: the separator comes first, and what follows is counted from the end.
				tail := chars[max(0, len(chars)+at):]
				chars = append([]rune(s.char), tail...)
			}
		}
	}
	s := string(chars)
	if p.ordinal {
		s += ordinalSuffix(chars)
	}
	return s
}

func ordinalSuffix(digits []rune) string {
	n := len(digits)
	if n > 1 && digits[n-2] == '1' {
		return "th"
	}
	switch digits[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}
