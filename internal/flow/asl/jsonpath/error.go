package jsonpath

import "fmt"

// InvalidPath is a path that cannot be compiled.
type InvalidPath struct {
	Text     string // the path
	Position int    // byte offset of the mistake in Text
	Message  string
}

func (e *InvalidPath) Error() string { return e.Message }

// NotFound says that the document has no value at the path, in Jayway's words.
type NotFound struct{ Message string }

func (e *NotFound) Error() string { return e.Message }

// Mismatch says that a step of the path cannot be applied to the value it meets, in Jayway's words.
type Mismatch struct{ Message string }

func (e *Mismatch) Error() string { return e.Message }

// Conflict says that Set met a value that can have no members.
type Conflict struct {
	Path  string
	Input string // the document as JSON
}

func (e *Conflict) Error() string {
	return fmt.Sprintf("Unable to apply ReferencePath %s to input %s", e.Path, e.Input)
}
