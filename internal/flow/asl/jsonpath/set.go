package jsonpath

import (
	"fmt"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Set gives the document that has item at the path, as ResultPath does: members that are missing on the way are created, an
// index has to exist. The document itself is unchanged; what the path does not touch is shared.
//
// Errors: *Conflict if the path runs into a value without members, *InvalidPath if it is no reference path.
func (p *Path) Set(document, item any) (any, error) {
	if !p.Reference() {
		return nil, &InvalidPath{Text: p.text, Message: fmt.Sprintf("%s is not a reference path: it may have names and indexes only", p.text)}
	}
	changed, ok := set(document, p.steps, item)
	if !ok {
		return nil, &Conflict{Path: p.text, Input: value.Text(document)}
	}
	return changed, nil
}

func set(document any, steps []step, item any) (any, bool) {
	if len(steps) == 0 {
		return item, true
	}
	if at, ok := steps[0].(*indexStep); ok {
		return setIndex(document, at.indexes[0], steps[1:], item)
	}
	name := steps[0].(*propertyStep).names[0]
	object, ok := document.(*value.Object)
	if !ok {
		return nil, false
	}
	member, exists := object.Get(name)
	if !exists {
		member = value.NewObject(1)
	}
	member, ok = set(member, steps[1:], item)
	if !ok {
		return nil, false
	}
	object = object.Clone()
	object.Set(name, member)
	return object, true
}

func setIndex(document any, i int, steps []step, item any) (any, bool) {
	array, ok := document.([]any)
	if !ok {
		return nil, false
	}
	if i < 0 {
		i += len(array)
	}
	if i < 0 || i >= len(array) {
		return nil, false
	}
	member, ok := set(array[i], steps, item)
	if !ok {
		return nil, false
	}
	array = append([]any(nil), array...)
	array[i] = member
	return array, true
}
