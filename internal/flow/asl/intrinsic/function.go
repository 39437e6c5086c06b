package intrinsic

import (
	"math"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// function is one intrinsic function with the number of arguments that it takes; most is -1 if there is no limit.
type function struct {
	least, most int
	apply       func(c *Call, env Env, arguments []any) (any, error)
}

var functions map[string]function

func init() { // not a literal: format reads Call, which holds a function
	functions = map[string]function{
		"States.Array":          {0, -1, array},
		"States.ArrayContains":  {2, 2, arrayContains},
		"States.ArrayGetItem":   {2, 2, arrayGetItem},
		"States.ArrayLength":    {1, 1, arrayLength},
		"States.ArrayPartition": {2, 2, arrayPartition},
		"States.ArrayRange":     {3, 3, arrayRange},
		"States.ArrayUnique":    {1, 1, arrayUnique},
		"States.Base64Decode":   {1, 1, base64Decode},
		"States.Base64Encode":   {1, 1, base64Encode},
		"States.Format":         {1, -1, format},
		"States.Hash":           {2, 2, hashOf},
		"States.JsonMerge":      {3, 3, jsonMerge},
		"States.JsonToString":   {1, 1, jsonToString},
		"States.MathAdd":        {2, 2, mathAdd},
		"States.MathRandom":     {2, 3, mathRandom},
		"States.StringSplit":    {2, 2, stringSplit},
		"States.StringToJson":   {1, 1, stringToJSON},
		"States.UUID":           {0, 0, func(_ *Call, env Env, _ []any) (any, error) { return env.UUID(), nil }},
	}
}

// format puts the other arguments in the places of {} in the first.
func format(c *Call, _ Env, arguments []any) (any, error) {
	template := c.arguments[0]
	pieces, braces := template.pieces, template.braces
	if pieces == nil { // not written out: its braces cannot be escaped
		text := display(arguments[0])
		pieces = strings.Split(text, "{}")
		if i := strings.IndexAny(strings.Join(pieces, ""), "{}"); i >= 0 {
			braces = unmatched(strings.Join(pieces, "")[i])
		}
	}
	if braces != nil {
		return nil, braces
	}
	if len(pieces) != len(arguments) {
		return nil, because("Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.")
	}
	var text strings.Builder
	for i, piece := range pieces {
		text.WriteString(piece)
		if i+1 >= len(arguments) {
			break
		}
		if call := c.arguments[i+1].call; call != nil && call.name == "States.StringToJson" { // a JSON node in AWS, which prints as JSON
			text.WriteString(value.Text(arguments[i+1]))
		} else {
			text.WriteString(display(arguments[i+1]))
		}
	}
	return text.String(), nil
}

func stringToJSON(_ *Call, _ Env, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	if !ok {
		return nil, errInvalid
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	parsed, err := value.Parse([]byte(text))
	if err != nil {
		return nil, errInvalid
	}
	return parsed, nil
}

func jsonToString(_ *Call, _ Env, arguments []any) (any, error) { return value.Text(arguments[0]), nil }

// jsonMerge merges the members of two objects; AWS has no deep merge, and takes anything but true for false.
func jsonMerge(_ *Call, _ Env, arguments []any) (any, error) {
	first, ok := arguments[0].(*value.Object)
	second, also := arguments[1].(*value.Object)
	if !ok || !also || arguments[2] == true {
		return nil, errInvalid
	}
	merged := first.Clone()
	for name, item := range second.All() {
		merged.Set(name, item)
	}
	return merged, nil
}

// mathAdd rounds both to integers, halves up, and stays within 32 bits.
func mathAdd(_ *Call, _ Env, arguments []any) (any, error) {
	total := 0.0
	for _, a := range arguments {
		n, ok := value.Float(a)
		if !ok {
			return nil, errInvalid
		}
		n = math.Floor(n + 0.5)
		if total += n; !(isInt32(n) && isInt32(total)) {
			return nil, errInvalid
		}
	}
	return total, nil
}

func isInt32(n float64) bool { return n >= math.MinInt32 && n <= math.MaxInt32 }

// integer is a number without its fraction, within 32 bits.
func integer(v any) (int, bool) {
	n, ok := value.Float(v)
	if n = math.Trunc(n); !ok || !isInt32(n) {
		return 0, false
	}
	return int(n), true
}

// mathRandom gives an integer from the first bound up to, not including, the second. The same seed gives the same number.
func mathRandom(_ *Call, env Env, arguments []any) (any, error) {
	from, ok := integer(arguments[0])
	to, also := integer(arguments[1])
	if !ok || !also || from >= to {
		return nil, errInvalid
	}
	random := env.Random
	if len(arguments) == 3 {
		seed, ok := value.Float(arguments[2])
		if !ok {
			return nil, errInvalid
		}
		random = seeded(int64(seed))
	}
	return float64(from + int(random()*float64(to-from))), nil
}

// seeded is java.util.Random's nextDouble (its documentation gives the generator).
func seeded(seed int64) func() float64 {
	const multiplier, mask = 0x5DEECE66D, 1<<48 - 1
	state := (uint64(seed) ^ multiplier) & mask
	next := func(bits uint) uint64 {
		state = (state*multiplier + 0xB) & mask
		return state >> (48 - bits)
	}
	return func() float64 { return float64(next(26)<<27+next(27)) / (1 << 53) }
}
