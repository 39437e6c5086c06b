package access

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// DefaultRate is how many records a second a public key brings that says nothing else.
const DefaultRate = 500

// bucketTime is how long a key that was quiet may go on at more than its rate: its
// bucket holds the records of that time.
const bucketTime = 10 * time.Second

// bucket is a token bucket: a record takes a token, and tokens come back at the rate.
type bucket struct {
	rate int // records a second

	mu     sync.Mutex
	tokens float64
	at     time.Time // when tokens was right

	second      int64 // of the clock, that taken is for
	taken, peak int64 // records in a second
}

func newBucket(rate int) *bucket {
	b := &bucket{rate: rate}
	b.tokens = b.most()
	return b
}

func (b *bucket) most() float64 { return float64(b.rate) * bucketTime.Seconds() }

// take takes n tokens and returns 0, or takes none and says how long to wait. A
// request of more records than the bucket ever holds passes when it is full, and
// leaves it in debt.
func (b *bucket) take(n int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := now.Sub(b.at); d > 0 { // a clock that goes back gives nothing
		if !b.at.IsZero() {
			b.tokens = min(b.most(), b.tokens+d.Seconds()*float64(b.rate))
		}
		b.at = now
	}
	if missing := min(float64(n), b.most()) - b.tokens; missing > 0 {
		return max(time.Millisecond, time.Duration(missing/float64(b.rate)*float64(time.Second)))
	}
	b.tokens -= float64(n)
	b.note(int64(n), now)
	return 0
}

// note counts what was taken, by second.
func (b *bucket) note(n int64, now time.Time) {
	if second := now.Unix(); second != b.second {
		b.second, b.taken = second, 0
	}
	b.taken += n
	b.peak = max(b.peak, b.taken)
}

// usage is how many records were taken in the last whole or present second, and the
// most in any.
func (b *bucket) usage(now time.Time) (last, most int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Unix()-b.second > 1 {
		return 0, b.peak
	}
	return b.taken, b.peak
}

// RateError refuses records of a public key that has brought too many.
type RateError struct {
	Key  string
	Rate int // records a second
	Wait time.Duration
}

func (e *RateError) Error() string {
	return fmt.Sprintf("key %q brings more than its rate of %d records a second: try again in %d s, or raise the key's rate", e.Key, e.Rate, e.seconds())
}

func (e *RateError) seconds() int { return int(math.Ceil(e.Wait.Seconds())) }

// RetryAfter is when a client should try again, in whole seconds.
func (e *RateError) RetryAfter() int { return e.seconds() }
