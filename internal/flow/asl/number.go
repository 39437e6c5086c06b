package asl

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// number is a field that is a number, the path of one (…Path) or a JSONata expression for one.
type number struct {
	field      string // SecondsPath, TimeoutSeconds, …
	literal    float64
	path       *path
	expression *jsonataPart
	whole      bool // it must be an integer
}

// eval computes the number; a nil number is fallback.
func (n *number) eval(f *frame, fallback float64) (float64, *failure) {
	switch {
	case n == nil:
		return fallback, nil
	case n.path != nil:
		return n.follow(f)
	case n.expression != nil:
		v, failed := n.expression.eval(f)
		if failed != nil {
			return 0, failed
		}
		number, ok := value.Float(v)
		if !ok || n.whole && number != math.Trunc(number) {
			want := "number"
			if n.whole {
				want = "integer"
			}
			return 0, n.expression.unexpected(v, want)
		}
		if number < 0 {
			return 0, queryFailure(n.field, "The field '%s' must not be negative, but was: %s", n.field, value.Text(v))
		}
		return number, nil
	}
	return n.literal, nil
}

// follow reads the number at a path. A string of digits counts as a number, as it does in AWS.
func (n *number) follow(f *frame) (float64, *failure) {
	v, err := n.path.get(f)
	if err != nil {
		return 0, runtimeFailure(jsonPathNotFoundCause, n.path.text, n.field, value.Text(f.data))
	}
	kind := "float"
	if n.whole {
		kind = "integer"
	}
	number, ok := value.Float(v)
	if text, isText := v.(string); isText {
		if !json.Valid([]byte(text)) {
			ok = false
		} else if parsed, err := strconv.ParseFloat(text, 64); err == nil {
			number, ok = parsed, true
		}
	}
	if !ok || n.whole && number != math.Trunc(number) {
		shown := value.Text(v)
		if text, isText := v.(string); isText {
			shown = text
		}
		return 0, runtimeFailure("The %s field refers to value \"%s\" which is not a valid %s: %s", n.field, shown, kind, n.path.text)
	}
	return number, nil
}
