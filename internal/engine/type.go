package engine

import (
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

var plainTypes = map[duckdb.Type]string{
	duckdb.TypeBoolean: "BOOLEAN", duckdb.TypeTinyInt: "TINYINT", duckdb.TypeSmallInt: "SMALLINT", duckdb.TypeInteger: "INTEGER",
	duckdb.TypeBigInt: "BIGINT", duckdb.TypeUTinyInt: "UTINYINT", duckdb.TypeUSmallInt: "USMALLINT", duckdb.TypeUInteger: "UINTEGER",
	duckdb.TypeUBigInt: "UBIGINT", duckdb.TypeHugeInt: "HUGEINT", duckdb.TypeUHugeInt: "UHUGEINT", duckdb.TypeFloat: "FLOAT",
	duckdb.TypeDouble: "DOUBLE", duckdb.TypeTimestamp: "TIMESTAMP", duckdb.TypeTimestampS: "TIMESTAMP_S", duckdb.TypeTimestampMS: "TIMESTAMP_MS",
	duckdb.TypeTimestampNS: "TIMESTAMP_NS", duckdb.TypeTimestampTZ: "TIMESTAMP WITH TIME ZONE", duckdb.TypeDate: "DATE", duckdb.TypeTime: "TIME",
	duckdb.TypeTimeTZ: "TIME WITH TIME ZONE", duckdb.TypeTimeNS: "TIME_NS", duckdb.TypeInterval: "INTERVAL", duckdb.TypeVarchar: "VARCHAR",
	duckdb.TypeBlob: "BLOB", duckdb.TypeBit: "BIT", duckdb.TypeUUID: "UUID", duckdb.TypeBigNum: "BIGNUM", duckdb.TypeSQLNull: `"NULL"`,
	duckdb.TypeVariant: "VARIANT", duckdb.TypeGeometry: "GEOMETRY", duckdb.TypeEnum: "ENUM", duckdb.TypeUnion: "UNION",
}

// typeName writes a type as DESCRIBE does; an enum or union without its members.
func typeName(t duckdb.LogicalType) string {
	if t.Ptr == nil {
		return "" // of a parameter that no context gives a type
	}
	if alias := duckdb.LogicalTypeGetAlias(t); alias != "" {
		return alias
	}
	id := duckdb.GetTypeId(t)
	switch id {
	case duckdb.TypeDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", duckdb.DecimalWidth(t), duckdb.DecimalScale(t))
	case duckdb.TypeList:
		return childName(duckdb.ListTypeChildType(t)) + "[]"
	case duckdb.TypeArray:
		return fmt.Sprintf("%s[%d]", childName(duckdb.ArrayTypeChildType(t)), duckdb.ArrayTypeArraySize(t))
	case duckdb.TypeMap:
		return "MAP(" + childName(duckdb.MapTypeKeyType(t)) + ", " + childName(duckdb.MapTypeValueType(t)) + ")"
	case duckdb.TypeStruct:
		parts := make([]string, duckdb.StructTypeChildCount(t))
		for i := range parts {
			at := duckdb.IdxT(i)
			parts[i] = record.QuoteName(duckdb.StructTypeChildName(t, at)) + " " + childName(duckdb.StructTypeChildType(t, at))
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return plainTypes[id]
}

func childName(t duckdb.LogicalType) string {
	defer duckdb.DestroyLogicalType(&t)
	return typeName(t)
}

// recordType is the column type nearest to a type of DuckDB; false if a table
// cannot hold it.
func recordType(t duckdb.LogicalType) (record.Type, bool) {
	if duckdb.LogicalTypeGetAlias(t) == "JSON" {
		return record.Type{Kind: record.JSON}, true
	}
	switch duckdb.GetTypeId(t) {
	case duckdb.TypeBoolean:
		return record.Type{Kind: record.Boolean}, true
	case duckdb.TypeTinyInt, duckdb.TypeSmallInt, duckdb.TypeInteger, duckdb.TypeUTinyInt, duckdb.TypeUSmallInt:
		return record.Type{Kind: record.Int}, true
	case duckdb.TypeBigInt, duckdb.TypeUInteger:
		return record.Type{Kind: record.Bigint}, true
	case duckdb.TypeHugeInt, duckdb.TypeUBigInt:
		return record.Type{Kind: record.Decimal, Precision: 38}, true
	case duckdb.TypeFloat, duckdb.TypeDouble:
		return record.Type{Kind: record.Double}, true
	case duckdb.TypeDecimal:
		return record.Type{Kind: record.Decimal, Precision: int(duckdb.DecimalWidth(t)), Scale: int(duckdb.DecimalScale(t))}, true
	case duckdb.TypeVarchar, duckdb.TypeUUID, duckdb.TypeEnum, duckdb.TypeSQLNull:
		return record.Type{Kind: record.Varchar}, true
	case duckdb.TypeDate:
		return record.Type{Kind: record.Date}, true
	case duckdb.TypeTimestamp, duckdb.TypeTimestampS, duckdb.TypeTimestampMS, duckdb.TypeTimestampNS:
		return record.Type{Kind: record.Timestamp}, true
	case duckdb.TypeTimestampTZ:
		return record.Type{Kind: record.Timestamptz}, true
	case duckdb.TypeList:
		child := duckdb.ListTypeChildType(t)
		defer duckdb.DestroyLogicalType(&child)
		elem, ok := recordType(child)
		return record.Type{Kind: record.Array, Elem: &elem}, ok
	case duckdb.TypeStruct:
		return recordStruct(t)
	}
	return record.Type{}, false
}

func recordStruct(t duckdb.LogicalType) (record.Type, bool) {
	out := record.Type{Kind: record.Struct}
	for i := range duckdb.StructTypeChildCount(t) {
		child := duckdb.StructTypeChildType(t, i)
		ft, ok := recordType(child)
		duckdb.DestroyLogicalType(&child)
		name := duckdb.StructTypeChildName(t, i)
		if !ok || name == "" {
			return record.Type{}, false
		}
		out.Fields = append(out.Fields, record.Column{Name: name, Type: ft})
	}
	return out, true
}
