package lake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	iceberg "github.com/apache/iceberg-go"

	"github.com/biwa-data/biwa/internal/record"
)

// Iceberg widens few types in place. A guessed column that has to hold text after
// numbers becomes a new field, with a new id, of the same name. The field that it was
// stays in the schema under a name of ours, _<column>_<type>_<id>, for the files that
// have it: our views read both, other engines see both columns, and compaction writes
// the new one.

// widenedFields are the fields that columns were.
func widenedFields(s record.Schema) (fields []iceberg.NestedField) {
	for _, c := range s {
		for _, w := range c.Was {
			kind, _, _ := strings.Cut(w.Type.String(), "(")
			name := fmt.Sprintf("_%s_%s_%d", c.Name, kind, w.FieldID)
			fields = append(fields, iceberg.NestedField{ID: w.FieldID, Name: name, Doc: "values of " + c.Name + " from before it was widened", Type: toType(w.Type, nil)})
		}
	}
	return fields
}

// widenedText is how propertyWidened has them: "9:5;12:7,10" where field 9 was 5, and 12
// first 7 and then 10.
func widenedText(s record.Schema) string {
	var items []string
	for _, c := range s {
		if len(c.Was) == 0 {
			continue
		}
		ids := make([]string, len(c.Was))
		for i, w := range c.Was {
			ids[i] = strconv.Itoa(w.FieldID)
		}
		items = append(items, strconv.Itoa(c.FieldID)+":"+strings.Join(ids, ","))
	}
	return strings.Join(items, ";")
}

// foldWidened takes the fields that columns were out of the columns and gives them to
// these.
func foldWidened(columns record.Schema, text string) record.Schema {
	if text == "" {
		return columns
	}
	byID := map[int]record.Column{}
	for _, c := range columns {
		byID[c.FieldID] = c
	}
	was := map[int][]record.Was{}
	for item := range strings.SplitSeq(text, ";") {
		now, before, _ := strings.Cut(item, ":")
		id, err := strconv.Atoi(now)
		if err != nil {
			continue
		}
		for old := range strings.SplitSeq(before, ",") {
			n, err := strconv.Atoi(old)
			c, ok := byID[n]
			if err != nil || !ok {
				continue
			}
			was[id] = append(was[id], record.Was{FieldID: n, Type: c.Type})
			columns = slices.DeleteFunc(columns, func(o record.Column) bool { return o.FieldID == n })
		}
	}
	for i := range columns {
		columns[i].Was = was[columns[i].FieldID]
	}
	return columns
}

// replaced says whether a guessed column is there in a form that serves: as the wider
// one that replaced it, or as one that is to be replaced, which it then is.
func (m *merger) replaced(have *record.Column, wanted record.Column) bool {
	if !wanted.Guessed {
		return false
	}
	if slices.ContainsFunc(have.Was, func(w record.Was) bool { return sameType(w.Type, wanted.Type) }) {
		return true
	}
	if !have.Type.PrintsInto(wanted.Type) {
		return false
	}
	have.Was = append(slices.Clone(have.Was), record.Was{FieldID: have.FieldID, Type: have.Type})
	have.FieldID, have.Type = m.id(), wanted.Type
	return true
}
