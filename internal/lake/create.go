package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Spec says what table to create.
type Spec struct {
	Name       string
	Schema     record.Schema // field ids are set by Create
	TimeColumn string        // the event-time column, "" for none
	// Partition are columns of Schema by whose value compaction divides the table.
	Partition  []string
	Properties map[string]string
	// Renamed are columns of a table that is there, by the name before, and Dropped
	// those it loses: for Alter.
	Renamed map[string]string
	Dropped []string
}

// properties of every table. Manifests are merged so that a reader elsewhere
// opens few, into small ones so that merging never holds up a commit; old
// metadata files are deleted by our own queue, after the swap.
var properties = iceberg.Properties{
	"format-version":                             "2",
	icetable.ManifestMergeEnabledKey:             "true",
	icetable.ManifestMinMergeCountKey:            "20",
	icetable.ManifestTargetSizeBytesKey:          "1048576",
	icetable.MetadataPreviousVersionsMaxKey:      "20",
	icetable.MetadataDeleteAfterCommitEnabledKey: "false",
	icetable.WriteUpdateIsolationLevelKey:        "snapshot",
	"write.delete.mode":                          "copy-on-write",
	"write.update.mode":                          "copy-on-write",
	"write.merge.mode":                           "copy-on-write",
}

// Create makes a table and returns its columns with their field ids. A table
// that exists is evolved instead, so that Create can be repeated.
func (l *Lake) Create(ctx context.Context, spec Spec) (record.Schema, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if _, err := l.table(spec.Name); err == nil {
		return l.adapt(ctx, spec)
	}
	s, err := l.first(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", spec.Name, err)
	}
	err = l.insert(ctx, s)
	if errors.Is(err, errMoved) { // another caller has created it
		s.files.discard()
		return l.adapt(ctx, spec)
	}
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", spec.Name, err)
	}
	return s.schema, nil
}

// Fits says whether Create or Alter would refuse a table, and changes nothing.
func (l *Lake) Fits(spec Spec) error {
	if err := spec.check(); err != nil {
		return err
	}
	tables, unlock, err := l.lock([]string{spec.Name})
	if record.KindOf(err) == record.NotFound {
		ids := 0
		_, err := merge(spec.Name, nil, spec.Schema, &ids)
		return err
	}
	if err != nil {
		return err
	}
	defer unlock()
	_, _, err = alteration(tables[0], spec)
	return err
}

func (spec *Spec) check() error {
	if spec.Name == "" || len(spec.Schema) == 0 {
		return record.Errorf(record.Invalid, "create table %q: want a name and columns", spec.Name)
	}
	if spec.TimeColumn != "" && spec.Schema.Index(spec.TimeColumn) < 0 {
		return record.Errorf(record.Invalid, "create table %s: there is no column %s to take the time from", spec.Name, spec.TimeColumn)
	}
	for _, name := range spec.Partition {
		i := spec.Schema.Index(name)
		if i < 0 {
			return record.Errorf(record.Invalid, "create table %s: there is no column %s to partition by", spec.Name, name)
		}
		switch spec.Schema[i].Type.Kind {
		case record.Boolean, record.Int, record.Bigint, record.Varchar, record.Date, record.Timestamp, record.Timestamptz:
		default:
			return record.Errorf(record.Invalid, "create table %s: a table cannot be partitioned by %s, which is %s",
				spec.Name, name, spec.Schema[i].Type)
		}
	}
	return nil
}

// first stages the metadata of a table without rows.
func (l *Lake) first(ctx context.Context, spec Spec) (*staged, error) {
	ids := 0
	schema, err := merge(spec.Name, nil, spec.Schema, &ids)
	if err != nil {
		return nil, err
	}
	s := &staged{files: newStaging(ctx, l.store), change: change{table: &table{name: spec.Name}}}
	s.schema = schema
	if s.metadata, err = l.firstMetadata(spec, schema); err != nil {
		return nil, err
	}
	if err := l.writeMetadata(s, 0); err != nil {
		s.files.discard()
		return nil, err
	}
	return s, nil
}

// firstMetadata is built piece by piece because iceberg-go's NewMetadata would
// number the fields anew. Spec 0 has no partitions and is what flushes write;
// the user's partitions are the next spec, and the default.
func (l *Lake) firstMetadata(spec Spec, schema record.Schema) (icetable.Metadata, error) {
	b, err := icetable.NewMetadataBuilder(2)
	if err != nil {
		return nil, err
	}
	fields, jsonIDs := toIceberg(schema)
	p := maps.Clone(properties)
	delete(p, "format-version")
	maps.Copy(p, spec.Properties)
	p[propertyTimeColumn], p[propertyJSON] = spec.TimeColumn, jsonIDs
	unsorted := icetable.UnsortedSortOrder
	steps := []func() error{
		func() error { return b.SetUUID(uuid.New()) },
		func() error { return b.AddSchema(fields) },
		func() error { return b.SetCurrentSchemaID(-1) },
		func() error { return b.AddSortOrder(&unsorted) },
		func() error { return b.SetDefaultSortOrderID(-1) },
		func() error { return b.AddPartitionSpec(iceberg.UnpartitionedSpec, true) },
		func() error { return b.SetDefaultSpecID(-1) },
		func() error { return b.SetLoc(l.store.URI(folder(spec.Name))) },
		func() error { return b.SetProperties(p) },
	}
	if len(spec.Partition) > 0 {
		partition := identity(schema, spec.Partition)
		steps = append(steps,
			func() error { return b.AddPartitionSpec(&partition, false) },
			func() error { return b.SetDefaultSpecID(-1) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

// identity is the spec that partitions by the columns' values.
func identity(schema record.Schema, columns []string) iceberg.PartitionSpec {
	var fields []iceberg.PartitionField
	for i, name := range columns {
		fields = append(fields, iceberg.PartitionField{
			SourceIDs: []int{schema[schema.Index(name)].FieldID}, FieldID: 1000 + i, Name: name, Transform: iceberg.IdentityTransform{},
		})
	}
	return iceberg.NewPartitionSpecID(1, fields...)
}

// insert makes the staged table durable, then known.
func (l *Lake) insert(ctx context.Context, s *staged) error {
	if err := l.store.Sync(ctx, s.files.paths()...); err != nil {
		s.files.discard()
		return err
	}
	name := s.table.name
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tables[name] != nil {
		return errMoved
	}
	within := context.WithoutCancel(ctx)
	err := l.meta.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(within, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
			VALUES (?, ?, 'location', ?), (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING`,
			Catalog, Namespace, l.store.URI("lake"), Catalog, Namespace)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(within, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
			VALUES (?, ?, ?, 'TABLE', ?)`, Catalog, Namespace, name, s.location)
		if err != nil {
			return err
		}
		return addMetadataFiles(within, tx, name, s.files.paths())
	})
	if err != nil {
		return err
	}
	s.table.state = s.state
	l.tables[name] = s.table
	l.worlds.Publish(func(d *world.Draft) { l.describe(d.Table(name), s.table) }, nil)
	return nil
}

// adapt makes an existing table fit its spec.
func (l *Lake) adapt(ctx context.Context, spec Spec) (record.Schema, error) {
	schema, err := l.Evolve(ctx, spec.Name, spec.Schema)
	if err != nil {
		return nil, err
	}
	tables, unlock, err := l.lock([]string{spec.Name})
	if err != nil {
		return nil, fmt.Errorf("adapt: %w", err)
	}
	defer unlock()
	t := tables[0]
	err = l.attempt(ctx, &Commit{}, func() ([]change, error) {
		updates := l.differences(t, t.schema, spec)
		if len(updates) == 0 {
			return nil, nil
		}
		return []change{{table: t, updates: updates, retimed: t.timeField() != fieldOf(t.schema, spec.TimeColumn)}}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("adapt table %s: %w", spec.Name, err)
	}
	return schema, nil
}

// differences is what must change for the table to have the spec's partitions
// and properties, its columns being those of schema. Files of an earlier partition spec stay until compaction
// rewrites them.
func (l *Lake) differences(t *table, schema record.Schema, spec Spec) []icetable.Update {
	var updates []icetable.Update
	if !slices.Equal(t.partition(schema), spec.Partition) {
		if len(spec.Partition) == 0 {
			updates = append(updates, icetable.NewSetDefaultSpecUpdate(youngSpec))
		} else {
			partition := identity(schema, spec.Partition)
			updates = append(updates, icetable.NewAddPartitionSpecUpdate(&partition, false), icetable.NewSetDefaultSpecUpdate(-1))
		}
	}
	changed := iceberg.Properties{}
	have := t.metadata.Properties()
	wanted := maps.Clone(spec.Properties)
	if wanted == nil {
		wanted = map[string]string{}
	}
	wanted[propertyTimeColumn] = spec.TimeColumn
	for key, value := range wanted {
		if have[key] != value {
			changed[key] = value
		}
	}
	if len(changed) > 0 {
		updates = append(updates, icetable.NewSetPropertiesUpdate(changed))
	}
	return updates
}
