package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Properties of ours in a table's metadata.
const (
	propertyTimeColumn = "biwa.time-column"
	propertyJSON       = "biwa.json-fields"    // ids, joined by commas: Iceberg has no such type
	propertyWidened    = "biwa.widened-fields" // see widenedText
)

// youngSpec is the partition spec of flushes: none. What compaction writes has
// the table's default spec.
const youngSpec = 0

// table is what the lake knows of one table.
type table struct {
	name string
	// maintenance is held by whoever removes files: one at a time, and for longer
	// than a commit. It is taken before commits.
	maintenance sync.Mutex

	// commits is held from staging to publishing. It guards what follows.
	commits sync.Mutex
	dropped bool
	state
}

// state is what a commit changes.
type state struct {
	metadata  icetable.Metadata
	location  string          // address of the metadata
	manifests map[string]bool // paths, of the current snapshot
	schema    record.Schema
}

// now is the table's metadata, for who does not hold commits.
func (t *table) now() icetable.Metadata {
	t.commits.Lock()
	defer t.commits.Unlock()
	return t.metadata
}

func (s *state) timeColumn() string { return s.metadata.Properties()[propertyTimeColumn] }

// read reads a table's metadata.
func (l *Lake) read(ctx context.Context, name, location string) (*table, error) {
	files := newStaging(ctx, l.store)
	in, err := files.Open(location)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, record.Errorf(record.Conflict, "table %s: %s is missing: objects is of an earlier moment than meta.db, or not whole; put back both of one backup", name, location)
	}
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	defer in.Close() // opened to read
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %s: %w", name, location, err)
	}
	metadata, err := icetable.ParseMetadataBytes(text)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %s: %w", name, location, err)
	}
	t := &table{name: name, state: state{metadata: metadata, location: location}}
	if t.manifests, err = manifestsOf(files, l.store, metadata); err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	if t.schema, err = schemaOf(metadata); err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	return t, nil
}

func schemaOf(m icetable.Metadata) (record.Schema, error) {
	return fromIceberg(m.CurrentSchema(), m.Properties()[propertyJSON], m.Properties()[propertyWidened])
}

// reload reads the table anew after another process has moved it, and publishes
// what it finds. The caller holds commits.
func (l *Lake) reload(ctx context.Context, t *table) error {
	var index world.FileIndex
	err := l.meta.View(ctx, func(q meta.Querier) error {
		location, err := locationOf(ctx, q, t.name)
		if err != nil {
			return err
		}
		now, err := l.read(ctx, t.name, location)
		if err != nil {
			return err
		}
		rows, err := fileRows(ctx, q, t.name, now.metadata)
		if err != nil {
			return err
		}
		index = indexOf(rows)
		t.state = now.state
		return nil
	})
	if err != nil {
		return fmt.Errorf("reload table %s: %w", t.name, err)
	}
	l.worlds.Publish(func(d *world.Draft) {
		l.describe(d.Table(t.name), t)
		d.Table(t.name).Files = index
	}, nil)
	return nil
}

// describe sets all of a World's table but its files and recent rows.
func (l *Lake) describe(w *world.Table, t *table) {
	if w.SchemaVersion == 0 || !sameSchema(w.Schema, t.schema) {
		w.SchemaVersion, w.Former = int(l.versions.Add(1)), t.former()
	}
	w.Schema, w.TimeColumn = t.schema, t.timeColumn()
	w.SnapshotID = 0
	if s := t.metadata.CurrentSnapshot(); s != nil {
		w.SnapshotID = s.SnapshotID
	}
}

// partition is the columns of the default partition spec, as a schema calls them: the
// spec goes on with the name that a column had when it was made.
func (t *table) partition(schema record.Schema) []string {
	spec := t.metadata.PartitionSpec()
	var names []string
	for _, f := range spec.Fields() {
		for _, c := range schema {
			if c.FieldID == f.SourceID() {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// manifestsOf is the paths of the current snapshot's manifests.
func manifestsOf(files *staging, store interface{ Path(string) (string, error) }, m icetable.Metadata) (map[string]bool, error) {
	paths := map[string]bool{}
	s := m.CurrentSnapshot()
	if s == nil {
		return paths, nil
	}
	list, err := s.Manifests(files)
	if err != nil {
		return nil, fmt.Errorf("read manifest list of snapshot %d: %w", s.SnapshotID, err)
	}
	for _, manifest := range list {
		p, err := store.Path(manifest.FilePath())
		if err != nil {
			return nil, err
		}
		paths[p] = true
	}
	return paths, nil
}

// metadataNumber is the number a metadata file's name begins with.
func metadataNumber(location string) (n int) {
	name := location[strings.LastIndexByte(location, '/')+1:]
	_, _ = fmt.Sscanf(name, "%d-", &n) // 0 for a name another writer chose
	return n
}
