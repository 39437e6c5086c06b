package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

func TestQueryReadsFilesAndRecentRows(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, []record.File{writeEvents(t, e, "ev/a.parquet", 1, 100, may1)}, recentEvents(t, e, "g1", 101, 50))
	res, err := e.Query(t.Context(), Request{SQL: "SELECT _record_id, ts, payload, payload.n::int AS n FROM ev WHERE amount < $1 ORDER BY _record_id", Params: []any{5.0}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	if got, want := fmt.Sprint(res.Columns()), "[{_record_id BIGINT} {ts TIMESTAMP WITH TIME ZONE} {payload JSON} {n INTEGER}]"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	var n int64
	for {
		batch, err := res.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !batch.Schema().Equal(res.Schema()) {
			t.Errorf("a batch has schema %v, the result %v", batch.Schema(), res.Schema())
		}
		n += batch.NumRows()
		batch.Release()
	}
	if s := res.Stats(); n != 40 || s.Rows != 40 || s.FilesRead != 1 || s.RecentRows != 50 || s.BytesRead == 0 || s.Elapsed == 0 {
		t.Errorf("%d rows, stats %+v", n, s)
	}
	if _, err := res.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestParams(t *testing.T) {
	e, _ := openEngine(t, nil)
	for _, c := range []struct {
		expr  string
		value any
		want  string
	}{
		{"$1::int + 1", 41, "42"}, {"$1::int + 1", "41", "42"}, {"$1 IS NULL", nil, "true"}, {"$1", true, "true"}, {"$1 || '!'", "x'y", "x'y!"},
		{"$1::timestamptz::varchar", may1, "2026-05-01 00:00:00+00"}, {"$1 * 2", 1.5, "3"}, {"len($1)", []string{"a", "b"}, "2"}, {"list_sum($1)", []int64{1, 2}, "3"},
		{"hex($1::blob)", []byte{1, 255}, "01FF"}, {"$1 + 1", record.RecordID(7), "8"},
	} {
		if got := rows(t, e, "SELECT "+c.expr, c.value); got[0] != c.want {
			t.Errorf("%s of %v gave %s, want %s", c.expr, c.value, got[0], c.want)
		}
	}
	for _, r := range []Request{{SQL: "SELECT $1"}, {SQL: "SELECT 1", Params: []any{1}}, {SQL: "SELECT $1", Params: []any{struct{}{}}}, {SQL: "SELECT $1", Params: []any{"\xff"}}, {SQL: "SELECT '\xff'"}, {SQL: "SELECT 1\x00"}} {
		if _, err := tryRows(t.Context(), e, r); record.KindOf(err) != record.Invalid {
			t.Errorf("%+v gave %v", r, err)
		}
	}
}

func TestResultsStream(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes = 256 << 20 })
	// 100 million rows of 16 bytes would be 1.6 GB.
	res, err := e.Query(t.Context(), Request{SQL: "SELECT i, i FROM range(100000000) AS r(i)"})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		batch, err := res.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	if err := res.Close(); err != nil {
		t.Fatal(err)
	}
	if err := res.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, err := res.Next(t.Context()); record.KindOf(err) != record.Canceled {
		t.Errorf("Next after Close: %v", err)
	}
	if got := rows(t, e, "SELECT 1"); got[0] != "1" {
		t.Errorf("the next query gave %v", got)
	}
}

const endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range = 7"

func TestCancelAndTimeLimit(t *testing.T) {
	e, worlds := openEngine(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	if _, err := tryRows(ctx, e, Request{SQL: endless}); record.KindOf(err) != record.Canceled {
		t.Errorf("a canceled query gave %v", err)
	}
	if _, err := tryRows(t.Context(), e, Request{SQL: endless, TimeLimit: 50 * time.Millisecond}); record.KindOf(err) != record.Timeout || !strings.Contains(err.Error(), "50ms, the time limit that its request set") {
		t.Errorf("a late query gave %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to stop two queries", took)
	}
	freed := false
	worlds.Publish(func(*world.Draft) {}, func() { freed = true })
	if !freed {
		t.Error("a World is still pinned")
	}
}

func TestAClosedResultLetsGo(t *testing.T) {
	e, worlds := openEngine(t, nil)
	res, err := e.Query(t.Context(), Request{SQL: "SELECT * FROM range(10000000)"})
	if err != nil {
		t.Fatal(err)
	}
	if s := e.Queue(); s.Running != 1 {
		t.Errorf("queue %+v", s)
	}
	if err := res.Close(); err != nil {
		t.Fatal(err)
	}
	freed := false
	worlds.Publish(func(*world.Draft) {}, func() { freed = true })
	if s := e.Queue(); !freed || s.Running != 0 || s.MostRunning != 1 {
		t.Errorf("freed %v, queue %+v", freed, s)
	}
}

func TestHeavyQueriesQueue(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.HeavyQueries, o.QueueLength = 1, 1 })
	const heavy = "SELECT * FROM range(10000000)"
	first, err := e.Query(t.Context(), Request{SQL: heavy})
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		res, err := e.Query(t.Context(), Request{SQL: heavy})
		if err == nil {
			err = res.Close()
		}
		second <- err
	}()
	for e.Queue().Waiting == 0 {
		runtime.Gosched()
	}
	if _, err := e.Query(t.Context(), Request{SQL: heavy}); record.KindOf(err) != record.Limited || !strings.Contains(err.Error(), "limits.queue") {
		t.Errorf("a third query gave %v", err)
	}
	if got := rows(t, e, "SELECT 1"); got[0] != "1" {
		t.Errorf("a light query gave %v", got)
	}
	_ = first.Close()
	if err := <-second; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	if s := e.Queue(); s.Refused != 1 || s.MostWaiting != 1 || s.MostRunning != 1 || s.Waiting != 0 {
		t.Errorf("queue %+v", s)
	}
}

func TestEvolvedTable(t *testing.T) {
	e, worlds := openEngine(t, nil)
	old := events[:4:4]
	batch := eventBatch(1, 10, may1)
	defer batch.Release()
	narrow := narrowed(batch, old)
	defer narrow.Release()
	f, err := e.WriteParquet(t.Context(), "ev/old.parquet", old, "ts", []arrow.RecordBatch{narrow})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.CreateRecent(t.Context(), "g1", old); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendRecent(t.Context(), "g1", []arrow.RecordBatch{narrow}); err != nil {
		t.Fatal(err)
	}
	g1 := &world.Generation{Name: "g1", Schema: old}
	g1.Grow(10, may1.UnixMicro(), may1.UnixMicro()+9e6)
	publish(worlds, "ev", old, []record.File{f}, g1)
	if got := rows(t, e, "SELECT count(*), count(user_id) FROM ev"); got[0] != "20|20" {
		t.Errorf("before: %v", got)
	}
	before := worlds.Pin()
	defer before.Release()

	// user_id is renamed, amount and payload are added.
	next := append(record.Schema(nil), events...)
	next[3].Name = "who"
	worlds.Publish(func(d *world.Draft) {
		t := d.Table("ev")
		t.Schema, t.SchemaVersion = next, t.SchemaVersion+1
	}, nil)
	if got := rows(t, e, "SELECT count(*), count(who), count(amount), typeof(any_value(payload)) FROM ev"); got[0] != "20|20|0|JSON" {
		t.Errorf("after: %v", got)
	}
	g2 := recentEvents(t, e, "g2", 11, 5)
	g2.Schema = next
	publish(worlds, "ev", next, nil, g2)
	if got := rows(t, e, "SELECT count(*), count(who), count(amount) FROM ev"); got[0] != "25|25|5" {
		t.Errorf("with new rows: %v", got)
	}
	got, err := tryRows(t.Context(), e, Request{SQL: "SELECT count(*), count(who) FROM ev", World: before})
	if err != nil || got[0] != "20|20" {
		t.Errorf("a transaction that began before: %v, %v", got, err)
	}
	if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT user_id FROM ev"}); err == nil {
		t.Error("the old name still works")
	}
	worlds.Publish(func(d *world.Draft) { d.Drop("ev") }, nil)
	if _, err := tryRows(t.Context(), e, Request{SQL: "SELECT * FROM ev"}); record.KindOf(err) != record.NotFound {
		t.Errorf("a dropped table gave %v", err)
	}
	if got := rows(t, e, "SHOW TABLES"); len(got) != 0 {
		t.Errorf("tables %v", got)
	}
	for _, g := range []string{"g1", "g2"} {
		if err := e.DropRecent(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
}

// narrowed has the first columns of a batch.
func narrowed(batch arrow.RecordBatch, schema record.Schema) arrow.RecordBatch {
	return newRecord(schema.Arrow(), batch.Columns()[:len(schema)], batch.NumRows())
}

func TestErrorsOfUsersHaveAPlace(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "action_logs", events, nil)
	for _, c := range []struct {
		sql                 string
		line, column        int
		message, suggestion string
	}{
		{"SELECT *\nFROM action_log", 2, 6, `no table "action_log"`, "action_logs"},
		{"SELECT dateadd(day, 1, ts),\n  usr_id FROM action_logs", 2, 3, "usr_id", "user_id"},
		{"SELEC 1", 1, 1, "syntax error", ""},
		{"SELECT '湖', x FROM action_logs", 1, 13, "x", ""},
		{"SELECT uper('x')", 1, 8, "uper", "upper"},
		{"SELECT 'a'::int", 1, 11, "Could not convert", ""},
		{"SELECT read_csv('x')", 1, 8, "read_csv", ""},
		{"SELECT * FROM read_csv('x')", 1, 15, "read_csv", ""},
	} {
		_, err := tryRows(t.Context(), e, Request{SQL: c.sql})
		var got *SQLError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v, want an SQLError", c.sql, err)
			continue
		}
		if got.Line != c.line || got.Column != c.column || !strings.Contains(got.Message, c.message) || got.Suggestion != c.suggestion {
			t.Errorf("%s: %+v, want %d:%d %q, %q", c.sql, got, c.line, c.column, c.message, c.suggestion)
		}
		if !strings.HasSuffix(got.Excerpt, "^") || strings.Contains(got.Message, "LINE") {
			t.Errorf("%s: message %q, excerpt %q", c.sql, got.Message, got.Excerpt)
		}
	}
}

func TestMemoryLimitIsAnErrorOfTheQuery(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.MemoryLimitBytes, o.MaxTempBytes = LeastMemory, 1<<20 })
	_, err := tryRows(t.Context(), e, Request{SQL: "SELECT count(*) FROM (SELECT i, count(*) FROM range(30000000) AS r(i) GROUP BY i)"})
	if record.KindOf(err) != record.Limited || !strings.Contains(err.Error(), "limits.memory") {
		t.Errorf("a large query gave %v", err)
	}
	if got := rows(t, e, "SELECT 1"); got[0] != "1" {
		t.Errorf("the next query gave %v", got)
	}
}

func TestDescribe(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, []record.File{{Path: "gone.parquet", Rows: 1}})
	columns, params, err := e.Describe(t.Context(), Request{SQL: "SELECT ts, payload, amount * 2 AS twice, $2 AS any FROM ev WHERE user_id = $1 AND ts > $3"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(columns[:3]), "[{ts TIMESTAMP WITH TIME ZONE} {payload JSON} {twice DOUBLE}]"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%q", params), `["VARCHAR" "" "TIMESTAMP WITH TIME ZONE"]`; got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
	if _, _, err := e.Describe(t.Context(), Request{SQL: "DROP VIEW ev"}); record.KindOf(err) != record.Forbidden {
		t.Errorf("a DROP gave %v", err)
	}
	if _, _, err := e.Describe(t.Context(), Request{SQL: "SELECT nosuch FROM ev"}); record.KindOf(err) != record.Invalid {
		t.Errorf("an unknown column gave %v", err)
	}
}

func TestAnInternalErrorBreaksTheEngine(t *testing.T) {
	e, _ := openEngine(t, nil)
	err := e.reader.failure(t.Context(), source{}, `{"exception_type":"INTERNAL","exception_message":"oh"}`)
	if !errors.Is(err, ErrBroken) || record.KindOf(err) != record.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, err := e.Query(t.Context(), Request{SQL: "SELECT 1"}); !errors.Is(err, ErrBroken) {
		t.Errorf("the next query gave %v", err)
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{"usr_id": "user_id", "x": "", "": "", "amonut": "amount"} {
		if got := nearestOf(name, []string{"user_id", `"amount"`, "ev.payload"}); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}

// TestAnIdleClientGivesItsPlaceBack lets a client begin a heavy query and read no more.
func TestAnIdleClientGivesItsPlaceBack(t *testing.T) {
	e, _ := openEngine(t, func(o *Options) { o.HeavyQueries, o.IdleRead = 1, 50*time.Millisecond })
	idle, err := e.Query(t.Context(), Request{SQL: "SELECT * FROM range(10000000)"})
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if got := rows(t, e, "SELECT count(*) FROM range(10)"); got[0] != "10" { // waits for the one place
		t.Errorf("behind an idle client: %v", got)
	}
	_, err = remaining(t.Context(), idle)
	if record.KindOf(err) != record.Timeout || !strings.Contains(err.Error(), "limits.idle_read") {
		t.Errorf("the idle client's error: %v", err)
	}
}

func TestACrossJoinIsHeavy(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, nil)
	for sql, heavy := range map[string]bool{
		"SELECT count(*) FROM ev a, ev b":                                              true,
		"SELECT count(*) FROM ev a CROSS JOIN ev b":                                    true,
		"SELECT count(*) FROM ev a JOIN ev b ON a.user_id LIKE b.user_id":              true,
		"SELECT count(*) FROM ev a, ev b WHERE a._record_id = b._record_id":            false,
		"SELECT count(*) FROM ev a JOIN ev b USING (user_id) WHERE a.ts < now()":       false,
		"SELECT * FROM ev WHERE user_id IN (SELECT user_id FROM ev WHERE amount > 10)": false,
	} {
		views, err := e.catalog.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		st, err := e.inspect(t.Context(), sql, views)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.plan(t.Context(), st, worlds.Current(), views, nil, time.UTC)
		if err != nil || p.heavy != heavy {
			t.Errorf("%s: heavy %v, %v, want %v", sql, p.heavy, err, heavy)
		}
	}
}

// TestALoneFile has rows enough that another, empty one is read beside it.
func TestALoneFile(t *testing.T) {
	e, worlds := openEngine(t, nil)
	n := loneRows + 10_000
	publish(worlds, "ev", events, []record.File{writeEvents(t, e, "ev/0.parquet", 1, n, may1)})
	want := fmt.Sprintf("%d|%d|%d|u0|%s", n, n, n, fmt.Sprintf(`{"n": %d, "tags": ["a", "b"]}`, n-1))
	got := rows(t, e, "SELECT count(*), count(ts), max(_record_id), min(user_id), (SELECT payload FROM ev ORDER BY _record_id DESC LIMIT 1) FROM ev")
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
	res, err := e.Query(t.Context(), Request{SQL: "SELECT count(*) FROM ev"})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	if read := res.Stats().FilesRead; read != 1 {
		t.Errorf("%d files were read, the empty one is ours", read)
	}
}
