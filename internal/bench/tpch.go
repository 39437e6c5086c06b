package bench

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sync/errgroup"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
)

//go:embed tpch.sql
var tpchText string

// tpchMost is the goal: the sum of our times to that of the peer's.
const tpchMost = 1.15

// tpchRounds is how often each query is timed on each side.
const tpchRounds = 5

// tpch sends TPC-H's tables to a node, compacts them, and times the 22 queries through
// it against DuckDB with views over the same files: in turn, with the same threads,
// memory and priority. Every answer must be the same.
func tpch(ctx context.Context, o Options) (Result, error) {
	streams := map[string]shape.Definition{}
	for _, t := range tpchTables {
		streams[t.name] = t.definition()
	}
	n, err := startNode(ctx, o.Dir, streams, nil)
	if err != nil {
		return Result{}, err
	}
	defer n.stop() //nolint:errcheck // the figure has been taken by then
	for _, t := range tpchTables {
		o.Progress("sending " + t.name)
		if err := sendTable(ctx, n, t, o.Scale); err != nil {
			return Result{}, fmt.Errorf("send %s: %w", t.name, err)
		}
	}
	o.Progress("compacting")
	if err := n.Maintain(ctx); err != nil {
		return Result{}, err
	}
	peer, err := openPeer(ctx, n, filepath.Join(o.Dir, "peer"))
	if err != nil {
		return Result{}, err
	}
	defer peer.close()
	r := Result{Unit: "ms", Against: "DuckDB on the same files", Goal: fmt.Sprintf("ratio <= %.2f, all answers equal", tpchMost), Met: true, Details: map[string]float64{}}
	logs := 0.0
	for i, q := range tpchQueries(o.Scale) {
		o.Progress(fmt.Sprintf("query %d", i+1))
		part, err := askBoth(ctx, n, peer, q)
		if err != nil {
			return Result{}, fmt.Errorf("query %d: %w", i+1, err)
		}
		part.Name = fmt.Sprintf("q%02d", i+1)
		r.Parts = append(r.Parts, part)
		r.Value, r.Baseline, logs = r.Value+part.Ours, r.Baseline+part.Peer, logs+math.Log(part.Ratio)
		r.Met = r.Met && part.Equal
	}
	r.Ratio = r.Value / r.Baseline
	r.Details["geometric_mean_of_ratios"] = math.Exp(logs / float64(len(r.Parts)))
	r.Met = r.Met && r.Ratio <= tpchMost
	return r, nil
}

// tpchQueries are the 22 in order. Of query 11 a fraction falls with the scale.
func tpchQueries(scale float64) []string {
	text := strings.ReplaceAll(tpchText, "{fraction}", strconv.FormatFloat(0.0001/scale, 'f', -1, 64))
	var queries []string
	for i := 1; ; i++ {
		_, rest, found := strings.Cut(text, fmt.Sprintf("\n-- %d\n", i))
		if !found {
			return queries
		}
		q, _, _ := strings.Cut(rest, "\n-- ")
		queries = append(queries, q)
	}
}

// sendTable sends a table's rows over HTTP and commits them; none may be lost on the way.
func sendTable(ctx context.Context, n *node, t tpchTable, scale float64) error {
	l := newLoad(n.url+"/v1/events/"+t.name, nil, 0)
	defer l.client.CloseIdleConnections()
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(connections / 4)
	rows, err := t.make(scale, func(body []byte) error {
		group.Go(func() error {
			for {
				taken, err := l.send(sending, body)
				if taken || err != nil {
					return err
				}
				select { // the node is full for now
				case <-time.After(100 * time.Millisecond):
				case <-sending.Done():
					return sending.Err()
				}
			}
		})
		return sending.Err()
	})
	if err := errors.Join(group.Wait(), err); err != nil {
		return err
	}
	if err := n.Flush(ctx, t.name); err != nil {
		return err
	}
	have, err := ourRows(ctx, n, "SELECT count(*) FROM "+t.name)
	if err != nil {
		return err
	}
	if want := strconv.FormatInt(rows, 10); !slices.Equal(have, []string{want}) {
		return fmt.Errorf("%s rows were sent, the table has %v", want, have)
	}
	return nil
}

// askBoth compares both sides' answers to a query and times it.
func askBoth(ctx context.Context, n *node, p *peer, query string) (Part, error) {
	text := "SELECT q::VARCHAR FROM (" + query + ") AS q"
	ours, err := ourRows(ctx, n, text)
	if err != nil {
		return Part{}, err
	}
	theirs, err := p.rows(ctx, text)
	if err != nil {
		return Part{}, fmt.Errorf("the peer: %w", err)
	}
	slices.Sort(ours) // rows that tie may stand in any order
	slices.Sort(theirs)
	a, b, err := inTurn(tpchRounds, func() error { _, err := ourRows(ctx, n, query); return err }, func() error { _, err := p.rows(ctx, query); return err })
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Part{Ours: milliseconds(a), Peer: milliseconds(b), Ratio: a.Seconds() / b.Seconds(), Rows: len(ours), Equal: slices.Equal(ours, theirs)}, err
}

// ourRows is the text of the first column of every row.
func ourRows(ctx context.Context, n *node, statement string) (rows []string, err error) {
	result, err := n.Engine().Query(ctx, api.Query{SQL: statement, Location: time.UTC})
	if err != nil {
		return nil, err
	}
	defer result.Close()
	for {
		batch, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range int(batch.NumRows()) {
			rows = append(rows, strings.Clone(batch.Column(0).ValueStr(i)))
		}
		batch.Release()
	}
}

// peer is a DuckDB of its own with a view over the files of each table. Its threads
// have the priority that a node's queries have.
type peer struct {
	db *sql.DB
}

func openPeer(ctx context.Context, n *node, dir string) (p *peer, err error) {
	memory := engine.QueryMemory(engine.Limits{}) // a node without settings
	engine.OnNiceThread(func() {
		var c *duckdb.Connector
		if c, err = duckdb.NewConnector(fmt.Sprintf("?threads=%d&memory_limit=%dB&temp_directory=%s", runtime.NumCPU(), memory, dir), nil); err == nil {
			p = &peer{sql.OpenDB(c)}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, t := range tpchTables {
		var paths []string
		for _, f := range n.Files(t.name) {
			paths = append(paths, record.QuoteText(f))
		}
		if _, err := p.db.ExecContext(ctx, "CREATE VIEW "+t.name+" AS FROM read_parquet(["+strings.Join(paths, ", ")+"])"); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *peer) close() { p.db.Close() }

// rows reads all rows; the text of the first column of each, if that is text.
func (p *peer) rows(ctx context.Context, statement string) (list []string, err error) {
	engine.OnNiceThread(func() { list, err = p.read(ctx, statement) })
	return list, err
}

func (p *peer) read(ctx context.Context, statement string) (list []string, err error) {
	rows, err := p.db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		text, _ := values[0].(string)
		list = append(list, text)
	}
	return list, rows.Err()
}
