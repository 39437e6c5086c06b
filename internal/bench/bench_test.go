package bench

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMeasurementsRun(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			if name == "start" && os.Getenv("BIWA") == "" {
				t.Skip("SKIPPED LOUDLY: BIWA does not name the binary that is to be started; make test sets it")
			}
			r, err := Run(t.Context(), name, Options{Dir: t.TempDir(), Duration: testDuration, Scale: testScale})
			if err != nil {
				t.Fatal(err)
			}
			if r.Value <= 0 {
				t.Errorf("result %+v", r)
			}
			for _, p := range r.Parts {
				if !p.Equal {
					t.Errorf("%s: both sides gave other rows", p.Name)
				}
			}
			t.Logf("%+v", r)
		})
	}
}

// TestTPCH shows that the tables are whole: the keys of one are in the other, and what
// the queries look for is there.
func TestTPCH(t *testing.T) {
	if n := len(tpchQueries(1)); n != 22 {
		t.Errorf("%d queries", n)
	}
	want := map[string]int64{"region": 5, "nation": 25, "supplier": 20, "part": 400, "partsupp": 1600, "customer": 300, "orders": 3000}
	text := map[string]string{}
	for _, table := range tpchTables {
		var b strings.Builder
		rows, err := table.make(0.002, func(body []byte) error { b.Write(body); return nil })
		if err != nil || want[table.name] != 0 && rows != want[table.name] || int64(strings.Count(b.String(), "\n")) != rows {
			t.Errorf("%s: %d rows, %v", table.name, rows, err)
		}
		text[table.name] = b.String()
	}
	keys := func(table, column string) map[string]bool {
		found := map[string]bool{}
		for _, m := range regexp.MustCompile(`"`+column+`":(\d+)`).FindAllStringSubmatch(text[table], -1) {
			found[m[1]] = true
		}
		return found
	}
	for _, reference := range [][4]string{{"lineitem", "l_orderkey", "orders", "o_orderkey"}, {"lineitem", "l_partkey", "part", "p_partkey"}, {"lineitem", "l_suppkey", "supplier", "s_suppkey"}, {"orders", "o_custkey", "customer", "c_custkey"}, {"partsupp", "ps_partkey", "part", "p_partkey"}} {
		have := keys(reference[2], reference[3])
		for key := range keys(reference[0], reference[1]) {
			if !have[key] {
				t.Errorf("%s.%s: %s is not in %s", reference[0], reference[1], key, reference[2])
			}
		}
	}
	for table, word := range map[string]string{"part": "green", "orders": "special requests", "supplier": "Complaints", "lineitem": `"l_returnflag":"R"`} {
		if !strings.Contains(text[table], word) {
			t.Errorf("%s has no %s", table, word)
		}
	}
}

// testDuration is short: the test shows that the measurements run, not what they give.
const testDuration = 3 * time.Second

const testScale = 0.005
