package meter

import (
	"testing"
	"time"
)

type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time { return c.now }

func TestRatesAreOfTheLastMinute(t *testing.T) {
	clock := &handClock{time.Date(2026, 11, 21, 14, 59, 0, 0, time.UTC)}
	m := New[string](clock)
	for range 90 {
		m.Add("a", 4)
		clock.now = clock.now.Add(time.Second)
	}
	if r := m.Readings()["a"]; r.PerSecond != 4 || r.Hour != 30*4 {
		t.Errorf("after 90 s of 4 a second: %+v, want 4 a second and 120 since 15:00", r)
	}
	last := clock.now.Add(-time.Second)
	clock.now = clock.now.Add(30 * time.Second)
	if r := m.Readings()["a"]; r.PerSecond != 2 || !r.Last.Equal(last) {
		t.Errorf("30 s of silence later: %+v, want 2 a second", r)
	}
	clock.now = clock.now.Add(time.Hour)
	if r := m.Readings()["a"]; r.PerSecond != 0 || r.Hour != 0 {
		t.Errorf("an hour later: %+v", r)
	}
}

func TestAYoungMeterDividesByItsAge(t *testing.T) {
	clock := &handClock{time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)}
	m := New[int](clock)
	m.Add(1, 50)
	clock.now = clock.now.Add(5 * time.Second)
	if r := m.Readings()[1]; r.PerSecond != 10 || r.Hour != 50 {
		t.Errorf("%+v, want 10 a second", r)
	}
	clock.now = clock.now.Add(-time.Minute) // a clock that is set back harms nothing
	m.Add(1, 1)
	if r := m.Readings()[1]; r.Hour != 51 {
		t.Errorf("%+v", r)
	}
}
