package lake

import (
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// merge is a table's columns after they were asked to hold wanted as well. It
// only ever adds columns and widens types; a table that is wider than wanted
// stays so. ids is the highest field id in use, and moves up.
// misfits are what is known to be wrong already.
func merge(table string, have, wanted record.Schema, ids *int, misfits ...Misfit) (record.Schema, error) {
	m := merger{table: table, ids: ids, misfits: misfits}
	merged, err := m.columns("", have, wanted)
	if err == nil && len(m.misfits) > 0 {
		err = record.Errorf(record.Conflict, "%w", &Misfits{table, m.misfits})
	}
	return merged, err
}

// Misfits are the columns that a table cannot become as they are wanted, all of
// them at once.
type Misfits struct {
	Table   string
	Columns []Misfit
}

// Misfit is one of them.
type Misfit struct {
	Column string // of the table; where a field of it does not fit, the column around it
	Reason string // with the way out
}

func (m *Misfits) Error() string {
	reasons := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		reasons[i] = "table " + m.Table + ": " + c.Reason
	}
	return strings.Join(reasons, "\n")
}

type merger struct {
	table   string
	ids     *int
	within  string // the table's column that is being merged
	misfits []Misfit
}

func (m *merger) misfit(format string, args ...any) {
	m.misfits = append(m.misfits, Misfit{m.within, fmt.Sprintf(format, args...)})
}

func (m *merger) id() int {
	*m.ids++
	return *m.ids
}

// columns merges the columns of a table, or the fields of the struct at path.
// Ids go first to the columns of one level, then to what is inside them, which
// is the order in which iceberg-go numbers a new table.
func (m *merger) columns(path string, have, wanted []record.Column) ([]record.Column, error) {
	merged := append([]record.Column(nil), have...)
	seen := map[string]string{}
	for _, w := range wanted {
		if other, ok := seen[strings.ToLower(w.Name)]; ok {
			return nil, record.Errorf(record.Invalid, "table %s: two columns are called %s%s and %s%s: names differ in more than case",
				m.table, path, other, path, w.Name)
		}
		seen[strings.ToLower(w.Name)] = w.Name
	}
	var added []int // indexes in merged
	for _, w := range wanted {
		if path == "" {
			m.within = w.Name
		}
		i := indexFold(merged, w.Name)
		switch {
		case i < 0:
			added = append(added, len(merged))
			merged = append(merged, record.Column{Name: w.Name, Doc: w.Doc, FieldID: m.id()})
		case merged[i].Name != w.Name:
			m.misfit("column %s%s is there as %s%s: the two differ only in case, use the table's spelling", path, w.Name, path, merged[i].Name)
		case path == "" && m.replaced(&merged[i], w):
		default:
			t, err := m.widen(path+w.Name, merged[i].Type, w.Type)
			if err != nil {
				return nil, err
			}
			merged[i].Type = t
			if w.Doc != "" {
				merged[i].Doc = w.Doc
			}
		}
	}
	for _, i := range added {
		w := wanted[indexFold(wanted, merged[i].Name)]
		t, err := m.number(path+w.Name, w.Type)
		if err != nil {
			return nil, err
		}
		merged[i].Type = t
	}
	return merged, nil
}

// number gives new field ids to what is inside a type.
func (m *merger) number(path string, t record.Type) (record.Type, error) {
	switch t.Kind {
	case record.Array:
		t.ElemID = m.id()
		elem, err := m.number(path, *t.Elem)
		t.Elem = &elem
		return t, err
	case record.Struct:
		fields, err := m.columns(path+".", nil, t.Fields)
		t.Fields = fields
		return t, err
	}
	return t, nil
}

// widen is the narrowest type that holds both, if a table can become it.
func (m *merger) widen(path string, have, wanted record.Type) (record.Type, error) {
	switch {
	case have.Kind == record.Array && wanted.Kind == record.Array:
		elem, err := m.widen(path+"[]", *have.Elem, *wanted.Elem)
		have.Elem = &elem
		return have, err
	case have.Kind == record.Struct && wanted.Kind == record.Struct:
		fields, err := m.columns(path+".", have.Fields, wanted.Fields)
		have.Fields = fields
		return have, err
	case have.Kind == record.Decimal && wanted.Kind == record.Decimal && have.Scale == wanted.Scale:
		have.Precision = max(have.Precision, wanted.Precision)
		return have, nil
	case have.Kind == wanted.Kind && have.Kind != record.Decimal:
		return have, nil
	case have.Kind == record.Int && wanted.Kind == record.Bigint:
		return wanted, nil
	case have.Kind == record.Bigint && wanted.Kind == record.Int:
		return have, nil
	case have.Kind == record.JSON && wanted.Kind == record.Varchar: // JSON is text
		return wanted, nil
	case have.Kind == record.Varchar && wanted.Kind == record.JSON:
		return have, nil
	}
	m.misfit("column %s is %s and cannot become %s without losing data: give the new values another name (from: keeps the field), or send to a stream of another name",
		path, have, wanted)
	return have, nil
}

func indexFold(columns []record.Column, name string) int {
	for i := range columns {
		if strings.EqualFold(columns[i].Name, name) {
			return i
		}
	}
	return -1
}
