package shape

import (
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/zeebo/xxh3"
)

// keyText is a scalar value in a form that is the same wherever the value is:
// what buckets and dedupe keys are hashed from. Two values of one column have
// the same text exactly if they are equal.
func keyText(source arrow.Array, row int) string {
	switch a := source.(type) {
	case *array.String:
		return a.Value(row)
	case *array.Int32:
		return strconv.FormatInt(int64(a.Value(row)), 10)
	case *array.Int64:
		return strconv.FormatInt(a.Value(row), 10)
	case *array.Date32:
		return strconv.FormatInt(int64(a.Value(row)), 10)
	case *array.Timestamp:
		return strconv.FormatInt(int64(a.Value(row)), 10)
	}
	return source.ValueStr(row)
}

// dedupeKeys hashes a column, a key a row. The zero key stands for null: such
// rows are no duplicates of each other.
func dedupeKeys(source arrow.Array) [][16]byte {
	keys := make([][16]byte, source.Len())
	for row := range keys {
		if source.IsNull(row) {
			continue
		}
		keys[row] = xxh3.HashString128(keyText(source, row)).Bytes()
		if keys[row] == ([16]byte{}) {
			keys[row][15] = 1
		}
	}
	return keys
}
