package lake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/record"
)

// Alter makes tables that are there fit their specs, with columns renamed and dropped,
// all of them in one commit with what c adds, or none. A renamed column keeps its
// field id, and so its values; those of a dropped one stay in the files until
// compaction rewrites them, and in older snapshots.
func (l *Lake) Alter(ctx context.Context, specs []Spec, c *Commit) error {
	byName := map[string]Spec{}
	for _, spec := range specs {
		if err := spec.check(); err != nil {
			return err
		}
		byName[spec.Name] = spec
	}
	tables, unlock, err := l.lock(slices.Collect(maps.Keys(byName)))
	if err != nil {
		return fmt.Errorf("alter: %w", err)
	}
	defer unlock()
	err = l.attempt(ctx, c, func() (changes []change, err error) {
		for _, t := range tables {
			spec := byName[t.name]
			schema, updates, err := alteration(t, spec)
			if err != nil {
				return nil, err
			}
			if updates = append(updates, l.differences(t, schema, spec)...); len(updates) > 0 {
				changes = append(changes, change{table: t, updates: updates, retimed: t.timeField() != fieldOf(schema, spec.TimeColumn)})
			}
		}
		return changes, nil
	})
	if err != nil {
		return fmt.Errorf("alter tables: %w", err)
	}
	return nil
}

// alteration is the columns that a table gets, and what makes them its own.
func alteration(t *table, spec Spec) (record.Schema, []icetable.Update, error) {
	ids := t.metadata.LastColumnID()
	moved, misfits := move(t.schema, spec)
	for _, name := range spec.Dropped {
		if at := t.schema.Index(name); at >= 0 && t.partitioned(t.schema[at].FieldID) {
			misfits = append(misfits, Misfit{name, "column " + name + " divides the files of the table, or did, and cannot be dropped: leave it out of dropped, it is NULL in new rows"})
		}
	}
	merged, err := merge(t.name, moved, spec.Schema, &ids, misfits...)
	if err != nil || sameSchema(merged, t.schema) {
		return merged, nil, err
	}
	fields, jsonIDs := toIceberg(merged)
	updates := []icetable.Update{icetable.NewAddSchemaUpdate(fields), icetable.NewSetCurrentSchemaUpdate(-1)}
	for key, value := range map[string]string{propertyJSON: jsonIDs, propertyWidened: widenedText(merged)} {
		if t.metadata.Properties()[key] != value {
			updates = append(updates, icetable.NewSetPropertiesUpdate(iceberg.Properties{key: value}))
		}
	}
	return merged, updates, nil
}

// move renames and drops columns.
func move(have record.Schema, spec Spec) (moved record.Schema, misfits []Misfit) {
	for name := range spec.Renamed {
		if have.Index(name) < 0 {
			misfits = append(misfits, Misfit{spec.Renamed[name], "there is no column " + name + " to rename to " + spec.Renamed[name]})
		}
	}
	for _, c := range have {
		if slices.Contains(spec.Dropped, c.Name) {
			continue
		}
		if now, ok := spec.Renamed[c.Name]; ok {
			c.Name = now
		}
		if indexFold(moved, c.Name) >= 0 {
			misfits = append(misfits, Misfit{c.Name, "two columns of the table would be called " + c.Name})
			continue
		}
		moved = append(moved, c)
	}
	return moved, misfits
}

// partitioned says whether some partition spec of the table, which its files may still
// have, divides it by a column.
func (t *table) partitioned(id int) bool {
	for _, spec := range t.metadata.PartitionSpecs() {
		for _, f := range spec.Fields() {
			if f.SourceID() == id {
				return true
			}
		}
	}
	return false
}

// former are names that columns had and none has now, in lower case, with the name that
// the column has now, "" where it was dropped.
func (t *table) former() map[string]string {
	now, taken := map[int]string{}, map[string]bool{}
	for _, c := range t.schema {
		now[c.FieldID], taken[strings.ToLower(c.Name)] = c.Name, true
	}
	var names map[string]string
	for _, s := range t.metadata.Schemas() { // the oldest first: what had a name last counts
		for _, f := range s.Fields() {
			lower := strings.ToLower(f.Name)
			if taken[lower] || strings.HasPrefix(lower, "_") {
				continue
			}
			if names == nil {
				names = map[string]string{}
			}
			names[lower] = now[f.ID]
		}
	}
	return names
}
