package jsonpath

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// function computes the value of a call from the value in front of it and its arguments.
type function func(e *evaluation, model any, arguments []any) (any, error)

// functions are those of Jayway JsonPath, by name.
var functions = map[string]function{
	"min":    aggregate(func(n []float64) float64 { return fold(n, math.Min) }),
	"max":    aggregate(func(n []float64) float64 { return fold(n, math.Max) }),
	"sum":    aggregate(sum),
	"avg":    aggregate(func(n []float64) float64 { return sum(n) / float64(len(n)) }),
	"stddev": aggregate(deviation),
	"length": length,
	"size":   length,
	"keys":   keys,
	"concat": concat,
	"append": appendItems,
	"first":  func(_ *evaluation, model any, _ []any) (any, error) { return itemAt(model, 0) },
	"last":   func(_ *evaluation, model any, _ []any) (any, error) { return itemAt(model, -1) },
	"index":  index,
}

// functionStep is .name(…).
type functionStep struct {
	name      string
	compute   function
	arguments []argument
	ofScan    []step // the path .. that the function is applied to as a whole, see invertScan
}

// argument is a path or a JSON value.
type argument struct {
	path    *innerPath
	literal any
}

func (s *functionStep) definite() bool { return true }

func (s *functionStep) text() string {
	if len(s.arguments) > 0 {
		return "." + s.name + "(...)"
	}
	return "." + s.name + "()"
}

func (s *functionStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	var arguments []any
	for _, a := range s.arguments {
		item := a.literal
		if a.path != nil {
			source := model
			if a.path.fromRoot {
				source = e.root
			}
			var err error
			if item, err = e.run(a.path.path, source); err != nil {
				return err
			}
		}
		arguments = append(arguments, item)
	}
	if s.ofScan != nil {
		found := []any{}
		if err := e.walk(s.ofScan, at, model, func(item any) { found = append(found, item) }); err != nil {
			return err
		}
		model = found
	}
	result, err := s.compute(e, model, arguments)
	if err != nil {
		return err
	}
	return next(&place{parent: at, name: s.name, kind: 'p', definite: at.definite}, result)
}

// invertScan applies the function at the end of $..path.function() to all that $..path finds, not to each: what is found is
// its array. The length of it is the number of the values' members.
func invertScan(steps []step) []step {
	if len(steps) < 2 {
		return steps
	}
	_, scans := steps[0].(*scanStep)
	call, ok := steps[len(steps)-1].(*functionStep)
	if !scans || !ok {
		return steps
	}
	inner := steps[: len(steps)-1 : len(steps)-1]
	if call.name == "length" || call.name == "size" {
		inner = append(inner, &wildcardStep{})
	}
	return []step{&functionStep{name: call.name, compute: call.compute, arguments: call.arguments, ofScan: inner}}
}

var errNoNumbers = &Mismatch{"Aggregation function attempted to calculate value using empty array"}

// aggregate applies f to the numbers of an array and of the arguments; there has to be one.
func aggregate(f func([]float64) float64) function {
	return func(_ *evaluation, model any, arguments []any) (any, error) {
		numbers := numbersOf(nil, model)
		for _, a := range arguments {
			if n, ok := value.Float(a); ok {
				numbers = append(numbers, n)
			}
			numbers = numbersOf(numbers, a)
		}
		if len(numbers) == 0 {
			return nil, errNoNumbers
		}
		return double(f(numbers)), nil
	}
}

func numbersOf(numbers []float64, v any) []float64 {
	if array, ok := v.([]any); ok {
		for _, item := range array {
			if n, ok := value.Float(item); ok {
				numbers = append(numbers, n)
			} else if inner, ok := item.([]any); ok {
				numbers = numbersOf(numbers, inner)
			}
		}
	}
	return numbers
}

// double is a Java Double: its JSON has a fraction even where that is nothing.
func double(f float64) any {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return value.Number(json.Number(text))
}

func fold(numbers []float64, f func(a, b float64) float64) float64 {
	result := numbers[0]
	for _, n := range numbers[1:] {
		result = f(result, n)
	}
	return result
}

func sum(numbers []float64) float64 {
	return fold(numbers, func(a, b float64) float64 { return a + b })
}

func deviation(numbers []float64) float64 {
	count, mean := float64(len(numbers)), sum(numbers)/float64(len(numbers))
	squares := 0.0
	for _, n := range numbers {
		squares += n * n
	}
	return math.Sqrt(max(0, squares/count-mean*mean))
}

func length(_ *evaluation, model any, arguments []any) (any, error) {
	if len(arguments) > 0 {
		model = arguments[0]
	}
	switch model := model.(type) {
	case []any:
		return float64(len(model)), nil
	case *value.Object:
		return float64(model.Len()), nil
	}
	return nil, nil
}

func keys(_ *evaluation, model any, _ []any) (any, error) {
	object, ok := model.(*value.Object)
	if !ok {
		return nil, nil
	}
	names := make([]any, 0, object.Len())
	for _, name := range object.Names() {
		names = append(names, name)
	}
	return names, nil
}

func concat(_ *evaluation, model any, arguments []any) (any, error) {
	if _, ok := model.([]any); !ok {
		model = nil
	}
	var text strings.Builder
	for _, part := range append([]any{model}, arguments...) {
		items, ok := part.([]any)
		if !ok {
			items = []any{part}
		}
		for _, item := range items {
			if s, ok := item.(string); ok {
				text.WriteString(s)
			}
		}
	}
	return text.String(), nil
}

func appendItems(_ *evaluation, model any, arguments []any) (any, error) {
	array, ok := model.([]any)
	if !ok {
		return model, nil
	}
	return append(array[:len(array):len(array)], arguments...), nil
}

func index(_ *evaluation, model any, arguments []any) (any, error) {
	if len(arguments) > 0 {
		if n, ok := value.Float(arguments[0]); ok {
			return itemAt(model, int(n))
		}
	}
	return nil, &Mismatch{"Function index() needs a number"}
}

func itemAt(model any, i int) (any, error) {
	array, ok := model.([]any)
	if !ok {
		return nil, errNoNumbers
	}
	at := i
	if at < 0 {
		at += len(array)
	}
	if at < 0 || at >= len(array) {
		return nil, &Mismatch{"Target index:" + strconv.Itoa(i) + " larger than object count:" + strconv.Itoa(len(array))}
	}
	return array[at], nil
}
