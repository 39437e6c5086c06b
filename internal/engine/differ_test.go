package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// The differential test: rows with hard values, in files of every age and in recent
// generations, are asked at random through a World (pruned, queued, rewritten) and as a
// plain table of DuckDB's with the same rows. Every answer must be the same. A condition
// that differs is cut down to its smallest part that still does.

// differTable is one table as the World has it: the event time's type, how its rows
// lie, and by which columns its compacted files are parted.
type differTable struct {
	name  string
	time  string // its event time
	step  time.Duration
	start time.Time
	part  []string
}

var differTables = []differTable{
	{"hourly", "ts", time.Hour, time.Date(2026, 4, 29, 15, 0, 0, 0, time.UTC), []string{"day"}},
	{"walled", "local", time.Hour, time.Date(2026, 4, 30, 0, 0, 0, 0, time.UTC), []string{"b", "n"}},
	{"apia", "ts", 40 * time.Minute, time.Date(2011, 12, 28, 0, 0, 0, 0, time.UTC), []string{"s"}},
	{"autumn", "ts", 20 * time.Minute, time.Date(2018, 11, 3, 0, 0, 0, 0, time.UTC), []string{"d"}},
}

// differSchema has the columns that conditions speak of.
var differSchema = record.Schema{
	{Name: "_record_id", Type: bigint, FieldID: 1},
	{Name: "ts", Type: record.Type{Kind: record.Timestamptz}, FieldID: 2},
	{Name: "local", Type: record.Type{Kind: record.Timestamp}, FieldID: 3},
	{Name: "day", Type: record.Type{Kind: record.Date}, FieldID: 4},
	{Name: "n", Type: bigint, FieldID: 5},
	{Name: "x", Type: record.Type{Kind: record.Double}, FieldID: 6},
	{Name: "b", Type: record.Type{Kind: record.Boolean}, FieldID: 7},
	{Name: "d", Type: record.Type{Kind: record.Decimal, Precision: 18, Scale: 2}, FieldID: 8},
	{Name: "s", Type: varchar, FieldID: 9},
}

// differOld is the schema of a table's first files: a column was renamed since, two were
// widened, one was added.
var differOld = func() record.Schema {
	old := slices.Clone(differSchema[:8])
	old[4].Name, old[4].Type = "number", record.Type{Kind: record.Int}
	old[7].Type.Precision = 9
	return old
}()

// aged is a batch as it was before: its numbers fit, and what was added is null.
func aged(batch arrow.RecordBatch) arrow.RecordBatch {
	schema, columns := differOld.Arrow(), slices.Clone(batch.Columns()[:8])
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	for i, n := 0, columns[4].(*array.Int64); i < n.Len(); i++ {
		if n.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(int32(n.Value(i)))
		}
	}
	columns[4] = b.NewArray()
	d := columns[7].Data()
	columns[7] = array.NewDecimal128Data(array.NewData(schema.Field(7).Type, d.Len(), d.Buffers(), nil, d.NullN(), d.Offset()))
	return newRecord(schema, columns, batch.NumRows())
}

// differBatch has n rows from a moment on, one a step; some batches have only nulls in
// a column, as real files have.
func differBatch(r *rand.Rand, first int64, n int, start time.Time, step time.Duration, old bool) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, differSchema.Arrow())
	defer b.Release()
	empty := r.IntN(len(differSchema) * 2) // a column without values, or none
	doubles := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1.5, -2, 5e-324, math.MaxFloat64, 3}
	texts := []string{"", "a", "it's", "AND", " OR ", "湖", "%", "_", strings.Repeat("long", 300), "ts>='2026-05-01'", "\x00\x7f", "Z"}
	numbers := []int64{0, 3, 5, 6, -1, math.MaxInt64, math.MinInt64}
	if old {
		numbers = []int64{0, 3, 5, 6, -1, math.MaxInt32, math.MinInt32}
	}
	for i := range n {
		at := start.Add(time.Duration(i)*step + time.Duration(r.IntN(3)-1)*time.Microsecond).UnixMicro()
		b.Field(0).(*array.Int64Builder).Append(first + int64(i))
		values := []func(){
			1: func() { b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at)) },
			2: func() { b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(at)) },
			3: func() { b.Field(3).(*array.Date32Builder).Append(arrow.Date32FromTime(time.UnixMicro(at))) },
			4: func() { b.Field(4).(*array.Int64Builder).Append(numbers[r.IntN(len(numbers))]) },
			5: func() { b.Field(5).(*array.Float64Builder).Append(doubles[r.IntN(len(doubles))]) },
			6: func() { b.Field(6).(*array.BooleanBuilder).Append(r.IntN(2) == 0) },
			7: func() { b.Field(7).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(r.IntN(1000) - 500))) },
			8: func() { b.Field(8).(*array.StringBuilder).Append(texts[r.IntN(len(texts))]) },
		}
		for f := 1; f < len(values); f++ {
			if f == empty || r.IntN(12) == 0 || old && f == 8 {
				b.Field(f).AppendNull()
			} else {
				values[f]()
			}
		}
	}
	return b.NewRecordBatch()
}

// differWorld makes the tables: most rows in flushed files, some in sorted ones, the last
// as two recent generations; and, as plain_<name>, all of them in one table of DuckDB's.
func differWorld(t testing.TB, r *rand.Rand) (*Engine, *world.Store) {
	t.Helper()
	e, worlds := openEngine(t, nil)
	for _, table := range differTables {
		var files []record.File
		var recent []*world.Generation
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		plain := "plain_" + table.name
		check(e.CreateRecent(t.Context(), plain, differSchema))
		at, id, made := table.start, int64(1), 0
		for i := range 72 {
			n, old := 1+r.IntN(4), i < 12 || i == 70
			batch, schema := differBatch(r, id, n, at, table.step/4, old), differSchema
			check(e.AppendRecent(t.Context(), plain, []arrow.RecordBatch{batch}))
			low, high := timesOf(batch, table.time)
			if old {
				batch, schema = aged(batch), differOld
			}
			if i < 66 {
				f, err := e.WriteParquet(t.Context(), fmt.Sprintf("%s/%d.parquet", table.name, i), schema, table.time, []arrow.RecordBatch{batch})
				check(err)
				files = append(files, f)
			} else {
				if i != 67 && i != 68 { // some generations have more than one batch
					recent = append(recent, &world.Generation{Name: fmt.Sprintf("%s_%d", table.name, i), Schema: schema})
					check(e.CreateRecent(t.Context(), recent[len(recent)-1].Name, schema))
				}
				g := recent[len(recent)-1]
				g.Grow(int64(n), low, high)
				check(e.AppendRecent(t.Context(), g.Name, []arrow.RecordBatch{batch}))
			}
			batch.Release()
			at, id = at.Add(table.step), id+int64(n)
		}
		sorted, err := e.Rewrite(t.Context(), record.RewriteJob{Sources: files[6:24], Schema: differSchema, TimeColumn: table.time, Partition: table.part,
			SortBy: []string{table.time, "_record_id"}, Path: func(_ []any, _ int) string { made++; return fmt.Sprintf("%s/sorted_%d.parquet", table.name, made) }})
		check(err)
		files = append(append(sorted, files[:6]...), files[24:]...)
		worlds.Publish(func(d *world.Draft) {
			w := d.Table(table.name)
			w.Schema, w.SchemaVersion, w.TimeColumn, w.Session = differSchema, 1, table.time, &differSession
			w.Files, w.Recent = world.FileIndex{}.Add(files...), recent
		}, nil)
	}
	return e, worlds
}

// timesOf is the least and the largest of a batch's times.
func timesOf(batch arrow.RecordBatch, column string) (low, high int64) {
	low, high = math.MaxInt64, math.MinInt64
	times := batch.Column(differSchema.Index(column)).(*array.Timestamp)
	for row := range times.Len() {
		if times.IsValid(row) {
			low, high = min(low, int64(times.Value(row))), max(high, int64(times.Value(row)))
		}
	}
	return low, high
}

var differSession = world.Session{Visitor: "s", Gap: 50 * time.Minute, Longest: 5 * time.Hour}

// condition is a tree of conditions: what is not a leaf joins its parts. In a leaf "$"
// stands for its parameter, "^" for the name of the table and a dot, or nothing.
type condition struct {
	leaf  string
	param any
	join  string // AND, OR, NOT
	parts []*condition
}

// text numbers the parameters after those that are there.
func (c *condition) text(table string, params *[]any) string {
	switch c.join {
	case "":
		leaf := strings.ReplaceAll(c.leaf, "^", table)
		if strings.Contains(leaf, "$") {
			*params = append(*params, c.param)
			leaf = strings.Replace(leaf, "$", fmt.Sprintf("$%d", len(*params)), 1)
		}
		return leaf
	case "NOT":
		return "NOT (" + c.parts[0].text(table, params) + ")"
	}
	texts := make([]string, len(c.parts))
	for i, p := range c.parts {
		texts[i] = "(" + p.text(table, params) + ")"
	}
	return strings.Join(texts, " "+c.join+" ")
}

func differCondition(r *rand.Rand, t differTable, depth int) *condition {
	if depth < 3 && r.IntN(10) < 4 {
		c := &condition{join: []string{"AND", "OR", "OR", "NOT"}[r.IntN(4)]}
		n := 2 + r.IntN(2)
		if c.join == "NOT" {
			n = 1
		}
		for range n {
			c.parts = append(c.parts, differCondition(r, t, depth+1))
		}
		return c
	}
	return differLeaf(r, t)
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// differLeaf is one condition of a few hard kinds.
func differLeaf(r *rand.Rand, t differTable) *condition {
	op := pick(r, "=", "<", "<=", ">", ">=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
	at := t.start.Add(time.Duration(r.Int64N(int64(80 * t.step)))).Truncate(t.step / 4)
	moment := at.Format("2006-01-02 15:04:05") + pick(r, "", "", ".000001", ".999999")
	day := at.Format(time.DateOnly)
	when := "^" + pick(r, "ts", "local", t.time)
	plain := func(text string) *condition { return &condition{leaf: text} }
	switch r.IntN(18) {
	case 0:
		return plain("^ts " + op + " TIMESTAMPTZ '" + moment + pick(r, "+00", "+09", "") + "'")
	case 1:
		return plain("^local " + op + " TIMESTAMP '" + moment + "'")
	case 2, 3:
		return plain(when + "::date " + op + " DATE '" + day + "'")
	case 4:
		return plain("^day " + op + " '" + day + "'")
	case 5:
		return plain("^n " + op + " " + pick(r, "0", "3", "5", "-1", "9223372036854775807", "2147483647", "2.5", "NULL"))
	case 6:
		return plain("^x " + op + " " + pick(r, "0", "'-0.0'::DOUBLE", "'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", "1.5", "5e-324"))
	case 7:
		return plain("^b " + pick(r, "IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS NULL", "= true", "IS DISTINCT FROM false"))
	case 8:
		return plain("^d " + op + " " + pick(r, "0", "1.25", "-4.99", "0.001"))
	case 9:
		return plain("^s " + pick(r, "= ''", "LIKE 'a%'", "LIKE '%'", "NOT LIKE '_'", "= ' OR '", "IN ('a', 'AND')", "NOT IN ('a', '湖')", "> 'Z'", "IS NULL", "= 'ts>=''2026-05-01'''", "IS DISTINCT FROM 'a'", "BETWEEN 'a' AND 'm'", "ILIKE 'z'"))
	case 10:
		return plain(when + " BETWEEN '" + moment + "' AND '" + at.Add(7*t.step).Format("2006-01-02 15:04:05") + "'")
	case 11:
		return plain("date_trunc('" + pick(r, "day", "hour", "month", "week") + "', " + when + ") " + op + " '" + day + "'")
	case 12:
		return plain("(^ts AT TIME ZONE '" + differZone(r) + "')::date " + op + " DATE '" + day + "'")
	case 13:
		return plain("^_record_id " + pick(r, "=", "<", ">=", "<>") + " " + strconv.Itoa(r.IntN(200)))
	case 14:
		return plain(when + " IS " + pick(r, "", "NOT ") + "NULL")
	case 15, 16:
		return differParam(r, op, when, moment, day)
	}
	return plain("extract('" + pick(r, "hour", "day", "epoch") + "' FROM " + when + ") " + op + " " + strconv.Itoa(r.IntN(31)))
}

// differParam compares with a parameter, of all kinds that JSON has.
func differParam(r *rand.Rand, op, when, moment, day string) *condition {
	switch r.IntN(8) {
	case 0:
		return &condition{leaf: "^n " + op + " $", param: json.Number(pick(r, "3", "-1", "9223372036854775807", "9223372036854775808", "2.5", "0", "5e0"))}
	case 1:
		return &condition{leaf: "^x " + op + " $", param: json.Number(pick(r, "0", "-0.0", "1.5", "1e300", "-2"))}
	case 2:
		return &condition{leaf: "^d " + op + " $", param: json.Number(pick(r, "1.25", "-4.99", "0", "0.001"))}
	case 3:
		return &condition{leaf: "^b " + op + " $", param: r.IntN(2) == 0}
	case 4:
		return &condition{leaf: "^s " + op + " $", param: pick(r, "", "a", "湖", " OR ", "ts>='2026-05-01'")}
	case 5:
		return &condition{leaf: when + "::date " + op + " $", param: day}
	case 6:
		return &condition{leaf: "^" + pick(r, "n", "s", "day", "ts", "b") + " " + op + " $", param: nil}
	}
	return &condition{leaf: when + " " + op + " $", param: moment}
}
