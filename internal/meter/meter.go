// Package meter counts what happens, by key: over the last minute, over the hour,
// and when last. Counts live in memory and begin with the process.
package meter

import (
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/service"
)

// window is how long a rate looks back, in whole seconds before the current one.
const window = 60

// Meter counts events of several kinds.
type Meter[K comparable] struct {
	clock service.Clock
	began time.Time

	mu   sync.Mutex
	keys map[K]*series
}

// series is the counts of one key.
type series struct {
	seconds [window + 1]int64 // by second of the clock, modulo its length
	newest  int64             // the second that was counted in last
	hour    int64             // the hour of count
	count   int64
	last    time.Time
}

// Reading is the counts of one key.
type Reading struct {
	PerSecond float64   // over the last minute, or since the meter began
	Hour      int64     // since the full hour of UTC, or since the meter began
	Last      time.Time // when something was last counted
}

// New makes a meter; it begins now.
func New[K comparable](clock service.Clock) *Meter[K] {
	return &Meter[K]{clock: clock, began: clock.Now(), keys: map[K]*series{}}
}

// Began is when the meter began to count.
func (m *Meter[K]) Began() time.Time { return m.began }

// Add counts n events of a key.
func (m *Meter[K]) Add(key K, n int64) {
	now := m.clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.keys[key]
	if s == nil {
		s = &series{newest: now.Unix()}
		m.keys[key] = s
	}
	s.move(now)
	s.seconds[s.newest%int64(len(s.seconds))] += n
	s.count += n
	s.last = now
}

// move empties what the clock has passed. A clock that went back counts into its
// newest second.
func (s *series) move(now time.Time) {
	second := now.Unix()
	for behind := min(second-s.newest, int64(len(s.seconds))); behind > 0; behind-- {
		s.seconds[(second-behind+1)%int64(len(s.seconds))] = 0
	}
	s.newest = max(s.newest, second)
	if hour := second / 3600; hour > s.hour {
		s.hour, s.count = hour, 0
	}
}

// Readings are the counts of every key that was ever counted.
func (m *Meter[K]) Readings() map[K]Reading {
	now := m.clock.Now()
	over := min(window, max(1, int64(now.Sub(m.began)/time.Second)))
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[K]Reading, len(m.keys))
	for key, s := range m.keys {
		s.move(now)
		var sum int64
		for i, n := range s.seconds {
			if int64(i) != s.newest%int64(len(s.seconds)) { // the current second is not over
				sum += n
			}
		}
		all[key] = Reading{PerSecond: float64(sum) / float64(over), Hour: s.count, Last: s.last}
	}
	return all
}
