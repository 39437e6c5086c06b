package record

import (
	"errors"
	"fmt"
)

// Kind sorts errors by who can mend them and how; doors map it to an HTTP
// status, the command line to an exit code.
type Kind int

const (
	Internal     Kind = iota // a defect of ours, or of the machine; 500
	Invalid                  // the caller's input; 400
	Unauthorized             // no key, or an unknown one; 401
	Forbidden                // the key may not do this; 403
	NotFound                 // no such thing; 404
	Conflict                 // it is not as the caller assumed; 409
	TooLarge                 // over a limit; 413
	Unsupported              // a format we do not read; 415
	Mismatch                 // same idempotency key, other body; 422
	Limited                  // too many at once; 429
	Unavailable              // not now, try again; 503
	Timeout                  // a time limit ended it; 504
	Canceled                 // the caller went away; 499
	NotAllowed               // another HTTP method; 405
)

// Error is an error of a known Kind.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind; the format is fmt.Errorf's.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf is the kind of the outermost Error in the chain, Internal without one.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
