package engine

import (
	"encoding/json"
	"fmt"
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
		if n, err := p.Int64(); err == nil {
			return duckdb.CreateInt64(n), nil
		}
		f, err := p.Float64()
		return duckdb.CreateDouble(f), err
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
