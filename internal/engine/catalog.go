package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// hiddenSchema holds what the users' views are made of.
const hiddenSchema = "biwa"

// catalog keeps one view a table in the reader, and one empty table of the same
// columns in the planner, for EXPLAIN.
//
// A view reads its table through variables, b_<n> (the branches to unite), f_<n>
// (the files) and n_<n> (how many rows these have: with a schema of ours DuckDB would
// not look, and join in any order), which each query sets in its own transaction. So a
// flush redefines nothing; only a change of columns does. A view always has the
// newest columns known: a query that pins an older World sees the older rows
// through them, the columns that came later being null.
type catalog struct {
	reader, planner *instance
	worlds          *world.Store
	stubFile        string // a Parquet file without rows

	mu     sync.Mutex
	world  *world.World // that views is made from
	views  map[string]*view
	next   int
	shapes map[string]map[string]bool // generation -> adapters made for it
}

// view is one of a table: its rows, or its rows with their sessions.
type view struct {
	id       int
	name     string
	table    string // of the World
	version  int
	schema   record.Schema // of the table
	sessions *sessions     // nil for the rows alone
}

// columns are what a query sees.
func (v *view) columns() record.Schema {
	if v.sessions != nil {
		return v.sessions.columns(v.schema)
	}
	return v.schema
}

// wanted are the views of a World: of each table one, and one for its sessions
// unless a table of that name is there.
func wanted(w *world.World) []view {
	var list []view
	for _, t := range w.Tables() {
		v := view{name: t.Name, table: t.Name, version: t.SchemaVersion, schema: t.Schema}
		list = append(list, v)
		if v.sessions = sessionsOf(t); v.sessions != nil && w.Table(t.Name+sessionSuffix) == nil {
			v.name += sessionSuffix
			list = append(list, v)
		}
	}
	return list
}

func newCatalog(reader, planner *instance, worlds *world.Store, stubFile string) *catalog {
	return &catalog{reader: reader, planner: planner, worlds: worlds, stubFile: stubFile, views: map[string]*view{}, shapes: map[string]map[string]bool{}}
}

func (v *view) branches() string { return fmt.Sprintf("b_%d", v.id) }
func (v *view) files() string    { return fmt.Sprintf("f_%d", v.id) }
func (v *view) rows() string     { return fmt.Sprintf("n_%d", v.id) } // of those files
func (v *view) from() string     { return fmt.Sprintf("t_%d", v.id) } // of sessions: the first moment to read,
func (v *view) to() string       { return fmt.Sprintf("u_%d", v.id) } // and the last
func (v *view) stub() string     { return fmt.Sprintf("%s.stub_%d", hiddenSchema, v.id) }
func (v *view) lake() string     { return fmt.Sprintf("%s.lake_%d", hiddenSchema, v.id) }
func (v *view) unseen() string   { return fmt.Sprintf("%s.unseen_%d", hiddenSchema, v.id) } // lake, through which no filter passes

// current brings the views up to date and returns them by lower-case name.
func (k *catalog) current(ctx context.Context) (map[string]*view, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.update(ctx)
	return k.views, err
}

// begin also begins the caller's transaction on c before the views can change
// again. The transaction sees adapters for every generation that the tables
// have in the World w.
func (k *catalog) begin(ctx context.Context, c *conn, w *world.World, tables map[string]bool) (map[string]*view, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.update(ctx); err != nil {
		return nil, err
	}
	for key := range tables {
		if v := k.views[key]; v != nil && w.Table(v.table) != nil {
			for _, g := range w.Table(v.table).Recent {
				if err := k.adapt(ctx, v, g); err != nil {
					return nil, err
				}
			}
		}
	}
	return k.views, c.exec(ctx, "BEGIN")
}

// update replaces k.views, which readers may still hold, by those of the current
// World. That is at least as new as any World a caller has pinned.
func (k *catalog) update(ctx context.Context) error {
	w := k.worlds.Current()
	if k.world == w {
		return nil
	}
	next := map[string]*view{}
	for _, want := range wanted(w) {
		key := strings.ToLower(want.name)
		old := k.views[key]
		if old != nil && old.name == want.name && old.table == want.table && old.version == want.version && sameSchema(old.schema, want.schema) && old.sessions.same(want.sessions) {
			next[key] = old
			continue
		}
		k.next++
		v := &want
		v.id = k.next
		if err := k.define(ctx, v, old); err != nil {
			return fmt.Errorf("define table %s: %w", v.name, err)
		}
		next[key] = v
	}
	for key, old := range k.views {
		if next[key] == nil {
			if err := k.drop(ctx, old); err != nil {
				return fmt.Errorf("drop table %s: %w", old.name, err)
			}
		}
	}
	k.views, k.world = next, w
	return nil
}

// define makes a view in both instances, in place of old if there is one.
// Transactions that began with old keep it.
func (k *catalog) define(ctx context.Context, v, old *view) error {
	err := k.planner.with(ctx, func(c *conn) error {
		return c.exec(ctx, "CREATE OR REPLACE TABLE main."+record.QuoteName(v.name)+" ("+columnList(v.columns())+")")
	})
	if err != nil {
		return err
	}
	rows := "query_table(getvariable(" + record.QuoteText(v.branches()) + "))"
	query := "FROM " + rows
	if v.sessions != nil {
		query = v.sessions.query(v.schema, rows, "getvariable("+record.QuoteText(v.from())+")", "getvariable("+record.QuoteText(v.to())+")")
	}
	statements := []string{
		fmt.Sprintf("SET VARIABLE %s = %d::BIGINT", v.from(), nothing.from),
		fmt.Sprintf("SET VARIABLE %s = %d::BIGINT", v.to(), nothing.to),
		"SET VARIABLE " + v.files() + " = [" + record.QuoteText(k.stubFile) + "]",
		"SET VARIABLE " + v.rows() + " = 1::UBIGINT",
		"SET VARIABLE " + v.branches() + " = [" + record.QuoteText(v.stub()) + "]",
		"CREATE TABLE " + v.stub() + " (" + columnList(v.schema) + ")",
		"CREATE VIEW " + v.lake() + " AS " + fromParquet(v.schema) + "read_parquet(getvariable(" + record.QuoteText(v.files()) + "), schema=" + parquetSchema(v.schema) +
			", explicit_cardinality=getvariable(" + record.QuoteText(v.rows()) + "))",
		"CREATE VIEW " + v.unseen() + " AS SELECT " + opaqueColumns(v.schema) + " FROM " + v.lake(),
		"CREATE OR REPLACE VIEW main." + record.QuoteName(v.name) + " AS " + query,
	}
	if old != nil {
		statements = append(statements, old.undo())
	}
	return k.reader.with(ctx, func(c *conn) error { return c.exec(ctx, strings.Join(statements, ";\n")) })
}

// undo drops what the view in main was made of.
func (v *view) undo() string {
	return "DROP VIEW " + v.unseen() + "; DROP VIEW " + v.lake() + "; DROP TABLE " + v.stub()
}

func (k *catalog) drop(ctx context.Context, v *view) error {
	err := k.planner.with(ctx, func(c *conn) error {
		return c.exec(ctx, "DROP TABLE IF EXISTS main."+record.QuoteName(v.name))
	})
	if err != nil {
		return err
	}
	return k.reader.with(ctx, func(c *conn) error {
		return c.exec(ctx, "DROP VIEW main."+record.QuoteName(v.name)+"; "+v.undo())
	})
}

// branch is the name under which v reads a generation: its own table, or, where
// that has other columns, a view that gives it v's.
func (v *view) branch(g *world.Generation) string {
	if sameSchema(g.Schema, v.schema) {
		return recentName(g.Name)
	}
	return hiddenSchema + "." + record.QuoteName(fmt.Sprintf("%s as %d", g.Name, v.id))
}

// adapt makes the view that branch names, if one is needed.
func (k *catalog) adapt(ctx context.Context, v *view, g *world.Generation) error {
	adapter := v.branch(g)
	if adapter == recentName(g.Name) || k.shapes[g.Name][adapter] {
		return nil
	}
	err := k.reader.with(ctx, func(c *conn) error {
		return c.exec(ctx, "CREATE OR REPLACE VIEW "+adapter+" AS SELECT "+adaptedColumns(v.schema, g.Schema)+" FROM "+recentName(g.Name))
	})
	if err != nil {
		return fmt.Errorf("read recent rows %s: %w", g.Name, err)
	}
	if k.shapes[g.Name] == nil {
		k.shapes[g.Name] = map[string]bool{}
	}
	k.shapes[g.Name][adapter] = true
	return nil
}

// forget drops the adapters of a generation that goes away.
func (k *catalog) forget(ctx context.Context, generation string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for adapter := range k.shapes[generation] {
		err := k.reader.with(ctx, func(c *conn) error { return c.exec(ctx, "DROP VIEW IF EXISTS "+adapter) })
		if err != nil {
			return err
		}
	}
	delete(k.shapes, generation)
	return nil
}

// adaptedColumns selects want from a table of columns have: by field id where
// both have one, that of a field which the column was included, else by name; what is
// missing is null, and hidden: DuckDB takes (n = 7 or contains(NULL, ”)) for true where
// its statistics say that n is never 7, and never null.
func adaptedColumns(want, have record.Schema) string {
	parts := make([]string, len(want))
	for i, w := range want {
		from := slices.IndexFunc(have, func(h record.Column) bool {
			if w.FieldID != 0 && h.FieldID != 0 {
				return w.FieldID == h.FieldID || slices.ContainsFunc(w.Was, func(o record.Was) bool { return o.FieldID == h.FieldID })
			}
			return strings.EqualFold(w.Name, h.Name)
		})
		value := opaque + "NULL"
		if from >= 0 {
			value = record.QuoteName(have[from].Name)
		}
		parts[i] = "CAST(" + value + " AS " + w.Type.SQL() + ") AS " + record.QuoteName(w.Name)
	}
	return strings.Join(parts, ", ")
}

// parquetSchema is the schema option of read_parquet: columns by field id, so
// that files of older columns, or renamed ones, read as they should.
func parquetSchema(schema record.Schema) string {
	var parts []string
	field := func(id int, name string, t record.Type) {
		parts = append(parts, fmt.Sprintf("%d: {name: %s, type: %s, default_value: NULL}", id, record.QuoteText(name), record.QuoteText(t.SQL())))
	}
	for _, c := range schema {
		field(c.FieldID, c.Name, c.Type)
	}
	for _, c := range schema {
		for _, w := range c.Was {
			field(w.FieldID, wasName(w), w.Type)
		}
	}
	return "MAP {" + strings.Join(parts, ", ") + "}"
}

// wasName is how a read of files calls a field that a column was.
func wasName(w record.Was) string { return fmt.Sprintf("_was_%d", w.FieldID) }

// fromParquet begins a statement that reads files with parquetSchema: of a column that
// was widened it takes the value from the one field that a file has.
func fromParquet(schema record.Schema) string {
	if !slices.ContainsFunc(schema, func(c record.Column) bool { return len(c.Was) > 0 }) {
		return "FROM "
	}
	parts := make([]string, len(schema))
	for i, c := range schema {
		name := record.QuoteName(c.Name)
		parts[i] = name
		if len(c.Was) == 0 {
			continue
		}
		terms := []string{name}
		for _, w := range c.Was {
			terms = append(terms, "CAST("+record.QuoteName(wasName(w))+" AS "+c.Type.SQL()+")")
		}
		parts[i] = "coalesce(" + strings.Join(terms, ", ") + ") AS " + name
	}
	return "SELECT " + strings.Join(parts, ", ") + " FROM "
}

// opaqueColumns selects all columns, each behind the operator that hides it.
func opaqueColumns(schema record.Schema) string {
	parts := make([]string, len(schema))
	for i, c := range schema {
		name := record.QuoteName(c.Name)
		parts[i] = opaque + name + " AS " + name
	}
	return strings.Join(parts, ", ")
}

// sameSchema says whether two schemas read alike: Doc does not matter, nor a field
// id that is not known.
func sameSchema(a, b record.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y record.Column) bool {
		return x.Name == y.Name && (x.FieldID == y.FieldID || x.FieldID == 0 || y.FieldID == 0) && sameType(x.Type, y.Type)
	})
}

func sameType(a, b record.Type) bool {
	if a.Kind != b.Kind || a.Precision != b.Precision || a.Scale != b.Scale || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	return (a.Elem == nil || sameType(*a.Elem, *b.Elem)) && sameSchema(a.Fields, b.Fields)
}
