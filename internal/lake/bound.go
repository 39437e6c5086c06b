package lake

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	iceberg "github.com/apache/iceberg-go"

	"github.com/biwa-data/biwa/internal/record"
)

// boundRunes is how much of a text a manifest keeps as its bound.
const boundRunes = 16

// bound is a column's bound, as the engine printed it, in Iceberg's binary form;
// nil for one that cannot be read or has no short form. A reader elsewhere
// prunes by it, so what is not certain is left out.
func bound(t record.Type, text string, upper bool) []byte {
	literal := boundLiteral(t, text, upper)
	if literal == nil {
		return nil
	}
	m, ok := literal.(interface{ MarshalBinary() ([]byte, error) })
	if !ok {
		return nil
	}
	data, err := m.MarshalBinary()
	if err != nil {
		return nil
	}
	return data
}

func boundLiteral(t record.Type, text string, upper bool) iceberg.Literal {
	switch t.Kind {
	case record.Boolean:
		if v, err := strconv.ParseBool(text); err == nil {
			return iceberg.BoolLiteral(v)
		}
	case record.Int:
		if v, err := strconv.ParseInt(text, 10, 32); err == nil {
			return iceberg.Int32Literal(v)
		}
	case record.Bigint:
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			return iceberg.Int64Literal(v)
		}
	case record.Double:
		if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) {
			return iceberg.Float64Literal(v)
		}
	case record.Decimal:
		if v, ok := parseDecimal(text, t.Scale); ok {
			return iceberg.DecimalLiteral{Val: v, Scale: t.Scale}
		}
	case record.Date:
		if v, err := time.Parse(time.DateOnly, text); err == nil {
			return iceberg.DateLiteral(v.Unix() / 86400)
		}
	case record.Timestamp, record.Timestamptz:
		if v, ok := parseTimestamp(text); ok {
			return iceberg.TimestampLiteral(v.UnixMicro())
		}
	case record.Varchar, record.JSON:
		if v, ok := boundText(text, upper); ok {
			return iceberg.StringLiteral(v)
		}
	}
	return nil
}

func parseDecimal(text string, scale int) (decimal128.Num, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > scale || whole == "" {
		return decimal128.Num{}, false
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
	if !ok || n.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(n), true
}

// parseTimestamp reads DuckDB's form of a timestamp, its zone as +00 or +09:30.
func parseTimestamp(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00", time.RFC3339} {
		if v, err := time.Parse(layout, text); err == nil {
			return v, true
		}
	}
	return time.Time{}, false
}

// boundText shortens a text. A shortened upper bound has its last character
// raised, so that it is not below any text that begins as the whole one does.
func boundText(text string, upper bool) (string, bool) {
	if !utf8.ValidString(text) {
		return "", false
	}
	runes := []rune(text)
	if len(runes) <= boundRunes {
		return text, true
	}
	runes = runes[:boundRunes]
	if !upper {
		return string(runes), true
	}
	for i := len(runes) - 1; i >= 0; i-- {
		next := runes[i] + 1
		if next == 0xd800 { // where the surrogates begin, which no text holds
			next = 0xe000
		}
		if next <= utf8.MaxRune {
			return string(append(runes[:i], next)), true
		}
	}
	return "", false
}
