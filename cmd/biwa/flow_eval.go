package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/flow/asl/intrinsic"
	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/asl/jsonpath"
	"github.com/biwa-data/biwa/internal/flow/value"
)

func newFlowEval() *cobra.Command {
	e := &evaluation{}
	c := &cobra.Command{Use: "eval --jsonata EXPR | --jsonpath EXPR", Short: "Evaluate an expression of a state machine",
		Long: `Evaluates a JSONata expression, or a JSONPath or an intrinsic function, over an input
and prints the result as JSON. In JSONata the input is $ and $states.input, in JSONPath
it is $; $$ and $states.context are the context object, $name is a variable.
Exit 2 if the expression cannot be read, 1 if it fails or has no value.`,
		Example: `  biwa flow eval --jsonata '$sum(items.price)' --input order.json
  biwa flow eval --jsonpath '$.items[?(@.price > 10)].name' --input order.json
  biwa flow eval --jsonpath 'States.MathAdd($.n, $step)' --input '{"n": 1}' --vars '{"step": 2}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := e.run()
			if err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), result)
		}}
	f := c.Flags()
	f.StringVar(&e.jsonata, "jsonata", "", "`EXPR`, with or without {% %}")
	f.StringVar(&e.jsonpath, "jsonpath", "", "`EXPR`: a path or a call such as States.Format('{}', $.a)")
	f.StringVar(&e.input, "input", "{}", "`FILE` with the input, or the JSON itself; - is standard input")
	f.StringVar(&e.context, "context", "{}", "`FILE` with the context object, or the JSON itself")
	f.StringVar(&e.vars, "vars", "{}", "`FILE` with an object of variables, or the JSON itself")
	return c
}

// evaluation is one call of flow eval.
type evaluation struct{ jsonata, jsonpath, input, context, vars string }

func (e *evaluation) run() (any, error) {
	if (e.jsonata == "") == (e.jsonpath == "") {
		return nil, usagef("give one expression: --jsonata EXPR or --jsonpath EXPR")
	}
	input, err := e.read("input", e.input)
	if err != nil {
		return nil, err
	}
	object, err := e.read("context", e.context)
	if err != nil {
		return nil, err
	}
	read, err := e.read("vars", e.vars)
	if err != nil {
		return nil, err
	}
	vars, ok := read.(*value.Object)
	if !ok {
		return nil, usagef("--vars is an object of variables, such as {\"count\": 3}")
	}
	if e.jsonata != "" {
		return e.evalJSONata(input, object, vars)
	}
	return e.evalJSONPath(input, object, vars)
}

func (e *evaluation) read(flag, argument string) (any, error) {
	text, err := jsonArgument(flag, argument)
	if err != nil {
		return nil, err
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, usagef("--%s: %w", flag, err)
	}
	return v, nil
}

func (e *evaluation) evalJSONata(input, object any, vars *value.Object) (any, error) {
	text := strings.TrimSpace(e.jsonata)
	if strings.HasPrefix(text, "{%") && strings.HasSuffix(text, "%}") && len(text) >= 4 {
		text = strings.TrimSpace(text[2 : len(text)-2])
	}
	compiled, err := jsonata.Compile(text)
	if err != nil {
		return nil, &exitError{exitUsage, e.jsonataError(text, err)}
	}
	bound := map[string]any{"states": value.ObjectOf("input", input, "context", object)}
	for name, item := range vars.All() {
		bound[name] = item
	}
	result, defined, err := compiled.Eval(input, bound, jsonata.Env{Now: time.Now(), Random: rand.Float64, UUID: uuid.NewString})
	if err != nil {
		return nil, e.jsonataError(text, err)
	}
	if !defined {
		return nil, errors.New("the expression has no value (undefined)")
	}
	return result, nil
}

// jsonataError shows the place of a mistake; positions count in UTF-16 and stand behind what is meant.
func (e *evaluation) jsonataError(text string, err error) error {
	var mistake *jsonata.Error
	if !errors.As(err, &mistake) || mistake.Position == 0 {
		return err
	}
	units := utf16.Encode([]rune(text))
	position := min(max(mistake.Position-1, 0), len(units))
	return fmt.Errorf("%w\n%s", err, caret(text, len(string(utf16.Decode(units[:position])))))
}

func (e *evaluation) evalJSONPath(input, object any, vars *value.Object) (any, error) {
	text := strings.TrimSpace(e.jsonpath)
	if !intrinsic.Is(text) {
		path, err := jsonpath.Compile(text)
		if err != nil {
			return nil, &exitError{exitUsage, pathError(err)}
		}
		return follow(path, input, object, vars, false)
	}
	call, err := intrinsic.Parse(text)
	if err != nil {
		var syntax *intrinsic.SyntaxError
		if errors.As(err, &syntax) {
			err = fmt.Errorf("%w\n%s", err, caret(syntax.Text, syntax.Position))
		}
		return nil, &exitError{exitUsage, err}
	}
	return call.Eval(intrinsic.Env{Random: rand.Float64, UUID: uuid.NewString, Path: func(text string) (any, error) {
		path, err := jsonpath.Compile(text)
		if err != nil {
			return nil, err
		}
		found, err := follow(path, input, object, vars, true)
		var missing *jsonpath.NotFound
		if errors.As(err, &missing) {
			return nil, intrinsic.Missing(text, value.Text(input))
		}
		return found, err
	}})
}

// follow applies a path to the document that its root names. Strictly, an index past the end is a miss.
func follow(path *jsonpath.Path, input, object any, vars *value.Object, strict bool) (any, error) {
	document := input
	switch root := path.Root(); root {
	case "$":
	case "$$":
		document = object
	default:
		var ok bool
		if document, ok = vars.Get(strings.TrimPrefix(root, "$")); !ok {
			return nil, fmt.Errorf("there is no variable %s; --vars gives variables", root)
		}
	}
	if strict {
		return path.Lookup(document)
	}
	return path.Get(document)
}

func pathError(err error) error {
	var invalid *jsonpath.InvalidPath
	if errors.As(err, &invalid) {
		return fmt.Errorf("%w\n%s", err, caret(invalid.Text, invalid.Position))
	}
	return err
}

// caret shows the line of text in which the byte at offset stands, with a ^ under it.
func caret(text string, offset int) string {
	offset = min(max(offset, 0), len(text))
	from := strings.LastIndexByte(text[:offset], '\n') + 1
	line, _, _ := strings.Cut(text[from:], "\n")
	before := strings.ReplaceAll(text[from:offset], "\t", " ")
	return "  " + strings.ReplaceAll(line, "\t", " ") + "\n  " + strings.Repeat(" ", runewidth.StringWidth(before)) + "^"
}
