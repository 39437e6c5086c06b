package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
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

// differTable is one table as the World has it: the event time's type, and how its rows
// lie.
type differTable struct {
	name  string
	time  string // its event time
	step  time.Duration
	start time.Time
}

var differTables = []differTable{
	{"hourly", "ts", time.Hour, time.Date(2026, 4, 29, 15, 0, 0, 0, time.UTC)},
	{"walled", "local", time.Hour, time.Date(2026, 4, 30, 0, 0, 0, 0, time.UTC)},
	{"apia", "ts", 40 * time.Minute, time.Date(2011, 12, 28, 0, 0, 0, 0, time.UTC)},
	{"autumn", "ts", 20 * time.Minute, time.Date(2018, 11, 3, 0, 0, 0, 0, time.UTC)},
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

// differBatch has n rows from a moment on, one a step; some batches have only nulls in
// a column, as real files have.
func differBatch(r *rand.Rand, first int64, n int, start time.Time, step time.Duration) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, differSchema.Arrow())
	defer b.Release()
	empty := r.IntN(len(differSchema) * 2) // a column without values, or none
	doubles := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1.5, -2, 5e-324, math.MaxFloat64, 3}
	texts := []string{"", "a", "it's", "AND", " OR ", "湖", "%", "_", strings.Repeat("long", 300), "ts>='2026-05-01'", "\x00\x7f", "Z"}
	for i := range n {
		at := start.Add(time.Duration(i)*step + time.Duration(r.IntN(3)-1)*time.Microsecond).UnixMicro()
		b.Field(0).(*array.Int64Builder).Append(first + int64(i))
		values := []func(){
			1: func() { b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at)) },
			2: func() { b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(at)) },
			3: func() { b.Field(3).(*array.Date32Builder).Append(arrow.Date32FromTime(time.UnixMicro(at))) },
			4: func() {
				b.Field(4).(*array.Int64Builder).Append([]int64{0, 3, 5, 6, -1, math.MaxInt64, math.MinInt64}[r.IntN(7)])
			},
			5: func() { b.Field(5).(*array.Float64Builder).Append(doubles[r.IntN(len(doubles))]) },
			6: func() { b.Field(6).(*array.BooleanBuilder).Append(r.IntN(2) == 0) },
			7: func() { b.Field(7).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(r.IntN(1000) - 500))) },
			8: func() { b.Field(8).(*array.StringBuilder).Append(texts[r.IntN(len(texts))]) },
		}
		for f := 1; f < len(values); f++ {
			if f == empty || r.IntN(12) == 0 {
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
		at, id := table.start, int64(1)
		for i := range 72 {
			n := 1 + r.IntN(4)
			batch := differBatch(r, id, n, at, table.step/4)
			check(e.AppendRecent(t.Context(), plain, []arrow.RecordBatch{batch}))
			if i < 66 {
				f, err := e.WriteParquet(t.Context(), fmt.Sprintf("%s/%d.parquet", table.name, i), differSchema, table.time, []arrow.RecordBatch{batch})
				check(err)
				files = append(files, f)
			} else {
				if i == 66 || i == 69 {
					recent = append(recent, &world.Generation{Name: fmt.Sprintf("%s_%d", table.name, i), Schema: differSchema})
					check(e.CreateRecent(t.Context(), recent[len(recent)-1].Name, differSchema))
				}
				g := recent[len(recent)-1]
				low, high := int64(math.MaxInt64), int64(math.MinInt64)
				times := batch.Column(differSchema.Index(table.time)).(*array.Timestamp)
				for row := range times.Len() {
					if times.IsValid(row) {
						low, high = min(low, int64(times.Value(row))), max(high, int64(times.Value(row)))
					}
				}
				g.Grow(int64(n), low, high)
				check(e.AppendRecent(t.Context(), g.Name, []arrow.RecordBatch{batch}))
			}
			batch.Release()
			at, id = at.Add(table.step), id+int64(n)
		}
		sorted, err := e.Rewrite(t.Context(), record.RewriteJob{Sources: files[:20], Schema: differSchema, TimeColumn: table.time,
			SortBy: []string{table.time, "_record_id"}, Path: func(_ []any, n int) string { return fmt.Sprintf("%s/sorted_%d.parquet", table.name, n) }})
		check(err)
		files = append(sorted, files[20:]...)
		worlds.Publish(func(d *world.Draft) {
			w := d.Table(table.name)
			w.Schema, w.SchemaVersion, w.TimeColumn = differSchema, 1, table.time
			w.Files, w.Recent = world.FileIndex{}.Add(files...), recent
		}, nil)
	}
	return e, worlds
}

// condition is a tree of conditions: what is not a leaf joins its parts.
type condition struct {
	leaf  string
	join  string // AND, OR, NOT
	parts []*condition
}

func (c *condition) String() string {
	switch c.join {
	case "":
		return c.leaf
	case "NOT":
		return "NOT (" + c.parts[0].String() + ")"
	}
	texts := make([]string, len(c.parts))
	for i, p := range c.parts {
		texts[i] = "(" + p.String() + ")"
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
	return &condition{leaf: differLeaf(r, t)}
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

var differZones = []string{"UTC", "Asia/Tokyo", "America/New_York", "Pacific/Apia", "America/Asuncion", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Europe/Dublin", "Pacific/Kwajalein"}

// differLeaf is one condition of a few hard kinds.
func differLeaf(r *rand.Rand, t differTable) string {
	op := pick(r, "=", "<", "<=", ">", ">=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
	at := t.start.Add(time.Duration(r.Int64N(int64(80 * t.step)))).Truncate(t.step / 4)
	moment := at.Format("2006-01-02 15:04:05") + pick(r, "", "", ".000001", ".999999")
	day := at.Format(time.DateOnly)
	when := pick(r, "ts", "local", t.time)
	switch r.IntN(16) {
	case 0:
		return "ts " + op + " TIMESTAMPTZ '" + moment + pick(r, "+00", "+09", "") + "'"
	case 1:
		return "local " + op + " TIMESTAMP '" + moment + "'"
	case 2, 3:
		return when + "::date " + op + " DATE '" + day + "'"
	case 4:
		return "day " + op + " '" + day + "'"
	case 5:
		return "n " + op + " " + pick(r, "0", "3", "5", "-1", "9223372036854775807", "2.5", "NULL")
	case 6:
		return "x " + op + " " + pick(r, "0", "'-0.0'::DOUBLE", "'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", "1.5", "5e-324")
	case 7:
		return "b " + pick(r, "IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS NULL", "= true", "IS DISTINCT FROM false")
	case 8:
		return "d " + op + " " + pick(r, "0", "1.25", "-4.99", "0.001")
	case 9:
		return "s " + pick(r, "= ''", "LIKE 'a%'", "LIKE '%'", "NOT LIKE '_'", "= ' OR '", "IN ('a', 'AND')", "NOT IN ('a', '湖')", "> 'Z'", "IS NULL", "= 'ts>=''2026-05-01'''", "IS DISTINCT FROM 'a'", "BETWEEN 'a' AND 'm'", "ILIKE 'z'")
	case 10:
		return when + " BETWEEN '" + moment + "' AND '" + at.Add(7*t.step).Format("2006-01-02 15:04:05") + "'"
	case 11:
		return "date_trunc('" + pick(r, "day", "hour", "month", "week") + "', " + when + ") " + op + " '" + day + "'"
	case 12:
		return "(ts AT TIME ZONE '" + pick(r, differZones...) + "')::date " + op + " DATE '" + day + "'"
	case 13:
		return "_record_id " + pick(r, "=", "<", ">=", "<>") + " " + strconv.Itoa(r.IntN(200))
	case 14:
		return when + " IS " + pick(r, "", "NOT ") + "NULL"
	}
	return "extract('" + pick(r, "hour", "day", "epoch") + "' FROM " + when + ") " + op + " " + strconv.Itoa(r.IntN(31))
}

// answers gives one condition's rows of both sides, or nothing where both fail, and how
// many files were skipped.
func answers(ctx context.Context, e *Engine, t differTable, where string, zone *time.Location) (got, want string, skipped int, err error) {
	// x + 0, for DuckDB's own tables do not always keep the sign of -0.0.
	const what = "SELECT count(*), coalesce(sum(_record_id), 0), count(DISTINCT n), min(s), max(x + 0)::VARCHAR FROM "
	want, _, wrong := one(ctx, e, Request{SQL: what + "recent.plain_" + t.name + " WHERE " + where, Location: zone, Admin: true})
	got, skipped, err = one(ctx, e, Request{SQL: what + t.name + " WHERE " + where, Location: zone})
	if wrong != nil {
		if err == nil {
			return got, "error: " + wrong.Error(), skipped, nil
		}
		return "", "", skipped, nil
	}
	return got, want, skipped, err
}

func one(ctx context.Context, e *Engine, r Request) (rows string, skipped int, err error) {
	res, err := e.Query(ctx, r)
	if err != nil {
		return "", 0, err
	}
	defer res.Close()
	list, err := remaining(ctx, res)
	return strings.Join(list, "\n"), res.Stats().FilesSkipped, err
}

// smallest cuts a condition down while its answers still differ.
func smallest(c *condition, differs func(*condition) bool) *condition {
	for _, p := range c.parts {
		if differs(p) {
			return smallest(p, differs)
		}
	}
	for i := range c.parts {
		if len(c.parts) > 2 {
			fewer := &condition{join: c.join, parts: append(append([]*condition(nil), c.parts[:i]...), c.parts[i+1:]...)}
			if differs(fewer) {
				return smallest(fewer, differs)
			}
		}
	}
	return c
}

// TestAnswersAreThoseOfPlainDuckDB asks a thousand questions; BIWA_DIFFER and BIWA_SEED
// set another number and another seed, as `make soak` does.
func TestAnswersAreThoseOfPlainDuckDB(t *testing.T) {
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	seed := uint64(number("BIWA_SEED", 1))
	r := rand.New(rand.NewPCG(seed, 7))
	e, _ := differWorld(t, r)
	pruned := 0
	for range number("BIWA_DIFFER", 1000) {
		table := differTables[r.IntN(len(differTables))]
		zone, err := time.LoadLocation(pick(r, differZones...))
		if err != nil {
			t.Fatal(err)
		}
		differs := func(c *condition) bool {
			got, want, skipped, err := answers(t.Context(), e, table, c.String(), zone)
			if skipped > 0 {
				pruned++
			}
			return err != nil || got != want
		}
		c := differCondition(r, table, 0)
		if differs(c) {
			c = smallest(c, differs)
			got, want, _, err := answers(t.Context(), e, table, c.String(), zone)
			t.Errorf("seed %d, %s in %s: WHERE %s\n got %s %v\nwant %s", seed, table.name, zone, c, got, err, want)
		}
	}
	if pruned == 0 {
		t.Error("no question skipped a file: nothing was tested")
	}
	t.Logf("%d questions skipped files", pruned)
}
