// Package jsonpath is JSONPath as Amazon States Language uses it: the syntax, the results and the messages of
// Jayway JsonPath 2 (github.com/json-path/JsonPath), with what Step Functions adds and changes.
//
// What Step Functions changes:
//
//   - A path starts with $ (the input), $$ (the context object) or $name (a variable). The caller picks the document by Root.
//   - An indefinite path that finds nothing is an empty array, also where Jayway misses a property on the way.
//   - An index past the end of an array is null, not a miss; Lookup is for the places where it is one.
//   - A backslash in ['…'] only escapes the quote itself.
//
// Everything is bounded: the length and nesting of a path, the values that an evaluation visits. Regular expressions are
// RE2, so they take linear time; lookaround and back references, which RE2 lacks, are rejected when a path is compiled.
package jsonpath

import "errors"

// Bounds of a path and of one evaluation. Step Functions' own payload limit is 256 KiB.
const (
	maxLength  = 10_000    // bytes of a path
	maxNesting = 32        // filters and function arguments inside one another
	maxPattern = 1_000     // bytes of a regular expression
	maxVisits  = 1_000_000 // values looked at in one evaluation
)

// Path is a compiled path. It is immutable and may be used by many goroutines at once.
type Path struct {
	text     string
	root     string
	steps    []step
	definite bool
	names    []string // of a path that is nothing but single properties: the common case, evaluated without detours
	plain    bool     // names is all there is
}

// Compile reads a path. A mistake is an *InvalidPath.
func Compile(text string) (*Path, error) {
	if len(text) > maxLength {
		return nil, &InvalidPath{Text: text[:60] + "…", Position: maxLength, Message: "The path is longer than 10000 bytes"}
	}
	p := &parser{text: text}
	return p.path()
}

// MustCompile is Compile for paths that are part of the program; it panics on a mistake.
func MustCompile(text string) *Path {
	p, err := Compile(text)
	if err != nil {
		panic(err)
	}
	return p
}

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Root names the document that the path applies to: "$", "$$" or a variable such as "$name".
func (p *Path) Root() string { return p.root }

// Definite says whether the path leads to one value. An indefinite path gives an array of what it found.
func (p *Path) Definite() bool { return p.definite }

// Reference says whether the path is a reference path of the language: properties and indexes only.
func (p *Path) Reference() bool {
	for _, s := range p.steps {
		switch s := s.(type) {
		case *propertyStep:
			if len(s.names) != 1 {
				return false
			}
		case *indexStep:
			if len(s.indexes) != 1 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Get gives what the path leads to in the document.
//
// Errors: *NotFound for a value that is missing, *Mismatch for a step that does not fit what it meets.
func (p *Path) Get(document any) (any, error) { return p.get(document, false) }

// Lookup is Get, but an index past the end of an array is a *NotFound too: that is how intrinsic functions and IsPresent see it.
func (p *Path) Lookup(document any) (any, error) { return p.get(document, true) }

func (p *Path) get(document any, strict bool) (any, error) {
	if p.plain {
		if item, ok := follow(document, p.names); ok {
			return item, nil
		}
	}
	e := &evaluation{root: document, strict: strict}
	item, err := e.run(p, document)
	var missing *NotFound
	if !p.definite && errors.As(err, &missing) {
		return []any{}, nil
	}
	return item, err
}
