// Package lake keeps Iceberg tables: it creates and evolves them, commits files
// to them, and keeps them small and fast. It is the only importer of iceberg-go.
//
// Catalogue and metadata database are one: a commit stages the Iceberg metadata
// of all its tables, makes every file durable, and then swaps all tables in one
// SQL transaction together with what the caller adds, such as offsets and
// accounts (commit.go). What makes up each table is known from our own index of
// files, kept in the same transaction; a start never plans from manifests.
//
// Invariant: every file that a World, or the metadata of a table, names exists.
package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
	"github.com/biwa-data/biwa/internal/world"
)

// Names under which the tables stand in Iceberg's SQL catalogue.
const (
	Catalog   = "biwa"
	Namespace = "main"
)

// Options configures a Lake; zero values mean the defaults.
type Options struct {
	// KeepSnapshots is how many snapshots a table keeps whatever their age; a
	// commit that finds twice as many removes the older half, so that metadata
	// stays small and commits stay fast. 25.
	KeepSnapshots int
	// Grace is how long a file stays after the last snapshot that names it has
	// gone, for readers elsewhere that still hold old metadata. 1 hour.
	Grace time.Duration
	// Attempts is how often a commit is staged anew when another process moves
	// one of its tables. 10.
	Attempts int
}

func (o Options) withDefaults() Options {
	if o.KeepSnapshots == 0 {
		o.KeepSnapshots = 25
	}
	if o.Grace == 0 {
		o.Grace = time.Hour
	}
	if o.Attempts == 0 {
		o.Attempts = 10
	}
	return o
}

// Lake is the tables of one node. Its methods may be called at the same time.
type Lake struct {
	meta   *meta.DB
	store  object.Store
	worlds *world.Store
	clock  service.Clock
	o      Options

	versions atomic.Int64 // of schemas, see world.Table.SchemaVersion

	mu     sync.Mutex
	tables map[string]*table

	held holding
}

// Open reads the catalogue, fills the World with every table, and removes what
// a commit that never happened has left behind.
func Open(ctx context.Context, db *meta.DB, store object.Store, worlds *world.Store, clock service.Clock, o Options) (*Lake, error) {
	l := &Lake{
		meta: db, store: store, worlds: worlds, clock: clock, o: o.withDefaults(),
		tables: map[string]*table{}, held: holding{paths: map[string]bool{}},
	}
	if err := l.load(ctx); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	if err := l.removeLeftovers(ctx); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return l, nil
}

// load reads every table and publishes them all at once.
func (l *Lake) load(ctx context.Context) error {
	var tables []*table
	files := map[string]world.FileIndex{}
	err := l.meta.View(ctx, func(q meta.Querier) error {
		located, err := locations(ctx, q)
		if err != nil {
			return err
		}
		for name, location := range located {
			t, err := l.read(ctx, name, location)
			if err != nil {
				return err
			}
			tables = append(tables, t)
			rows, err := fileRows(ctx, q, name, t.metadata)
			if err != nil {
				return err
			}
			files[name] = indexOf(rows)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		l.tables[t.name] = t
	}
	l.worlds.Publish(func(d *world.Draft) {
		for _, t := range tables {
			l.describe(d.Table(t.name), t)
			d.Table(t.name).Files = files[t.name]
		}
	}, nil)
	return nil
}

// locations is where the metadata of each table is, by name.
func locations(ctx context.Context, q meta.Querier) (map[string]string, error) {
	rows, err := q.QueryContext(ctx,
		"SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?", Catalog, Namespace)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	located := map[string]string{}
	for rows.Next() {
		var name, location string
		if err := rows.Scan(&name, &location); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		located[name] = location
	}
	return located, rows.Err()
}

func locationOf(ctx context.Context, q meta.Querier, name string) (string, error) {
	var location string
	err := q.QueryRowContext(ctx, `SELECT metadata_location FROM iceberg_tables
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`, Catalog, Namespace, name).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noTable(name)
	}
	if err != nil {
		return "", fmt.Errorf("look up table %s: %w", name, err)
	}
	return location, nil
}

func noTable(name string) error {
	return record.Errorf(record.NotFound, "there is no table %q", name)
}

// lock takes the named tables for a commit, in the order of their names so that
// two commits never wait for one another.
func (l *Lake) lock(names []string) (held []*table, unlock func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	unlock = func() {
		for _, t := range held {
			t.commits.Unlock()
		}
	}
	for _, name := range names {
		t, err := l.table(name)
		if err != nil {
			unlock()
			return nil, nil, err
		}
		t.commits.Lock()
		held = append(held, t)
		if t.dropped {
			unlock()
			return nil, nil, noTable(name)
		}
	}
	return held, unlock, nil
}

func (l *Lake) table(name string) (*table, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tables[name]; t != nil {
		return t, nil
	}
	return nil, noTable(name)
}

// Path is a fresh path for a data file of a table.
func (l *Lake) Path(table string) string {
	return folder(table) + "/data/" + l.clock.Now().UTC().Format(time.DateOnly) + "/" + uuid.NewString() + ".parquet"
}

// Location is the address of a table's current Iceberg metadata, for engines
// that read it themselves.
func (l *Lake) Location(ctx context.Context, table string) (location string, err error) {
	err = l.meta.View(ctx, func(q meta.Querier) error {
		location, err = locationOf(ctx, q, table)
		return err
	})
	return location, err
}

// root is the folder of all tables.
const root = "lake/"

// folder is a table's folder. Only characters that mean themselves in a URI and
// in a file name are kept; any other byte becomes ~ and two digits.
func folder(table string) string {
	var b strings.Builder
	b.WriteString(root)
	for i := range len(table) {
		c := table[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	return b.String()
}
