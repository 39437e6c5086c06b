package api

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Values as text. What RFC 3339 has a form for is written so; everything else is
// written as PostgreSQL writes it.

// infinite is the text of a value that DuckDB keeps for infinity, or "".
func infinite(v, most int64) string {
	switch v {
	case most:
		return "infinity"
	case -most:
		return "-infinity"
	}
	return ""
}

func timestampText(c *array.Timestamp, i int, location *time.Location) string {
	if text := infinite(int64(c.Value(i)), math.MaxInt64); text != "" {
		return text
	}
	kind := c.DataType().(*arrow.TimestampType)
	t, zoned := instant(int64(c.Value(i)), kind.Unit), kind.TimeZone != ""
	if zoned {
		t = t.In(location)
	}
	_, offset := t.Zone()
	if t.Year() >= 1 && t.Year() <= 9999 && offset%60 == 0 {
		if !zoned {
			return t.Format("2006-01-02T15:04:05.999999999")
		}
		return t.Format("2006-01-02T15:04:05.999999999Z07:00")
	}
	text, era := yearText(t)
	text += t.Format("-01-02 15:04:05.999999999")
	if zoned {
		text += offsetText(offset)
	}
	return text + era
}

// instant does not overflow, whatever the unit.
func instant(v int64, unit arrow.TimeUnit) time.Time {
	each := int64(time.Second / unit.Multiplier())
	seconds, rest := v/each, v%each
	return time.Unix(seconds, rest*int64(unit.Multiplier())).UTC()
}

func dateText(v arrow.Date32) string {
	if text := infinite(int64(v), math.MaxInt32); text != "" {
		return text
	}
	t := time.Unix(int64(v)*86400, 0).UTC()
	text, era := yearText(t)
	return text + t.Format("-01-02") + era
}

// yearText is the year and what follows the time: there is no year 0.
func yearText(t time.Time) (year, era string) {
	n := t.Year()
	if n < 1 {
		n, era = 1-n, " BC"
	}
	year = strconv.Itoa(n)
	return strings.Repeat("0", max(0, 4-len(year))) + year, era
}

// offsetText is as short as it can be: +09, -03:30, +09:18:59.
func offsetText(seconds int) string {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	out := append([]byte{sign}, two(seconds/3600)...)
	if seconds%3600 != 0 {
		out = append(append(out, ':'), two(seconds/60%60)...)
	}
	if seconds%60 != 0 {
		out = append(append(out, ':'), two(seconds%60)...)
	}
	return string(out)
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// clockText is a time of day; the end of a day is 24:00:00.
func clockText(v int64, unit arrow.TimeUnit) string {
	each := int64(time.Second / unit.Multiplier())
	seconds, rest := v/each, v%each
	return two(int(seconds/3600)) + ":" + two(int(seconds/60%60)) + ":" + two(int(seconds%60)) + fraction(rest*int64(unit.Multiplier()))
}

// fraction is nanoseconds with the point before them, without zeros at the end.
func fraction(nanos int64) string {
	if nanos == 0 {
		return ""
	}
	text := strconv.FormatInt(nanos, 10)
	return "." + strings.TrimRight(strings.Repeat("0", 9-len(text))+text, "0")
}

// intervalText is PostgreSQL's text of DuckDB's: months are mons, and a sign of plus
// stands after a negative part only.
func intervalText(text string) string {
	words := strings.Fields(text)
	var out []string
	negative := false
	for i, word := range words {
		switch {
		case strings.HasPrefix(word, "month"):
			word = "mon"
			if words[i-1] != "1" {
				word = "mons"
			}
		case word == "year" || word == "day":
			if words[i-1] != "1" {
				word += "s"
			}
		case word[0] == '-':
			negative = true
		case word[0] >= '0' && word[0] <= '9':
			if negative {
				word = "+" + word
			}
			negative = false
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// byteText is PostgreSQL's bytea in hex.
func byteText(b []byte) string { return `\x` + hex.EncodeToString(b) }

// decimalText does not go by way of a float, also not where a HUGEINT has more
// digits than a decimal can.
func decimalText(c *array.Decimal128, i int) string {
	v, scale := c.Value(i), c.DataType().(*arrow.Decimal128Type).Scale
	if scale == 0 {
		return v.BigInt().String()
	}
	digits := new(big.Int).Abs(v.BigInt()).String()
	digits = strings.Repeat("0", max(0, int(scale)+1-len(digits))) + digits
	text := digits[:len(digits)-int(scale)] + "." + digits[len(digits)-int(scale):]
	if v.Sign() < 0 {
		return "-" + text
	}
	return text
}

// appendFloatText writes the fewest digits that give the number back, with an
// exponent where PostgreSQL writes one.
func appendFloatText(out []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(out, "NaN"...)
	case math.IsInf(v, 1):
		return append(out, "Infinity"...)
	case math.IsInf(v, -1):
		return append(out, "-Infinity"...)
	}
	most := 15
	if bits == 32 {
		most = 6
	}
	// The exponent is that of the digits: a FLOAT of 1e-4 is a little less than 1e-4.
	start := len(out)
	out = strconv.AppendFloat(out, v, 'e', -1, bits)
	exponent, _ := strconv.Atoi(string(out[bytes.LastIndexByte(out, 'e')+1:]))
	if exponent >= -4 && exponent < most {
		return strconv.AppendFloat(out[:start], v, 'f', -1, bits)
	}
	return out
}

// partTypes are the types a nested type is made of, in the spelling of Column.Type.
func partTypes(sqlType string) []string {
	if strings.HasSuffix(sqlType, "]") {
		if at := strings.LastIndexByte(sqlType, '['); at >= 0 {
			return []string{sqlType[:at]}
		}
	}
	inner, isStruct := strings.CutPrefix(sqlType, "STRUCT(")
	if !isStruct {
		var isMap bool
		if inner, isMap = strings.CutPrefix(sqlType, "MAP("); !isMap {
			return nil
		}
	}
	inner = strings.TrimSuffix(inner, ")")
	var parts []string
	start, depth, quoted := 0, 0, false
	add := func(end int) {
		part := strings.TrimSpace(inner[start:end])
		if isStruct {
			part = part[afterName(part):]
		}
		parts, start = append(parts, part), end+1
	}
	for i := range len(inner) {
		switch c := inner[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			add(i)
		}
	}
	add(len(inner))
	return parts
}

// afterName is where the type begins in `"name" TYPE`.
func afterName(part string) int {
	quoted := false
	for i := range len(part) {
		switch {
		case part[i] == '"':
			quoted = !quoted
		case part[i] == ' ' && !quoted:
			return i + 1
		}
	}
	return len(part)
}
