package shape

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

var (
	testStream = record.StreamID{1, 2, 3}
	testTime   = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	tokyo      = mustLoad("Asia/Tokyo")
)

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

// sectionOf is an envelope of one section that one request brought.
func sectionOf(lines ...string) (*record.Envelope, *record.Section) {
	text := strings.Join(lines, "\n") + "\n"
	env := &record.Envelope{Shard: 1, Seq: 7, Sections: []record.Section{{
		Stream: testStream, First: 3, Count: len(lines), Lines: []byte(text),
		Requests: []record.Request{{Count: len(lines), ReceivedAt: testTime, Client: "203.0.113.77", UserAgent: "test/1", KeyID: "k1", Door: "http"}},
	}}}
	return env, &env.Sections[0]
}

// compiled compiles with a checked allocator, Asia/Tokyo unless options say so.
func compiled(t testing.TB, def Definition, options Options) *Shaper {
	t.Helper()
	options.Name, options.Stream = "events", testStream
	if options.Location == nil {
		options.Location = tokyo
	}
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	options.Allocator = mem
	s, err := Compile(def, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return s
}

// shaped shapes lines and checks that every record went one way.
func shaped(t testing.TB, s *Shaper, lines ...string) *record.Batch {
	t.Helper()
	env, sec := sectionOf(lines...)
	b, err := s.Shape(context.Background(), env, sec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.Rows != nil {
			b.Rows.Release()
		}
	})
	checkBatch(t, env, sec, b)
	return b
}

// checkBatch checks that accepted = rows + rejects + filtered, by count and hash.
func checkBatch(t testing.TB, env *record.Envelope, sec *record.Section, b *record.Batch) {
	t.Helper()
	var all, got record.Tally
	all.AddRange(env.ID(sec, 0), sec.Count)
	if all != b.Accepted {
		t.Fatalf("accepted %v, want %v", b.Accepted, all)
	}
	got = b.Filtered
	last := record.RecordID(-1)
	for _, r := range b.Rejects {
		if got.Add(r.ID); r.ID <= last {
			t.Fatal("rejects do not ascend")
		}
		last = r.ID
	}
	if b.Rows != nil {
		for _, id := range b.Rows.Column(0).(*array.Int64).Int64Values() {
			got.Add(record.RecordID(id))
		}
		if !b.Rows.Schema().Equal(b.Schema.Arrow()) {
			t.Fatalf("rows have %s, want %s", b.Rows.Schema(), b.Schema.Arrow())
		}
	}
	if got != all {
		t.Fatalf("rows, rejects and filtered make %v, want %v", got, all)
	}
}

// cell is a value of a batch in words.
func cell(b *record.Batch, row int, name string) string {
	if b.Rows == nil {
		return "no rows"
	}
	at := b.Schema.Index(name)
	if at < 0 {
		return "no column"
	}
	c := b.Rows.Column(at)
	if c.IsNull(row) {
		return "null"
	}
	if ts, ok := c.(*array.Timestamp); ok {
		layout := "2006-01-02T15:04:05.999999Z"
		if ts.DataType().(*arrow.TimestampType).TimeZone == "" {
			layout = "2006-01-02 15:04:05.999999"
		}
		return time.UnixMicro(int64(ts.Value(row))).UTC().Format(layout)
	}
	return c.ValueStr(row)
}

// verdict is what becomes of one line: the column's value or the reject.
func verdict(t *testing.T, s *Shaper, column, line string) string {
	t.Helper()
	b := shaped(t, s, line)
	if len(b.Rejects) == 1 {
		return b.Rejects[0].Code + ": " + b.Rejects[0].Message
	}
	return cell(b, 0, column)
}

func TestTypes(t *testing.T) {
	tests := []struct{ typ, value, want string }{
		{"boolean", `true`, "true"},
		{"boolean", `"False"`, "false"},
		{"boolean", `1`, "true"},
		{"boolean", `"0"`, "false"},
		{"boolean", `"yes"`, `wrong_type: column x: expected true or false, found "yes"`},
		{"boolean", `2`, `wrong_type: column x: expected true or false, found 2`},
		{"int", `2147483647`, "2147483647"},
		{"int", `-2147483648`, "-2147483648"},
		{"int", `2147483648`, `out_of_range: column x: 2147483648 is beyond the range of an int, -2147483648 to 2147483647; bigint holds more`},
		{"bigint", `42`, "42"},
		{"bigint", `"42"`, "42"},
		{"bigint", `"+007"`, "7"},
		{"bigint", `42.0`, "42"},
		{"bigint", `4.2e1`, "42"},
		{"bigint", `-0`, "0"},
		{"bigint", `9007199254740993`, "9007199254740993"},
		{"bigint", `9223372036854775807`, "9223372036854775807"},
		{"bigint", `-9223372036854775808`, "-9223372036854775808"},
		{"bigint", `"9223372036854775807"`, "9223372036854775807"},
		{"bigint", `9223372036854775808`, `out_of_range: column x: 9223372036854775808 is beyond the range of a bigint`},
		{"bigint", `1e400000`, `out_of_range: column x: 1e400000 is beyond the range of a bigint`},
		{"bigint", `1.5`, `wrong_type: column x: expected a whole number, found 1.5`},
		{"bigint", `"abc"`, `wrong_type: column x: expected a whole number, found "abc"`},
		{"bigint", `""`, `wrong_type: column x: expected a whole number, found ""`},
		{"bigint", `" 1"`, `wrong_type: column x: expected a whole number, found " 1"`},
		{"bigint", `true`, `wrong_type: column x: expected a whole number, found true`},
		{"bigint", `[1]`, `wrong_type: column x: expected a whole number, found [1]`},
		{"bigint", `null`, "null"},
		{"double", `0.1`, "0.1"},
		{"double", `"1e3"`, "1000"},
		{"double", `1e999`, `out_of_range: column x: 1e999 is beyond the range of a double`},
		{"double", `"NaN"`, `wrong_type: column x: expected a number, found "NaN"`},
		{"double", `"0x10"`, `wrong_type: column x: expected a number, found "0x10"`},
		{"decimal(18,2)", `0.1`, "0.1"},
		{"decimal(18,2)", `"1234567890123456.78"`, "1234567890123456.78"},
		{"decimal(18,2)", `1.50000`, "1.5"},
		{"decimal(18,2)", `-1e3`, "-1000"},
		{"decimal(18,2)", `1.005`, `out_of_range: column x: 1.005 does not fit decimal(18,2) without rounding`},
		{"decimal(4,2)", `100`, `out_of_range: column x: 100 does not fit decimal(4,2) without rounding`},
		{"decimal(38,0)", `99999999999999999999999999999999999999`, "99999999999999999999999999999999999999"},
		{"decimal(38,0)", `-99999999999999999999999999999999999999`, "-99999999999999999999999999999999999999"},
		{"decimal(38,0)", `100000000000000000000000000000000000000`, `out_of_range: column x: 100000000000000000000000000000000000000 does not fit decimal(38,0) without rounding`},
		{"varchar", `"a\"b\u00e9\n"`, "a\"bé\n"},
		{"varchar", `"nul \u0000 kept"`, "nul \x00 kept"},
		{"varchar", `"half \ud800 a pair"`, "half \ufffd a pair"},
		{"varchar", `12345678901234567890.10`, "12345678901234567890.10"},
		{"varchar", `false`, "false"},
		{"varchar", `{"a": [1, 2]}`, `{"a": [1, 2]}`},
		{"varchar", `""`, ""},
		{"json", `{"a":1,"a":2}`, `{"a":1,"a":2}`},
		{"json", `"text"`, `"text"`},
		{"json", `{"a":"\ud800"}`, `{"a":"\ufffd"}`},
		{"json", `null`, "null"},
		{"date", `"2024-02-29"`, "2024-02-29"},
		{"date", `"2024-02-29T00:00:00Z"`, "2024-02-29"},
		{"date", `"2023-02-29"`, `wrong_type: column x: expected a date such as "2006-01-02"; other forms need the column's format:, such as yyyymmdd or %d/%m/%Y, found "2023-02-29"`},
		{"date", `"2024-02-29T10:00:00Z"`, `wrong_type: column x: expected a date, or a time at midnight, found "2024-02-29T10:00:00Z"`},
		{"bigint[]", `[1,"2",null]`, "[1,2,null]"},
		{"bigint[]", `[]`, "[]"},
		{"bigint[]", `[1,"b"]`, `wrong_type: column x: element 1: expected a whole number, found "b"`},
		{"bigint[]", `1`, `wrong_type: column x: expected an array, found 1`},
		{"varchar[][]", `[["a"],[],["b","c"]]`, `[["a"],[],["b","c"]]`},
		{"struct(a bigint, b varchar)", `{"b":"x","a":1}`, `{"a":1,"b":"x"}`},
		{"struct(a bigint, b varchar)", `{"a":1,"a":2}`, `{"a":2,"b":null}`},
		{"struct(a bigint, b struct(c date))", `{"b":{"c":"2024-01-02"}}`, `{"a":null,"b":{"c":"2024-01-02"}}`},
		{"struct(a bigint)", `{"a":"x"}`, `wrong_type: column x: a: expected a whole number, found "x"`},
		{"struct(a bigint)[]", `[{"a":1},null,{"a":3}]`, `[{"a":1},null,{"a":3}]`},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.value, func(t *testing.T) {
			s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: tt.typ}}}, Options{})
			got := verdict(t, s, "x", `{"x": `+tt.value+`}`)
			if got = strings.ReplaceAll(got, "(null)", "null"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A message shows a value's head only.
func TestLongValueInMessage(t *testing.T) {
	s := compiled(t, Definition{Columns: []Column{{Name: "x", Type: "bigint"}}}, Options{})
	got := verdict(t, s, "x", `{"x":"`+strings.Repeat("湖", 200)+`"}`)
	if want := `wrong_type: column x: expected a whole number, found "` + strings.Repeat("湖", 79) + "…"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A row that proves broken halfway must leave nothing in the rows around it.
func TestRejectsBetweenRows(t *testing.T) {
	s := compiled(t, Definition{Columns: []Column{
		{Name: "a", Type: "varchar"}, {Name: "l", Type: "varchar[]"}, {Name: "n", Type: "struct(p varchar)"}, {Name: "z", Type: "bigint"},
	}}, Options{})
	var lines []string
	for i := range 600 {
		z := fmt.Sprint(i)
		if i%3 == 1 {
			z = `"bad"`
		}
		lines = append(lines, fmt.Sprintf(`{"a":"a%d","l":["x%d","y"],"n":{"p":"p%d"},"z":%s,"q":%d}`, i, i, i, z, i))
	}
	b := shaped(t, s, lines...)
	if b.Rows.NumRows() != 400 || len(b.Rejects) != 200 {
		t.Fatalf("%d rows and %d rejects", b.Rows.NumRows(), len(b.Rejects))
	}
	for row := range 400 {
		i := row/2*3 + row%2*2
		want := fmt.Sprintf(`a%d ["x%d","y"] {"p":"p%d"} %d {"q":%d}`, i, i, i, i, i)
		got := strings.Join([]string{cell(b, row, "a"), cell(b, row, "l"), cell(b, row, "n"), cell(b, row, "z"), cell(b, row, "_extra")}, " ")
		if got != want {
			t.Fatalf("row %d: %s, want %s", row, got, want)
		}
	}
}

func TestStoredDefinition(t *testing.T) {
	def := Definition{
		EventTime: "ts", Lateness: Duration(10 * time.Minute), Partition: []string{"day(ts)"}, TimeRange: TimeRange{Off: true},
		Columns: []Column{{Name: "ts", Type: "timestamptz"}, {Name: "n", Type: "bigint", Default: Literal("9007199254740993"), OneOf: []Literal{Literal("9007199254740993")}}},
		Enrich:  []Enrichment{{URL: &Source{Column: "page"}}},
		Dedupe:  &Dedupe{Key: "n", Window: Duration(24 * time.Hour)}, Retention: Retention{Table: Duration(3 * 365 * day)},
	}.Evolved([]record.NewColumn{{Column: record.Column{Name: "more", Type: record.Type{Kind: record.Bigint}}, Hour: 3}})
	text, err := json.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	var back Definition
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v of %s", err, text)
	}
	again, _ := json.Marshal(back)
	if string(again) != string(text) || !back.Columns[2].Inferred || !back.TimeRange.Off {
		t.Errorf("stored %s\nread   %s", text, again)
	}
}

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}
