// Package engine runs SQL on DuckDB: it holds recent rows, writes and rewrites
// Parquet files, recounts them, evaluates the expressions of stream definitions
// and answers queries. It alone knows DuckDB.
//
// There are five in-memory instances, so that no work can harm another's:
//
//   - the reader holds the recent rows and answers queries. Its settings are
//     locked, its worker threads run at a low priority;
//   - the writer makes the files of flushes, for which fresh rows wait. No user's
//     text ever runs in it or in the rewriter;
//   - the rewriter sorts files anew and recounts them, at a low priority: it can
//     wait, and may need all the memory it is given;
//   - the planner holds no rows. It parses statements, and plans queries on empty
//     tables to learn which files can matter;
//   - the evaluator binds and evaluates the expressions of definitions. No
//     statement of a reader ever reaches it.
//
// A query pins a World, sets its tables' variables and runs, all inside one
// transaction of the reader; see catalog and Query.
package engine

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Options says where the engine works and what it may use.
type Options struct {
	Root    string // folder of the tables' files; record.File.Path is relative to it
	TempDir string // for what does not fit in memory; default: a folder of its own
	Limits
	Threads  int            // default: the number of processors
	Location *time.Location // of days and of times without zone; default UTC
	// Prelude is SQL that is run once, for the relations and macros a door needs;
	// ReadableSchemas are further schemas users may read, such as pg_catalog.
	Prelude         string
	ReadableSchemas []string
}

// WithDefaults fills in what is zero.
func (o Options) WithDefaults() Options {
	if o.TempDir == "" && o.Root != "" {
		o.TempDir = filepath.Join(o.Root, ".tmp")
	}
	o.Limits = o.Limits.withDefaults()
	o.Threads = orElse(o.Threads, runtime.NumCPU())
	o.Location = orElse(o.Location, time.UTC)
	return o
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// Validate says what is wrong with options whose defaults are filled in.
func (o Options) Validate() error {
	switch {
	case !filepath.IsAbs(o.Root) || !filepath.IsAbs(o.TempDir):
		return record.Errorf(record.Invalid, "the engine's folders must be absolute: %q, %q", o.Root, o.TempDir)
	case o.Threads < 1:
		return record.Errorf(record.Invalid, "the engine needs a thread, not %d", o.Threads)
	case o.Location == time.Local:
		return record.Errorf(record.Invalid, `the engine needs a named time zone, such as Asia/Tokyo, not "Local"`)
	}
	return o.Limits.validate()
}

// Engine is safe for concurrent use.
type Engine struct {
	options  Options // but for its Limits, which are those of the start
	limits   atomic.Pointer[Limits]
	limiting sync.Mutex // one change of limits at a time
	worlds   *world.Store

	reader, writer, rewriter, planner, evaluator *instance

	catalog   *catalog
	queue     *queue
	recent    sync.Map            // name of a generation -> record.Schema
	functions map[string]function // what statements may call, by lower-case name
	relations map[string]bool     // of the prelude, in main
	schemas   map[string]bool     // readable besides main
	days      dayOffsets
	zones     zones
	closed    atomic.Bool

	trees struct {
		mu     sync.Mutex
		byText map[string]node
	}
}

//go:embed prelude.sql
var prelude string

// Open starts the engine. The caller closes it after its last result.
func Open(ctx context.Context, worlds *world.Store, o Options) (*Engine, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, dir := range []string{o.Root, o.spill("reader"), o.spill("writer"), o.spill("rewriter"), o.spill("planner"), o.spill("evaluator")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("open the SQL engine: %w", err)
		}
	}
	e := &Engine{options: o, worlds: worlds, queue: newQueue(o.HeavyQueries, o.QueueLength)}
	e.limits.Store(&o.Limits)
	if err := e.open(ctx); err != nil {
		e.Close()
		return nil, fmt.Errorf("open the SQL engine: %w", err)
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	threads := map[string]string{"threads": strconv.Itoa(e.options.Threads)}
	for _, d := range []**instance{&e.reader, &e.rewriter} {
		OnNiceThread(func() { *d, err = openInstance(threads) })
		if err != nil {
			return err
		}
	}
	if e.writer, err = openInstance(threads); err != nil {
		return err
	}
	for _, d := range []**instance{&e.planner, &e.evaluator} {
		if *d, err = openInstance(map[string]string{"threads": "1"}); err != nil {
			return err
		}
	}
	for _, d := range e.instances() {
		d.zone = e.options.Location.String()
	}
	stub := filepath.Join(e.options.TempDir, "no-rows.parquet")
	if err := setUp(ctx, e.writer, e.settings("writer"), "SET GLOBAL preserve_insertion_order = false", prelude, "COPY (SELECT 0 AS zero WHERE false) TO "+record.QuoteText(stub)+" (FORMAT parquet)"); err != nil {
		return err
	}
	if err := setUp(ctx, e.rewriter, e.settings("rewriter"), prelude); err != nil {
		return err
	}
	if err := setUp(ctx, e.planner, e.settings("planner"), prelude, e.options.Prelude, plainPlans); err != nil {
		return err
	}
	if err := setUp(ctx, e.evaluator, e.settings("evaluator"), prelude, wholeScans); err != nil {
		return err
	}
	if err := setUp(ctx, e.reader, e.settings("reader"), "CREATE SCHEMA "+recentSchema, "CREATE SCHEMA "+hiddenSchema, informationViews, prelude, e.options.Prelude, e.lock()); err != nil {
		return err
	}
	e.catalog = newCatalog(e.reader, e.planner, e.worlds, stub)
	for _, d := range []*instance{e.reader, e.writer, e.rewriter} {
		d.spillLimit.Store(e.options.MaxTempBytes)
	}
	return e.learn(ctx)
}

// spill is where an instance puts what does not fit in memory. Two instances in
// one folder would write to the same file names.
func (o Options) spill(instance string) string { return filepath.Join(o.TempDir, instance) }

// settings are those of every connection of an instance; its share of the memory is
// its own. They are set for all connections: a plain SET would reach only the one
// that runs it.
func (e *Engine) settings(instance string) string {
	return strings.Join([]string{
		"SET GLOBAL errors_as_json = true",
		"SET GLOBAL TimeZone = " + record.QuoteText(e.options.Location.String()),
		limitMemory(instance, e.options.MemoryLimitBytes),
		"SET GLOBAL temp_directory = " + record.QuoteText(e.options.spill(instance)),
		"SET GLOBAL max_temp_directory_size = '" + strconv.FormatInt(e.options.MaxTempBytes, 10) + "B'",
		// BEGIN must take its snapshot at once, while the World is pinned.
		"SET GLOBAL immediate_transaction_mode = true",
		// An in-memory database gains nothing from checkpoints; at the default an
		// append now and then waits half a second for one.
		"SET GLOBAL checkpoint_threshold = '1TB'",
		"SET GLOBAL autoinstall_known_extensions = false",
		"SET GLOBAL autoload_known_extensions = false",
	}, ";\n")
}

// plainPlans turns off what the planner must not do: see that its tables are
// empty and drop the scans whose filters we want to read.
const plainPlans = "SET GLOBAL disabled_optimizers = 'statistics_propagation,empty_result_pullup,unused_columns'"

// wholeScans turns off that columns are left out of a scan of Arrow batches, whose
// stream always has all of them: DuckDB then reads one column as another, or crashes.
const wholeScans = "SET GLOBAL disabled_optimizers = 'statistics_propagation,unused_columns'"

// lock confines the reader for good: to its two folders, and to its settings but
// for the time zone and the limits of memory and of spill files. No statement of a
// reader may set any.
func (e *Engine) lock() string {
	dirs := record.QuoteText(e.options.Root+"/") + ", " + record.QuoteText(e.options.TempDir+"/")
	return "SET GLOBAL allowed_directories = [" + dirs + "];\nSET GLOBAL enable_external_access = false;\nSET GLOBAL allowed_configs = ['TimeZone', 'max_temp_directory_size', 'memory_limit'];\nSET GLOBAL lock_configuration = true"
}

// setUp runs each of the texts outside any transaction, as settings need.
func setUp(ctx context.Context, d *instance, texts ...string) error {
	c, err := d.take(ctx, nil)
	if err != nil {
		return err
	}
	defer d.give(c)
	for _, text := range texts {
		if err := c.exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for what is running; the caller has closed all results.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	for _, d := range e.instances() {
		if d != nil {
			d.close()
		}
	}
	return nil
}

// instances by name; nil where Open came no further.
func (e *Engine) instances() map[string]*instance {
	return map[string]*instance{"reader": e.reader, "writer": e.writer, "rewriter": e.rewriter, "planner": e.planner, "evaluator": e.evaluator}
}

// file is the path DuckDB opens.
func (e *Engine) file(path string) string {
	return filepath.Join(e.options.Root, filepath.FromSlash(path))
}
