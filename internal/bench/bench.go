package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
)

// Result is one measurement. Ratio is value to baseline, or what the goal is
// about; Goal says which ratio or value is asked for.
type Result struct {
	Name     string  `json:"name"`
	Ratio    float64 `json:"ratio"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Against  string  `json:"against"`
	Goal     string  `json:"goal"`
	Met      bool    `json:"met"`
	// RatioPlain is land's ratio without enrichment.
	RatioPlain float64            `json:"ratio_plain,omitempty"`
	Details    map[string]float64 `json:"details,omitempty"`
	// Parts are what the value is the sum of, where each has a peer of its own.
	Parts []Part `json:"parts,omitempty"`
}

// Part is one question to both sides, in milliseconds.
type Part struct {
	Name  string  `json:"name"`
	Ours  float64 `json:"ours_ms"`
	Peer  float64 `json:"peer_ms"`
	Ratio float64 `json:"ratio"`
	Rows  int     `json:"rows"`
	Equal bool    `json:"equal"` // both gave the same rows
}

// Options of a run.
type Options struct {
	Dir      string        // for the data of the runs, on the disk to be measured
	Duration time.Duration // of runs that have one; default a minute
	Scale    float64       // of the sizes of runs that have one; default 1
	Progress func(text string)
}

// Names lists the measurements in order.
func Names() []string {
	names := make([]string, len(runs))
	for i, r := range runs {
		names[i] = r.name
	}
	return names
}

type measurement struct {
	name, what string
	run        func(ctx context.Context, o Options) (Result, error)
}

var runs = []measurement{
	{"intake", "durable intake over HTTP against a raw file with group-commit fsync", intake},
	{"land", "from the log to committed tables, against DuckDB's COPY", land},
	{"chain", "the whole chain from HTTP to committed tables, enriched", chain},
	{"fresh", "from the answer to SQL, alone and beside heavy queries", fresh},
	{"query", "SQL over the lake against read_parquet of the same files", query},
	{"tpch", "TPC-H's 22 queries against DuckDB on the same files", tpch},
	{"plan", "one day out of 100,000 files against out of 1,000", plan},
	{"commit", "commits a second after 1,000 against the first", commit},
	{"dedupe", "records a second through the dedupe index at 20M keys", dedupeRate},
	{"start", "start to ready, empty and with a full journal; idle memory", start},
}

// Run runs one measurement.
func Run(ctx context.Context, name string, o Options) (Result, error) {
	i := slices.IndexFunc(runs, func(m measurement) bool { return m.name == name })
	if i < 0 {
		return Result{}, fmt.Errorf("there is no measurement %q; there are %v", name, Names())
	}
	if o.Duration == 0 {
		o.Duration = time.Minute
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	dir, err := os.MkdirTemp(o.Dir, "biwa-bench-"+name+"-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	o.Dir = dir
	r, err := runs[i].run(ctx, o)
	r.Name = name
	return r, err
}

// node is a node with its HTTP door on a free port.
type node struct {
	*app.Node
	url    string
	server *http.Server
}

func startNode(ctx context.Context, dir string, streams map[string]shape.Definition, change func(*app.Limits)) (*node, error) {
	return startNodeWith(ctx, dir, streams, func(o *app.Options) {
		if change != nil {
			change(&o.Project.Limit)
		}
	})
}

func startNodeWith(ctx context.Context, dir string, streams map[string]shape.Definition, change func(*app.Options)) (*node, error) {
	o := app.Options{Data: filepath.Join(dir, "data"), Project: app.Project{Name: "bench", Location: time.UTC, Streams: streams},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	change(&o)
	n, err := app.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &node{Node: n, url: "http://" + l.Addr().String(), server: &http.Server{Handler: n.HTTP(access.NewGuard(nil, nil), "bench"), ReadHeaderTimeout: time.Minute}}
	go b.server.Serve(l) //nolint:errcheck // it ends when stop closes it
	for n.Started() != nil && o.Hold == nil {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return b, nil
}

func (n *node) stop() error {
	n.server.Close()
	return n.Stop()
}
