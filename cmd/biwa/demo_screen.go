package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/biwa-data/biwa/internal/ledger"
)

// screen is where the demo and its node write: lines, and on a terminal one line
// below them that is kept up to date.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	begun bool // a live line stands on the terminal
}

func (s *screen) terminal() bool { return isTerminal(s.out) }

// Write writes whole lines, above the live one.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.begun = false
	}
	return s.out.Write(p)
}

// status puts a line in the place of the one before.
func (s *screen) status(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal() {
		fmt.Fprintln(s.out, line)
		return
	}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 1 {
		line = runewidth.Truncate(line, width-1, "…")
	}
	fmt.Fprintf(s.out, "\r\x1b[K%s", line)
	s.begun = true
}

// end leaves the live line as it is.
func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		fmt.Fprintln(s.out)
		s.begun = false
	}
}

// sum adds up the streams' accounts.
func sum(r ledger.Report) (t ledger.StreamReport) {
	for _, s := range r.Streams {
		t.Accepted += s.Accepted
		t.Delivered += s.Delivered
		t.Quarantined += s.Quarantined
		t.Deduplicated += s.Deduplicated
		t.Filtered += s.Filtered
		t.Pending += s.Pending
	}
	return t
}

// ledgerLine begins with what matters most: a narrow terminal cuts the end. A
// negative speed is not known and left out.
func ledgerLine(r ledger.Report, t ledger.StreamReport, perSecond float64) string {
	state := "balanced"
	if !r.Balanced {
		state = "NOT BALANCED"
	}
	if perSecond >= 0 {
		state += fmt.Sprintf(" · %.0f/s", perSecond)
	}
	return fmt.Sprintf("%s · accepted %s = delivered %s + quarantined %s + deduplicated %s + filtered %s + pending %s", state,
		grouped(t.Accepted), grouped(t.Delivered), grouped(t.Quarantined), grouped(t.Deduplicated), grouped(t.Filtered), grouped(t.Pending))
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// speedometer tells records a second over the last few looks; from the second one on.
type speedometer struct{ looks []look }

type look struct {
	at    time.Time
	count int64
}

func (s *speedometer) at(now time.Time, count int64) float64 {
	s.looks = append(s.looks, look{now, count})
	if len(s.looks) > 10 {
		s.looks = s.looks[1:]
	}
	first := s.looks[0]
	if first.at.Equal(now) {
		return -1
	}
	return float64(count-first.count) / now.Sub(first.at).Seconds()
}
