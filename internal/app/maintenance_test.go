package app_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// filesOf is how many data files a table has.
func filesOf(t *testing.T, n *testkit.Node, stream string) int {
	t.Helper()
	list, err := n.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Name == stream {
			return s.Files
		}
	}
	t.Fatalf("there is no stream %s", stream)
	return 0
}

// maintain does a round of maintenance, of which nothing may fail.
func maintain(t *testing.T, n *testkit.Node) {
	t.Helper()
	if err := n.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRecentRowsAreFlushed(t *testing.T) {
	wide := columns("v", "int", "text", "varchar")
	bySize, byAge := wide, wide
	bySize.Flush.Size = 32 << 10
	byAge.Flush.Age = shape.Duration(time.Hour)
	var rows strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&rows, `{"v":%d,"text":"%s"}`+"\n", i, strings.Repeat("x", 100))
	}
	for _, c := range []struct {
		name       string
		definition shape.Definition
		change     func(*app.Options)
		forward    time.Duration
	}{
		{"by size", bySize, func(*app.Options) {}, 0},
		{"by age", byAge, func(*app.Options) {}, time.Hour},
		{"by the memory of all", wide, func(o *app.Options) { o.Project.Limit.RecentBytes = 32 << 10 }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := &handClock{}
			n := newProject(t, one("s", c.definition)).start(clock.option, c.change)
			n.Send("s", rows.String())
			clock.forward(c.forward)
			n.Await("a file", func() bool { return filesOf(t, n, "s") > 0 })
			if got := flat(n.Query("SELECT count(*), sum(v) FROM s")); got != "2000 1999000" {
				t.Errorf("rows %s", got)
			}
			n.Balance()
		})
	}
}

func daysDefinition() shape.Definition {
	return shape.Definition{EventTime: "ts", Partition: []string{"day(ts)"}, TimeRange: shape.TimeRange{Off: true},
		Columns: []shape.Column{{Name: "ts", Type: "timestamptz"}, {Name: "v", Type: "bigint"}}}
}

func TestCompactionIntoLocalDaysChangesNoAnswer(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t, one("s", daysDefinition()))
	p.Location = tokyo
	n := p.start()
	const parts, rows = 12, 400
	for part := range parts {
		var b strings.Builder
		for i := range rows {
			v := part*rows + i
			fmt.Fprintf(&b, `{"ts":"%s","v":%d}`+"\n", started.Add(time.Duration(v)*97*time.Second).Format(time.RFC3339), v)
		}
		n.Send("s", b.String())
		if err := n.Flush(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	const days = "SELECT ts_day, count(*), sum(v), sum(hash(_record_id) % 1000003) FROM s GROUP BY ALL ORDER BY ALL"
	want := flat(n.Query(days))
	if got := flat(n.Query("SELECT (ts AT TIME ZONE 'Asia/Tokyo')::date, count(*), sum(v), sum(hash(_record_id) % 1000003) FROM s GROUP BY ALL ORDER BY ALL")); got != want {
		t.Errorf("ts_day gives %s, the times give %s", want, got)
	}
	if got := filesOf(t, n, "s"); got != parts {
		t.Fatalf("%d files, want %d", got, parts)
	}
	maintain(t, n)
	if got, days := filesOf(t, n, "s"), len(n.Query(days)); got != days {
		t.Errorf("%d files for %d days", got, days)
	}
	if got := flat(n.Query(days)); got != want {
		t.Errorf("compacted: %s, want %s", got, want)
	}
	if s := account(t, n, "s"); s.Delivered != parts*rows || s.Removed != 0 || s.Live != parts*rows {
		t.Errorf("ledger %+v", s)
	}
	n.Shutdown()
	n = p.start()
	if got := flat(n.Query(days)); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
	n.Balance()
	n.Send("s", `{"ts":"2026-03-02T00:00:00+09:00","v":0}`) // with recent rows, or many files, it pays to look which are needed
	status, text, _ := n.Do(http.MethodPost, "/v1/query", `{"sql":"SELECT count(*) FROM s WHERE ts >= '2026-03-02 00:00:00+09' AND ts < '2026-03-03 00:00:00+09'"}`)
	if status != 200 || !strings.Contains(text, `"files_read":1,`) {
		t.Errorf("one day reads more than its file: %s", text)
	}
}

func TestQueriesStayExactDuringMaintenance(t *testing.T) {
	clock := &handClock{}
	n := newProject(t, one("s", daysDefinition())).start(clock.option)
	const parts, rows = 15, 300
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			before := 0
			for {
				// Two looks at the table within one statement, a slow one among them.
				got := n.Query("SELECT count(*), count(DISTINCT _record_id), (SELECT count(*) FROM s), sum(v) FROM s")[0]
				count, err := strconv.Atoi(got[0])
				if err != nil || got[1] != got[0] || got[2] != got[0] || count < before || count%rows != 0 || count > 0 && got[3] != strconv.Itoa(count*(count-1)/2) {
					t.Errorf("a query gave %v after %d rows had been seen: %v", got, before, err)
				}
				before = count
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for part := range parts {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, `{"ts":"%s","v":%d}`+"\n", started.Add(time.Duration(i)*20*time.Minute).Format(time.RFC3339), part*rows+i)
		}
		n.Send("s", b.String())
		if err := n.Flush(t.Context(), "s"); err != nil {
			t.Error(err)
		}
		if part%3 == 2 {
			clock.forward(25 * time.Hour) // so that what is replaced is expired and swept
			maintain(t, n)
		}
	}
	close(done)
	wg.Wait()
	if s := account(t, n, "s"); s.Delivered != parts*rows {
		t.Errorf("ledger %+v", s)
	}
}

func TestRetentionRemovesWholeFilesAndSaysSo(t *testing.T) {
	d := daysDefinition()
	d.Retention = shape.Retention{Table: shape.Duration(10 * 24 * time.Hour), Quarantine: shape.Duration(30 * 24 * time.Hour)}
	clock := &handClock{}
	p := newProject(t, one("s", d))
	n := p.start(clock.option)
	for day := range 5 {
		n.Send("s", fmt.Sprintf(`{"ts":"%s","v":%d}`+"\n"+`{"v":"x"}`, started.Add(time.Duration(day)*24*time.Hour).Format(time.RFC3339), day))
	}
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	maintain(t, n)
	for _, c := range []struct {
		forward           time.Duration
		rows, quarantined string
		removed           int64
	}{
		{0, "5", "5", 0},
		{12*24*time.Hour + time.Hour, "2", "5", 3},
		{30 * 24 * time.Hour, "0", "0", 10},
	} {
		clock.forward(c.forward)
		maintain(t, n)
		check := func(when string) {
			t.Helper()
			if got := n.One("SELECT count(*) FROM s"); got != c.rows {
				t.Errorf("after %v, %s: %s rows, want %s", c.forward, when, got, c.rows)
			}
			if got := n.One("SELECT count(*) FROM quarantine"); got != c.quarantined {
				t.Errorf("after %v, %s: %s quarantined, want %s", c.forward, when, got, c.quarantined)
			}
			if s := account(t, n, "s"); s.Accepted != 10 || s.Delivered != 5 || s.Quarantined != 5 {
				t.Errorf("after %v, %s: ledger %+v", c.forward, when, s)
			} else if c.quarantined == "5" && s.Removed != c.removed {
				t.Errorf("after %v, %s: removed %d, want %d", c.forward, when, s.Removed, c.removed)
			}
		}
		check("at once")
		n.Shutdown()
		n = p.start(clock.option)
		check("after a restart")
	}
}
