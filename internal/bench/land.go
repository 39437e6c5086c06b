package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the peer, as a database/sql driver

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// landRecords is how many records are landed at scale 1.
const landRecords = 2_000_000

// land measures the way from the log to committed tables: with quarantine, ledger
// and raw archive, plain and enriched. The peer is DuckDB's own COPY of the same
// lines from a file to Parquet, nothing enriched, nothing committed.
func land(ctx context.Context, o Options) (Result, error) {
	load := bodies(64)
	requests := max(1, int(landRecords*o.Scale)/recordsPerBody)
	records := float64(requests * recordsPerBody)
	o.Progress("DuckDB's COPY of the same lines")
	peer, err := copyLines(ctx, o.Dir, load, requests)
	if err != nil {
		return Result{}, err
	}
	rates := map[bool]float64{}
	for _, enriched := range []bool{false, true} {
		o.Progress(fmt.Sprintf("landing, enriched: %v", enriched))
		took, err := landOnce(ctx, filepath.Join(o.Dir, fmt.Sprintf("enriched-%v", enriched)), load, requests, enriched)
		if err != nil {
			return Result{}, err
		}
		rates[enriched] = records / took.Seconds()
	}
	plain, enriched := rates[false]/peer, rates[true]/peer
	return Result{Value: rates[true], Unit: "records/s", Baseline: peer, Ratio: enriched, RatioPlain: plain, Against: "DuckDB's COPY of the same lines to Parquet",
		Goal: "ratio >= 0.35, plain >= 0.45", Met: enriched >= 0.35 && plain >= 0.45, Details: map[string]float64{"plain_records_per_second": rates[false]}}, nil
}

// landOnce fills the log while delivery is held, then times delivery alone.
func landOnce(ctx context.Context, dir string, load [][]byte, requests int, enriched bool) (time.Duration, error) {
	hold := make(chan struct{})
	n, err := startHeld(ctx, dir, map[string]shape.Definition{"log": definition(enriched)}, hold)
	if err != nil {
		return 0, err
	}
	stream, err := n.Stream("log")
	if err != nil {
		return 0, errors.Join(err, n.stop())
	}
	l := newLoad(n.url+"/v1/events/log", load, 0)
	for i := range requests {
		if err := l.post(ctx, load[i%len(load)]); err != nil {
			return 0, errors.Join(err, n.stop())
		}
	}
	l.client.CloseIdleConnections()
	began := time.Now()
	close(hold)
	last := record.Sequence(n.Last())
	if err := errors.Join(n.WaitVisible(ctx, stream.ID, last), n.Flush(ctx, "log")); err != nil {
		return 0, errors.Join(err, n.stop())
	}
	took := time.Since(began)
	report, err := n.Ledger(ctx)
	if err == nil && (!report.Balanced || report.Streams[0].Delivered != int64(requests*recordsPerBody)) {
		err = fmt.Errorf("the ledger says %+v", report.Streams)
	}
	return took, errors.Join(err, n.stop())
}

// startHeld starts a node whose workers wait for hold, with a log in memory large
// enough for the run: what is measured is not reading the log back.
func startHeld(ctx context.Context, dir string, streams map[string]shape.Definition, hold chan struct{}) (*node, error) {
	return startNodeWith(ctx, dir, streams, func(o *app.Options) {
		o.Hold = hold
		o.Project.Limit.TailBytes, o.Project.Limit.JournalBytes = 2<<30, 4<<30
	})
}

// copyLines is the peer: one COPY from a file of JSON lines.
func copyLines(ctx context.Context, dir string, load [][]byte, requests int) (float64, error) {
	path := filepath.Join(dir, "lines.ndjson")
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	for i := range requests {
		if _, err := f.Write(load[i%len(load)]); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	defer os.Remove(path)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	columns := "{ts: 'TIMESTAMPTZ', id: 'VARCHAR', ip: 'VARCHAR', method: 'VARCHAR', url: 'VARCHAR', protocol: 'VARCHAR', status: 'INTEGER', bytes: 'BIGINT', referer: 'VARCHAR', user_agent: 'VARCHAR'}"
	began := time.Now()
	_, err = db.ExecContext(ctx, fmt.Sprintf("COPY (SELECT * FROM read_json(%s, format = 'newline_delimited', columns = %s)) TO %s (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION V2)",
		record.QuoteText(path), columns, record.QuoteText(filepath.Join(dir, "peer.parquet"))))
	if err != nil {
		return 0, fmt.Errorf("peer: %w", err)
	}
	return float64(requests*recordsPerBody) / time.Since(began).Seconds(), nil
}
