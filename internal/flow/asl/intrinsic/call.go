// Package intrinsic is the intrinsic functions of Amazon States Language: States.Format('…', $.a) and its like.
//
// The language's specification leaves much open. What Step Functions does there is what is done here, as far as it is known
// from recordings and from published observations of AWS: fractions are cut off but by MathAdd, which rounds halves up; values
// are printed as Java prints them ({a=1, b=[x, y]}); ArrayUnique gives the order of a Java HashSet; a text is split at any
// character of the delimiter and empty parts are dropped.
package intrinsic

import (
	"errors"
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Bounds of a call. The first is AWS's; the second keeps a call that names the input many times from filling the memory.
const (
	maxNesting = 10      // calls inside one another
	maxWeight  = 8 << 20 // bytes of all arguments of one call
)

// Env is what a call needs from outside.
type Env struct {
	// Path gives the value that a path leads to: $… in the state's input, $$… in the context object, $name… in a variable.
	// An error is taken over; Missing makes AWS's words for a miss.
	Path func(path string) (any, error)
	// Random gives numbers that are evenly spread over [0, 1).
	Random func() float64
	// UUID gives a new random UUID.
	UUID func() string
}

// Call is a parsed call. It is immutable and may be used by many goroutines at once.
type Call struct {
	text      string // of the whole expression, as it was written
	name      string // e.g. States.Format
	arguments []argument
	function  function
}

// argument is one of a path, a nested call and a literal.
type argument struct {
	path    string
	call    *Call
	literal any
	pieces  []string // of a literal text: what stands around its {}; an escaped brace is text
	braces  error    // why a literal text is no template
}

// Failure is a call that cannot give a value. Step Functions reports it as States.Runtime with this text as the cause.
type Failure struct {
	Call   string // the whole expression, as it was written
	Reason string
}

func (e *Failure) Error() string {
	return fmt.Sprintf("The function '%s' had the following error: %s", e.Call, e.Reason)
}

// Missing is the error for a path that leads nowhere; input is the state's input as JSON, also for a path into the context object.
func Missing(path, input string) error {
	return because("The JsonPath argument for the field '%s' could not be found in the input '%s'",
		strings.Replace(path, "$$", "$", 1), input)
}

// reason is why a call failed, in AWS's words.
type reason string

func (r reason) Error() string { return string(r) }

func because(format string, args ...any) error { return reason(fmt.Sprintf(format, args...)) }

// String is the call as it was written.
func (c *Call) String() string { return c.text }

// Paths lists the paths of the call and of those nested in it, in the order in which they stand.
func (c *Call) Paths() []string {
	var paths []string
	for _, a := range c.arguments {
		if a.call != nil {
			paths = append(paths, a.call.Paths()...)
		} else if a.path != "" {
			paths = append(paths, a.path)
		}
	}
	return paths
}

// Eval computes the call. An error is a *Failure.
func (c *Call) Eval(env Env) (any, error) {
	result, err := c.eval(env)
	if err != nil {
		return nil, &Failure{Call: c.text, Reason: err.Error()}
	}
	return result, nil
}

func (c *Call) eval(env Env) (any, error) {
	values := make([]any, len(c.arguments))
	for i, a := range c.arguments {
		var err error
		switch {
		case a.call != nil:
			values[i], err = a.call.eval(env)
		case a.path != "":
			values[i], err = env.Path(a.path)
		default:
			values[i] = a.literal
		}
		if err != nil {
			return nil, err
		}
	}
	if budget := maxWeight; !weigh(values, &budget) {
		return nil, because("Invalid arguments in %s: together they are longer than %d bytes", c.name, maxWeight)
	}
	if n := len(values); n < c.function.least || c.function.most >= 0 && n > c.function.most {
		return nil, c.invalid()
	}
	result, err := c.function.apply(c, env, values)
	if errors.Is(err, errInvalid) {
		err = c.invalid()
	}
	return result, err
}

// errInvalid is an argument of a wrong kind or out of range; which one it was is not told, as in AWS.
var errInvalid = errors.New("invalid arguments")

func (c *Call) invalid() error {
	return because("Invalid arguments in %s", c.name)
}

// weigh takes about as many bytes off the budget as v has when written, and says whether that was possible.
func weigh(v any, budget *int) bool {
	switch v := v.(type) {
	case string:
		*budget -= len(v)
	case []any:
		for _, item := range v {
			if !weigh(item, budget) {
				return false
			}
		}
	case *value.Object:
		for name, item := range v.All() {
			*budget -= len(name)
			if !weigh(item, budget) {
				return false
			}
		}
	}
	*budget -= 4
	return *budget >= 0
}
