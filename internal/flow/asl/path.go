package asl

import (
	"errors"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl/intrinsic"
	"github.com/biwa-data/biwa/internal/flow/asl/jsonpath"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// path is a compiled reference of a JSONPath state: $.a of the data, $$.a of the context object, $name.a of a variable,
// or States.Function(…).
type path struct {
	text     string
	null     bool   // the field is null: {} in its place
	variable string // its name, if the path begins with one
	compiled *jsonpath.Path
	call     *intrinsic.Call
	inner    map[string]*path // the paths that are arguments of the call
}

// compilePath compiles a reference; functions says whether it may be an intrinsic function.
func compilePath(text string, functions bool) (*path, error) {
	p := &path{text: text}
	if functions && strings.HasPrefix(text, "States.") {
		return p, p.compileCall()
	}
	compiled, err := jsonpath.Compile(text)
	if err != nil {
		return nil, err
	}
	p.compiled = compiled
	if root := compiled.Root(); root != "$" && root != "$$" {
		p.variable = root[1:]
	}
	return p, nil
}

func (p *path) compileCall() error {
	call, err := intrinsic.Parse(p.text)
	if err != nil {
		return err
	}
	p.call, p.inner = call, map[string]*path{}
	for _, text := range call.Paths() {
		if p.inner[text], err = compilePath(text, false); err != nil {
			return err
		}
	}
	return nil
}

// get finds what the path stands for.
func (p *path) get(f *frame) (any, error) {
	switch {
	case p.null:
		return value.NewObject(0), nil
	case p.call != nil:
		return p.call.Eval(f.intrinsics(p.inner))
	case p.text == "$":
		return f.data, nil
	}
	document, err := p.document(f)
	if err != nil {
		return nil, err
	}
	return p.compiled.Get(document)
}

// lookup is get where an index past the end of an array is a miss.
func (p *path) lookup(f *frame) (any, error) {
	document, err := p.document(f)
	if err != nil {
		return nil, err
	}
	return p.compiled.Lookup(document)
}

// document is what the path starts from.
func (p *path) document(f *frame) (any, error) {
	switch {
	case p.variable != "":
		v, ok := f.variable(p.variable)
		if !ok {
			return nil, causef(variableMissingCause, p.variable)
		}
		return v, nil
	case p.compiled.Root() == "$$":
		return f.context(), nil
	}
	return f.data, nil
}

// apply is get for InputPath, OutputPath and ItemsPath; a nil path is $.
func (p *path) apply(f *frame) (any, *failure) {
	if p == nil {
		return f.data, nil
	}
	v, err := p.get(f)
	if err != nil {
		return nil, p.failure(err, f)
	}
	return v, nil
}

// failure says that the path led nowhere, as AWS says it for whole-field paths.
func (p *path) failure(err error, f *frame) *failure {
	if p.call != nil {
		return p.callFailure(err, f)
	}
	return runtimeFailure(invalidPathCause, p.text, err)
}

// callFailure is an intrinsic function's; its error has AWS's words already. Where an argument leads nowhere the data
// is wrong, and that is States.Runtime.
func (p *path) callFailure(err error, f *frame) *failure {
	failed := runtimeFailure("%s", err)
	if !f.missed {
		failed.name = ErrorIntrinsic
	}
	return failed
}

// fieldFailure says that the path of a field of a template, or of ErrorPath or CausePath, led nowhere.
func (p *path) fieldFailure(err error, field string, f *frame) *failure {
	if p.call != nil {
		return p.callFailure(err, f)
	}
	var mismatch *jsonpath.Mismatch
	if errors.As(err, &mismatch) {
		return runtimeFailure(invalidPathCause, p.text, err)
	}
	return runtimeFailure(jsonPathNotFoundCause, p.text, field, value.Text(f.data))
}

// resultPath is ResultPath.
type resultPath struct {
	text     string
	null     bool // the result is dropped
	compiled *jsonpath.Path
}

// put places the result in the input; a nil ResultPath is $: the result takes the input's place.
func (p *resultPath) put(input, result any) (any, *failure) {
	switch {
	case p == nil || p.text == "$":
		return result, nil
	case p.null:
		return input, nil
	}
	v, err := p.compiled.Set(input, result)
	if err != nil {
		f := runtimeFailure("%s", err)
		f.name = ErrorResultPath
		return nil, f
	}
	return v, nil
}
