package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

var noon = time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)

func TestGeneratorIsDeterministic(t *testing.T) {
	records := func(seed uint64, start time.Time) []byte {
		g, err := NewGenerator(seed, start)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for i := range 2000 {
			l := g.Next(noon.Add(time.Duration(i) * time.Millisecond))
			all = append(append(append(all, l.Stream...), l.Text...), '\n')
		}
		return all
	}
	if !bytes.Equal(records(1, noon), records(1, noon)) {
		t.Error("the same seed and start gave other records")
	}
	if bytes.Equal(records(1, noon), records(2, noon)) || bytes.Equal(records(1, noon), records(1, noon.Add(time.Second))) {
		t.Error("another seed or start gave the same records")
	}
}

func TestShares(t *testing.T) {
	g, err := NewGenerator(7, noon)
	if err != nil {
		t.Fatal(err)
	}
	const n = 200_000
	count := map[string]float64{}
	seen := map[string]bool{}
	for range n {
		l := g.Next(noon)
		count[l.Stream]++
		var r struct {
			Generated      bool
			Referer, Event string
			UserAgent      string `json:"user_agent"`
			EventID        string `json:"event_id"`
			OrderID        string `json:"order_id"`
		}
		if !json.Valid(l.Text) {
			count["broken"]++
			continue
		}
		_ = json.Unmarshal(l.Text, &r) // a value that does not fit stays empty
		if !r.Generated {
			t.Fatalf("not labelled as generated: %s", l.Text)
		}
		if l.Stream == pageViews {
			if slices.Contains(bots, r.UserAgent) {
				count["bots"]++
			}
			if r.Referer == "" {
				count["no referer"]++
			}
			continue
		}
		if seen[r.EventID+r.OrderID] {
			count["doubles"]++
		}
		seen[r.EventID+r.OrderID] = true
		if r.Event == "heartbeat" {
			count["heartbeats"]++
		}
	}
	for _, c := range []struct {
		what     string
		of, want float64
	}{
		{actionLogs, n, shareActions}, {purchases, n, sharePurchases}, {"broken", n, shareBroken * (1 - 0.3*shareDoubles)},
		{"bots", count[pageViews], shareBots}, {"no referer", count[pageViews], shareNoReferer},
		{"heartbeats", count[actionLogs], shareHeartbeat}, {"doubles", count[actionLogs] + count[purchases], shareDoubles},
	} {
		// Within four standard deviations; the generator is seeded, so this is
		// no matter of luck.
		if got, margin := count[c.what]/c.of, 4*math.Sqrt(c.want/c.of); math.Abs(got-c.want) > margin {
			t.Errorf("%s: %.4f of %.0f, want %.4f ± %.4f", c.what, got, c.of, c.want, margin)
		}
	}
}

type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time { return c.now }

func TestTrafficKeepsItsRate(t *testing.T) {
	g, err := NewGenerator(1, noon)
	if err != nil {
		t.Fatal(err)
	}
	clock := &handClock{noon}
	keys, records := map[string]bool{}, 0
	fail, acknowledged := true, NewAcknowledged()
	traffic := NewTraffic(g, 300, clock, acknowledged, func(_ context.Context, stream, key string, lines []byte) error {
		if fail = !fail; !fail { // every second request fails and is sent again
			return errors.New("busy")
		}
		if keys[key] {
			t.Errorf("key %s came twice", key)
		}
		keys[key] = true
		records += bytes.Count(lines, []byte("\n"))
		return nil
	})
	again := make(chan time.Time)
	close(again)
	for range 100 {
		clock.now = clock.now.Add(step)
		if err := traffic.runOnce(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	if records < 2999 || records > 3000 {
		t.Errorf("%d records in 10 s at 300/s", records)
	}
	if number, _ := acknowledged.Number(); acknowledged.Records() != int64(records) || number == 0 || number > int64(records) {
		t.Errorf("%d records and number %d acknowledged, %d were taken", acknowledged.Records(), number, records)
	}
	clock.now = clock.now.Add(time.Hour) // a laptop that slept
	if err := traffic.runOnce(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if records > 3000+int(300*maxBehind.Seconds()) {
		t.Errorf("%d records after a pause: all of it was made up for", records)
	}
}

func TestUnpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if fresh, err := Unpack(dir); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	own := []byte("name: mine\n")
	if err := os.WriteFile(filepath.Join(dir, "biwa.yaml"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	if fresh, err := Unpack(dir); err != nil || fresh {
		t.Fatal(fresh, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "biwa.yaml")); err != nil || !bytes.Equal(text, own) {
		t.Errorf("a second start changed the project: %s, %v", text, err)
	}
	if err := os.Remove(filepath.Join(dir, "biwa.yaml")); err != nil { // as if interrupted
		t.Fatal(err)
	}
	if fresh, err := Unpack(dir); err != nil || !fresh {
		t.Error(fresh, err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(foreign); record.KindOf(err) != record.Conflict {
		t.Errorf("a folder of other files: %v, want a refusal", err)
	}
}
