// Package project reads a project folder: biwa.yaml, streams/*.yaml and
// seeds/*.csv. It finds every mistake at once, each with its place and, where
// there is one, the nearest right word. The JSON Schema for editors and the
// reference pages come from the same structs as the reading.
package project

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is a mistake in a project.
type Problem struct {
	File       string `json:"file"`           // relative to the project, with forward slashes
	Line       int    `json:"line,omitempty"` // from 1; 0 for the file as a whole
	Column     int    `json:"column,omitempty"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	text := place + ": " + p.Message
	if p.Suggestion != "" {
		text += "; " + p.Suggestion
	}
	return text
}

// Problems are all the mistakes of a project, by file, line and column.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders the problems and takes out doubles.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}

// once adds a problem that may have been met before.
func (p *Problems) once(problem Problem) {
	if !slices.Contains(*p, problem) {
		*p = append(*p, problem)
	}
}
