package engine

import (
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// TestSpillHeedsItsLimit sorts more than memory holds, with room on the disk and
// without.
func TestSpillHeedsItsLimit(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes = LeastMemory })
	big := Request{SQL: "SELECT count(*) FROM (SELECT i, md5(i::varchar) || md5((i + 1)::varchar) AS t FROM range(3000000) AS r(i) ORDER BY t LIMIT 2900000)"}
	for range 2 {
		if err := e.LimitSpill(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if got, err := tryRows(t.Context(), e, big); record.KindOf(err) != record.Limited {
			t.Errorf("without room on disk: %v, %v", got, err)
		}
		if err := e.LimitSpill(t.Context(), 8<<30); err != nil {
			t.Fatal(err)
		}
		if got, err := tryRows(t.Context(), e, big); err != nil || got[0] != "2900000" {
			t.Errorf("with room: %v, %v", got, err)
		}
	}
}
