package app_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/testkit"
)

// ask runs a statement and returns the answer as it is.
func ask(t *testing.T, n *testkit.Node, sql string, headers ...string) (status int, text string, header http.Header) {
	t.Helper()
	return askWith(t, n, map[string]any{"sql": sql}, headers...)
}

func askWith(t *testing.T, n *testkit.Node, body map[string]any, headers ...string) (int, string, http.Header) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return n.Do(http.MethodPost, "/v1/query", string(text), headers...)
}

// cells are an Arrow batch's columns i (bigint), d (decimal), s (text) and t (time).
func cells(t *testing.T, b arrow.RecordBatch) (rows [][]string) {
	t.Helper()
	for i := range int(b.NumRows()) {
		row := make([]string, b.NumCols())
		for c, column := range b.Columns() {
			switch column := column.(type) {
			case *array.Decimal128:
				row[c] = column.Value(i).ToString(column.DataType().(*arrow.Decimal128Type).Scale)
			case *array.Timestamp:
				row[c] = column.Value(i).ToTime(arrow.Microsecond).Format("2006-01-02T15:04:05.999999Z07:00")
			default:
				row[c] = column.ValueStr(i)
			}
			if column.IsNull(i) {
				row[c] = ""
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestEveryFormatGivesTheSameResult(t *testing.T) {
	n := newProject(t, one("s", columns("i", "bigint", "d", "decimal(38,10)", "s", "varchar", "ts", "timestamptz"))).start()
	var b strings.Builder
	var want [][]string
	for i := range 5000 {
		v, text, ts := int64(9007199254740990)+int64(i), fmt.Sprintf("line %d\nof \"猫\", %s", i, strings.Repeat(",", i%3)), started.AddDate(0, 0, i%700).Format("2006-01-02T15:04:05Z")
		if i%2 == 1 {
			v = -v
		}
		d := fmt.Sprintf("%d.%010d", 10_000_000_000_000_000+i, i)
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, `{"i":%d,"d":%s,"s":%s,"ts":%q}`+"\n", v, d, quoted, ts)
		want = append(want, []string{strconv.FormatInt(v, 10), d, text, ts})
	}
	n.Send("s", b.String()+`{}`)
	want = append(want, []string{"", "", "", ""})
	const sql = "SELECT i, d, s, ts FROM s ORDER BY _record_id"
	same := func(format string, got [][]string) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("%s: %d rows, want %d", format, len(got), len(want))
			return
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%s: row %d is %q, want %q", format, i, got[i], want[i])
				return
			}
		}
	}
	answer := func(mediaType string) string {
		t.Helper()
		status, text, header := ask(t, n, sql, "Accept", mediaType)
		if status != http.StatusOK || header.Get("Content-Type") != mediaType {
			t.Fatalf("%s: %d %s %.200s", mediaType, status, header.Get("Content-Type"), text)
		}
		return text
	}

	var whole api.QueryAnswer
	d := json.NewDecoder(strings.NewReader(answer("application/json")))
	d.UseNumber()
	if err := d.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, r := range whole.Rows {
		rows = append(rows, texts(r))
	}
	same("json", rows)
	if _, isText := whole.Rows[4][0].(string); !isText { // 2^53 + 2
		t.Errorf("a whole number beyond 2^53 is %T %v", whole.Rows[4][0], whole.Rows[4][0])
	}
	if _, isNumber := whole.Rows[0][0].(json.Number); !isNumber { // 2^53 - 2
		t.Errorf("a whole number up to 2^53 is %T %v", whole.Rows[0][0], whole.Rows[0][0])
	}
	if _, isText := whole.Rows[0][1].(string); !isText {
		t.Errorf("a decimal is %T %v", whole.Rows[0][1], whole.Rows[0][1])
	}
	if s := whole.Stats; s.Rows != int64(len(want)) || s.RecentRows != int64(len(want)) || s.ElapsedMS <= 0 {
		t.Errorf("stats %+v", s)
	}

	rows = nil
	for line := range strings.Lines(answer("application/x-ndjson")) {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var row map[string]any
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, texts([]any{row["i"], row["d"], row["s"], row["ts"]}))
	}
	same("ndjson", rows)

	table, err := csv.NewReader(strings.NewReader(answer("text/csv"))).ReadAll()
	if err != nil || !slices.Equal(table[0], []string{"i", "d", "s", "ts"}) {
		t.Fatalf("csv: %v %v", table[0], err)
	}
	same("csv", table[1:])

	stream, err := ipc.NewReader(strings.NewReader(answer("application/vnd.apache.arrow.stream")))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Release()
	rows = nil
	for stream.Next() {
		rows = append(rows, cells(t, stream.RecordBatch())...)
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	same("arrow", rows)

	same("parquet", parquetCells(t, answer("application/vnd.apache.parquet")))
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		if v != nil {
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

func parquetCells(t *testing.T, text string) (rows [][]string) {
	t.Helper()
	reader, err := file.NewParquetReader(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	batches, err := arrows.GetRecordReader(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Release()
	for batches.Next() {
		rows = append(rows, cells(t, batches.RecordBatch())...)
	}
	return rows
}

func TestParamsAndZones(t *testing.T) {
	n := newProject(t, one("s", columns("ts", "timestamptz"))).start()
	n.Send("s", `{"ts":"2026-03-01T20:00:00Z"}`)
	for _, c := range []struct {
		name    string
		body    map[string]any
		headers []string
		want    string
	}{
		{"positional", map[string]any{"sql": "SELECT ?::bigint + 1, ?, ?, ?", "params": []any{json.Number("9007199254740993"), "it's", true, nil}}, nil, `["9007199254740994","it's",true,null]`},
		{"numbered", map[string]any{"sql": "SELECT $2 || $1", "params": []any{"a", "b"}}, nil, `["ba"]`},
		{"the project's zone", map[string]any{"sql": "SELECT ts, ts::date FROM s"}, nil, `["2026-03-01T20:00:00Z","2026-03-01"]`},
		{"a header's zone", map[string]any{"sql": "SELECT ts, ts::date FROM s"}, []string{api.TimeZoneHeader, "Asia/Tokyo"}, `["2026-03-02T05:00:00+09:00","2026-03-02"]`},
		{"the body's zone", map[string]any{"sql": "SELECT ts, ts::date FROM s", "timezone": "America/New_York"}, []string{api.TimeZoneHeader, "Asia/Tokyo"}, `["2026-03-01T15:00:00-05:00","2026-03-01"]`},
		{"a day as text is one of the zone", map[string]any{"sql": "SELECT count(*) FROM s WHERE ts >= ?", "params": []any{"2026-03-02"}, "timezone": "Asia/Tokyo"}, nil, `[1]`},
	} {
		status, text, _ := askWith(t, n, c.body, c.headers...)
		var a struct{ Rows []json.RawMessage }
		if status != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil || len(a.Rows) != 1 || string(a.Rows[0]) != c.want {
			t.Errorf("%s: %d %s, want %s", c.name, status, text, c.want)
		}
	}
}

func TestMistakesInAStatementAreNamedWithTheirPlace(t *testing.T) {
	n := newProject(t, one("events", columns("id", "int", "name", "varchar"))).start()
	n.Send("events", `{"id":1,"name":"x"}`)
	for _, c := range []struct {
		sql    string
		status int
		says   string
	}{
		{"SELECT id,\n  nmae FROM events", 400, "line 2, column 3"},
		{"SELECT id,\n  nmae FROM events", 400, `did you mean "name"?`},
		{"SELECT * FROM evnts", 404, `did you mean "events"?`},
		{"SELECT * FORM events", 400, "line 1, column"},
		{"SELECT name::int FROM events", 400, "Could not convert string 'x'"},
		{"SELECT 1; SELECT 2", 403, "one statement"},
		{"DELETE FROM events", 403, "line 1"},
		{"SELECT * FROM read_csv('/etc/passwd')", 403, "read_csv"},
	} {
		for _, format := range []string{"application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"} {
			status, text, header := ask(t, n, c.sql, "Accept", format)
			if d := refused(t, c.sql+" as "+format, status, text, header, c.status); !strings.Contains(d.Detail, c.says) {
				t.Errorf("%s: %q does not say %q", c.sql, d.Detail, c.says)
			}
		}
	}
}

const endless = "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) % 7 = 8"

func TestAQueryEndsWithItsClientAndItsTime(t *testing.T) {
	n := newProject(t, one("s", columns("v", "int"))).start(func(o *app.Options) { o.Project.Limit.HeavyQueries = 1 })
	running := func() int64 {
		limits, err := n.Limits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(limits, func(l api.Limit) bool { return l.Name == "heavy queries" })
		return limits[i].Now
	}
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/v1/query", strings.NewReader(`{"sql":"`+endless+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
			t.Error("an endless query answered")
		}
	}()
	status, text, header := askWith(t, n, map[string]any{"sql": endless, "timeout": "50ms"})
	refused(t, "time limit", status, text, header, http.StatusGatewayTimeout)
	leave()
	<-gone
	n.Await("the query has ended", func() bool { return running() == 0 })
	if got := n.One("SELECT 1"); got != "1" {
		t.Errorf("the next query gave %s", got)
	}
}

func TestAResultThatBreaksOffCannotBeTakenForAWhole(t *testing.T) {
	n := newProject(t, one("s", columns("v", "int"))).start()
	// The mistake shows only far into the result.
	const sql = "SELECT CASE WHEN range = 900000 THEN error('too far') ELSE 'row ' || range END AS v FROM range(1000000)"
	status, text, _ := ask(t, n, sql)
	if status == 200 && !strings.Contains(text, `"error":`) || status != 200 && status != 400 {
		t.Errorf("json: %d, it ends with %.200q", status, text[max(0, len(text)-200):])
	}
	for _, format := range []string{"ndjson", "csv", "parquet", "arrow"} {
		body := fmt.Sprintf(`{"sql":%q}`, sql)
		answer, err := http.Post(n.URL+"/v1/query?format="+format, "application/json", strings.NewReader(body))
		if err != nil {
			continue // the connection broke at once
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(answer.Body)
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK && err == nil {
			t.Errorf("%s: a client gets %d bytes and takes them for the whole result", format, b.Len())
		}
	}
}
