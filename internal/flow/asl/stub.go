package asl

import (
	"errors"

	"github.com/biwa-data/biwa/internal/flow/value"
)

type path struct{}
type template struct{}
type number struct{}
type resultPath struct{}
type choiceTest struct{}
type integration struct{}

// Parse reads a definition (JSON or YAML) for state machines of a kind.
func Parse(text []byte, kind Kind) (*Definition, Mistakes) {
	if _, err := readDocument(text); err != nil {
		return nil, Mistakes{{Code: CodeSchema, Message: err.message, Line: err.line, Column: err.column}}
	}
	return nil, Mistakes{{Code: CodeSchema, Message: "not built yet"}}
}

// Run runs an execution to its end in virtual time.
func Run(d *Definition, input []byte, o RunOptions) (*Outcome, error) {
	if _, err := value.Parse(input); err != nil {
		return nil, err
	}
	return nil, errors.New("not built yet")
}
