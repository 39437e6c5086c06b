package app

import (
	"maps"
	"slices"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// movesOf is what a definition renames and drops of a table's columns, or what it
// cannot, with the places in its file.
func movesOf(p Project, stream string, d, last shape.Definition, have record.Schema) (shape.Moves, error) {
	o, err := shapeOptions(p, stream)
	if err != nil {
		return shape.Moves{}, err
	}
	moves, wrong := shape.MovesOf(d, last, o, have)
	if len(wrong) == 0 {
		return moves, nil
	}
	var found Mistakes
	for _, w := range wrong {
		message := w.Message
		if w.Suggestion != "" {
			message += "; " + w.Suggestion
		}
		found = append(found, mistakeAt(p, stream, w.Path, message))
	}
	return moves, record.Errorf(record.Conflict, "%w", found)
}

// shapeOptions is what a definition of the project is compiled with, to be looked at.
func shapeOptions(p Project, stream string) (shape.Options, error) {
	o := shape.Options{Name: stream, Location: p.Location, Lookups: map[string]*shape.Seed{}}
	for name, text := range p.Seeds {
		read, err := readSeed(text)
		if err != nil {
			return o, record.Errorf(record.Invalid, "seed %s: %w", name, err)
		}
		o.Lookups[name] = read
	}
	return o, nil
}

// guessedBefore marks the columns of a definition that the one before it, nil for none,
// had guessed: declared, they may be widened as guessed ones are.
func guessedBefore(schema record.Schema, last *generation) record.Schema {
	if last == nil {
		return schema
	}
	return guessedIn(schema, last.stored.Definition)
}

func guessedIn(schema record.Schema, last shape.Definition) record.Schema {
	schema = slices.Clone(schema)
	for _, c := range last.Columns {
		if at := schema.Index(c.Name); at >= 0 && c.Inferred {
			schema[at].Guessed = true
		}
	}
	return schema
}

// describeMoves says what happens to a table's columns, for people.
func describeMoves(m shape.Moves) (said []string) {
	for _, before := range slices.Sorted(maps.Keys(m.Renamed)) {
		said = append(said, "column "+before+" is renamed to "+m.Renamed[before])
	}
	for _, name := range m.Dropped {
		said = append(said, "column "+name+" is dropped")
	}
	return said
}
