package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// bindParams gives a prepared statement its values, $1 first. A time.Time is an
// instant; a date or a time without zone is passed as its text, which DuckDB
// casts to what the statement needs.
func bindParams(statement duckdb.PreparedStatement, params []any) error {
	if want := int(duckdb.NParams(statement)); want != len(params) {
		return record.Errorf(record.Invalid, "the statement has %d parameters, %d values were given", want, len(params))
	}
	for i, p := range params {
		v, err := value(p)
		if err == nil && v.Ptr == nil { // DuckDB would crash on it
			err = fmt.Errorf("it is not valid UTF-8")
		}
		if err != nil {
			return record.Errorf(record.Invalid, "parameter $%d: %w", i+1, err)
		}
		state := duckdb.BindValue(statement, duckdb.IdxT(i+1), v)
		duckdb.DestroyValue(&v)
		if state == duckdb.StateError {
			return record.Errorf(record.Invalid, "parameter $%d: DuckDB does not take this %T", i+1, p)
		}
	}
	return nil
}

func value(p any) (duckdb.Value, error) {
	switch p := p.(type) {
	case nil:
		return duckdb.CreateNullValue(), nil
	case bool:
		return duckdb.CreateBool(p), nil
	case int:
		return duckdb.CreateInt64(int64(p)), nil
	case int16:
		return duckdb.CreateInt16(p), nil
	case int32:
		return duckdb.CreateInt32(p), nil
	case int64:
		return duckdb.CreateInt64(p), nil
	case uint64:
		return duckdb.CreateUInt64(p), nil
	case record.RecordID:
		return duckdb.CreateInt64(int64(p)), nil
	case float32:
		return duckdb.CreateFloat(p), nil
	case float64:
		return duckdb.CreateDouble(p), nil
	case string:
		return duckdb.CreateVarchar(p), nil
	case json.Number:
		return numberValue(p.String())
	case json.RawMessage:
		return duckdb.CreateVarchar(string(p)), nil
	case []byte:
		return duckdb.CreateBlob(p), nil
	case time.Time:
		return duckdb.CreateTimestampTZ(duckdb.NewTimestamp(p.UnixMicro())), nil
	case time.Duration:
		return duckdb.CreateInterval(duckdb.NewInterval(0, 0, p.Microseconds())), nil
	case []string:
		return listValue(duckdb.TypeVarchar, p, func(s string) duckdb.Value { return duckdb.CreateVarchar(s) })
	case []int64:
		return listValue(duckdb.TypeBigInt, p, duckdb.CreateInt64)
	}
	return duckdb.Value{}, fmt.Errorf("a %T cannot be a parameter", p)
}

func listValue[T any](id duckdb.Type, items []T, make func(T) duckdb.Value) (list duckdb.Value, err error) {
	elem := duckdb.CreateLogicalType(id)
	defer duckdb.DestroyLogicalType(&elem)
	var values []duckdb.Value
	defer func() {
		for i := range values {
			duckdb.DestroyValue(&values[i])
		}
	}()
	for _, item := range items {
		v := make(item)
		if v.Ptr == nil {
			return duckdb.Value{}, nil
		}
		values = append(values, v)
	}
	return duckdb.CreateListValue(elem, values), nil
}

// maxDigits is how many a DECIMAL has at most.
const maxDigits = 38

// numberValue keeps the digits of a JSON number: a whole number is a BIGINT or, beyond
// it, a HUGEINT or DECIMAL; one with a point a DECIMAL; one that only an exponent can
// write, and -0, a DOUBLE. What would not be exact is refused.
func numberValue(text string) (duckdb.Value, error) {
	digits, scale, ok := decimalDigits(text)
	switch {
	case !ok:
	case digits.Sign() == 0 && strings.HasPrefix(text, "-"):
		return duckdb.CreateDouble(math.Copysign(0, -1)), nil
	case scale == 0 && digits.IsInt64():
		return duckdb.CreateInt64(digits.Int64()), nil
	case scale == 0:
		return duckdb.CreateHugeInt(hugeInt(digits)), nil
	default:
		return duckdb.CreateDecimal(duckdb.NewDecimal(uint8(min(maxDigits, max(countDigits(digits), scale+1))), uint8(scale), hugeInt(digits))), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return duckdb.Value{}, fmt.Errorf("%s is beyond what a DOUBLE holds, ±1.8e308; send it as a string and cast it", shortened(text))
	}
	if exact, same := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64)); !same || !sameNumber(text, exact) {
		return duckdb.Value{}, fmt.Errorf("%s has more digits than the %d of a DECIMAL or those of a DOUBLE; send it as a string and cast it", shortened(text), maxDigits)
	}
	return duckdb.CreateDouble(f), nil
}

// decimalDigits reads a JSON number as digits with a scale, if 38 digits can write it.
func decimalDigits(text string) (digits *big.Int, scale int, ok bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift > 2*maxDigits || shift < -2*maxDigits {
			return nil, 0, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if scale = len(fraction) - shift; len(whole)+len(fraction) > 1000 {
		return nil, 0, false
	}
	if digits, ok = new(big.Int).SetString(whole+fraction, 10); !ok {
		return nil, 0, false
	}
	if scale < 0 {
		digits.Mul(digits, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-scale)), nil))
		scale = 0
	}
	return digits, scale, max(countDigits(digits), scale) <= maxDigits
}

func countDigits(v *big.Int) int { return len(strings.TrimPrefix(v.String(), "-")) }

// sameNumber says whether a JSON number is exactly this one. Its exponent is small:
// ParseFloat has taken it, or it is as good as zero.
func sameNumber(text string, exact *big.Rat) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if n, err := strconv.Atoi(orElse(exponent, "0")); err != nil || n < -1000 || n > 1000 || len(text) > 2000 {
		return false
	}
	number, ok := new(big.Rat).SetString(text)
	return ok && number.Cmp(exact) == 0
}

func hugeInt(v *big.Int) duckdb.HugeInt {
	mask := new(big.Int).SetUint64(math.MaxUint64)
	low := new(big.Int).And(v, mask).Uint64() // of two's complement, as And has it
	return duckdb.NewHugeInt(low, new(big.Int).Rsh(v, 64).Int64())
}

func shortened(text string) string {
	if len(text) > 60 {
		return text[:57] + "…"
	}
	return text
}
