package engine

import (
	"fmt"
	"slices"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/biwa-data/biwa/internal/record"
)

// Some types lose something on DuckDB's way to Arrow, or have no way: a TIMETZ its
// zone, a UHUGEINT its upper half, an INTERVAL
// what its nanoseconds overflow by. DuckDB makes their text before; a statement with
// such columns is wrapped into one that casts them.

// preparedTypes are the columns of a prepared statement, as far as DuckDB knows them.
// For an inexact one casts has the type that is exact, else "".
func (cur *cursor) preparedTypes() (columns []Column, casts []string) {
	n := duckdb.PreparedStatementColumnCount(cur.statement)
	columns, casts = make([]Column, n), make([]string, n)
	for i := range n {
		t := duckdb.PreparedStatementColumnLogicalType(cur.statement, i)
		columns[i] = Column{Name: duckdb.PreparedStatementColumnName(cur.statement, i)}
		if t.Ptr != nil {
			columns[i].Type = typeName(t)
			casts[i] = exactType(t)
			duckdb.DestroyLogicalType(&t)
		}
	}
	return columns, casts
}

// exactList is a SELECT list with these casts; "" if there are none.
func exactList(casts []string) string {
	if !slices.ContainsFunc(casts, func(cast string) bool { return cast != "" }) {
		return ""
	}
	parts := make([]string, len(casts))
	for i, cast := range casts {
		parts[i] = fmt.Sprintf("c%d", i)
		if cast != "" {
			parts[i] = fmt.Sprintf("CAST(c%d AS %s)", i, cast)
		}
	}
	return strings.Join(parts, ", ")
}

// exactly wraps a statement; what places in it mean stays.
func exactly(src source, sql, list string, columns int) (source, string) {
	head := "SELECT " + list + " FROM ("
	names := make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	src.edits = append([]edit{{0, 0, head}}, src.edits...)
	return src, head + sql[:statementEnd(sql)] + "\n) AS inexact(" + strings.Join(names, ", ") + ")"
}

// statementEnd is where a statement's last semicolon stands, after which only comments
// follow, or its length.
func statementEnd(sql string) int {
	for at := skipSpace(sql, 0); at < len(sql); at = skipSpace(sql, at) {
		switch c := sql[at]; {
		case c == ';':
			return at
		case c == '\'':
			at = afterQuote(sql, at, at > 0 && (sql[at-1] == 'e' || sql[at-1] == 'E') && (at == 1 || !isWord(sql[at-2])))
		case c == '"':
			at = afterQuote(sql, at, false)
		case c == '$':
			at = afterDollar(sql, at)
		case isWord(c):
			for at < len(sql) && isWord(sql[at]) {
				at++
			}
		default:
			at++
		}
	}
	return len(sql)
}

// afterQuote is the offset behind a quoted text; a doubled quote ends it and begins
// another one, which comes to the same.
func afterQuote(sql string, at int, escapes bool) int {
	quote := sql[at]
	for at++; at < len(sql); at++ {
		switch {
		case escapes && sql[at] == '\\':
			at++
		case sql[at] == quote:
			return at + 1
		}
	}
	return len(sql)
}

// afterDollar is the offset behind $tag$…$tag$, or behind a parameter.
func afterDollar(sql string, at int) int {
	end := at + 1
	for end < len(sql) && isWord(sql[end]) && sql[end] != '$' {
		end++
	}
	if end == len(sql) || sql[end] != '$' {
		return end
	}
	tag := sql[at : end+1]
	if closing := strings.Index(sql[end+1:], tag); closing >= 0 {
		return end + 1 + closing + len(tag)
	}
	return len(sql)
}

// exactType is the type to cast t to, "" if it may stay.
func exactType(t duckdb.LogicalType) string {
	name, changed := exactName(t)
	switch {
	case !changed:
		return ""
	case name == "": // a part of it cannot be spelled
		return "VARCHAR"
	}
	return name
}

// exactName spells the exact type; "" where it cannot be.
func exactName(t duckdb.LogicalType) (name string, changed bool) {
	switch duckdb.GetTypeId(t) {
	case duckdb.TypeInterval, duckdb.TypeUHugeInt, duckdb.TypeTimeTZ, duckdb.TypeBit, duckdb.TypeBigNum, duckdb.TypeVariant, duckdb.TypeGeometry:
		return "VARCHAR", true
	case duckdb.TypeTimestampS: // Parquet has no seconds, and they overflow on the way to its milliseconds
		return "TIMESTAMP", true
	case duckdb.TypeEnum, duckdb.TypeUnion:
		return "VARCHAR", false
	case duckdb.TypeList:
		child, changed := exactChild(duckdb.ListTypeChildType(t))
		return suffixed(child, "[]"), changed
	case duckdb.TypeArray:
		child, changed := exactChild(duckdb.ArrayTypeChildType(t))
		return suffixed(child, fmt.Sprintf("[%d]", duckdb.ArrayTypeArraySize(t))), changed
	case duckdb.TypeMap:
		key, a := exactChild(duckdb.MapTypeKeyType(t))
		value, b := exactChild(duckdb.MapTypeValueType(t))
		if key == "" || value == "" {
			return "", a || b
		}
		return "MAP(" + key + ", " + value + ")", a || b
	case duckdb.TypeStruct:
		return exactStruct(t)
	}
	return typeName(t), false
}

func exactStruct(t duckdb.LogicalType) (name string, changed bool) {
	parts := make([]string, duckdb.StructTypeChildCount(t))
	spelled := true
	for i := range parts {
		at := duckdb.IdxT(i)
		field := duckdb.StructTypeChildName(t, at)
		child, c := exactChild(duckdb.StructTypeChildType(t, at))
		parts[i] = record.QuoteName(field) + " " + child
		changed, spelled = changed || c, spelled && field != "" && child != ""
	}
	if !spelled {
		return "", changed
	}
	return "STRUCT(" + strings.Join(parts, ", ") + ")", changed
}

func exactChild(t duckdb.LogicalType) (name string, changed bool) {
	defer duckdb.DestroyLogicalType(&t)
	return exactName(t)
}

func suffixed(name, suffix string) string {
	if name == "" {
		return ""
	}
	return name + suffix
}
