package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// Mistake is what a project's file asks for and the data that is there does not
// allow, with its place in the file.
type Mistake struct {
	File         string
	Line, Column int // from 1; 0 for the file as a whole
	Message      string
}

func (m Mistake) String() string {
	if m.Line == 0 {
		return m.File + ": " + m.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message)
}

// Mistakes are all of a stream's.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// placeMisfits gives what the lake cannot take its place in the stream's file. Another
// error only says which stream it is of.
func placeMisfits(p Project, stream string, err error) error {
	var misfits *lake.Misfits
	if !errors.As(err, &misfits) {
		return fmt.Errorf("stream %s: %w", stream, err)
	}
	var found Mistakes
	for _, c := range misfits.Columns {
		found = append(found, mistakeAt(p, stream, pathOfColumn(p.Streams[stream], c.Column), c.Reason))
	}
	return record.Errorf(record.Conflict, "%w", found)
}

// mistakeAt is a mistake at a path of a stream's file.
func mistakeAt(p Project, stream, path, message string) Mistake {
	m := Mistake{File: "stream " + stream, Message: message}
	if source := p.Sources[stream]; source != nil {
		m.File = source.File()
		m.Line, m.Column, _ = source.Find(path)
	}
	return m
}

// pathOfColumn is where a stream's file says what type a column of its table has.
// The columns that are not declared come of an enrichment or a partition.
func pathOfColumn(d shape.Definition, column string) string {
	for i, c := range d.Columns {
		if strings.EqualFold(c.Name, column) {
			return fmt.Sprintf("columns[%d].type", i)
		}
	}
	if i := slices.Index(d.Dropped, column); i >= 0 {
		return fmt.Sprintf("dropped[%d]", i)
	}
	if len(d.Enrich) > 0 {
		return "enrich"
	}
	return "partition"
}

// Preview is what a node would do to the tables of a data folder to run a project,
// a sentence each.
type Preview struct {
	Changes  []string
	Mistakes Mistakes
}

// Foresee compares a project with a data folder, which it only reads: a node may
// run there. A folder without a node's data has nothing to compare.
func Foresee(ctx context.Context, data string, p Project) (found Preview, err error) {
	path := filepath.Join(data, "meta.db")
	if _, err := os.Stat(path); err != nil {
		return found, nil //nolint:nilerr // no node ever ran there
	}
	store, err := object.OpenLocal(object.OS{}, filepath.Join(data, "objects"), bucket)
	if err != nil {
		return found, err
	}
	err = meta.Read(ctx, path, func(q meta.Querier) error {
		tables, err := lake.Stored(ctx, q, store)
		if err != nil {
			return err
		}
		last, err := newestDefinitions(ctx, q)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(p.Streams)) {
			if err := found.stream(p, name, tables[name], last[name]); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(last)) {
			if _, kept := p.Streams[name]; !kept && tables[name] != nil {
				found.Changes = append(found.Changes, fmt.Sprintf("stream %s is not in the project: it takes no records, and its table stays (biwa table drop %s deletes it)", name, name))
			}
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("compare with the data in %s: %w", data, err)
	}
	return found, nil
}

// stream compares one stream with its table and the definition that ran last.
func (f *Preview) stream(p Project, name string, table record.Schema, last *storedDefinition) error {
	if table == nil {
		return nil // all of it is new
	}
	d := p.Streams[name]
	var moves shape.Moves
	if last != nil {
		d = d.Carried(last.Definition)
		var err error
		var wrong Mistakes
		if moves, err = movesOf(p, name, d, last.Definition, table); errors.As(err, &wrong) {
			f.Mistakes = append(f.Mistakes, wrong...)
			return nil
		} else if err != nil {
			return err
		}
	}
	o, err := shapeOptions(p, name)
	if err != nil {
		return err
	}
	schema, err := shape.SchemaOf(d, o)
	if err != nil {
		return err
	}
	if last != nil {
		schema = guessedIn(schema, last.Definition)
	}
	f.moves(name, d, moves)
	differences, err := lake.Compare(table, lake.Spec{Name: name, Schema: schema, Renamed: moves.Renamed, Dropped: moves.Dropped})
	var mistakes Mistakes
	if err != nil && !errors.As(placeMisfits(p, name, err), &mistakes) {
		return err
	}
	f.Mistakes = append(f.Mistakes, mistakes...)
	for _, c := range differences {
		if c.Added {
			f.Changes = append(f.Changes, fmt.Sprintf("stream %s: column %s %s is added to the table, NULL in the rows that are there", name, c.Column, c.Now))
		} else {
			f.Changes = append(f.Changes, fmt.Sprintf("stream %s: column %s is widened from %s to %s", name, c.Column, c.Was, c.Now))
		}
	}
	if last == nil {
		return nil
	}
	for _, c := range last.Definition.Columns {
		if now, kept := moves.Name(c.Name); kept && now == c.Name && schema.Index(c.Name) < 0 && table.Index(c.Name) >= 0 {
			f.Changes = append(f.Changes, fmt.Sprintf("stream %s: column %s is left out: it stays in the table with the values that it has, and is NULL in new rows", name, c.Name))
		}
	}
	return nil
}

// moves says which columns are renamed and dropped.
func (f *Preview) moves(name string, d shape.Definition, moves shape.Moves) {
	for _, before := range slices.Sorted(maps.Keys(moves.Renamed)) {
		now := moves.Renamed[before]
		text := fmt.Sprintf("stream %s: column %s is renamed to %s, with the values that it has", name, before, now)
		if i := slices.IndexFunc(d.Columns, func(c shape.Column) bool { return c.Name == now }); i >= 0 && d.Columns[i].From == "" && d.Columns[i].Expr == "" {
			text += fmt.Sprintf("; new records have it in the field %s (from: %s keeps the field)", now, before)
		}
		f.Changes = append(f.Changes, text)
	}
	for _, column := range moves.Dropped {
		f.Changes = append(f.Changes, fmt.Sprintf("stream %s: column %s is dropped: no query sees its values again; they stay in the files until compaction rewrites these, and in the raw archive", name, column))
	}
}

// newestDefinitions are those that ran last, by the name of their stream.
func newestDefinitions(ctx context.Context, q meta.Querier) (map[string]*storedDefinition, error) {
	rows, err := q.QueryContext(ctx, `SELECT s.name, g.definition FROM streams s JOIN generations g ON g.stream_id = s.id
		WHERE s.state = 'active' ORDER BY g.generation`)
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	defer rows.Close()
	found := map[string]*storedDefinition{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, fmt.Errorf("list definitions: %w", err)
		}
		d := &storedDefinition{}
		if err := json.Unmarshal([]byte(text), d); err != nil {
			return nil, fmt.Errorf("definition of %s: %w", name, err)
		}
		found[name] = d
	}
	return found, rows.Err()
}
