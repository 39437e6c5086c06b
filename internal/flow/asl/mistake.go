package asl

import (
	"fmt"
	"sort"
	"strings"
)

// The codes of mistakes, as ValidateStateMachineDefinition has them.
const (
	CodeSchema             = "SCHEMA_VALIDATION_FAILED"
	CodeTarget             = "MISSING_TRANSITION_TARGET"
	CodeEnd                = "MISSING_END_STATE"
	CodeDuplicate          = "DUPLICATE_STATE_NAME"
	CodeStateName          = "INVALID_STATE_NAME"
	CodeResource           = "INVALID_RESOURCE"
	CodeJSONPath           = "INVALID_JSON_PATH"
	CodeJSONata            = "INVALID_JSONATA_EXPRESSION"
	CodeJSONataUnsupported = "UNSUPPORTED_JSONATA_EXPRESSION"
)

// Mistake is one thing that is wrong with a definition.
type Mistake struct {
	Code    string // one of the Code constants
	Message string // AWS's wording
	Path    string // the place as AWS prints it, /States/X/Choices[0]/Next; "" if there is none
	Line    int    // in the text, from 1; 0 if there is none
	Column  int    // in bytes, from 1
}

// String is the mistake as it stands in AWS's InvalidDefinition: CODE: message at /path.
func (m Mistake) String() string {
	if m.Path == "" {
		return m.Code + ": " + m.Message
	}
	return m.Code + ": " + m.Message + " at " + m.Path
}

// Mistakes are all mistakes of a definition, in the order of AWS: what the fields say first, then what the graph says.
type Mistakes []Mistake

// Error is the message of AWS's InvalidDefinition.
func (m Mistakes) Error() string {
	all := make([]string, len(m))
	for i, one := range m {
		all[i] = one.String()
	}
	return fmt.Sprintf("Invalid State Machine Definition: '%s'", strings.Join(all, ", "))
}

// ByPlace is the mistakes in the order of the text.
func (m Mistakes) ByPlace() Mistakes {
	sorted := append(Mistakes(nil), m...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].Line != sorted[j].Line {
			return sorted[i].Line < sorted[j].Line
		}
		return sorted[i].Column < sorted[j].Column
	})
	return sorted
}
