package jsonata

import (
	"math"
	"strings"
	"unicode"
)

// A picture of a date and time is after the function format-dateTime of XPath 3.1 (functions and operators, 9.8.4).

// picturePart is a literal, or a component such as [M01] with the way it is written.
type picturePart struct {
	literal   string
	component byte // 0 of a literal; '?' of one that is no ASCII letter
	names     letterCase
	hasWidth  bool
	min, max  float64 // widths; -1 if they are not given
	zulu      bool    // a time zone without an offset is Z
	integer   *integerPicture
	digits    float64 // of a year, month or day: the digits that are kept, -1 for all
}

// defaultPresentation is how a component is written if its picture does not say.
var defaultPresentation = map[string]string{
	"Y": "1", "M": "1", "D": "1", "d": "1", "F": "n", "W": "1", "w": "1", "X": "1", "x": "1", "H": "1", "h": "1",
	"P": "n", "m": "01", "s": "01", "f": "1", "Z": "01:01", "z": "01:01", "C": "n", "E": "n",
}

func parseDatePicture(picture string) []picturePart {
	var parts []picturePart
	literal := func(s string) {
		if s != "" {
			parts = append(parts, picturePart{literal: strings.ReplaceAll(s, "]]", "]")})
		}
	}
	for {
		before, rest, found := strings.Cut(picture, "[")
		literal(before)
		if !found {
			return parts
		}
		if after, ok := strings.CutPrefix(rest, "["); ok {
			parts = append(parts, picturePart{literal: "["})
			picture = after
			continue
		}
		marker, after, found := strings.Cut(rest, "]")
		if !found {
			panic(mistake("D3135", 0))
		}
		parts = append(parts, parseMarker(withoutBlanks(marker)))
		picture = after
	}
}

func withoutBlanks(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '\ufeff' {
			return -1
		}
		return c
	}, s)
}

// parseMarker reads what is in the brackets: a component, how it is presented and, after a comma, its width.
func parseMarker(marker string) picturePart {
	component, presentation := "", ""
	if marker != "" {
		_, size := nextRune(marker)
		component, presentation = marker[:size], marker[size:]
	}
	p := picturePart{component: '?', min: -1, max: -1, digits: -1}
	if len(component) == 1 {
		p.component = component[0]
	}
	if comma := strings.LastIndexByte(marker, ','); comma >= 0 {
		least, most, _ := strings.Cut(marker[comma+1:], "-")
		p.hasWidth, p.min, p.max = true, width(least), width(most)
		if !strings.Contains(marker[comma+1:], "-") {
			p.max = -1
		}
		presentation = marker[min(len(component), comma):comma]
	}
	modifier := ""
	switch {
	case presentation == "":
		var ok bool
		if presentation, ok = defaultPresentation[component]; !ok {
			panic(mistake("D3132", 0).withValue(component))
		}
	case len(presentation) > 1 && strings.ContainsAny(presentation[len(presentation)-1:], "atco"):
		modifier = presentation[len(presentation)-1:]
		presentation = presentation[:len(presentation)-1]
	}
	p.zulu = modifier == "t"
	p.present(presentation, modifier)
	return p
}

// width reads one bound of a width; -1 if there is none.
func width(s string) float64 {
	if s == "*" {
		return -1
	}
	return parseInt(s)
}

func (p *picturePart) present(presentation, modifier string) {
	switch {
	case strings.HasPrefix(presentation, "Nn"):
		p.names = caseTitle
	case strings.HasPrefix(presentation, "N"):
		p.names = caseUpper
	case strings.HasPrefix(presentation, "n"):
		p.names = caseLower
	case strings.IndexByte("YMDdFWwXxHhmsf", p.component) >= 0:
		if modifier != "" {
			presentation += ";" + modifier
		}
		p.integer = parseIntegerPicture(presentation)
		if p.hasWidth && p.min >= 0 && float64(p.integer.mandatory) < p.min {
			p.integer.mandatory = digitCount(p.min)
		}
		if strings.IndexByte("YMD", p.component) >= 0 {
			if p.hasWidth && p.max >= 0 {
				p.digits = p.max
				p.integer.mandatory = digitCount(p.max)
			} else if w := p.integer.mandatory + p.integer.optional; w >= 2 {
				p.digits = float64(w)
			}
		}
	}
	if p.component == 'Z' || p.component == 'z' {
		p.integer = parseIntegerPicture(presentation)
	}
}

// digitCount is a width as a number of digits, within reason.
func digitCount(f float64) int { return int(min(f, 1000)) }

// parseInt is ECMAScript's: as many digits as there are after blanks and a sign, not a number if there are none.
func parseInt(s string) float64 {
	s = strings.TrimLeftFunc(s, func(c rune) bool { return unicode.IsSpace(c) || c == '\ufeff' })
	sign := 1.0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	base := 10
	if len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		base, s = 16, s[2:]
	}
	n := 0
	for n < len(s) && hexDigit(s[n]) >= 0 && hexDigit(s[n]) < base {
		n++
	}
	if n == 0 {
		return math.NaN()
	}
	if base == 10 {
		f, _ := toFloat(s[:n])
		return sign * f
	}
	total := 0.0
	for i := range n {
		total = total*16 + float64(hexDigit(s[i]))
	}
	return sign * total
}
