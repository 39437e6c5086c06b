package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// TestColumnsOfOneNameAreNumbered: in all formats whose readers look values up by name.
// CSV has the names as they are, for its cells have places.
func TestColumnsOfOneNameAreNumbered(t *testing.T) {
	n := newProject(t, nil).start()
	for sql, want := range map[string]string{
		"select 1 as a, 2 as a, 3 as a":                            "a a_1 a_2",
		"select 1 as a, 2 as a, 3 as a_1":                          "a a_2 a_1",
		"select 1 as a_1, 2 as a, 3 as a, 4 as a_1":                "a_1 a a_2 a_1_1",
		"select 1 as a, 2 as A, interval '3 days' as a":            "a A a_1",
		"select t.*, u.* from (select 1 as id) t, (select 2 id) u": "id id_1",
	} {
		var got api.QueryAnswer
		_, text, _ := ask(t, n, sql, "Accept", "application/json")
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range got.Columns {
			names = append(names, c.Name)
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%s as JSON: %q, want %q", sql, names, want)
		}
		_, text, _ = ask(t, n, sql, "Accept", "application/x-ndjson")
		var row map[string]any
		if err := json.Unmarshal([]byte(text), &row); err != nil || len(row) != len(names) {
			t.Errorf("%s as JSON lines: %s %v", sql, text, err)
		}
		for _, name := range names {
			if _, ok := row[name]; !ok {
				t.Errorf("%s as JSON lines has no %q: %s", sql, name, text)
			}
		}
		_, text, _ = ask(t, n, sql, "Accept", "application/vnd.apache.parquet")
		table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader([]byte(text)), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ = ask(t, n, sql, "Accept", "application/vnd.apache.arrow.stream")
		stream, err := ipc.NewReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for format, schema := range map[string]*arrow.Schema{"Parquet": table.Schema(), "Arrow": stream.Schema()} {
			var fields []string
			for _, f := range schema.Fields() {
				fields = append(fields, f.Name)
			}
			if strings.Join(fields, " ") != want {
				t.Errorf("%s as %s: %q, want %q", sql, format, fields, want)
			}
		}
	}
	if _, text, _ := ask(t, n, "select 1 as a, 2 as a", "Accept", "text/csv"); text != "a,a\n1,2\n" {
		t.Errorf("CSV: %q", text)
	}
}

// TestWhatOnlyAParameterTellsIsExactToo: DuckDB knows no column's type before the
// parameter has its value.
func TestWhatOnlyAParameterTellsIsExactToo(t *testing.T) {
	n := newProject(t, nil).start()
	for _, c := range []struct {
		sql    string
		params []any
		types  string
		want   string
	}{
		{"select $1 as p, interval '1 day' as i", []any{"x"}, "VARCHAR INTERVAL", "x,1 day"},
		{"select $1 as p, interval '13 months' as i", []any{1.5}, "DECIMAL(2,1) INTERVAL", "1.5,1 year 1 mon"},
		{"select $1 as p, '12:00:00+09:30'::timetz as z", []any{nil}, "INTEGER TIME WITH TIME ZONE", ",12:00:00+09:30"},
		{"select $1 as p, $2 as q, [interval '1 month'] as i", []any{true, "y"}, "BOOLEAN VARCHAR INTERVAL[]", `true,y,"[""1 mon""]"`},
		{"select $1 as p, 340282366920938463463374607431768211455::uhugeint as u; -- the largest", []any{7}, "BIGINT UHUGEINT", "7,340282366920938463463374607431768211455"},
		{"select '; -- $1' as p, $1 as q, interval '1 day' as i ; /* ; */ ;", []any{2}, "VARCHAR BIGINT INTERVAL", "; -- $1,2,1 day"},
		{"select $$; -- $$ as p, E'\\'; -- ' as q, interval '1 day' as i; -- end", nil, "VARCHAR VARCHAR INTERVAL", "; -- ,'; -- ,1 day"},
		{`select 1 as "; -- ", interval '1 day' as i -- end`, nil, "INTEGER INTERVAL", "1,1 day"},
	} {
		body := map[string]any{"sql": c.sql}
		if c.params != nil {
			body["params"] = c.params
		}
		status, text, _ := askWith(t, n, body, "Accept", "text/csv")
		_, got, _ := strings.Cut(text, "\n")
		if status != http.StatusOK || got != c.want+"\n" {
			t.Errorf("%s: %d %q, want %q", c.sql, status, text, c.want)
		}
		_, text, _ = askWith(t, n, body)
		var a api.QueryAnswer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%s: %s", c.sql, text)
		}
		var types []string
		for _, column := range a.Columns {
			types = append(types, column.Type)
		}
		if strings.Join(types, " ") != c.types {
			t.Errorf("%s: types %q, want %q", c.sql, types, c.types)
		}
	}
}

// TestTheOrderOfAResultStaysWhereItsTypesAreMadeExact: a statement with an interval is
// wrapped into another one.
func TestTheOrderOfAResultStaysWhereItsTypesAreMadeExact(t *testing.T) {
	n := newProject(t, nil).start()
	for _, sql := range []string{
		"select (range * 7919) % 100003 as k, to_days(range::int) as i from range(100003) order by k",
		"select k, i from (select (range * 7919) % 100003 as k, to_days(range::int) as i from range(100003)) order by 1",
		"with t as (select (range * 7919) % 100003 as k, to_days(range::int) as i from range(100003)) select * from t order by k limit 100003",
		"(select (range * 7919) % 100003 as k, to_days(range::int) as i from range(50000)) union all (select (range * 7919) % 100003 as k, to_days(range::int) as i from range(50000, 100003)) order by k",
	} {
		_, text, _ := ask(t, n, sql, "Accept", "text/csv")
		lines := strings.Split(strings.TrimSpace(text), "\n")[1:]
		if len(lines) != 100003 {
			t.Errorf("%s: %d rows: %.200s", sql, len(lines), text)
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, fmt.Sprint(i, ",")) {
				t.Errorf("%s: row %d is %q", sql, i, line)
				break
			}
		}
	}
}
