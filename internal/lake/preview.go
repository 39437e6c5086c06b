package lake

import (
	"context"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
)

// Stored is the columns of every table by its name, for whoever only reads: a node
// may run on the same folder.
func Stored(ctx context.Context, q meta.Querier, store object.Store) (map[string]record.Schema, error) {
	located, err := locations(ctx, q)
	if err != nil {
		return nil, err
	}
	l := &Lake{store: store}
	schemas := make(map[string]record.Schema, len(located))
	for name, location := range located {
		t, err := l.read(ctx, name, location)
		if err != nil {
			return nil, err
		}
		schemas[name] = t.schema
	}
	return schemas, nil
}

// Difference is a column that Create would add to a table, or widen.
type Difference struct {
	Column string
	Added  bool
	Was    record.Type // where it was there
	Now    record.Type
}

// Compare says what Create or Alter would add to a table that has some columns, or
// widen in it, and refuses with Misfits what they would refuse.
func Compare(have record.Schema, spec Spec) ([]Difference, error) {
	ids := 0
	have, misfits := move(have, spec)
	merged, err := merge(spec.Name, have, spec.Schema, &ids, misfits...)
	if err != nil {
		return nil, err
	}
	var found []Difference
	for i, c := range merged {
		switch {
		case i >= len(have):
			found = append(found, Difference{Column: c.Name, Added: true, Now: c.Type})
		case c.Type.String() != have[i].Type.String():
			found = append(found, Difference{Column: c.Name, Was: have[i].Type, Now: c.Type})
		}
	}
	return found, nil
}
