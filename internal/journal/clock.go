package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Now is the time to stamp a request with: the clock's, but never before that of
// an earlier request, so that time in the log only goes forward.
func (l *Log) Now() time.Time {
	now := l.o.Clock.Now().Truncate(time.Microsecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.mu.received) {
		if now.Before(l.mu.received.Add(-clockStep)) && !l.mu.setBack {
			l.mu.setBack = true
			go l.reportClock(now, l.mu.received, l.mu.last+1)
		}
		return l.mu.received
	}
	l.mu.received, l.mu.setBack = now, false
	return now
}

// clockStep is how far the machine's clock may go back before it is an incident.
const clockStep = 5 * time.Second

func (l *Log) reportClock(now, kept time.Time, next record.Sequence) {
	err := l.report(context.Background(), "clock", next, next, fmt.Sprintf("the machine's clock went back to %s; records are stamped %s until it has caught up",
		now.Format(time.RFC3339), kept.Format(time.RFC3339)))
	if err != nil {
		l.o.Log.Warn("journal incident not noted", "error", err)
	}
}
