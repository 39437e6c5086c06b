// Package problem answers HTTP requests that failed, as RFC 9457 problem
// details (application/problem+json).
package problem

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/biwa-data/biwa/internal/record"
)

// Details is the body of the answer.
type Details struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Errors name the places, where there are several or they have a position.
	Errors any `json:"errors,omitempty"`
}

// RetryAfter is how many seconds a client is asked to wait after a 429 or 503.
const RetryAfter = 1

var statuses = map[record.Kind]int{
	record.Internal: http.StatusInternalServerError, record.Invalid: http.StatusBadRequest, record.Unauthorized: http.StatusUnauthorized,
	record.Forbidden: http.StatusForbidden, record.NotFound: http.StatusNotFound, record.Conflict: http.StatusConflict,
	record.TooLarge: http.StatusRequestEntityTooLarge, record.Unsupported: http.StatusUnsupportedMediaType,
	record.Mismatch: http.StatusUnprocessableEntity, record.Limited: http.StatusTooManyRequests,
	record.Unavailable: http.StatusServiceUnavailable, record.Timeout: http.StatusGatewayTimeout, record.Canceled: 499, record.NotAllowed: http.StatusMethodNotAllowed,
}

// Status is the HTTP status of an error.
func Status(err error) int { return statuses[record.KindOf(err)] }

// Placed is an error that knows where in the input it is; its Places go into the
// answer's errors.
type Placed interface{ Places() any }

// Delayed is an error that knows after how many seconds a client should try again.
type Delayed interface{ RetryAfter() int }

// Write answers with an error.
func Write(w http.ResponseWriter, err error) {
	d := Details{Status: Status(err), Detail: err.Error()}
	if d.Title = http.StatusText(d.Status); d.Title == "" {
		d.Title = "Client Closed Request"
	}
	var placed Placed
	if errors.As(err, &placed) {
		d.Errors = placed.Places()
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	switch d.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		wait := RetryAfter
		if delayed := Delayed(nil); errors.As(err, &delayed) {
			wait = delayed.RetryAfter()
		}
		h.Set("Retry-After", strconv.Itoa(wait))
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="biwa"`)
	}
	w.WriteHeader(d.Status)
	_ = json.NewEncoder(w).Encode(d) // the client may be gone; there is no one else to tell
}
