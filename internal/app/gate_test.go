package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Requests that were let in leave by the allowance they came in by.
func TestTheAllowanceInFlightCanChange(t *testing.T) {
	free := func(string) (int64, error) { return 1 << 40, nil }
	g, err := openGate(t.TempDir(), free, Limits{InFlightBytes: 10}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	past, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	first, err := g.enter(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.enter(past, 1); record.KindOf(err) != record.Unavailable {
		t.Fatalf("beyond the limit: %v", err)
	}
	g.limit(Limits{InFlightBytes: 20})
	second, err := g.enter(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	first()
	if _, err := g.enter(past, 1); record.KindOf(err) != record.Unavailable {
		t.Fatalf("what left by the old allowance is no room in the new: %v", err)
	}
	second()
	g.limit(Limits{InFlightBytes: 5})
	third, err := g.enter(t.Context(), 20) // as much as there is
	if err != nil {
		t.Fatal(err)
	}
	third()
	if now, high := g.held.values(); now != 0 || high != 30 {
		t.Errorf("%d bytes are held, %d at most", now, high)
	}
}
