package project

import (
	"embed"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/shape"
)

// pages hold the prose of the reference; {{keys}} stands for the tables.
//
//go:embed page/*.md
var pages embed.FS

// Reference is the reference page of a kind of file, in Markdown.
func Reference(kind string) ([]byte, error) {
	target, err := structOf(kind)
	if err != nil {
		return nil, err
	}
	prose, err := pages.ReadFile("page/" + kind + ".md")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	writeKeys(&b, section{reflect.TypeOf(target).Elem(), []string{""}})
	return []byte(strings.Replace(string(prose), "{{keys}}\n", b.String(), 1)), nil
}

// section is a struct of the reference and the paths at which it stands.
type section struct {
	t     reflect.Type
	paths []string
}

// writeKeys writes a table of a struct's keys, and then of the structs in it.
func writeKeys(b *strings.Builder, s section) {
	heading := "Top level"
	if s.paths[0] != "" {
		heading = "`" + strings.Join(s.paths, "`, `") + "`"
	}
	fmt.Fprintf(b, "### %s\n\n| key | value | default | |\n|---|---|---|---|\n", heading)
	var below []section
	for i := range s.t.NumField() {
		f := s.t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		tag := parseTag(f.Tag.Get("jsonschema"))
		word, inner := valueWord(f.Type, tag)
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, word, defaultWord(tag), strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(tag.description))
		if inner == nil || inner == s.t {
			continue
		}
		path := join(s.paths[0], name)
		if f.Type.Kind() == reflect.Slice {
			path += "[]"
		}
		if at := slices.IndexFunc(below, func(o section) bool { return o.t == inner }); at >= 0 {
			below[at].paths = append(below[at].paths, path)
		} else {
			below = append(below, section{inner, []string{path}})
		}
	}
	for _, n := range below {
		b.WriteString("\n")
		writeKeys(b, n)
	}
}

func defaultWord(tag tag) string {
	switch {
	case tag.required:
		return "required"
	case tag.value != "":
		return "`" + tag.value + "`"
	}
	return ""
}

// valueWord says what is written after a key, and which struct it holds.
func valueWord(t reflect.Type, tag tag) (word string, element reflect.Type) {
	if len(tag.enum) > 0 {
		return "`" + strings.Join(tag.enum, "` `") + "`", nil
	}
	switch t {
	case reflect.TypeFor[shape.Duration]():
		return "duration", nil
	case reflect.TypeFor[shape.Size]():
		return "size", nil
	case literalType:
		return "value", nil
	case reflect.TypeFor[shape.Names]():
		return "name, or list of names", nil
	case reflect.TypeFor[shape.TimeRange]():
		return "`off`, or keys", t
	case reflect.TypeFor[shape.Enrichment]():
		return "name, or name with keys", t
	}
	switch t.Kind() {
	case reflect.Bool:
		return "`true` `false`", nil
	case reflect.Int, reflect.Int64:
		return "number", nil
	case reflect.Pointer:
		return valueWord(t.Elem(), tag)
	case reflect.Slice:
		word, element = valueWord(t.Elem(), tag)
		return "list of: " + word, element
	case reflect.Map:
		_, element = valueWord(t.Elem(), tag)
		return "names with keys", element
	case reflect.Struct:
		return "keys", t
	}
	return "text", nil
}

// tag is a jsonschema tag, taken apart.
type tag struct {
	description, value string
	enum               []string
	required           bool
}

func parseTag(text string) (t tag) {
	const comma = "\x00"
	for part := range strings.SplitSeq(strings.ReplaceAll(text, `\,`, comma), ",") {
		name, value, _ := strings.Cut(strings.ReplaceAll(part, comma, ","), "=")
		switch name {
		case "description":
			t.description = value
		case "default":
			t.value = value
		case "enum":
			t.enum = append(t.enum, value)
		case "required":
			t.required = true
		}
	}
	return t
}
