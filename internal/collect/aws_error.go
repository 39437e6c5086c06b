package collect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// awsError is an error with the name that AWS clients know it by.
type awsError struct {
	name string
	err  error
}

func (e *awsError) Error() string { return e.err.Error() }
func (e *awsError) Unwrap() error { return e.err }

func awsErrorf(name string, kind record.Kind, format string, args ...any) error {
	return &awsError{name, record.Errorf(kind, "%s", fmt.Sprintf(format, args...))}
}

// WriteAWSError answers in the form of the awsJson protocols. SDKs try again on
// 5xx, so only what may pass later is one.
func WriteAWSError(w http.ResponseWriter, err error) {
	name, status := "InternalFailure", http.StatusInternalServerError
	var known *awsError
	var signature *access.SignatureError
	switch {
	case errors.As(err, &known):
		name, status = known.name, http.StatusBadRequest
	case errors.As(err, &signature):
		name, status = signature.Name, http.StatusForbidden
	default:
		switch record.KindOf(err) {
		case record.Unavailable, record.Canceled, record.Timeout:
			name, status = "ServiceUnavailableException", http.StatusServiceUnavailable
		case record.Unauthorized, record.Forbidden:
			name, status = "AccessDeniedException", http.StatusForbidden
		case record.Internal:
		default:
			name, status = "InvalidArgumentException", min(problem.Status(err), http.StatusBadRequest)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", name)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": name, "message": err.Error()})
}

// UnknownOperation is the error for an operation that is not served; a client
// must not try it again.
func UnknownOperation(message string) error {
	return awsErrorf("UnknownOperationException", record.Invalid, "%s", message)
}
