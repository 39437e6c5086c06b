package intrinsic

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// display is a value as Java prints it: {a=1, b=[x, null]}.
func display(v any) string {
	var b strings.Builder
	appendDisplay(&b, v)
	return b.String()
}

func appendDisplay(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		b.WriteString(v)
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			appendDisplay(b, item)
		}
		b.WriteByte(']')
	case *value.Object:
		b.WriteByte('{')
		for i, name := range v.Names() {
			if i > 0 {
				b.WriteString(", ")
			}
			_, item := v.At(i)
			b.WriteString(name + "=")
			appendDisplay(b, item)
		}
		b.WriteByte('}')
	default:
		literal := value.Text(v)
		if f, _ := value.Float(v); strings.ContainsAny(literal, ".eE") && !math.IsInf(f, 0) {
			literal = double(f)
		}
		b.WriteString(literal)
	}
}

// double is Java's Double.toString: at least one digit on either side of the point, an exponent below 10⁻³ and from 10⁷.
func double(f float64) string {
	if abs := math.Abs(f); f == 0 || abs >= 1e-3 && abs < 1e7 {
		text := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
}

// javaHash is the hash code of the Java object that Jackson makes of a value.
func javaHash(v any) int32 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1231
		}
		return 1237
	case string:
		h := int32(0)
		for _, c := range utf16.Encode([]rune(v)) {
			h = 31*h + int32(c)
		}
		return h
	case []any:
		h := int32(1)
		for _, item := range v {
			h = 31*h + javaHash(item)
		}
		return h
	case *value.Object:
		h := int32(0)
		for name, item := range v.All() {
			h += javaHash(name) ^ javaHash(item)
		}
		return h
	default:
		literal := value.Text(v)
		if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
			if int64(int32(n)) == n {
				return int32(n)
			}
			return int32(n ^ n>>32)
		}
		f, _ := value.Float(v)
		bits := math.Float64bits(f)
		return int32(bits ^ bits>>32)
	}
}
