package jsonpath

import (
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// step is one part of a path. It passes on each value that it selects in model.
type step interface {
	definite() bool
	text() string // as Jayway writes it in messages
	apply(e *evaluation, at *place, model any, next func(*place, any) error) error
}

// propertyStep is .name or ['name', …]. Several names at the end of a path give one object that has them all.
type propertyStep struct {
	names []string
	quote byte
	last  bool
}

func (s *propertyStep) definite() bool { return true } // newPath knows better where several names are not at the end

func (s *propertyStep) text() string {
	quote := "'"
	if s.quote == '"' {
		quote = `"`
	}
	return "[" + quote + strings.Join(s.names, quote+","+quote) + quote + "]"
}

func (s *propertyStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	object, ok := model.(*value.Object)
	if !ok {
		if !at.definite {
			return nil
		}
		return &NotFound{"Expected to find an object with property " + s.text() + " in path " + at.String() + " but found '" + class(model) +
			"'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."}
	}
	if len(s.names) > 1 && s.last {
		merged := value.NewObject(len(s.names))
		for _, name := range s.names {
			if item, ok := object.Get(name); ok {
				merged.Set(name, item)
			} else if e.require {
				return &NotFound{"Missing property in path " + at.String() + "['" + strings.Join(s.names, "', '") + "']"}
			}
		}
		return next(at.property(strings.Join(s.names, "', '"), true), merged)
	}
	for _, name := range s.names {
		to := at.property(name, len(s.names) == 1)
		item, ok := object.Get(name)
		if !ok {
			if s.last && e.require {
				return &NotFound{"No results for path: " + to.String()}
			}
			if !s.last && (at.definite && len(s.names) == 1 || e.require) {
				return &NotFound{"Missing property in path " + to.String()}
			}
			continue
		}
		if err := next(to, item); err != nil {
			return err
		}
	}
	return nil
}

// class is the Java class that Jayway names for a value.
func class(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "java.lang.String"
	case bool:
		return "java.lang.Boolean"
	case []any:
		return "java.util.ArrayList"
	case *value.Object:
		return "java.util.LinkedHashMap"
	default:
		text := value.Text(v)
		if strings.ContainsAny(text, ".eE") {
			return "java.lang.Double"
		}
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return "java.math.BigInteger"
		case int64(int32(n)) != n:
			return "java.lang.Long"
		}
		return "java.lang.Integer"
	}
}

// indexStep is [0] or [0, 2, …]; a negative index counts from the end.
type indexStep struct{ indexes []int }

func (s *indexStep) definite() bool { return len(s.indexes) == 1 }

func (s *indexStep) text() string {
	texts := make([]string, len(s.indexes))
	for i, index := range s.indexes {
		texts[i] = strconv.Itoa(index)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func (s *indexStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	array, ok, err := e.array(at, model)
	if !ok {
		return err
	}
	for _, index := range s.indexes {
		i := index
		if i < 0 {
			i += len(array)
		}
		var item any
		if i >= 0 && i < len(array) {
			item = array[i]
		} else if e.strict || !at.definite || len(s.indexes) > 1 {
			continue
		}
		if err := next(at.index(index, len(s.indexes) == 1), item); err != nil {
			return err
		}
	}
	return nil
}

// sliceStep is [1:], [:2] or [1:2]. As in Jayway, from and to together are taken as they are, so that [-2:3] starts before the array.
type sliceStep struct {
	from, to       int
	hasFrom, hasTo bool
	written        string
}

func (s *sliceStep) definite() bool { return false }
func (s *sliceStep) text() string   { return s.written }

func (s *sliceStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	array, ok, err := e.array(at, model)
	if !ok {
		return err
	}
	from, to := 0, len(array)
	switch {
	case s.hasFrom && s.hasTo:
		from, to = s.from, s.to
	case s.hasFrom:
		if from = s.from; from < 0 {
			from += len(array)
		}
	default:
		if to = s.to; to < 0 {
			to += len(array)
		}
	}
	if s.hasFrom && s.hasTo && from < 0 { // each index counts from the end by itself
		for from = max(from, -len(array)); from < min(to, 0); from++ {
			if err := next(at.index(from, false), array[from+len(array)]); err != nil {
				return err
			}
		}
	}
	for i := max(from, 0); i < min(to, len(array)); i++ {
		if err := next(at.index(i, false), array[i]); err != nil {
			return err
		}
	}
	return nil
}

// wildcardStep is .* or [*].
type wildcardStep struct{}

func (s *wildcardStep) definite() bool { return false }
func (s *wildcardStep) text() string   { return "[*]" }

func (s *wildcardStep) apply(_ *evaluation, at *place, model any, next func(*place, any) error) error {
	switch model := model.(type) {
	case *value.Object:
		for name, item := range model.All() {
			if err := next(at.property(name, false), item); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range model {
			if err := next(at.index(i, false), item); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanStep is .. : the step after it is tried at every object and array below, from the top down.
type scanStep struct{}

func (s *scanStep) definite() bool { return false }
func (s *scanStep) text() string   { return ".." }

func (s *scanStep) apply(e *evaluation, at *place, model any, next func(*place, any) error) error {
	switch model := model.(type) {
	case *value.Object:
		if err := next(at.scanned(), model); err != nil {
			return err
		}
		for name, item := range model.All() {
			if err := e.visit(); err != nil {
				return err
			}
			if err := s.apply(e, at.property(name, false), item, next); err != nil {
				return err
			}
		}
	case []any:
		if err := next(at.scanned(), model); err != nil {
			return err
		}
		for i, item := range model {
			if err := e.visit(); err != nil {
				return err
			}
			if err := s.apply(e, at.index(i, false), item, next); err != nil {
				return err
			}
		}
	}
	return nil
}
