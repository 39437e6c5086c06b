package shape

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

func lit(s string) Literal { return Literal(s) }

func TestRules(t *testing.T) {
	tests := []struct {
		name   string
		column Column
		line   string
		want   string
	}{
		{"absent", Column{Type: "varchar"}, `{}`, "null"},
		{"not null", Column{Type: "varchar", NotNull: true}, `{"x":null}`, "missing: column x: there is no value, and the column is not_null"},
		{"default", Column{Type: "varchar", NotNull: true, Default: lit(`"main"`)}, `{"x":null}`, "main"},
		{"default bigint", Column{Type: "bigint", Default: lit(`9007199254740993`)}, `{}`, "9007199254740993"},
		{"one of", Column{Type: "varchar", OneOf: []Literal{lit(`"a"`), lit(`"b"`)}}, `{"x":"b"}`, "b"},
		{"not one of", Column{Type: "varchar", OneOf: []Literal{lit(`"a"`), lit(`"b"`)}}, `{"x":"c"}`, `not_allowed: column x: expected one of "a", "b", found "c"`},
		{"one of numbers", Column{Type: "int", OneOf: []Literal{lit(`1`), lit(`2`)}}, `{"x":"2"}`, "2"},
		{"not one of numbers", Column{Type: "int", OneOf: []Literal{lit(`1`), lit(`2`)}}, `{"x":3}`, `not_allowed: column x: expected one of 1, 2, found 3`},
		{"below", Column{Type: "decimal(9,2)", Min: lit(`0.5`)}, `{"x":0.49}`, `out_of_range: column x: 0.49 is below the min of 0.5`},
		{"at min", Column{Type: "double", Min: lit(`0.5`)}, `{"x":0.5}`, "0.5"},
		{"above", Column{Type: "timestamptz", Max: lit(`"2024-01-01"`)}, `{"x":"2024-01-01T00:00:01+09:00"}`, `out_of_range: column x: "2024-01-01T00:00:01+09:00" is above the max of "2024-01-01"`},
		{"pattern", Column{Type: "varchar", Pattern: `^\d+$`}, `{"x":12}`, "12"},
		{"no match", Column{Type: "varchar", Pattern: `^\d+$`}, `{"x":"1a"}`, `pattern: column x: "1a" does not match the pattern ^\d+$`},
		{"path", Column{Type: "bigint", From: `a.b[1].c`}, `{"a":{"b":[{"c":1},{"c":2}]}}`, "2"},
		{"path to nothing", Column{Type: "bigint", From: `a.b[1].c`}, `{"a":{"b":[]}}`, "null"},
		{"odd name", Column{Type: "bigint", From: `"a.b".c`}, `{"a.b":{"c":5}}`, "5"},
		{"escaped key", Column{Type: "bigint"}, `{"\u0078":5}`, "5"},
		{"duplicate key", Column{Type: "bigint"}, `{"x":1,"x":2}`, "2"},
		{"duplicate parent", Column{Type: "bigint", From: "a.b"}, `{"a":{"b":1},"a":{"c":2}}`, "null"},
		{"decode", Column{Type: "json", Decode: "json"}, `{"x":"{\"a\": [1]}"}`, `{"a": [1]}`},
		{"decode to number", Column{Type: "bigint", Decode: "json"}, `{"x":" 42 "}`, "42"},
		{"decode of an object", Column{Type: "json", Decode: "json"}, `{"x":{"a":1}}`, `{"a":1}`},
		{"decode of null", Column{Type: "json", Decode: "json"}, `{"x":"null"}`, "null"},
		{"decode of no JSON", Column{Type: "json", Decode: "json"}, `{"x":"{oops}"}`, `wrong_type: column x: expected JSON within the string "{oops}": byte 2: expected a field name in double quotes or "}", found "o"`},
		{"client", Column{Type: "varchar", From: "_request.client"}, `{}`, "203.0.113.77"},
		{"agent", Column{Type: "varchar", From: "_request.user_agent"}, `{}`, "test/1"},
		{"key", Column{Type: "varchar", From: "_request.key"}, `{}`, "k1"},
		{"received", Column{Type: "timestamptz", From: "_request.received_at"}, `{}`, "2024-05-01T12:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.column.Name = "x"
			s := compiled(t, Definition{Columns: []Column{tt.column}}, Options{})
			if got := verdict(t, s, "x", tt.line); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestUnknownFields(t *testing.T) {
	columns := []Column{{Name: "a", Type: "bigint"}, {Name: "deep", Type: "bigint", From: "log.x.y"}, {Name: "st", Type: "struct(p bigint)"}, {Name: "el", Type: "bigint", From: "list[0]"}}
	tests := []struct {
		mode UnknownFields
		line string
		want string
	}{
		{"", `{"a":1}`, "null"},
		{"", `{"b":"\u00e9","a":1,"c":[1, 2]}`, `{"b":"\u00e9","c":[1, 2]}`},
		{"", `{"b":1,"b":2,"\u0062":3}`, `{"b":3}`},
		{"", `{"b":null}`, `{"b":null}`},
		{"", `{"log":{"x":{"y":1,"z":2},"w":3},"v":4}`, `{"v":4,"log":{"w":3,"x":{"z":2}}}`},
		{"", `{"log":{"x":{"y":1}}}`, "null"},
		{"", `{"log":"text"}`, `{"log":"text"}`},
		{"", `{"log":{"x":5}}`, `{"log":{"x":5}}`},
		{"", `{"st":{"p":1,"q":2}}`, `{"st":{"q":2}}`},
		{"", `{"list":[7,8]}`, `{"list":[7,8]}`},
		{"", `{"b":"\udc00"}`, `{"b":"\ufffd"}`},
		{UnknownDrop, `{"b":1}`, "no column"},
		{UnknownQuarantine, `{"a":1}`, "no column"},
		{UnknownQuarantine, `{"log":{"w":3}}`, "unknown_field: column log.w: no column takes the field, and unknown_fields is quarantine"},
	}
	for _, tt := range tests {
		s := compiled(t, Definition{Columns: columns, UnknownFields: tt.mode}, Options{})
		if got := verdict(t, s, "_extra", tt.line); got != tt.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", tt.mode, tt.line, got, tt.want)
		}
	}
}

func TestManyUnknownFields(t *testing.T) {
	s := compiled(t, Definition{}, Options{})
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, `"k%d":%d,`, i%10000, i)
	}
	got := verdict(t, s, "_extra", "{"+strings.TrimSuffix(b.String(), ",")+"}")
	if n := strings.Count(got, ":"); n != 10000 || !strings.Contains(got, `"k9999":19999`) {
		t.Errorf("%d fields are kept", n)
	}
}

func TestEvolve(t *testing.T) {
	def := Definition{Columns: []Column{{Name: "a", Type: "bigint"}}, UnknownFields: UnknownEvolve}
	lines := []string{
		`{"a":1,"n":1,"s":"x","f":true,"o":{"p":1},"A":"clash","bad name":1,"_own":2,"nothing":null,"huge":9999999999999999999999}`,
		`{"a":2,"n":1.5,"s":2,"f":"maybe","later":"y"}`,
	}
	b := shaped(t, compiled(t, def, Options{}), lines...)
	var got []string
	for _, c := range b.Unknown {
		got = append(got, c.Name+" "+c.Type.String())
	}
	if want := "n bigint, s varchar, f boolean, o json, huge decimal(38,0), later varchar"; strings.Join(got, ", ") != want {
		t.Fatalf("inferred %s, want %s", strings.Join(got, ", "), want)
	}
	evolved := def.Evolved(b.Unknown)
	b = shaped(t, compiled(t, evolved, Options{}), lines...)
	if got := fmt.Sprintln(len(b.Unknown), b.Unknown[0].Name, b.Unknown[0].Widened, b.Unknown[1].Name, b.Unknown[1].Widened); got != "2 n true f true\n" {
		t.Fatalf("widened %s", got)
	}
	again := shaped(t, compiled(t, evolved.Evolved(b.Unknown), Options{}), lines...)
	if len(again.Unknown) > 0 || len(again.Rejects) > 0 {
		t.Fatalf("still unknown %v, rejects %v", again.Unknown, again.Rejects)
	}
	if got, want := cell(again, 1, "n")+" "+cell(again, 1, "f")+" "+cell(again, 1, "_extra"), `1.5 maybe null`; got != want {
		t.Errorf("second row %s, want %s", got, want)
	}
	if got, want := cell(again, 0, "_extra"), `{"A":"clash","bad name":1,"_own":2,"nothing":null}`; got != want {
		t.Errorf("_extra %s, want %s", got, want)
	}
	var wide strings.Builder
	for i := range 100 {
		fmt.Fprintf(&wide, `"c%d":1,`, i)
	}
	if b = shaped(t, compiled(t, def, Options{}), "{"+wide.String()+`"z":1}`); len(b.Unknown) != EvolveColumns {
		t.Errorf("%d columns inferred", len(b.Unknown))
	}
}

func TestPartition(t *testing.T) {
	def := Definition{
		EventTime: "ts", Partition: []string{"site", "day(ts)", "hour(ts)", "month(ts)", "year(ts)", "bucket(4, site)", "truncate(2, site)", "truncate(10, n)", "day(_received_at)"},
		Columns: []Column{{Name: "ts", Type: "timestamptz"}, {Name: "site", Type: "varchar"}, {Name: "n", Type: "bigint"}},
	}
	s := compiled(t, def, Options{})
	want := []string{"site", "ts_day", "ts_hour", "ts_month", "ts_year", "site_bucket", "site_trunc", "n_trunc", "received_at_day"}
	if !slices.Equal(s.PartitionColumns(), want) || s.TimeColumn() != "ts" {
		t.Fatalf("partition %v, time %s", s.PartitionColumns(), s.TimeColumn())
	}
	b := shaped(t, s, `{"ts":"2023-12-31T15:30:00Z","site":"湖畔日記","n":-1}`, `{}`)
	for row, want := range []string{
		"湖畔日記 2024-01-01 2024-01-01 00:00:00 2024-01-01 2024 0 湖畔 -10 2024-05-01",
		"null 2024-05-01 2024-05-01 21:00:00 2024-05-01 2024 null null null 2024-05-01",
	} {
		var got []string
		for _, c := range s.PartitionColumns() {
			got = append(got, cell(b, row, c))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("row %d: %s\nwant   %s", row, strings.Join(got, " "), want)
		}
	}
}

func TestDedupeKeys(t *testing.T) {
	s := compiled(t, Definition{Columns: []Column{{Name: "id", Type: "varchar"}}, Dedupe: &Dedupe{Key: "id", Window: Duration(day)}}, Options{})
	b := shaped(t, s, `{"id":"a"}`, `{"id":"b"}`, `{}`, `{"id":"a"}`)
	k := b.DedupeKeys
	if len(k) != 4 || k[0] != k[3] || k[0] == k[1] || k[2] != ([16]byte{}) || k[0] == ([16]byte{}) {
		t.Errorf("keys %x", k)
	}
	// Keys are on disk: their form must never change.
	if got, want := fmt.Sprintf("%x", k[0]), "a96faf705af16834e6c632b61e964e1f"; got != want {
		t.Errorf("the key of %q is %s, want %s", "a", got, want)
	}
}

func TestLookup(t *testing.T) {
	def := Definition{Columns: []Column{
		{Name: "article_id", Type: "bigint"},
		{Name: "title", Type: "varchar", Lookup: &Lookup{"articles", "article_id", "title"}},
		{Name: "words", Type: "int", From: "article_id", NotNull: true, Lookup: &Lookup{"articles", "article_id", "words"}},
	}}
	options := Options{Lookups: map[string]*Seed{"articles": {Columns: []string{"article_id", "title", "words"}, Rows: [][]string{{"1", "琵琶湖", "800"}, {"2", "Lake", "90"}}}}}
	s := compiled(t, def, options)
	b := shaped(t, s, `{"article_id":1}`, `{"article_id":"2"}`, `{"article_id":3}`, `{}`)
	if got := cell(b, 0, "title") + cell(b, 0, "words") + cell(b, 1, "title"); got != "琵琶湖800Lake" {
		t.Error(got)
	}
	if len(b.Rejects) != 2 || b.Rejects[0].Code != record.CodeLookupNotFound || b.Rejects[1].Code != record.CodeMissing {
		t.Errorf("%+v", b.Rejects)
	}
}

func TestFlaws(t *testing.T) {
	s := compiled(t, Definition{Columns: []Column{{Name: "a", Type: "bigint"}}}, Options{})
	env, sec := sectionOf(`{"a":1}`, `{"a":`, `{"a":2}`)
	sec.Flaws = []record.Flaw{{Index: 1, Code: record.CodeTooLarge, Message: "too large"}}
	b, err := s.Shape(context.Background(), env, sec)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rows.Release()
	checkBatch(t, env, sec, b)
	if len(b.Rejects) != 1 || b.Rejects[0].Code != record.CodeTooLarge || string(b.Rejects[0].Line) != `{"a":` || b.Rejects[0].ID != env.ID(sec, 1) {
		t.Errorf("%+v", b.Rejects)
	}
}

// evaluator computes total = 2 × n, keeps rows with n above 0, fails for n = 13.
type evaluator struct{}

func (evaluator) Evaluate(_ context.Context, batch arrow.RecordBatch) ([]arrow.Array, []bool, map[int]RowError, error) {
	n := batch.Column(batch.Schema().FieldIndices("n")[0]).(*array.Int64)
	total := array.NewInt64Builder(memory.DefaultAllocator)
	keep := make([]bool, n.Len())
	failed := map[int]RowError{}
	for row := range keep {
		keep[row] = n.Value(row) > 0
		if n.Value(row) == 13 {
			failed[row] = RowError{"total", "13 is unlucky"}
		}
		if n.Value(row) == 99 {
			total.AppendNull()
		} else {
			total.Append(2 * n.Value(row))
		}
	}
	return []arrow.Array{total.NewInt64Array()}, keep, failed, nil
}

func TestEvaluate(t *testing.T) {
	def := Definition{
		Columns: []Column{{Name: "n", Type: "bigint"}, {Name: "total", Type: "bigint", Expr: "2 * n", NotNull: true}, {Name: "s", Type: "varchar[]"}},
		Filter:  "n > 0", Partition: []string{"bucket(8, total)"},
	}
	program, err := ProgramOf(def, Options{})
	if err != nil || len(program.Columns) != 1 || program.Columns[0].SQL != "2 * n" || program.Input.Index("total") >= 0 || program.Input.Index("_extra") < 0 {
		t.Fatalf("%+v %v", program, err)
	}
	s := compiled(t, def, Options{Evaluator: evaluator{}})
	b := shaped(t, s, `{"n":1,"s":["a"]}`, `{"n":-1,"s":["b"]}`, `{"n":"bad"}`, `{"n":13}`, `{"n":99}`, `{"n":4,"s":["c","d"],"z":1}`)
	if b.Rows.NumRows() != 2 || b.Filtered.Count != 1 || len(b.Rejects) != 3 {
		t.Fatalf("%v rows, %v filtered, rejects %+v", b.Rows, b.Filtered, b.Rejects)
	}
	if got := cell(b, 1, "total") + cell(b, 1, "s") + cell(b, 1, "_extra"); got != `8["c","d"]{"z":1}` {
		t.Error(got)
	}
	if r := b.Rejects[1]; r.Code != record.CodeExpression || r.Message != "column total: 13 is unlucky" || string(r.Line) != `{"n":13}` {
		t.Errorf("%+v", r)
	}
	if b = shaped(t, s, `{"n":0}`); b.Rows != nil || b.Filtered.Count != 1 {
		t.Errorf("%+v", b)
	}
}

func TestMistakes(t *testing.T) {
	seeds := map[string]*Seed{"articles": {Columns: []string{"id", "title"}}}
	tests := []struct {
		name string
		def  Definition
		want string
	}{
		{"type", Definition{Columns: []Column{{Name: "a", Type: "bigin"}}}, `columns[0].type: type "bigin": "bigin" is not a type; did you mean bigint?`},
		{"no type", Definition{Columns: []Column{{Name: "a"}}}, `columns[0].type: column a has no type; write one of boolean, int, bigint, double, decimal, varchar, date, timestamp, timestamptz, json, array, struct`},
		{"name", Definition{Columns: []Column{{Name: "user id", Type: "int"}}}, `columns[0].name: "user id" is not a column name: letters, digits and _, starting with a letter; write name: user_id and from: '"user id"'`},
		{"reserved", Definition{Columns: []Column{{Name: "_id", Type: "int"}}}, `columns[0].name: _id starts with _, as only Biwa's own columns do; write name: id and from: _id`},
		{"twice", Definition{Columns: []Column{{Name: "a", Type: "int"}, {Name: "A", Type: "int"}}}, `columns[1].name: columns a and A differ in letter case only; rename one of them`},
		{"path", Definition{Columns: []Column{{Name: "a", Type: "int", From: "b["}}}, `columns[0].from: path "b[": [ without ]; write a path such as log.items[0].id`},
		{"request", Definition{Columns: []Column{{Name: "a", Type: "int", From: "_request.clint"}}}, `columns[0].from: a request has no "clint"; did you mean client?`},
		{"min and max", Definition{Columns: []Column{{Name: "a", Type: "int", Min: lit("5"), Max: lit("1")}}}, `columns[0].min: column a: the min of 5 is above the max of 1; swap them`},
		{"min of text", Definition{Columns: []Column{{Name: "a", Type: "varchar", Min: lit("5")}}}, `columns[0].min: column a is varchar, and min works on numbers and times only`},
		{"pattern of int", Definition{Columns: []Column{{Name: "a", Type: "int", Pattern: "x"}}}, `columns[0].pattern: column a is int, and a pattern works on varchar only; use min, max or one_of, or give the column the type varchar`},
		{"bad pattern", Definition{Columns: []Column{{Name: "a", Type: "varchar", Pattern: "("}}}, "columns[0].pattern: column a: error parsing regexp: missing closing ): `(`; see https://github.com/google/re2/wiki/Syntax"},
		{"bad default", Definition{Columns: []Column{{Name: "a", Type: "int", Default: lit(`"x"`)}}}, `columns[0].default: the default of column a: expected a whole number, found "x"`},
		{"event time", Definition{EventTime: "tss", Columns: []Column{{Name: "ts", Type: "timestamptz"}}}, `event_time: there is no column tss; did you mean ts?`},
		{"event time type", Definition{EventTime: "ts", Columns: []Column{{Name: "ts", Type: "bigint"}}}, `event_time: column ts is bigint, and an event time is timestamptz or timestamp; give it the type timestamptz`},
		{"partition", Definition{Partition: []string{"day(tz)"}, Columns: []Column{{Name: "ts", Type: "timestamptz"}}}, `partition[0]: there is no column tz; did you mean ts?`},
		{"partition function", Definition{Partition: []string{"dy(ts)"}, Columns: []Column{{Name: "ts", Type: "timestamptz"}}}, `partition[0]: dy is no function of partitions; did you mean day?`},
		{"partition type", Definition{Partition: []string{"day(n)"}, Columns: []Column{{Name: "n", Type: "int"}}}, `partition[0]: day does not work on column n, which is int`},
		{"enrich", Definition{Enrich: []Enrichment{{URL: &Source{}}}}, `enrich[0]: there is no column url; write one of _record_id, _received_at`},
		{"session", Definition{Columns: []Column{{Name: "visitor_id", Type: "json"}, {Name: "Session_ID", Type: "varchar"}}, Enrich: []Enrichment{{Session: &SessionSource{Gap: 1, Longest: 1}}, {Session: &SessionSource{}}}},
			`enrich[0]: column visitor_id is json, which names no visitor; name a varchar or bigint column with column:
enrich[0]: the stream has a column Session_ID, and session adds one of that name to its view; rename the column
enrich[0].session.gap: a gap of 1ns is less than 1s; write a duration such as 30m
enrich[1]: session is there twice; take one of them out`},
		{"session's longest", Definition{Columns: []Column{{Name: "v", Type: "bigint"}}, Enrich: []Enrichment{{Session: &SessionSource{Column: "v", Longest: Duration(60e9)}}}},
			`enrich[0].session.longest: longest is 1m0s: it is at least the gap, 30m0s, and at most 31 days; write a duration such as 12h`},
		{"session's column", Definition{Enrich: []Enrichment{{Session: &SessionSource{}}}}, `enrich[0]: there is no column visitor_id; write one of _record_id, _received_at`},
		{"enrich clash", Definition{Columns: []Column{{Name: "url", Type: "varchar"}, {Name: "url_host", Type: "varchar"}}, Enrich: []Enrichment{{URL: &Source{}}}}, `enrich[0]: two columns are called url_host; rename one of them`},
		{"dedupe", Definition{Columns: []Column{{Name: "id", Type: "int"}}, Dedupe: &Dedupe{Key: "idd", OnFull: "shrink"}}, "dedupe.key: there is no column idd; did you mean id?\ndedupe.window: dedupe has no window; write a duration such as 24h\ndedupe.on_full: on_full knows no \"shrink\"; write one of shorten, refuse"},
		{"unknown fields", Definition{UnknownFields: "evolv"}, `unknown_fields: unknown_fields knows no "evolv"; did you mean evolve?`},
		{"transform", Definition{Transform: "functions/clean"}, `transform: transform is not built yet; leave transform out, or write the columns with expr`},
		{"expr", Definition{Columns: []Column{{Name: "a", Type: "int", Expr: "1", From: "b"}}}, `columns[0].from: column a has expr, which does not go with from; write it into the expression, or take out expr`},
		{"seed", Definition{Columns: []Column{{Name: "a", Type: "varchar", Lookup: &Lookup{"article", "id", "title"}}}}, `columns[0].lookup.seed: there is no seeds/article.csv; did you mean articles?`},
		{"seed's column", Definition{Columns: []Column{{Name: "a", Type: "varchar", Lookup: &Lookup{"articles", "id", "titel"}}}}, `columns[0].lookup.value: seeds/articles.csv has no column "titel"; did you mean title?`},
		{"time range", Definition{TimeRange: TimeRange{Since: "soon"}}, `time_range.since: "soon" is not a date; write a date such as 1990-01-01`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Check(tt.def, Options{Lookups: seeds}).Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
