package app

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/shape"
)

// compile makes the shaper of a definition; its number and place in the log are
// the caller's to set.
func (n *Node) compile(ctx context.Context, s *stream, stored storedDefinition) (*generation, error) {
	location, err := time.LoadLocation(stored.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.name, err)
	}
	o := shape.Options{Name: s.name, Stream: s.id, Location: location}
	if o.Lookups, err = readSeeds(stored.Seeds); err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.name, err)
	}
	program, err := shape.ProgramOf(stored.Definition, o)
	if err != nil {
		return nil, err
	}
	if !program.Empty() {
		if o.Evaluator, err = n.evaluator(ctx, location, program); err != nil {
			return nil, fmt.Errorf("stream %s: %w", s.name, err)
		}
	}
	shaper, err := shape.Compile(stored.Definition, o)
	if err != nil {
		return nil, err
	}
	return &generation{stored: stored, shaper: shaper}, nil
}

func readSeeds(texts map[string]string) (map[string]*shape.Seed, error) {
	seeds := map[string]*shape.Seed{}
	for name, text := range texts {
		seed, err := readSeed(text)
		if err != nil {
			return nil, fmt.Errorf("seed %s: %w", name, err)
		}
		seeds[name] = seed
	}
	return seeds, nil
}

func readSeed(text string) (*shape.Seed, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, errors.Join(err, errors.New("want CSV with a header"))
	}
	return &shape.Seed{Columns: rows[0], Rows: rows[1:]}, nil
}

// evaluator works out a definition's SQL with the engine.
func (n *Node) evaluator(ctx context.Context, zone *time.Location, p shape.Program) (shape.Evaluator, error) {
	columns := make([]engine.Expression, len(p.Columns))
	for i, c := range p.Columns {
		columns[i] = engine.Expression{Name: c.Name, SQL: c.SQL, Type: c.Type}
	}
	e, err := n.engine.NewEvaluator(ctx, zone, p.Input, columns, p.Filter)
	if err != nil {
		return nil, err
	}
	return evaluator{e}, nil
}

type evaluator struct{ engine *engine.Evaluator }

func (e evaluator) Evaluate(ctx context.Context, batch arrow.RecordBatch) ([]arrow.Array, []bool, map[int]shape.RowError, error) {
	computed, keep, failed, err := e.engine.Evaluate(ctx, batch)
	var rows map[int]shape.RowError
	if len(failed) > 0 {
		rows = make(map[int]shape.RowError, len(failed))
		for row, f := range failed {
			rows[row] = shape.RowError{Column: f.Column, Message: f.Message}
		}
	}
	return computed, keep, rows, err
}
