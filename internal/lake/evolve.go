package lake

import (
	"context"
	"fmt"

	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/record"
)

// Evolve adds the columns that a table lacks and widens types where no value is
// lost: int to bigint, a decimal to more digits, JSON to text. It removes and
// narrows nothing, so it may be repeated, also with an older schema. What cannot
// be is a record.Conflict that names the column and the way out. It returns all
// columns of the table.
func (l *Lake) Evolve(ctx context.Context, name string, schema record.Schema) (record.Schema, error) {
	tables, unlock, err := l.lock([]string{name})
	if err != nil {
		return nil, fmt.Errorf("evolve: %w", err)
	}
	defer unlock()
	t := tables[0]
	err = l.attempt(ctx, &Commit{}, func() ([]change, error) {
		updates, err := evolution(t, schema)
		if err != nil || len(updates) == 0 {
			return nil, err
		}
		return []change{{table: t, updates: updates}}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("evolve table %s: %w", name, err)
	}
	return t.schema, nil
}

func evolution(t *table, schema record.Schema) ([]icetable.Update, error) {
	_, updates, err := alteration(t, Spec{Schema: schema})
	return updates, err
}
