// Package service holds what everything that runs in the background shares: an
// injected clock and a group whose Stop waits for all that was started.
package service

import "time"

// Clock tells the time. Stages take one instead of calling time.Now, so that
// tests can say what time it is.
type Clock interface {
	Now() time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is the current time in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }
