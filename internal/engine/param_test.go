package engine

import (
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

func TestANumberKeepsItsDigits(t *testing.T) {
	e, _ := openEngine(t, nil)
	for number, want := range map[string]string{
		"12345678901234567890": "12345678901234567890", "-12345678901234567890": "-12345678901234567890", "9223372036854775807": "9223372036854775807",
		"99999999999999999999999999999999999999": "99999999999999999999999999999999999999", "0.1": "0.1", "-0.10": "-0.10", "1e2": "100", "1.5E-3": "0.0015",
		"0.30000000000000000000000000000000001": "0.30000000000000000000000000000000001", "1e300": "1e+300", "-0.0": "-0.0", "0": "0", "1.0": "1.0",
	} {
		got, err := tryRows(t.Context(), e, Request{SQL: "SELECT $1::VARCHAR", Params: []any{json.Number(number)}})
		if err != nil || got[0] != want {
			t.Errorf("%s is %v, want %s (%v)", number, got, want, err)
		}
	}
	for _, number := range []string{"1e400", "-1e400", "1e-400", "1e999999999999", "123456789012345678901234567890123456789", "0.1234567890123456789012345678901234567890"} {
		_, err := tryRows(t.Context(), e, Request{SQL: "SELECT $1", Params: []any{json.Number(number)}})
		var kind *record.Error
		if !errors.As(err, &kind) || kind.Kind != record.Invalid {
			t.Errorf("%s: %v, want an error that says it cannot be exact", number, err)
		}
	}
}

func TestAConstantBeyondDoubleIsInfinity(t *testing.T) {
	e, _ := openEngine(t, nil)
	for sql, want := range map[string]string{"SELECT 1e400::VARCHAR": "inf", "SELECT (-1e400)::VARCHAR || 'Infinity'": "-infInfinity", "SELECT 'say \"Infinity' || '\\' WHERE 1e999 > 1": "say \"Infinity\\"} {
		if got := rows(t, e, sql); got[0] != want {
			t.Errorf("%s: %s, want %s", sql, got[0], want)
		}
	}
}

// FuzzNumber holds that a number that is taken as digits is exactly what was sent.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1e2", "0.1", "12345678901234567890", "1e400", "1e-400", "9e37", "-1.5E+3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var number json.Number
		if json.Unmarshal([]byte(text), &number) != nil || text == "null" || text == "" || text[0] == '"' || len(text) > 200 {
			return
		}
		if digits, scale, ok := decimalDigits(number.String()); ok {
			got := new(big.Rat).SetFrac(digits, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
			if want, _ := new(big.Rat).SetString(number.String()); got.Cmp(want) != 0 {
				t.Errorf("%s became %s", text, got)
			}
		}
		if v, err := numberValue(number.String()); err == nil {
			duckdb.DestroyValue(&v)
		}
	})
}
