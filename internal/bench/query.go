package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/world"
)

// queryRecords is the size of the lake at scale 1.
const queryRecords = 2_000_000

var questions = []string{
	"SELECT count(*) FROM %s",
	"SELECT status, count(*), sum(bytes) FROM %s GROUP BY 1 ORDER BY 1",
	"SELECT url, count(*) AS n FROM %s WHERE referer LIKE '%%tags/1%%' GROUP BY 1 ORDER BY n DESC, url LIMIT 10",
	"SELECT date_trunc('minute', ts) AS m, approx_count_distinct(ip) FROM %s GROUP BY 1 ORDER BY 1",
}

// query measures SQL over the lake against the same SQL on read_parquet of the
// same files, both warm, in turn.
func query(ctx context.Context, o Options) (Result, error) {
	n, err := startNode(ctx, o.Dir, map[string]shape.Definition{"log": definition(false)}, nil)
	if err != nil {
		return Result{}, err
	}
	defer n.stop() //nolint:errcheck // the figure has been taken by then
	o.Progress("filling the lake")
	load := bodies(64)
	l := newLoad(n.url+"/v1/events/log", load, 0)
	for i := range max(1, int(queryRecords*o.Scale)/recordsPerBody) {
		if err := l.post(ctx, load[i%len(load)]); err != nil {
			return Result{}, err
		}
	}
	l.client.CloseIdleConnections()
	if err := n.Flush(ctx, "log"); err != nil {
		return Result{}, err
	}
	var paths []string
	for _, f := range n.Files("log") {
		paths = append(paths, record.QuoteText(f))
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return Result{}, err
	}
	defer db.Close()
	o.Progress("asking")
	var ours, peer time.Duration
	for _, q := range questions {
		a, b, err := inTurn(7, func() error {
			drain(ctx, n.Engine(), fmt.Sprintf(q, "log"))
			return nil
		}, func() error {
			rows, err := db.QueryContext(ctx, fmt.Sprintf(q, "read_parquet(["+strings.Join(paths, ",")+"])"))
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		})
		if err != nil {
			return Result{}, err
		}
		ours, peer = ours+a, peer+b
	}
	ratio := ours.Seconds() / peer.Seconds()
	return Result{Value: ours.Seconds() * 1000, Unit: "ms", Baseline: peer.Seconds() * 1000, Ratio: ratio, Against: "the same SQL on read_parquet of the same files", Goal: "ratio <= 1.1", Met: ratio <= 1.1}, nil
}

// inTurn times two things, one after the other, and returns the medians.
func inTurn(rounds int, a, b func() error) (medianA, medianB time.Duration, err error) {
	times := [2][]time.Duration{}
	for i := range rounds + 1 {
		for k, run := range []func() error{a, b} {
			began := time.Now()
			if err := run(); err != nil {
				return 0, 0, err
			}
			if i > 0 { // the first round warms up
				times[k] = append(times[k], time.Since(began))
			}
		}
	}
	for k := range times {
		slices.Sort(times[k])
	}
	return times[0][rounds/2], times[1][rounds/2], nil
}

// plan measures a query for one day out of 100,000 files against one out of
// 1,000, both with the same number of matching files. The other files are only
// in the index: a plan that is right never opens them.
func plan(ctx context.Context, o Options) (Result, error) {
	medians := map[int]time.Duration{}
	for _, files := range []int{1000, max(2000, int(100_000*o.Scale))} {
		o.Progress(fmt.Sprintf("%d files", files))
		m, err := planOnce(ctx, filepath.Join(o.Dir, fmt.Sprint(files)), files)
		if err != nil {
			return Result{}, err
		}
		medians[files] = m
	}
	few, many := medians[1000], medians[max(2000, int(100_000*o.Scale))]
	ratio := many.Seconds() / few.Seconds()
	return Result{Value: many.Seconds() * 1000, Unit: "ms", Baseline: few.Seconds() * 1000, Ratio: ratio, Against: "one day out of 1,000 files", Goal: "ratio <= 2", Met: ratio <= 2}, nil
}

const matchingFiles = 10

func planOnce(ctx context.Context, dir string, files int) (time.Duration, error) {
	store := world.NewStore()
	e, err := engine.Open(ctx, store, engine.Options{Root: dir, Location: time.UTC, Limits: engine.Limits{MemoryLimitBytes: 1 << 30}})
	if err != nil {
		return 0, err
	}
	defer e.Close()
	schema := record.Schema{{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}, FieldID: 1}, {Name: "ts", Type: record.Type{Kind: record.Timestamptz}, FieldID: 2}}
	day := 24 * time.Hour.Microseconds()
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	list := make([]record.File, 0, files)
	for i := range files {
		if i < matchingFiles {
			batch := idsAndTimes(schema, record.RecordID(i*100+1), base)
			f, err := e.WriteParquet(ctx, fmt.Sprintf("f%d.parquet", i), schema, "ts", batch)
			batch[0].Release()
			if err != nil {
				return 0, err
			}
			list = append(list, f)
			continue
		}
		at := base + int64(1+i/matchingFiles)*day
		list = append(list, record.File{Path: fmt.Sprintf("absent/%d.parquet", i), Rows: 100, Bytes: 4096, HasTime: true, MinTime: at, MaxTime: at + day - 1,
			MinID: record.RecordID(i*100 + 1), MaxID: record.RecordID(i*100 + 100)})
	}
	store.Publish(func(d *world.Draft) {
		t := d.Table("log")
		t.Schema, t.SchemaVersion, t.TimeColumn, t.Files = schema, 1, "ts", world.FileIndex{}.Add(list...)
	}, nil)
	ask := func() error {
		result, err := e.Query(ctx, engine.Request{SQL: "SELECT count(*) FROM log WHERE ts >= '2026-01-01T00:00:00Z' AND ts < '2026-01-02T00:00:00Z'"})
		if err != nil {
			return err
		}
		defer result.Close()
		batch, err := result.Next(ctx)
		if err != nil {
			return err
		}
		defer batch.Release()
		if read := result.Stats().FilesRead; read != matchingFiles {
			return fmt.Errorf("%d files were read, %d match", read, matchingFiles)
		}
		return nil
	}
	median, _, err := inTurn(21, ask, func() error { return nil })
	return median, errors.Join(err)
}
