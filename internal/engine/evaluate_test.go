package engine

import (
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
)

var (
	bigint  = record.Type{Kind: record.Bigint}
	varchar = record.Type{Kind: record.Varchar}
)

func TestEvaluate(t *testing.T) {
	e, _ := openEngine(t, nil)
	v, err := e.NewEvaluator(t.Context(), nil, events, []Expression{
		{"twice", "amount * 2", record.Type{Kind: record.Decimal, Precision: 18, Scale: 2}},
		{"n", "payload.n", bigint},
		{"local", "ts", record.Type{Kind: record.Timestamptz}},
		{"list", "[user_id]", record.Type{Kind: record.Array, Elem: &varchar}},
		{"user_id", "upper(user_id)", varchar},
	}, "n % 2 = 0 AND user_id LIKE 'U%'")
	if err != nil {
		t.Fatal(err)
	}
	batch := eventBatch(1, 5000, may1)
	defer batch.Release()
	computed, keep, failed, err := v.Evaluate(t.Context(), batch)
	if err != nil || len(failed) > 0 {
		t.Fatal(err, failed)
	}
	defer release(computed)
	for i, want := range []arrow.DataType{
		&arrow.Decimal128Type{Precision: 18, Scale: 2}, arrow.PrimitiveTypes.Int64, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
		arrow.ListOf(arrow.BinaryTypes.String), arrow.BinaryTypes.String,
	} {
		if !arrow.TypeEqual(computed[i].DataType(), want) {
			t.Errorf("column %d is %v, want %v", i, computed[i].DataType(), want)
		}
		if computed[i].Len() != 5000 {
			t.Errorf("column %d has %d rows", i, computed[i].Len())
		}
	}
	for i := range 5000 {
		if n := computed[1].(*array.Int64).Value(i); n != int64(i) || keep[i] != (i%2 == 0) {
			t.Fatalf("row %d: n %d, keep %v", i, n, keep[i])
		}
	}
	if s := computed[4].(*array.String).Value(96); s != "U96" {
		t.Errorf("user_id %s", s)
	}
}

// textBatch has one column s.
func textBatch(values ...string) (record.Schema, arrow.RecordBatch) {
	schema := record.Schema{{Name: "s", Type: varchar}}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
	defer b.Release()
	for _, v := range values {
		if v == "NULL" {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.StringBuilder).Append(v)
		}
	}
	return schema, b.NewRecordBatch()
}

func TestEvaluateFailingRows(t *testing.T) {
	e, _ := openEngine(t, nil)
	schema, batch := textBatch("1", "x", "NULL", "heartbeat", "5")
	defer batch.Release()
	for _, c := range []struct {
		name, filter string
		keep         string // of each row: + kept, - dropped, ! failed
	}{
		{"no filter", "", "+!+!+"},
		{"the filter drops what fails", "s <> 'heartbeat'", "+!--+"},
		{"the filter needs what fails", "n > 1", "-!-!+"},
		{"the filter fails", "s::int > 0", "+!-!+"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := e.NewEvaluator(t.Context(), nil, schema, []Expression{{"n", "s::bigint", bigint}}, c.filter)
			if err != nil {
				t.Fatal(err)
			}
			computed, keep, failed, err := v.Evaluate(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			defer release(computed)
			var got strings.Builder
			for i := range 5 {
				_, bad := failed[i]
				switch {
				case bad:
					got.WriteString("!")
				case keep != nil && !keep[i]:
					got.WriteString("-")
				default:
					got.WriteString("+")
				}
			}
			if got.String() != c.keep {
				t.Errorf("rows %s, want %s; %v", got.String(), c.keep, failed)
			}
			if n := computed[0].(*array.Int64); n.Value(0) != 1 || n.Value(4) != 5 || n.IsValid(2) {
				t.Errorf("values %v", n)
			}
			if f := failed[1]; !strings.Contains(f.Message, "'x'") || f.Column != "n" {
				t.Errorf("row 1: %+v", f)
			}
		})
	}
}

func TestEvaluateManyFailures(t *testing.T) {
	e, _ := openEngine(t, nil)
	values := make([]string, 4000)
	for i := range values {
		values[i] = "bad"
	}
	values[3999] = "7"
	schema, batch := textBatch(values...)
	defer batch.Release()
	v, err := e.NewEvaluator(t.Context(), nil, schema, []Expression{{"n", "s::bigint", bigint}}, "")
	if err != nil {
		t.Fatal(err)
	}
	computed, _, failed, err := v.Evaluate(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	defer release(computed)
	if len(failed) != 3999 || computed[0].(*array.Int64).Value(3999) != 7 {
		t.Errorf("%d failed, last value %v", len(failed), computed[0].(*array.Int64).Value(3999))
	}
}

func TestEvaluateConcurrently(t *testing.T) {
	e, _ := openEngine(t, nil)
	schema, batch := textBatch("1", "x", "3")
	defer batch.Release()
	v, err := e.NewEvaluator(t.Context(), nil, schema, []Expression{{"n", "s::bigint", bigint}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				computed, _, failed, err := v.Evaluate(t.Context(), batch)
				if err != nil || len(failed) != 1 || computed[0].(*array.Int64).Value(2) != 3 {
					t.Errorf("%v, %v", failed, err)
				}
				release(computed)
			}
		})
	}
	all.Wait()
}

func TestEvaluatorRefuses(t *testing.T) {
	e, _ := openEngine(t, nil)
	for _, c := range []struct{ sql, filter, want string }{
		{"now()", "", "replay"},
		{"amount", "amount", "boolean"},
		{"payload", "sum(amount) > 1", "aggregate"},
	} {
		_, err := e.NewEvaluator(t.Context(), nil, events, []Expression{{"x", c.sql, record.Type{Kind: record.Array, Elem: &bigint}}}, c.filter)
		if err == nil {
			t.Errorf("%s, %s: no error", c.sql, c.filter)
		}
	}
}
