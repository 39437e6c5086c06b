package project

import (
	"encoding/csv"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/shape"
)

// loadSeeds reads seeds/*.csv.
func (p *Project) loadSeeds(problems *Problems) {
	for _, file := range p.files("seeds", problems) {
		name, isCSV := strings.CutSuffix(path.Base(file), ".csv")
		if !isCSV {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(file)))
		if err != nil {
			*problems = append(*problems, Problem{File: file, Message: "cannot be read: " + err.Error()})
			continue
		}
		seed, problem := ParseSeed(string(text))
		if problem != nil {
			problem.File = file
			*problems = append(*problems, *problem)
			continue
		}
		p.Seeds[name], p.Lookups[name] = string(text), seed
	}
}

// ParseSeed reads a seed's text: CSV in UTF-8 with a header.
func ParseSeed(text string) (*shape.Seed, *Problem) {
	text = strings.TrimPrefix(text, "\ufeff") // as spreadsheets write it
	if !utf8.ValidString(text) {
		return nil, &Problem{Message: "the file is not UTF-8", Suggestion: "save it as CSV UTF-8"}
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	var wrong *csv.ParseError
	switch {
	case errors.As(err, &wrong):
		return nil, &Problem{Line: wrong.Line, Column: max(wrong.Column, 1), Message: wrong.Err.Error()}
	case err != nil:
		return nil, &Problem{Message: err.Error()}
	case len(rows) == 0:
		return nil, &Problem{Message: "the file is empty", Suggestion: "a seed is CSV with a header"}
	}
	for i, name := range rows[0] {
		if name == "" || slices.Index(rows[0], name) < i {
			return nil, &Problem{Line: 1, Column: 1, Message: "the header has an empty name, or one twice"}
		}
	}
	return &shape.Seed{Columns: rows[0], Rows: rows[1:]}, nil
}
