package demo

import (
	"maps"
	"sync"
	"time"
)

// Acknowledged is the traffic's own list of what was answered for, which no node
// can lose: it is not the node's.
//
// Invariant: the numbered records that were acknowledged are exactly those from 1 to
// Number, for they are sent one request after the other and each until it is
// acknowledged.
type Acknowledged struct {
	mu      sync.Mutex
	number  int64
	records int64
	recent  map[int64]int64 // records by the step of time in which they were acknowledged
	changed chan struct{}   // closed with each further number
}

// AcknowledgedStep is the resolution of Recent, recentKept how far it goes back.
const (
	AcknowledgedStep = 500 * time.Millisecond
	recentKept       = 2 * time.Minute
)

// NewAcknowledged returns an empty list.
func NewAcknowledged() *Acknowledged {
	return &Acknowledged{recent: map[int64]int64{}, changed: make(chan struct{})}
}

// note adds an acknowledged request's records; last is the highest number of them.
func (a *Acknowledged) note(at time.Time, records int, last int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := at.UnixNano() / int64(AcknowledgedStep)
	a.records += int64(records)
	a.recent[now] += int64(records)
	maps.DeleteFunc(a.recent, func(step, _ int64) bool { return step < now-int64(recentKept/AcknowledgedStep) })
	if last > a.number {
		a.number = last
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// forgetRecent begins Recent anew.
func (a *Acknowledged) forgetRecent() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.recent)
}

// Number is the highest number: all up to it are acknowledged. The channel is closed
// when there is a higher one.
func (a *Acknowledged) Number() (int64, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.number, a.changed
}

// Records is how many records were acknowledged, with a number or without.
func (a *Acknowledged) Records() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records
}

// Recent is how many records were acknowledged lately, by AcknowledgedStep since 1970.
func (a *Acknowledged) Recent() map[int64]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.recent)
}
