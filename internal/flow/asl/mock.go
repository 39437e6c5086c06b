package asl

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// resultShapes says what calls of services give back, as AWS's API references have it, member names beginning with a
// capital as in Step Functions. A shape is
//
//	"string", "number", "boolean", "timestamp", "any", with bounds of the length or value as in "number 128..10240"
//	[shape]            an array
//	{"*": shape}       an object with any names
//	{"Name": shape}    an object; other names are let through
//	"@Name"            the shape of that name
//
//go:embed result_shapes.json
var resultShapes []byte

var shapes = sync.OnceValue(func() *value.Object {
	v, err := value.Parse(resultShapes)
	if err != nil {
		panic(err)
	}
	return v.(*value.Object)
})

// checkResult checks a mocked result against what the service gives back; what is not known is let through.
func (i integration) checkResult(result any) error {
	if i.token || i.resourceType == "" {
		return nil // the result is whatever a worker sends
	}
	service := strings.TrimPrefix(i.resourceType, "aws-sdk:")
	if service == "states" {
		service = "sfn"
	}
	shape, known := shapes().Get(service + ":" + i.resource)
	if !known {
		return nil
	}
	if _, ok := result.(*value.Object); !ok {
		return cause("Mock result must be a JSON object")
	}
	return checkShape("", shape, result)
}

// checkShape checks one value; field is the name of the member it stands in.
func checkShape(field string, shape, v any) error {
	switch s := shape.(type) {
	case string:
		if strings.HasPrefix(s, "@") {
			named, _ := shapes().Get(s)
			return checkShape(field, named, v)
		}
		return checkScalar(field, s, v)
	case []any:
		items, ok := v.([]any)
		if !ok {
			return mustBe(field, "an array")
		}
		for _, item := range items {
			if err := checkShape(field, s[0], item); err != nil {
				return err
			}
		}
	case *value.Object:
		o, ok := v.(*value.Object)
		if !ok {
			return mustBe(field, "an object")
		}
		any, isMap := s.Get("*")
		for name, item := range o.All() {
			shape, known := s.Get(name)
			if isMap {
				shape, known = any, true
			}
			if known {
				if err := checkShape(name, shape, item); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func mustBe(field, what string) error {
	return causef("Mock result schema validation error: Field '%s' must be %s", field, what)
}

func checkScalar(field, shape string, v any) error {
	kind, bounds, _ := strings.Cut(shape, " ")
	least, most, _ := strings.Cut(bounds, "..")
	switch kind {
	case "boolean":
		if _, ok := v.(bool); !ok {
			return mustBe(field, "a boolean")
		}
	case "number":
		number, ok := value.Float(v)
		if !ok {
			return mustBe(field, "a number")
		}
		return checkBounds(field, number, least, most, "is less than the minimum value", "exceeds the maximum value")
	case "string", "timestamp":
		text, ok := v.(string)
		if !ok {
			return mustBe(field, "a string")
		}
		return checkBounds(field, float64(utf8.RuneCountInString(text)), least, most, "is smaller than the minimum length", "exceeds the maximum length")
	}
	return nil
}

func checkBounds(field string, number float64, least, most, below, above string) error {
	for _, bound := range []struct {
		text, says string
		sign       float64
	}{{least, below, 1}, {most, above, -1}} {
		limit, err := strconv.ParseFloat(bound.text, 64)
		if err == nil && bound.sign*number < bound.sign*limit {
			return causef("Mock result schema validation error: Field '%s' %s", field, bound.says)
		}
	}
	return nil
}
