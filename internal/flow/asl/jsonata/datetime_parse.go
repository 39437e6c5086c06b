package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
)

// component is how a part of a picture is recognised in a text and what its value is.
type component struct {
	letter  byte // 0 of a literal
	pattern string
	parse   func(s string) float64 // not a number if it is none
}

// missingPart is the value of a name that is not known: its component counts as not given.
var missingPart = math.Inf(-1)

// parser is how an integer with this picture is read.
func (p *integerPicture) parser() component {
	return p.parserOf(-1)
}

// parserOf is parser for a text of so many digits, any number if that is not positive.
func (p *integerPicture) parserOf(digits float64) component {
	upper := p.letterCase == caseUpper
	switch p.style {
	case styleLetters:
		pattern := "[a-z]+"
		if upper {
			pattern = "[A-Z]+"
		}
		return component{pattern: pattern, parse: func(s string) float64 { return lettersNumber(s, upper) }}
	case styleRoman:
		return component{pattern: "[MDCLXVImdclxvi]+", parse: func(s string) float64 {
			if !upper {
				s = strings.ToUpper(s)
			}
			return romanNumber(s)
		}}
	case styleWords:
		return component{pattern: "(?:" + strings.Join(wordList, "|") + "|and|[\\-, ])+", parse: wordsNumber}
	case styleOther:
		panic(mistake("D3130", 0).withValue(p.token))
	}
	pattern := "[0-9]+"
	if digits > 0 {
		pattern = "[0-9]{" + strconv.Itoa(digitCount(digits)) + "}"
		if p.optional > 0 {
			pattern = "[0-9]{" + strconv.Itoa(max(0, digitCount(digits)-p.optional)) + "," + strconv.Itoa(digitCount(digits)) + "}"
		}
	}
	if p.ordinal {
		pattern += "(?:th|st|nd|rd)"
	}
	return component{pattern: pattern, parse: p.parseDigits}
}

func (p *integerPicture) parseDigits(s string) float64 {
	if p.ordinal {
		s = cutText(s, 0, textLength(s)-2)
	}
	if p.regular > 0 {
		s = strings.ReplaceAll(s, ",", "")
	} else {
		for _, separator := range p.separators {
			s = strings.ReplaceAll(s, separator.char, "")
		}
	}
	if p.zero != '0' {
		s = strings.Map(func(c rune) rune { return c - p.zero + '0' }, s)
	}
	return parseInt(s)
}

// parser is how a part of a picture is read.
func (p *picturePart) parser() component {
	switch {
	case p.component == 0:
		return component{pattern: quotePattern(p.literal)}
	case p.component == 'Z' || p.component == 'z':
		return p.zoneParser()
	case p.integer != nil:
		c := p.integer.parserOf(p.digits)
		c.letter = p.component
		return c
	}
	names := map[string]float64{}
	add := func(list []string, first int) {
		for i, name := range list {
			if name == "" {
				continue
			}
			if p.hasWidth && p.max > 0 {
				name = name[:min(len(name), int(p.max))]
			}
			names[name] = float64(i + first)
		}
	}
	switch p.component {
	case 'M', 'x':
		add(monthNames, 1)
	case 'F':
		add(dayNames, 0)
	case 'P':
		names = map[string]float64{"am": 0, "AM": 0, "pm": 1, "PM": 1}
	default:
		panic(mistake("D3133", 0).withValue(string(p.component)))
	}
	return component{letter: p.component, pattern: "[a-zA-Z]+", parse: func(s string) float64 {
		if v, ok := names[s]; ok {
			return v
		}
		return missingPart
	}}
}

func quotePattern(s string) string {
	var out strings.Builder
	for _, c := range s {
		if strings.ContainsRune(`.*+?^${}()|[]\`, c) {
			out.WriteByte('\\')
		}
		out.WriteRune(c)
	}
	return out.String()
}

// zoneParser reads an offset in minutes.
func (p *picturePart) zoneParser() component {
	c := component{letter: p.component, pattern: "[-+][0-9]+"}
	skip := 0
	if p.component == 'z' {
		c.pattern, skip = "GMT"+c.pattern, 3
	}
	between := ""
	if p.integer.regular > 0 {
		between = p.integer.separators[0].char
		c.pattern += between + "[0-9]+"
	}
	c.parse = func(s string) float64 {
		s = s[min(skip, len(s)):]
		if between != "" {
			hours, minutes, _ := strings.Cut(s, between)
			return parseInt(hours)*60 + parseInt(minutes)
		}
		if len(s)-1 <= 2 {
			return parseInt(s) * 60
		}
		return parseInt(s[:3])*60 + parseInt(s[3:])
	}
	return c
}

// parts are the components that a text has given.
type parts map[byte]float64

// mask has a bit for each letter whose component is given and is not zero, the first letter's highest.
func (p parts) mask(letters string) (bits int) {
	for i := range len(letters) {
		v := p[letters[i]]
		bits = bits<<1 | btoi(v != 0 && !math.IsNaN(v))
	}
	return bits
}

// allows tells whether the components given are some of those of a combination, and at least one.
func allows(combination, given int) bool { return given&^combination == 0 && given&combination != 0 }

// The combinations of components that make a date, as masks of YXMxWwdD, and a time of day, as masks of PHhmsf.
const (
	dateOfMonth = 0b10100001
	dateOfYear  = 0b10000010
	dateOfWeek1 = 0b01010100 // week of the month
	dateOfWeek2 = 0b01001000 // week of the year
	time24      = 0b010111
	time12      = 0b101111
)

// parseTime reads a text with a picture; undefined if it does not match.
func (r *run) parseTime(s, picture string) any {
	list := parseDatePicture(picture)
	if len(list) > maxPictureParts {
		panic(mistake(codeMemory, 0).with("limit", float64(maxPictureParts)))
	}
	r.work(len(picture) + len(s))
	components := make([]component, len(list))
	var full strings.Builder
	full.WriteByte('^')
	for i := range list {
		components[i] = list[i].parser()
		full.WriteString("(" + components[i].pattern + ")")
	}
	full.WriteByte('$')
	compiled, err := regex.Compile(full.String(), regex.Flags{IgnoreCase: true})
	if err != nil {
		panic(mistake(codePattern, 0).with("reason", err.Error()))
	}
	node := regexNode{regex: compiled}
	found := (&pattern{node: &node}).exec(r, r.subject(s), 0)
	if found == nil {
		return undefined
	}
	given := parts{}
	for i, group := range r.list(found.groups) {
		if c := components[i]; c.parse != nil {
			text, _ := group.(string)
			given[c.letter] = c.parse(text)
		}
	}
	if len(given) == 0 {
		return undefined
	}
	for letter, v := range given {
		if v == missingPart {
			delete(given, letter)
		}
	}
	return given.millis(newInstant(float64(r.now.UnixMilli())))
}

// millis is the time that the components mean. What is more significant than the first that is given is taken from now, what is less
// significant than the last is the lowest possible; a gap in between is a mistake.
func (p parts) millis(now instant) float64 {
	date, clock := p.mask("YXMxWwdD"), p.mask("PHhmsf")
	byYear := !allows(dateOfMonth, date) && allows(dateOfYear, date)
	byMonthWeek := allows(dateOfWeek1, date)
	byYearWeek := !byMonthWeek && allows(dateOfWeek2, date)
	half := !allows(time24, clock) && allows(time12, clock)
	order := "YMD"
	switch {
	case byYear:
		order = "YD"
	case byMonthWeek:
		order = "XxwF"
	case byYearWeek:
		order = "XWF"
	}
	if half {
		order += "Phmsf"
	} else {
		order += "Hmsf"
	}
	p.complete(order, now)
	if byMonthWeek || byYearWeek {
		panic(mistake("D3136", 0))
	}
	if p['M'] > 0 {
		p['M']--
	} else {
		p['M'] = 0
	}
	if byYear {
		derived := newInstant(utcMillis(p['Y'], 0, 1, 0, 0, 0, 0) + (p['d']-1)*day)
		p['M'], p['D'] = derived.fragment('M')-1, derived.fragment('D')
	}
	if half {
		p['H'] = p['h']
		if p['h'] == 12 {
			p['H'] = 0
		}
		if p['P'] == 1 {
			p['H'] += 12
		}
	}
	millis := utcMillis(p['Y'], p['M'], p['D'], p['H'], p['m'], p['s'], p['f'])
	for _, letter := range []byte("Zz") {
		if offset := p[letter]; offset != 0 && !math.IsNaN(offset) {
			return millis - offset*60*1000
		}
	}
	return millis
}

func (p parts) complete(order string, now instant) {
	started, ended := false, false
	for _, letter := range []byte(order) {
		if _, ok := p[letter]; ok {
			started = true
			if ended {
				panic(mistake("D3136", 0))
			}
			continue
		}
		switch {
		case !started:
			p[letter] = now.fragment(letter)
		case slices.Contains([]byte("MDd"), letter):
			p[letter], ended = 1, true
		default:
			p[letter], ended = 0, true
		}
	}
}
