package project

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// Kinds are the kinds of file that have a schema and a reference page.
func Kinds() []string { return []string{"biwa", "stream"} }

// structOf is the struct a kind of file is read into.
func structOf(kind string) (any, error) {
	switch kind {
	case "biwa":
		return &Config{}, nil
	case "stream":
		return &shape.Definition{}, nil
	}
	return nil, record.Errorf(record.NotFound, "there is no schema of %q: the kinds are biwa and stream", kind)
}

// Schema is the JSON Schema of a kind of file, for editors.
func Schema(kind string) ([]byte, error) {
	target, err := structOf(kind)
	if err != nil {
		return nil, err
	}
	r := jsonschema.Reflector{RequiredFromJSONSchemaTags: true, FieldNameTag: "yaml", Anonymous: true, Mapper: mapType}
	schema := r.Reflect(target)
	schema.Title = map[string]string{"biwa": "biwa.yaml", "stream": "streams/*.yaml"}[kind]
	if e := schema.Definitions["Enrichment"]; e != nil {
		one := uint64(1)
		e.MinProperties, e.MaxProperties = &one, &one
		allowShort(e, &jsonschema.Schema{Type: "string", Enum: anyOf(shape.EnrichmentNames())})
	}
	if t := schema.Definitions["TimeRange"]; t != nil {
		allowShort(t, &jsonschema.Schema{Type: "string", Enum: []any{"off"}})
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", kind, err)
	}
	return append(text, '\n'), nil
}

// allowShort lets a short form stand in place of the keys.
func allowShort(s, short *jsonschema.Schema) {
	long := *s
	*s = jsonschema.Schema{OneOf: []*jsonschema.Schema{short, &long}}
}

func anyOf(words []string) []any {
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = w
	}
	return list
}

// mapType is the schema of types that are written otherwise than Go holds them.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[shape.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+ *(ms|s|m|h|d|w|y) *)+$`}
	case reflect.TypeFor[shape.Size]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string", Pattern: `^[0-9.]+ *([KMGTkmgt][Ii]?)?[Bb]?$`}}}
	case literalType:
		return &jsonschema.Schema{}
	case reflect.TypeFor[shape.Names]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
	}
	return nil
}
