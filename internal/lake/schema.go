package lake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	iceberg "github.com/apache/iceberg-go"

	"github.com/biwa-data/biwa/internal/record"
)

// toIceberg is the Iceberg schema of columns whose ids are set, and the ids of
// those that are JSON, as propertyJSON keeps them.
// Fields that columns had before they were widened come last.
func toIceberg(s record.Schema) (*iceberg.Schema, string) {
	var ids []string
	fields := append(toFields(s, &ids), widenedFields(s)...)
	return iceberg.NewSchema(0, fields...), strings.Join(ids, ",")
}

func toFields(columns []record.Column, jsonIDs *[]string) []iceberg.NestedField {
	fields := make([]iceberg.NestedField, len(columns))
	for i, c := range columns {
		if c.Type.Kind == record.JSON {
			*jsonIDs = append(*jsonIDs, strconv.Itoa(c.FieldID))
		}
		fields[i] = iceberg.NestedField{ID: c.FieldID, Name: c.Name, Doc: c.Doc, Type: toType(c.Type, jsonIDs)}
	}
	return fields
}

func toType(t record.Type, jsonIDs *[]string) iceberg.Type {
	p := iceberg.PrimitiveTypes
	switch t.Kind {
	case record.Boolean:
		return p.Bool
	case record.Int:
		return p.Int32
	case record.Bigint:
		return p.Int64
	case record.Double:
		return p.Float64
	case record.Decimal:
		return iceberg.DecimalTypeOf(t.Precision, t.Scale)
	case record.Date:
		return p.Date
	case record.Timestamp:
		return p.Timestamp
	case record.Timestamptz:
		return p.TimestampTz
	case record.Array:
		if t.Elem.Kind == record.JSON {
			*jsonIDs = append(*jsonIDs, strconv.Itoa(t.ElemID))
		}
		return &iceberg.ListType{ElementID: t.ElemID, Element: toType(*t.Elem, jsonIDs)}
	case record.Struct:
		return &iceberg.StructType{FieldList: toFields(t.Fields, jsonIDs)}
	}
	return p.String // Varchar, JSON
}

// fromIceberg is the inverse of toIceberg.
func fromIceberg(s *iceberg.Schema, jsonIDs, widened string) (record.Schema, error) {
	isJSON := map[int]bool{}
	for _, id := range strings.Split(jsonIDs, ",") {
		if n, err := strconv.Atoi(id); err == nil {
			isJSON[n] = true
		}
	}
	columns, err := fromFields(s.Fields(), isJSON)
	if err != nil {
		return nil, err
	}
	return foldWidened(columns, widened), nil
}

func fromFields(fields []iceberg.NestedField, isJSON map[int]bool) ([]record.Column, error) {
	columns := make([]record.Column, len(fields))
	for i, f := range fields {
		t, err := fromType(f.Type, f.ID, isJSON)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		columns[i] = record.Column{Name: f.Name, Type: t, FieldID: f.ID, Doc: f.Doc}
	}
	return columns, nil
}

func fromType(t iceberg.Type, id int, isJSON map[int]bool) (record.Type, error) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return record.Type{Kind: record.Boolean}, nil
	case iceberg.Int32Type:
		return record.Type{Kind: record.Int}, nil
	case iceberg.Int64Type:
		return record.Type{Kind: record.Bigint}, nil
	case iceberg.Float32Type, iceberg.Float64Type:
		return record.Type{Kind: record.Double}, nil
	case iceberg.DecimalType:
		return record.Type{Kind: record.Decimal, Precision: t.Precision(), Scale: t.Scale()}, nil
	case iceberg.DateType:
		return record.Type{Kind: record.Date}, nil
	case iceberg.TimestampType:
		return record.Type{Kind: record.Timestamp}, nil
	case iceberg.TimestampTzType:
		return record.Type{Kind: record.Timestamptz}, nil
	case iceberg.StringType:
		if isJSON[id] {
			return record.Type{Kind: record.JSON}, nil
		}
		return record.Type{Kind: record.Varchar}, nil
	case *iceberg.ListType:
		elem, err := fromType(t.Element, t.ElementID, isJSON)
		return record.Type{Kind: record.Array, Elem: &elem, ElemID: t.ElementID}, err
	case *iceberg.StructType:
		fields, err := fromFields(t.FieldList, isJSON)
		return record.Type{Kind: record.Struct, Fields: fields}, err
	}
	return record.Type{}, record.Errorf(record.Unsupported, "Iceberg type %s is not one Biwa reads", t)
}

func sameSchema(a, b record.Schema) bool { return slices.EqualFunc(a, b, sameColumn) }

func sameColumn(a, b record.Column) bool {
	return a.Name == b.Name && a.FieldID == b.FieldID && a.Doc == b.Doc && sameType(a.Type, b.Type) &&
		slices.EqualFunc(a.Was, b.Was, func(x, y record.Was) bool { return x.FieldID == y.FieldID && sameType(x.Type, y.Type) })
}

func sameType(a, b record.Type) bool {
	if a.Kind != b.Kind || a.Precision != b.Precision || a.Scale != b.Scale || a.ElemID != b.ElemID {
		return false
	}
	if a.Kind == record.Array && !sameType(*a.Elem, *b.Elem) {
		return false
	}
	return slices.EqualFunc(a.Fields, b.Fields, sameColumn)
}
