package asl

import (
	"fmt"
	"slices"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// The names of errors that the language itself has.
const (
	ErrorAll                  = "States.ALL"
	ErrorTimeout              = "States.Timeout"
	ErrorHeartbeat            = "States.HeartbeatTimeout"
	ErrorTaskFailed           = "States.TaskFailed"
	ErrorPermissions          = "States.Permissions"
	ErrorRuntime              = "States.Runtime"
	ErrorResultPath           = "States.ResultPathMatchFailure"
	ErrorIntrinsic            = "States.IntrinsicFailure"
	ErrorDataLimit            = "States.DataLimitExceeded"
	ErrorQuery                = "States.QueryEvaluationError"
	ErrorToleratedFailures    = "States.ExceedToleratedFailureThreshold"
	ErrorItemReader           = "States.ItemReaderFailed"
	ErrorResultWriter         = "States.ResultWriterFailed"
	toleratedFailuresCause    = "The specified tolerated failure threshold was exceeded"
	maxDataBytes              = 256 << 10 // of a state's input, result or output, and of one Assign
	maxVariableBytes          = 10 << 20  // of all variables of an execution
	maxUnreturnedResultsBytes = 16 << 20  // of the results an inline Map holds before it has them all
	dataLimitCause            = "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit."
	executionCause            = "An error occurred while executing the state '%s' (entered at the event id #%d). %s"
	jsonPathNotFoundCause     = "The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'"
	jsonataUndefinedCause     = "The JSONata expression '%s' specified for the field '%s' returned nothing (undefined)."
	jsonataThrewCause         = "The JSONata expression '%s' specified for the field '%s' threw an error during evaluation. %s"
	jsonataTypeCause          = "The JSONata expression '%s' specified for the field '%s' returned an unexpected result type. Expected '%s', but was '%s' for value: %s"
	noChoiceCause             = "Failed to transition out of the state. The state does not point to a next state."
	choicePathCause           = "Invalid path '%s': The choice state's condition path references an invalid value."
	waitPathMissingCause      = "The %s parameter does not reference an input value: %s"
	mapInputCause             = "Map state input must be an array but was: %s"
	itemsPathCause            = "Reference path \"%s\" must point to array."
	invalidPathCause          = "Invalid path '%s' : %s"
	variableMissingCause      = "The variable '$%s' has no value here"
	intrinsicCause            = "The function '%s' had the following error: %s"
	variablesTooLargeCause    = "The variables of the execution exceed the maximum of 10 MiB"
	unreturnedResultsTooLarge = "results that exceed 16 MiB before the last item is done"
)

// failure is why a state did not end well.
type failure struct {
	name, cause string
	evaluation  bool   // an EvaluationFailed event belongs to it
	parsed      bool   // … of a value that was evaluated but says nothing sensible
	location    string // the field, of an evaluation failure
	state       *State // of an evaluation failure
	bare        bool   // the cause does not name the state yet
}

// cause is an error in the words of a cause or an answer of the API, which are sentences.
type cause string

func (c cause) Error() string { return string(c) }

func causef(format string, args ...any) error { return cause(fmt.Sprintf(format, args...)) }

// uncatchable says that neither Retry nor Catch applies: the definition or its data is wrong in a way no try changes.
func (f *failure) uncatchable() bool { return f.name == ErrorRuntime }

// runtimeFailure is States.Runtime; the cause gets the state's name later.
func runtimeFailure(format string, args ...any) *failure {
	return &failure{name: ErrorRuntime, cause: fmt.Sprintf(format, args...), bare: true}
}

// queryFailure is States.QueryEvaluationError in a field.
func queryFailure(location, format string, args ...any) *failure {
	return &failure{name: ErrorQuery, cause: fmt.Sprintf(format, args...), bare: true, evaluation: true, location: location}
}

func dataLimitFailure(what string) *failure {
	return &failure{name: ErrorDataLimit, cause: fmt.Sprintf(dataLimitCause, what)}
}

// output is the error as catchers see it.
func (f *failure) output() *value.Object { return value.ObjectOf("Error", f.name, "Cause", f.cause) }

// matches says whether an ErrorEquals list names the error.
func (f *failure) matches(errors []string) bool {
	for _, name := range errors {
		switch name {
		case f.name, ErrorAll:
			return true
		case ErrorTaskFailed:
			if f.name != ErrorTimeout && f.name != ErrorHeartbeat {
				return true
			}
		case ErrorTimeout:
			if f.name == ErrorHeartbeat {
				return true
			}
		}
	}
	return false
}

// named is the failure with the state in its cause.
func (f *failure) named(s *State, entered int64) *failure {
	if !f.bare {
		return f
	}
	named := *f
	named.bare, named.cause, named.state = false, fmt.Sprintf(executionCause, s.Name, entered, f.cause), s
	return &named
}

// kindOf is the name of a value's type as AWS's causes have it.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case *value.Object:
		return "object"
	}
	return "number"
}

// tooLarge says whether v as compact JSON has more than limit bytes; it stops counting there.
func tooLarge(v any, limit int) bool { return sizeUpTo(v, limit) > limit }

// sizeUpTo is about the length of v as compact JSON, or something above limit.
func sizeUpTo(v any, limit int) int {
	switch v := v.(type) {
	case string:
		return textSize(v)
	case []any:
		size := 2 + max(len(v)-1, 0)
		for i := 0; i < len(v) && size <= limit; i++ {
			size += sizeUpTo(v[i], limit-size)
		}
		return size
	case *value.Object:
		size := 2 + max(v.Len()-1, 0)
		for i := 0; i < v.Len() && size <= limit; i++ {
			name, item := v.At(i)
			size += textSize(name) + 1
			size += sizeUpTo(item, limit-size)
		}
		return size
	case nil, bool:
		return 4
	}
	return len(value.Append(make([]byte, 0, 32), v))
}

// textSize is the length of a JSON string: quotes, backslashes and control characters take more than they are.
func textSize(s string) int {
	size := len(s) + 2
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < 0x20 {
			size++
		}
	}
	return size
}

// contains says whether all has name; for lists of a few words.
func contains(all []string, name string) bool { return slices.Contains(all, name) }
