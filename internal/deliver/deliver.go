// Package deliver carries records from the log into tables: it shapes them, makes
// them visible to SQL at once, writes them to files, and commits data,
// quarantine, ledger row and offset as one.
//
// It has one worker a stream. A worker keeps nothing that it cannot make again:
// to recover, it reads its offset and goes on from there.
package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// Log is where records come from, in order.
type Log interface {
	// Next returns the stream's first envelope after a number; it waits for it.
	Next(ctx context.Context, id record.StreamID, after record.Sequence) (*record.Envelope, error)
	Last() record.Sequence
	LastOf(id record.StreamID) record.Sequence
	// Forget says that everything up to a number is committed.
	Forget(id record.StreamID, upTo record.Sequence)
}

// Shaper turns a section into rows and rejects. It is a pure function of the
// section and may be called by several goroutines.
type Shaper interface {
	Schema() record.Schema
	TimeColumn() string
	Shape(ctx context.Context, env *record.Envelope, s *record.Section) (*record.Batch, error)
}

// Shapers are the generations of one stream's definition.
type Shapers interface {
	// At is the shaper that holds at a number of the log.
	At(seq record.Sequence) (Shaper, error)
	// Evolve starts a generation with more columns at a number.
	Evolve(ctx context.Context, from record.Sequence, columns []record.NewColumn) error
	// Prepare makes the stream's table have a shaper's columns and returns them with
	// field ids. Where the shaper is none of At's any more, for a column was renamed or
	// dropped, the error is ErrOutdated and nothing has changed.
	Prepare(ctx context.Context, s Shaper) (record.Schema, error)
}

// ErrOutdated says that At has to be asked again.
var ErrOutdated = errors.New("the columns of the table have been renamed or dropped since")

// Recent holds rows that are in no file yet, where SQL sees them.
type Recent interface {
	CreateRecent(ctx context.Context, name string, schema record.Schema) error
	AppendRecent(ctx context.Context, name string, batches []arrow.RecordBatch) error
	DropRecent(ctx context.Context, name string) error
}

// Files writes rows to durable Parquet files.
type Files interface {
	WriteParquet(ctx context.Context, path string, schema record.Schema, timeColumn string, batches []arrow.RecordBatch) (record.File, error)
}

// Tables commits files.
type Tables interface {
	// Prepare makes a table have a schema's columns and returns it with field ids.
	Prepare(ctx context.Context, table string, schema record.Schema) (record.Schema, error)
	// Path is a new place for a file of the table.
	Path(table string) string
	Commit(ctx context.Context, c Commit) error
}

// Commit is everything that becomes true at once when a worker has flushed.
type Commit struct {
	Stream     record.StreamID
	Table      string
	Epoch      int64
	From, To   record.Sequence // the offset moves from From to To, or nothing happens
	Data       []record.File
	TimeField  int // field id of the column whose bounds Data has
	Quarantine []record.File
	Accounts   []Account
	// Publish takes what is now in files out of the recent rows, in the World that
	// first has the files.
	Publish func(d *world.Draft)
}

// Account says what became of the records that were received in one quarter of
// an hour: Accepted is the sum of the others, in count and in hash.
type Account struct {
	Quarter                                                  time.Time
	Accepted, Delivered, Quarantined, Deduplicated, Filtered record.Tally
}

// Deduper tells first records from copies.
type Deduper interface {
	// Filter moves rows that are copies from the batch's Rows to its Rejects and
	// remembers the keys of the others. Batches come in the order of the log.
	Filter(ctx context.Context, b *record.Batch, at time.Time) error
	// Sync makes what it remembers durable, up to a number.
	Sync(ctx context.Context, upTo record.Sequence) error
}

// Flush says when rows in memory are written to a file; zero values take the defaults.
type Flush struct {
	FlushBytes int64         // of Arrow memory; default 64 MiB
	FlushAge   time.Duration // default 10 s; six times as long for few rows
}

func (f *Flush) ensureDefaults() {
	if f.FlushBytes == 0 {
		f.FlushBytes = 64 << 20
	}
	if f.FlushAge == 0 {
		f.FlushAge = 10 * time.Second
	}
}

// Options of a worker; zero values take the defaults.
type Options struct {
	Flush
	// AppendDelay is how long rows wait for others before they become visible.
	// Default 25 ms.
	AppendDelay time.Duration
	Shapers     int // goroutines; default 2
	// RetryPause is how long a failed flush waits, as many times as it failed, 20
	// at most. Default 250 ms.
	RetryPause time.Duration
	// Told hears how flushes and the holding of recent rows go, each time: nil is a
	// success. Default: nobody.
	Told func(what string, err error)
}

// What Told hears of.
const (
	ToldFlush  = "flush"
	ToldRecent = "recent"
	ToldDrop   = "drop" // recent rows that are in files now; a success is of those alone
)

func (o *Options) ensureDefaults() {
	o.Flush.ensureDefaults()
	if o.AppendDelay == 0 {
		o.AppendDelay = 25 * time.Millisecond
	}
	if o.RetryPause == 0 {
		o.RetryPause = 250 * time.Millisecond
	}
	if o.Told == nil {
		o.Told = func(string, error) {}
	}
	if o.Shapers == 0 {
		o.Shapers = 2
	}
}
