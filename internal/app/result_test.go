package app_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// resultCases are values of every type, each with its text in CSV.
var resultCases = []struct{ sql, text string }{
	{"true", "true"}, {"(-128)::tinyint", "-128"}, {"255::utinyint", "255"}, {"18446744073709551615::ubigint", "18446744073709551615"},
	{"170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727"},
	{"99999999999999999999999999999999999999::hugeint", "99999999999999999999999999999999999999"},
	{"340282366920938463463374607431768211455::uhugeint", "340282366920938463463374607431768211455"},
	{"(-0.05)::decimal(4,2)", "-0.05"}, {"99999999999999999999999999999999999.999::decimal(38,3)", "99999999999999999999999999999999999.999"},
	{"'infinity'::double", "Infinity"}, {"'-infinity'::float", "-Infinity"}, {"'nan'::double", "NaN"}, {"1e15::double", "1e+15"}, {"1234567::double", "1234567"}, {"1e-5::double", "1e-05"}, {"1e6::float", "1e+06"}, {"0.1::float", "0.1"},
	{"'infinity'::date", "infinity"}, {"'-infinity'::date", "-infinity"}, {"'0044-03-15 (BC)'::date", "0044-03-15 BC"}, {"'10000-01-01'::date", "10000-01-01"},
	{"'infinity'::timestamp", "infinity"}, {"'-infinity'::timestamptz", "-infinity"}, {"'infinity'::timestamp_s", "infinity"}, {"'infinity'::timestamp_ms", "infinity"}, {"'infinity'::timestamp_ns", "infinity"},
	{"'9999-12-31 23:59:59.999999'::timestamp", "9999-12-31T23:59:59.999999"}, {"'290000-01-01'::timestamp", "290000-01-01 00:00:00"}, {"'0001-01-01 (BC) 01:02:03'::timestamp", "0001-01-01 01:02:03 BC"},
	{"'1850-01-01 00:00:00'::timestamptz", "1850-01-01 00:00:00+09:18:59"}, {"'1900-01-01 00:00:00'::timestamptz", "1900-01-01T00:00:00+09:00"},
	{"'24:00:00'::time", "24:00:00"}, {"'00:00:00.000001'::time", "00:00:00.000001"}, {"'12:00:00+09:30'::timetz", "12:00:00+09:30"},
	{"interval '1 year 2 months -3 days 04:05:06.7'", "1 year 2 mons -3 days +04:05:06.7"}, {"interval '-1 month'", "-1 mons"}, {"interval '0 days'", "00:00:00"}, {"interval '-100 hours'", "-100:00:00"}, {"interval '3000000 hours'", "3000000:00:00"},
	{"''", `""`}, {"null::varchar", ""}, {"'猫, \"x\"'", `"猫, ""x"""`}, {"'\\x00\\xff'::blob", `\x00ff`}, {"'10101'::bit", "10101"}, {"'12345678901234567890123456789012345678901234567890'::bignum", "12345678901234567890123456789012345678901234567890"},
	{"uuid '00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001"}, {"'a'::enum('a','b')", "a"},
	{"[1, null]", `"[1,null]"`}, {"[1,2]::int[2]", `"[1,2]"`}, {"map{'a':1}", `"{""a"":1}"`}, {"{'a': interval '1 month', 'b': '{\"x\":1}'::json}", `"{""a"":""1 mon"",""b"":{""x"":1}}"`},
	{"union_value(k := 1)", `"{""k"":1}"`}, {"['24:00:00'::time, null]", `"[""24:00:00"",null]"`}, {"['1010'::bit]", `"[""1010""]"`}, {"row(1, 2)", `"{""f1"":1,""f2"":2}"`}, {"'{\"a\": 1}'::json", `"{""a"": 1}"`},
	{"{'a': 1}::variant", `{'a': 1}`},
}

func TestEveryTypeIsAnsweredInEveryFormat(t *testing.T) {
	n := newProject(t, nil).start()
	for _, c := range resultCases {
		sql := "select " + c.sql + " as a"
		if status, got, _ := ask(t, n, sql, "Accept", "text/csv", "Biwa-Time-Zone", "Asia/Tokyo"); status != http.StatusOK || got != "a\n"+c.text+"\n" {
			t.Errorf("%s: %d %q, want %q", c.sql, status, got, c.text)
		}
		for _, format := range []string{"json", "ndjson", "parquet", "arrow"} {
			status, got, _ := n.Do(http.MethodPost, "/v1/query?format="+format, `{"sql":`+strconv.Quote(sql)+`}`)
			named := status == http.StatusBadRequest && strings.Contains(got, `column \"a\"`) && strings.Contains(got, "::VARCHAR")
			if status != http.StatusOK && !named {
				t.Errorf("%s as %s: %d %.300s", c.sql, format, status, got)
			}
		}
	}
}

func TestJSONLeavesAsJSONInParquet(t *testing.T) {
	n := newProject(t, nil).start()
	_, text, _ := ask(t, n, `select '{"a":1}'::json as j, [interval '1 month'] as i, union_value(k := 1) as u`, "Accept", "application/vnd.apache.parquet")
	f, err := file.NewParquetReader(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []int{0, 2} {
		if got := f.MetaData().Schema.Column(column).LogicalType(); !got.Equals(schema.JSONLogicalType{}) {
			t.Errorf("column %d is %v, want JSON", column, got)
		}
	}
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader([]byte(text)), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`{"a":1}`, `["1 mon"]`, `{"k":1}`} {
		chunk := table.Column(i).Data().Chunk(0)
		got := chunk.ValueStr(0)
		if b, ok := chunk.(*array.Binary); ok {
			got = string(b.Value(0))
		}
		if got != want {
			t.Errorf("column %d is %q, want %q", i, got, want)
		}
	}
}

func TestCSVForSpreadsheets(t *testing.T) {
	n := newProject(t, nil).start()
	const sql = `{"sql":"select '=1' as \"=t\", -1 as n, interval '-1 day' as i, null::varchar as z, '' as e, 'x' as a, 'y' as a"}`
	for query, want := range map[string]string{
		"":         "=t,n,i,z,e,a,a\n=1,-1,-1 days,,\"\",x,y\n",
		"&bom=1":   "\uFEFF=t,n,i,z,e,a,a\n=1,-1,-1 days,,\"\",x,y\n",
		"&excel=1": "\uFEFF'=t,n,i,z,e,a,a\n'=1,-1,'-1 days,,\"\",x,y\n",
	} {
		if status, got, _ := n.Do(http.MethodPost, "/v1/query?format=csv"+query, sql); status != http.StatusOK || got != want {
			t.Errorf("%s: %d %q, want %q", query, status, got, want)
		}
	}
	if status, got, _ := n.Do(http.MethodPost, "/v1/query?format=csv&excel=yes", sql); status != http.StatusBadRequest {
		t.Errorf("excel=yes: %d %s", status, got)
	}
}
