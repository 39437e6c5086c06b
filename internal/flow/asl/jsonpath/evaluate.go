package jsonpath

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// follow walks single properties; ok is false as soon as one is missing.
func follow(document any, names []string) (any, bool) {
	for _, name := range names {
		object, ok := document.(*value.Object)
		if !ok {
			return nil, false
		}
		if document, ok = object.Get(name); !ok {
			return nil, false
		}
	}
	return document, true
}

// evaluation is one walk of a path through a document.
type evaluation struct {
	root    any
	strict  bool // an index past the end is a miss
	require bool // a property that is missing is a miss also where the path is indefinite: an existence test
	visits  int
}

// visit counts one value against the bound.
func (e *evaluation) visit() error {
	if e.visits++; e.visits > maxVisits {
		return &Mismatch{fmt.Sprintf("The path looks at more than %d values", maxVisits)}
	}
	return nil
}

// run gives the value of a definite path, the array of values of an indefinite one.
func (e *evaluation) run(p *Path, document any) (any, error) {
	var results []any
	if err := e.walk(p.steps, &place{definite: true}, document, func(item any) {
		results = append(results, item)
	}); err != nil {
		return nil, err
	}
	if e.visits > maxVisits { // reached inside a filter, which cannot fail
		return nil, e.visit()
	}
	if !p.definite {
		if results == nil {
			results = []any{}
		}
		return results, nil
	}
	if len(results) == 0 {
		return nil, &NotFound{"No results for path: " + pathText(p)}
	}
	return results[len(results)-1], nil
}

// pathText is a path as Jayway writes it, e.g. $['a'][0].
func pathText(p *Path) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p.steps {
		b.WriteString(s.text())
	}
	return b.String()
}

func (e *evaluation) walk(steps []step, at *place, model any, found func(any)) error {
	if err := e.visit(); err != nil {
		return err
	}
	if len(steps) == 0 {
		found(model)
		return nil
	}
	if at.rest == nil {
		at.rest = steps
	}
	return steps[0].apply(e, at, model, func(to *place, item any) error {
		to.rest = steps[1:]
		// A scan passes on every object and array; the step after it sees only those it can be applied to.
		if _, scans := steps[0].(*scanStep); scans && !e.fits(steps[1], item) {
			return nil
		}
		return e.walk(steps[1:], to, item, found)
	})
}

// fits says whether a step that follows .. is tried at item.
func (e *evaluation) fits(s step, item any) bool {
	switch s := s.(type) {
	case *propertyStep:
		object, ok := item.(*value.Object)
		if !ok || len(s.names) > 1 && !s.last {
			return ok
		}
		for _, name := range s.names {
			if _, ok := object.Get(name); !ok {
				return false
			}
		}
		return true
	case *indexStep, *sliceStep:
		_, ok := item.([]any)
		return ok
	case *filterStep:
		return s.accepts(e, item)
	case *wildcardStep:
		return true
	}
	return false
}

// array gives the array that an index or a slice is applied to; ok is false where there is none.
func (e *evaluation) array(at *place, model any) ([]any, bool, error) {
	array, ok := model.([]any)
	switch {
	case ok:
		return array, true, nil
	case !at.definite:
		return nil, false, nil
	case model == nil:
		return nil, false, &NotFound{"The path " + at.String() + " is null"}
	}
	var rest strings.Builder
	for _, s := range at.rest {
		rest.WriteString(s.text())
	}
	return nil, false, &Mismatch{fmt.Sprintf("Filter: %s can only be applied to arrays. Current context is: %s", rest.String(), value.Text(model))}
}

// place is where in the document an evaluation is; its text is only made for messages.
type place struct {
	parent   *place
	name     string
	number   int
	kind     byte // 'p' for a property, 'i' for an index, 0 for the top
	definite bool // every step up to here leads to one value
	rest     []step
}

func (p *place) property(name string, definite bool) *place {
	return &place{parent: p, name: name, kind: 'p', definite: p.definite && definite}
}

func (p *place) index(i int, definite bool) *place {
	return &place{parent: p, number: i, kind: 'i', definite: p.definite && definite}
}

// scanned is the same place, reached by a scan.
func (p *place) scanned() *place {
	return &place{parent: p.parent, name: p.name, number: p.number, kind: p.kind}
}

func (p *place) String() string {
	switch {
	case p.kind == 'p':
		return p.parent.String() + "['" + p.name + "']"
	case p.kind == 'i':
		return p.parent.String() + "[" + strconv.Itoa(p.number) + "]"
	}
	return "$"
}
