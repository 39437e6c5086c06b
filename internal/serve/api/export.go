package api

import (
	"math/big"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

// columnFile is a column on its way into a file: what Parquet has no type for is
// text there, and JSON says that it is JSON.
type columnFile struct {
	name, sqlType string
	values        valueWriter
}

// form is how a part of a column is changed; nil for not at all.
type form func(arrow.Array) (arrow.Array, error)

// field is the column's field in the file, and its form.
func (c *columnFile) field(f arrow.Field, sqlType string) (arrow.Field, form, error) {
	f.Metadata = arrow.Metadata{}
	switch t := f.Type.(type) {
	case *arrow.StringType:
		switch sqlType {
		case "INTERVAL":
			return f, func(a arrow.Array) (arrow.Array, error) { return c.texts(a, sqlType), nil }, nil
		case "JSON":
			json, err := extensions.NewJSONType(t)
			if err != nil {
				return f, nil, err
			}
			f.Type = json
			return f, func(a arrow.Array) (arrow.Array, error) { return array.NewExtensionArrayWithStorage(json, a), nil }, nil
		}
	case *arrow.DictionaryType:
		f.Type = t.ValueType
		return f, func(a arrow.Array) (arrow.Array, error) { return c.texts(a, sqlType), nil }, nil
	case arrow.UnionType:
		json, err := extensions.NewJSONType(arrow.BinaryTypes.String)
		if err != nil {
			return f, nil, err
		}
		f.Type, f.Nullable = json, true
		return f, func(a arrow.Array) (arrow.Array, error) {
			return array.NewExtensionArrayWithStorage(json, c.unions(a)), nil
		}, nil
	case *arrow.Decimal128Type:
		if sqlType == "HUGEINT" {
			return f, c.checkHuge, nil
		}
	case *arrow.StructType, *arrow.ListType, *arrow.FixedSizeListType, *arrow.MapType:
		return c.nested(f, sqlType)
	}
	return f, nil, nil
}

// nested gives the parts of a nested column their forms and leaves its own buffers.
func (c *columnFile) nested(f arrow.Field, sqlType string) (arrow.Field, form, error) {
	var parts []arrow.Field
	switch t := f.Type.(type) {
	case *arrow.StructType:
		parts = t.Fields()
	case *arrow.MapType:
		parts = []arrow.Field{t.KeyField(), t.ItemField()}
	case arrow.ListLikeType:
		parts = []arrow.Field{t.ElemField()}
	}
	if len(parts) == 0 {
		return f, nil, c.refuse("a struct without fields")
	}
	changed, forms := make([]arrow.Field, len(parts)), make([]form, len(parts))
	names := map[string]bool{}
	for i, part := range parts {
		var err error
		if changed[i], forms[i], err = c.field(part, c.values.part(sqlType, i)); err != nil {
			return f, nil, err
		}
		if _, isStruct := f.Type.(*arrow.StructType); isStruct && (part.Name == "" || names[part.Name]) {
			return f, nil, c.refuse("a struct whose fields have no names of their own")
		}
		names[part.Name] = true
	}
	switch t := f.Type.(type) {
	case *arrow.StructType:
		f.Type = arrow.StructOf(changed...)
	case *arrow.MapType:
		f.Type = arrow.MapOfFields(changed[0], changed[1])
	case *arrow.FixedSizeListType:
		f.Type = arrow.FixedSizeListOfField(t.Len(), changed[0])
	case *arrow.ListType:
		f.Type = arrow.ListOfField(changed[0])
	}
	target := f.Type
	return f, func(a arrow.Array) (arrow.Array, error) {
		d, pairs := a.Data(), target
		m, isMap := target.(*arrow.MapType)
		if isMap { // a list of pairs
			d, pairs = d.Children()[0], m.Elem()
		}
		changed, err := withForms(d, pairs, forms)
		if err != nil {
			return nil, err
		}
		if isMap {
			changed = array.NewData(target, a.Len(), a.Data().Buffers(), []arrow.ArrayData{changed}, a.NullN(), a.Data().Offset())
		}
		return array.MakeFromData(changed), nil
	}, nil
}

// withForms gives the parts of nested data their forms.
func withForms(d arrow.ArrayData, target arrow.DataType, forms []form) (arrow.ArrayData, error) {
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, child := range d.Children() {
		children[i] = child
		if forms[i] == nil {
			continue
		}
		a, err := forms[i](array.MakeFromData(child))
		if err != nil {
			return nil, err
		}
		children[i] = a.Data()
	}
	return array.NewData(target, d.Len(), d.Buffers(), children, d.NullN(), d.Offset()), nil
}

func (c *columnFile) texts(a arrow.Array, sqlType string) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(c.values.text(a, i, sqlType))
		}
	}
	return b.NewArray()
}

func (c *columnFile) unions(a arrow.Array) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range a.Len() {
		if text := string(c.values.appendJSON(nil, a, i, "")); text == "null" {
			b.AppendNull()
		} else {
			b.Append(text)
		}
	}
	return b.NewArray()
}

// mostDecimal is the first whole number that a decimal of 38 digits cannot hold.
var mostDecimal = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

// checkHuge refuses what a HUGEINT can hold and no decimal of a file.
func (c *columnFile) checkHuge(a arrow.Array) (arrow.Array, error) {
	d := a.(*array.Decimal128)
	for i := range d.Len() {
		if !d.IsNull(i) && d.Value(i).BigInt().CmpAbs(mostDecimal) >= 0 {
			return nil, c.refuse("a whole number of more than 38 digits")
		}
	}
	return a, nil
}

func (c *columnFile) refuse(what string) error {
	return record.Errorf(record.Invalid, "column %q is %s, %s: this format has no form for it; cast it, as with %s::VARCHAR", c.name, c.sqlType, what, record.QuoteName(c.name))
}

// fileBatch is a batch of a result as it goes into the file.
func fileBatch(schema *arrow.Schema, forms []form, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := append([]arrow.Array{}, batch.Columns()...)
	for i, change := range forms {
		if change == nil {
			continue
		}
		var err error
		if columns[i], err = change(columns[i]); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(schema, columns, batch.NumRows()), nil
}

// fileColumns are a result's columns on their way into a file, and its schema.
func fileColumns(rows Rows, location *time.Location) (*arrow.Schema, []form, error) {
	columns := numbered(rows.Columns())
	fields, forms := make([]arrow.Field, len(columns)), make([]form, len(columns))
	for i, f := range rows.Schema().Fields() {
		c := &columnFile{columns[i].Name, columns[i].Type, valueWriter{location: location}}
		var err error
		if fields[i], forms[i], err = c.field(f, c.sqlType); err != nil {
			return nil, nil, err
		}
		fields[i].Name = c.name
	}
	return arrow.NewSchema(fields, nil), forms, nil
}
