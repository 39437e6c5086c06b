package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// zoneMoments are moments of all kinds of offsets, in seconds: by local mean time, in
// years of many changes, beyond the last known rule, beyond the table, in year 9999.
func zoneMoments(r *rand.Rand) (moments []int64) {
	for _, years := range [][3]int{{1700, 1900, 10}, {1900, 1950, 60}, {1950, 2000, 60}, {2000, 2038, 60}, {2038, 2440, 20}, {2440, 9999, 20}} {
		first, last := time.Date(years[0], 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(years[1], 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		for range years[2] {
			moments = append(moments, first+r.Int64N(last-first))
		}
	}
	return append(moments, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix(), time.Date(1, 1, 2, 3, 4, 5, 0, time.UTC).Unix(), time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC).Unix(), 0)
}

// TestZonesAreDuckDBs compares what a clock shows with what DuckDB says, in some of the
// zones that it knows, of which this machine may think otherwise: at random, and at each
// change of the offset and the second before.
func TestZonesAreDuckDBs(t *testing.T) {
	e, _ := openEngine(t, nil)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	err := e.planner.with(t.Context(), func(c *conn) error {
		names, err := c.text(t.Context(), "SELECT name FROM pg_timezone_names() ORDER BY name")
		if err != nil {
			return err
		}
		r.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
		if os.Getenv("BIWA_SOAK") == "" {
			names = names[:12]
		}
		checked := 0
		for _, name := range append([]string{"Africa/Accra", "America/New_York", "Africa/Casablanca", "Pacific/Apia", "WET", "Europe/Dublin"}, names...) {
			system, err := time.LoadLocation(name)
			if err != nil {
				continue // the doors refuse it by name
			}
			zone, err := (&zones{}).of(t.Context(), c, system)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if zone.String() != name && zone != time.UTC {
				t.Errorf("%s is called %s", name, zone)
			}
			moments := zoneMoments(r)
			for at := time.Unix(zoneFirst, 0).In(zone); at.Year() < 2037; {
				_, end := at.ZoneBounds()
				if end.IsZero() {
					break
				}
				moments = append(moments, end.Unix()-1, end.Unix())
				at = end
			}
			offsets, err := c.text(t.Context(), "SELECT "+offsetAt(name, "t")+"::VARCHAR FROM (SELECT unnest(["+strings.Trim(strings.ReplaceAll(fmt.Sprint(moments), " ", ","), "[]")+"]::BIGINT[]) AS t)")
			if err != nil {
				return err
			}
			for i, m := range moments {
				checked++
				if _, offset := time.Unix(m, 0).In(zone).Zone(); fmt.Sprint(offset) != offsets[i] {
					t.Errorf("%s at %s: offset %d, DuckDB says %s", name, time.Unix(m, 0).UTC(), offset, offsets[i])
				}
			}
		}
		if checked < 1000 {
			t.Errorf("only %d moments were compared", checked)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
