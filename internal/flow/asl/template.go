package asl

import (
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// template is a payload template: a value with parts that are computed. In JSONPath these are the members whose names
// end in .$, in JSONata the strings in {% %}. A template without such parts is its constant.
type template struct {
	constant any
	part     part
}

// part is a part that is computed.
type part interface {
	eval(f *frame) (any, *failure)
}

func (t *template) eval(f *frame) (any, *failure) {
	if t.part == nil {
		return t.constant, nil
	}
	return t.part.eval(f)
}

// pathPart is the value of a member whose name ends in .$.
type pathPart struct {
	path  *path
	field string
}

func (p *pathPart) eval(f *frame) (any, *failure) {
	v, err := p.path.get(f)
	if err != nil {
		return nil, p.path.fieldFailure(err, p.field, f)
	}
	return v, nil
}

// jsonataPart is a string in {% %}.
type jsonataPart struct {
	source     string
	location   string // the field, as Output/result
	expression *jsonata.Expression
}

func (p *jsonataPart) eval(f *frame) (any, *failure) {
	v, defined, err := f.evaluate(p.expression)
	if err != nil {
		return nil, queryFailure(p.location, jsonataThrewCause, p.source, p.location, err)
	}
	if !defined {
		return nil, queryFailure(p.location, jsonataUndefinedCause, p.source, p.location)
	}
	return v, nil
}

// unexpected says that the expression's value has another type than the field wants.
func (p *jsonataPart) unexpected(v any, want string) *failure {
	return queryFailure(p.location, jsonataTypeCause, p.source, p.location, want, kindOf(v), value.Text(v))
}

// objectPart is an object; in JSONPath the computed members come after the others, as they do in AWS's data.
type objectPart struct {
	names []string
	parts []template
}

func (p *objectPart) eval(f *frame) (any, *failure) {
	o := value.NewObject(len(p.names))
	for i := range p.names {
		v, failed := p.parts[i].eval(f)
		if failed != nil {
			return nil, failed
		}
		o.Set(p.names[i], v)
	}
	return o, nil
}

// arrayPart is an array.
type arrayPart []template

func (p arrayPart) eval(f *frame) (any, *failure) {
	items := make([]any, len(p))
	for i := range p {
		v, failed := p[i].eval(f)
		if failed != nil {
			return nil, failed
		}
		items[i] = v
	}
	return items, nil
}

// expressionSource is the JSONata in a string in {% %}.
func expressionSource(text string) (string, bool) {
	if len(text) < 4 || !strings.HasPrefix(text, "{%") || !strings.HasSuffix(text, "%}") {
		return "", false
	}
	return strings.TrimSpace(text[2 : len(text)-2]), true
}
