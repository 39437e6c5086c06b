package jsonata

import (
	"math"
	"slices"
	"strings"
)

// Numbers as letters, Roman numerals and English words, and back.

// letters counts a, b … z, aa, ab ….
func letters(f float64, upper bool) string {
	first := byte('a')
	if upper {
		first = 'A'
	}
	var out []byte
	for f > 0 {
		out = append(out, byte(math.Mod(f-1, 26))+first)
		f = math.Floor((f - 1) / 26)
	}
	slices.Reverse(out)
	return string(out)
}

func lettersNumber(s string, upper bool) float64 {
	first := 'a'
	if upper {
		first = 'A'
	}
	total := 0.0
	units := textUnits(s)
	for i := range units {
		total += (float64(units[len(units)-1-i]) - float64(first) + 1) * math.Pow(26, float64(i))
	}
	return total
}

var romanNumerals = []struct {
	value float64
	text  string
}{
	{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"},
	{4, "iv"}, {1, "i"},
}

// maxRoman is the largest number that is written as a Roman numeral; it has ten thousand letters.
const maxRoman = 10_000_000

func roman(f float64) string {
	if f > maxRoman {
		panic(mistake("D1001", 0).withValue(f))
	}
	var out strings.Builder
	for _, numeral := range romanNumerals {
		for f >= numeral.value {
			out.WriteString(numeral.text)
			f -= numeral.value
		}
	}
	return out.String()
}

// romanNumber reads a Roman numeral in upper case; a letter that is none makes it not a number.
func romanNumber(s string) float64 {
	total, highest := 0.0, 1.0
	for i := len(s) - 1; i >= 0; i-- {
		digit, ok := map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}[s[i]]
		if !ok {
			return math.NaN()
		}
		if digit < highest {
			total -= digit
		} else {
			highest = digit
			total += digit
		}
	}
	return total
}

var (
	smallWords = []string{
		"Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve", "Thirteen", "Fourteen",
		"Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
	}
	ordinalWords = []string{
		"Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Eleventh", "Twelfth",
		"Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth",
	}
	tensWords      = []string{"Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred"}
	magnitudeWords = []string{"Thousand", "Million", "Billion", "Trillion"}
)

func numberWords(f float64, ordinal bool) string { return words(f, false, ordinal) }

// words is a number in words; more tells whether words come before it.
func words(f float64, more, ordinal bool) string {
	prefix := func(s string) string {
		if more {
			return s
		}
		return ""
	}
	// rest is what follows the larger part: the remainder, or the ending of an ordinal.
	rest := func(remainder float64) string {
		switch {
		case remainder > 0:
			return words(remainder, true, ordinal)
		case ordinal:
			return "th"
		}
		return ""
	}
	switch {
	case f <= 19:
		if ordinal {
			return prefix(" and ") + ordinalWords[int(f)]
		}
		return prefix(" and ") + smallWords[int(f)]
	case f < 100:
		ten := prefix(" and ") + tensWords[int(f/10)-2]
		switch remainder := math.Mod(f, 10); {
		case remainder > 0:
			return ten + "-" + words(remainder, false, ordinal)
		case ordinal:
			return ten[:len(ten)-1] + "ieth"
		}
		return ten
	case f < 1000:
		return prefix(", ") + smallWords[int(f/100)] + " Hundred" + rest(math.Mod(f, 100))
	}
	magnitude := 1
	for magnitude < len(magnitudeWords) && f >= math.Pow(1000, float64(magnitude+1)) {
		magnitude++
	}
	factor := math.Pow(10, float64(magnitude*3))
	mantissa := math.Floor(f / factor)
	return prefix(", ") + words(mantissa, false, false) + " " + magnitudeWords[magnitude-1] + rest(f-mantissa*factor)
}

// wordValues are the numbers of single words in lower case; wordList is the same in a fixed order, for a regular expression.
var wordValues, wordList = func() (map[string]float64, []string) {
	values := map[string]float64{}
	var list []string
	add := func(word string, v float64) {
		if _, ok := values[word]; !ok {
			list = append(list, word)
		}
		values[word] = v
	}
	for i, word := range smallWords {
		add(strings.ToLower(word), float64(i))
	}
	for i, word := range ordinalWords {
		add(strings.ToLower(word), float64(i))
	}
	for i, word := range tensWords {
		word = strings.ToLower(word)
		add(word, float64(i+2)*10)
		add(word[:len(word)-1]+"ieth", float64(i+2)*10)
	}
	add("hundredth", 100)
	for i, word := range magnitudeWords {
		word = strings.ToLower(word)
		add(word, math.Pow(1000, float64(i+1)))
		add(word+"th", math.Pow(1000, float64(i+1)))
	}
	return values, list
}()

// wordsNumber reads a number in words; a word that is none makes it not a number.
func wordsNumber(s string) float64 {
	parts := []float64{0}
	for _, word := range splitWords(strings.ToLower(s)) {
		v, ok := wordValues[word]
		if !ok {
			v = math.NaN()
		}
		last := len(parts) - 1
		switch {
		case !(v < 100):
			parts[last] *= v
		case parts[last] >= 1000:
			parts = append(parts, v)
		default:
			parts[last] += v
		}
	}
	total := 0.0
	for _, part := range parts {
		total += part
	}
	return total
}

// splitWords cuts at a comma with a blank, at "and" between blanks, and at a blank, backslash or hyphen.
func splitWords(s string) []string {
	blank := func(i int) bool { return i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') }
	var out []string
	from := 0
	for i := 0; i < len(s); {
		length := 0
		switch {
		case s[i] == ',' && blank(i+1):
			length = 2
		case blank(i) && strings.HasPrefix(s[i+1:], "and") && blank(i+4):
			length = 5
		case blank(i) || s[i] == '\\' || s[i] == '-':
			length = 1
		}
		if length == 0 {
			i++
			continue
		}
		out = append(out, s[from:i])
		i += length
		from = i
	}
	return append(out, s[from:])
}
