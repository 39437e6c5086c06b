package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// TestConnectionsAreAlike compares every setting of connections that follow all kinds of
// uses: what one does must not reach the next.
func TestConnectionsAreAlike(t *testing.T) {
	e, worlds := openEngine(t, func(o *Options) { o.Location = zone(t, "Asia/Tokyo") })
	publish(worlds, "ev", events, nil)
	const settings = "SELECT name || '=' || coalesce(value, '') FROM duckdb_settings() ORDER BY 1"
	const session = "SELECT concat_ws(' ', current_setting('TimeZone'), current_setting('errors_as_json'), current_setting('search_path'), (SELECT count(*) FROM duckdb_variables()))"
	first := map[string]string{}
	for range 3 {
		for name, d := range e.instances() {
			err := d.aside(t.Context(), func(c *conn) error {
				all, err := c.text(t.Context(), settings)
				if err != nil {
					return err
				}
				own, err := c.text(t.Context(), session)
				state := strings.Join(append(all, own...), "\n")
				if first[name] == "" {
					first[name] = state
				} else if first[name] != state {
					t.Errorf("the %s's connections differ:\n%s\n%s", name, first[name], state)
				}
				if !strings.HasPrefix(own[0], "Asia/Tokyo true") {
					t.Errorf("the %s's connection: %s", name, own[0])
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, sql := range []string{"SELECT * FROM ev", "SELECT nosuch FROM ev", "SELECT error('stop')", "EXPLAIN SELECT ts::date FROM ev"} {
			_, _ = tryRows(t.Context(), e, Request{SQL: sql, Location: zone(t, "America/New_York")})
		}
		_ = e.reader.with(t.Context(), func(c *conn) error { return c.exec(t.Context(), "SET VARIABLE left_behind = 1; SELECT nosuch") })
	}
}

// TestAReadChangesNoWrite evaluates definitions of several zones while readers ask in
// others: the values are those of a lone node.
func TestAReadChangesNoWrite(t *testing.T) {
	e, worlds := openEngine(t, func(o *Options) { o.Location = zone(t, "Asia/Tokyo") })
	publish(worlds, "ev", events, nil)
	dates := record.Type{Kind: record.Date}
	own := []string{"Asia/Tokyo", "America/New_York", "UTC"}
	evaluate := func(name string) string {
		v, err := e.NewEvaluator(t.Context(), zone(t, name), events, []Expression{{"day", "ts::date", dates}, {"hour", "hour(ts)", bigint}, {"text", "ts::varchar", varchar}}, "ts::date = '2026-05-01'")
		if err != nil {
			t.Error(err)
			return ""
		}
		batch := eventBatch(1, 20, may1.Add(14*time.Hour+59*time.Minute+50*time.Second))
		defer batch.Release()
		computed, keep, failed, err := v.Evaluate(t.Context(), batch)
		defer release(computed)
		return fmt.Sprint(computed, keep, failed, err)
	}
	alone := map[string]string{}
	for _, name := range own {
		alone[name] = evaluate(name)
	}
	if alone["Asia/Tokyo"] == alone["UTC"] {
		t.Fatal("the zones make no difference: nothing is tested")
	}
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i, name := range []string{"America/New_York", "Pacific/Apia", "UTC"} {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = tryRows(ctx, e, Request{SQL: fmt.Sprintf("SELECT ts::date, %d FROM ev", i), Location: zone(t, name)})
			}
		})
	}
	for i := range 60 {
		name := own[i%len(own)]
		if got := evaluate(name); got != alone[name] {
			t.Fatalf("in %s beside readers:\n%s\nalone:\n%s", name, got, alone[name])
		}
	}
	stop()
	readers.Wait()
}

// TestErrorsHaveTheirPlaceAtOnce asks wrong statements from many sides.
func TestErrorsHaveTheirPlaceAtOnce(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, nil)
	var askers sync.WaitGroup
	for range 12 {
		askers.Go(func() {
			for range 10 {
				_, err := tryRows(t.Context(), e, Request{SQL: "SELECT ts,\n  user_ide FROM ev"})
				if f, ok := asSQLError(err); !ok || f.Line != 2 || f.Column != 3 || f.Suggestion != "user_id" {
					t.Errorf("%v", err)
				}
			}
		})
	}
	askers.Wait()
}

// TestTheEngineHealsByItself fails one statement after the other, anywhere in the
// engine's handling of its connections, and then all goes on as if nothing had been.
func TestTheEngineHealsByItself(t *testing.T) {
	e, worlds := openEngine(t, nil)
	g := &world.Generation{Name: "ev_1", Schema: events}
	var sent int64
	work := func(i int) (err error) {
		name := fmt.Sprintf("made_%d", i)
		batch := eventBatch(record.RecordID(1+sent), 3, may1)
		defer batch.Release()
		if err = e.CreateRecent(t.Context(), name, events); err == nil {
			err = e.AppendRecent(t.Context(), name, []arrow.RecordBatch{batch})
		}
		worlds.Publish(func(d *world.Draft) { // a table that comes and goes, and one that changes
			d.Drop(fmt.Sprintf("t%d", i-1))
			w := d.Table(fmt.Sprintf("t%d", i))
			w.Schema, w.SchemaVersion = events, i
		}, nil)
		if _, wrong := tryRows(t.Context(), e, Request{SQL: fmt.Sprintf("SELECT count(*) FROM ev, t%d WHERE ts::date > '2026-01-01'", i), Location: zone(t, "Asia/Tokyo")}); err == nil {
			err = wrong
		}
		if wrong := e.DropRecent(t.Context(), name); err == nil {
			err = wrong
		}
		return err
	}
	if err := e.CreateRecent(t.Context(), g.Name, events); err != nil {
		t.Fatal(err)
	}
	worlds.Publish(func(d *world.Draft) {
		w := d.Table("ev")
		w.Schema, w.SchemaVersion, w.TimeColumn, w.Recent = events, 1, "ts", []*world.Generation{g}
	}, nil)
	random := rand.New(rand.NewPCG(3, 4))
	failed := 0
	for i := range 120 {
		left := random.IntN(40)
		var mu sync.Mutex
		fault := func(sql string) error {
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 || left < 0 && sql == "ROLLBACK" { // and its ROLLBACK, as where memory is out
				return record.Errorf(record.Limited, "no memory for %.40q", sql)
			}
			return nil
		}
		for _, d := range []*instance{e.reader, e.planner} {
			d.inject.Store(&fault)
		}
		if work(i) != nil {
			failed++
		}
		for _, d := range []*instance{e.reader, e.planner} {
			d.inject.Store(nil)
		}
		batch := eventBatch(record.RecordID(1+sent), 3, may1)
		g.Grow(3, may1.UnixMicro(), may1.Add(3*time.Second).UnixMicro())
		err := e.AppendRecent(t.Context(), g.Name, []arrow.RecordBatch{batch})
		batch.Release()
		sent += 3
		if err != nil {
			t.Fatalf("round %d, append: %v", i, err)
		}
		for range 3 {
			if got, err := tryRows(t.Context(), e, Request{SQL: "SELECT count(*) FROM ev"}); err != nil || got[0] != fmt.Sprint(sent) {
				t.Fatalf("round %d: %v, %v, want %d", i, got, err, sent)
			}
			if _, err := tryRows(t.Context(), e, Request{SQL: fmt.Sprintf("SELECT count(*) FROM t%d", i)}); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
	}
	if failed == 0 {
		t.Error("no fault was met")
	}
}

// TestMemoryThatRunsOutHeals runs queries out of DuckDB's own memory; light ones and
// recent rows go on.
func TestMemoryThatRunsOutHeals(t *testing.T) {
	e, worlds := openEngine(t, func(o *Options) { o.MemoryLimitBytes, o.MaxTempBytes = LeastMemory, 1 })
	publish(worlds, "ev", events, nil)
	for i := range 3 {
		var greedy sync.WaitGroup
		for range 4 {
			greedy.Go(func() {
				_, err := tryRows(t.Context(), e, Request{SQL: "SELECT list(i || 'wide wide wide wide wide') FROM range(20000000) r(i) GROUP BY i % 1000"})
				if record.KindOf(err) != record.Limited && record.KindOf(err) != record.Invalid {
					t.Errorf("a query without bounds: %v", err)
				}
			})
		}
		greedy.Wait()
		for range 20 {
			if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT count(*) FROM ev"}); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
	}
}

// TestFaultsOfDuckDBThatWeGoAround holds as long as the detours are needed.
func TestFaultsOfDuckDBThatWeGoAround(t *testing.T) {
	e, _ := openEngine(t, nil)
	count := func(rows, how, where string) string {
		var got []string
		err := e.writer.aside(t.Context(), func(c *conn) error {
			path := record.QuoteText(e.file("fault.parquet"))
			if _, err := c.text(t.Context(), "COPY ("+rows+") TO "+path+" (FORMAT parquet, ROW_GROUP_SIZE 2048"+how+")"); err != nil {
				return err
			}
			var err error
			got, err = c.text(t.Context(), "SELECT count(*)::VARCHAR FROM read_parquet("+path+") WHERE "+where)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	const nulls = "SELECT CASE WHEN i < 4096 THEN i END AS a FROM range(8192) r(i)"
	if got := count(nulls, "", "a > 5 OR a IS DISTINCT FROM 3"); got == "8191" {
		t.Error("DuckDB keeps row groups of nulls: distinct.go can go")
	}
	const zeros = "SELECT CASE WHEN i % 3 = 0 THEN '-0.0'::DOUBLE ELSE i % 50 + 1 END::DOUBLE AS x FROM range(8192) r(i)"
	if got := count(zeros, "", "x = 0"); got == "2731" {
		t.Error("DuckDB's Bloom filters know -0.0: withoutBloom can go")
	}
	if got := count(zeros, ", WRITE_BLOOM_FILTER false", "x = 0"); got != "2731" {
		t.Errorf("without a Bloom filter %s rows are 0, want 2731", got)
	}
	err := e.writer.aside(t.Context(), func(c *conn) error {
		old, now := record.QuoteText(e.file("old.parquet")), record.QuoteText(e.file("now.parquet"))
		for path, sql := range map[string]string{old: "(i * 97)::INTEGER", now: "i * 1000007"} {
			if _, err := c.text(t.Context(), "COPY (SELECT "+sql+" AS i, i AS j FROM range(200) r(i)) TO "+path+" (FORMAT parquet, FIELD_IDS {i: 1, j: 2})"); err != nil {
				return err
			}
		}
		both := "read_parquet([" + old + ", " + now + "], schema=MAP {1: {name: 'i', type: 'BIGINT', default_value: NULL}, 2: {name: 'j', type: 'BIGINT', default_value: NULL}})"
		_, err := c.text(t.Context(), "SELECT count(*)::VARCHAR FROM "+both+" AS a JOIN "+both+" AS b USING (i) WHERE b.j < 100")
		return err
	})
	if !unconvertible(err) {
		t.Errorf("DuckDB applies Bloom filters to columns that were widened: unconvertible can go (%v)", err)
	}
}
