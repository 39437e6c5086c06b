package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
)

func BenchmarkAppendRecent(b *testing.B) {
	for _, n := range []int{1, 1000, 10000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, _ := openEngine(b, nil)
			batch := eventBatch(1, n, may1)
			defer batch.Release()
			i := 0
			for b.Loop() {
				name := fmt.Sprintf("g%d", i/100)
				if i%100 == 0 {
					b.StopTimer()
					if err := e.DropRecent(b.Context(), fmt.Sprintf("g%d", i/100-1)); err != nil {
						b.Fatal(err)
					}
					if err := e.CreateRecent(b.Context(), name, events); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				i++
				if err := e.AppendRecent(b.Context(), name, []arrow.RecordBatch{batch}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkWriteParquet(b *testing.B) {
	e, _ := openEngine(b, nil)
	const n = 20
	var list []arrow.RecordBatch
	for i := range n {
		list = append(list, eventBatch(record.RecordID(i*10000), 10000, may1))
	}
	for b.Loop() {
		if _, err := e.WriteParquet(b.Context(), "x.parquet", events, "ts", list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*10000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{100, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, _ := openEngine(b, nil)
			v, err := e.NewEvaluator(b.Context(), nil, events, []Expression{{"twice", "amount * 2", record.Type{Kind: record.Double}}}, "user_id <> 'u1'")
			if err != nil {
				b.Fatal(err)
			}
			batch := eventBatch(1, n, may1)
			defer batch.Release()
			for b.Loop() {
				computed, _, _, err := v.Evaluate(b.Context(), batch)
				if err != nil {
					b.Fatal(err)
				}
				release(computed)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkQuery compares SQL over a World with the same SQL straight on
// read_parquet of the same files: in turns, since the machine has its moods, and
// by medians.
func BenchmarkQuery(b *testing.B) {
	e, worlds := openEngine(b, nil)
	var files []record.File
	for i := range 10 {
		files = append(files, writeEvents(b, e, fmt.Sprintf("ev/%d.parquet", i), record.RecordID(1+i*200000), 200000, may1.Add(time.Duration(i)*24*time.Hour)))
	}
	publish(worlds, "ev", events, files)
	direct := e.readParquet(files, nil)
	for _, q := range [][2]string{
		{"point", "SELECT * FROM %s WHERE _record_id = 5"},
		{"count", "SELECT count(*) FROM %s"},
		{"day", "SELECT count(*), sum(amount) FROM %s WHERE ts >= '2026-05-03' AND ts < '2026-05-04'"},
		{"aggregate", "SELECT user_id, count(*), sum(amount), max(payload) FROM %s GROUP BY user_id"},
		{"sort", "SELECT * FROM %s ORDER BY amount DESC, _record_id LIMIT 10"},
		{"scan", "SELECT * FROM %s"},
	} {
		b.Run(q[0], func(b *testing.B) {
			var took [2][]float64
			for b.Loop() {
				for i, r := range []Request{{SQL: fmt.Sprintf(q[1], "ev")}, {SQL: fmt.Sprintf(q[1], direct), Admin: true}} {
					began := time.Now()
					if err := drain(b, e, r); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(began).Seconds())
				}
			}
			slices.Sort(took[0])
			slices.Sort(took[1])
			n := len(took[0]) / 2
			b.ReportMetric(took[0][n]*1000, "ms-world")
			b.ReportMetric(took[1][n]*1000, "ms-direct")
			b.ReportMetric(took[0][n]/took[1][n], "ratio")
		})
	}
}

func drain(b testing.TB, e *Engine, r Request) error {
	res, err := e.Query(b.Context(), r)
	if err != nil {
		return err
	}
	defer res.Close()
	for {
		batch, err := res.Next(b.Context())
		if err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		batch.Release()
	}
}

// BenchmarkPlanOneDay reads one day's ten files out of many.
func BenchmarkPlanOneDay(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, worlds := openEngine(b, nil)
			publish(worlds, "ev", events, manyFiles(b, e, n))
			for b.Loop() {
				if err := drain(b, e, Request{SQL: "SELECT count(*) FROM ev WHERE ts >= '2026-05-01' AND ts < '2026-05-02'"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// manyFiles are ten files of 1 May and n-10 of earlier days, of which only an
// entry exists.
func manyFiles(t testing.TB, e *Engine, n int) []record.File {
	var files []record.File
	for i := range n - 10 {
		day := may1.AddDate(0, 0, -1-i/10)
		files = append(files, record.File{
			Path: fmt.Sprintf("ev/none-%d.parquet", i), Rows: 10, Bytes: 1000, HasTime: true,
			MinTime: day.UnixMicro(), MaxTime: day.Add(time.Hour).UnixMicro(), MinID: record.RecordID(1 + i), MaxID: record.RecordID(1 + i),
		})
	}
	for i := range 10 {
		files = append(files, writeEvents(t, e, fmt.Sprintf("ev/%d.parquet", i), record.RecordID(1e9+i*1000), 1000, may1))
	}
	return files
}
