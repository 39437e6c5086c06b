package console

import (
	"context"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// Node is the running node as the console sees it. What a page needs besides is
// an interface in the page's own file, embedded here.
type Node interface {
	Watch
	StreamReader
	ExampleReader
	TableReader
	DemoReader
	SQLReader
	QuarantineReader
	LedgerReader
}

// Watch tells how the whole node fares.
type Watch interface {
	// Ready is nil when records are taken and queries are exact.
	Ready() error
	// Overview is everything that the frame of each page and Home show. It is
	// asked at most twice a second, but for pages that want a fresh one.
	Overview(ctx context.Context) (Overview, error)
}

// Overview is the whole node at one moment.
type Overview struct {
	At      time.Time
	Started time.Time // of the process
	// Project version and since when it runs; 0 where nothing was ever applied.
	Version int
	Since   time.Time
	// From is when the hour of the counts Hour began: hours are those of UTC.
	From time.Time

	Balanced   bool
	Total      Counts // since the first record
	Hour       Counts // received since From
	Kept       int64  // all streams' Kept
	Discarded  int64  // and Discarded
	Difference int64  // rows that are there less rows that should be; 0 when balanced

	Streams    []Stream
	Quarantine ledger.TableReport
	Doors      []Door
	Outlets    []Outlet
	Journal    Journal
	Recent     int64 // rows that SQL sees and no file has
	LakeRows   int64 // in the files of all streams' tables
	LakeFiles  int
	LakeBytes  int64
	OldestRow  time.Time // receipt of the oldest recent row; zero without one
	Limits     []api.Limit
	Incidents  []meta.Incident
	Refusal    Refusal
	Troubles   []Trouble // what fails again and again, the oldest first
	// Restart are the settings whose new value holds after a restart only.
	Restart []api.SettingChange
	Changes []Change
}

// Counts says what became of records. Accepted is the sum of the others.
type Counts struct {
	Accepted, Delivered, Pending, Quarantined, Deduplicated, Filtered int64
}

// Difference is what is accepted and not explained; 0 when it balances.
func (c Counts) Difference() int64 {
	return c.Delivered + c.Pending + c.Quarantined + c.Deduplicated + c.Filtered - c.Accepted
}

// Plus adds two counts.
func (c Counts) Plus(o Counts) Counts {
	return Counts{c.Accepted + o.Accepted, c.Delivered + o.Delivered, c.Pending + o.Pending,
		c.Quarantined + o.Quarantined, c.Deduplicated + o.Deduplicated, c.Filtered + o.Filtered}
}

// HourCounts is what became of the records that were received within an hour of UTC.
type HourCounts struct {
	Hour time.Time
	Counts
}

// Stream is one stream at one moment.
type Stream struct {
	Name        string
	Description string
	Gone        bool      // removed from the project: it takes no records, and its table stays
	Definition  int       // number of the newest
	Since       time.Time // when it was applied
	Total, Hour Counts
	Hours       []HourCounts // of the last seven days, oldest first; those without records are left out
	// Kept is how many of those received since From are in quarantine, where SQL sees
	// them; Unfiled is how many rows of quarantine, since whenever, are in no file yet:
	// in Total and Hour they are pending.
	Kept, Unfiled int64
	// Discarded is how many of those received since From were in quarantine until they
	// were discarded: in Hour they are quarantined.
	Discarded int64
	// Seen is the id up to which SQL saw every record.
	Seen     record.RecordID
	Balanced bool
	Live     int64 // rows in the table's files
	Expected int64 // by the account
	Removed  int64 // rows that retention and deletes took out
	Waiting  int64 // records on the log that SQL does not see yet
	Recent   int64 // rows that SQL sees and no file has
	Files    int
	Bytes    int64
	Failure  string // of the last flush; it is tried again
	// PerSecond is measured over the last minute, at the doors.
	PerSecond float64
	// Visible is how long the last records shown took from receipt to SQL, Landed
	// from receipt to a committed file; 0 where none was since the start.
	Visible, Landed time.Duration
	// Watermark is the newest event time that SQL has seen since the start; zero
	// without one.
	Watermark time.Time
	Oldest    time.Time // receipt of the oldest record that is in no file; zero without one
	Last      time.Time // receipt of the newest record since the start
}

// Door is one kind of door in and what came through it.
type Door struct {
	Name      string // as record.Request names it
	Hour      int64  // records since From or the start, whichever came later
	PerSecond float64
}

// Outlet is one way out: queries, by who asked.
type Outlet struct {
	Name      string
	Hour      int64
	PerSecond float64
}

// Trouble is something that has failed since a moment and has not gone well again.
type Trouble struct {
	Name        string // of what fails, such as "flush events"
	Since, Last time.Time
	Count       int
	Text        string // of the last failure
}

// String is the trouble in one sentence.
func (t Trouble) String() string {
	return fmt.Sprintf("%s has failed %d times since %s: %s", t.Name, t.Count, t.Since.UTC().Format(time.RFC3339), t.Text)
}

// Refusal is why a changed project was not applied; its Text is "" where the last
// one was.
type Refusal struct {
	At   time.Time
	Text string
}

// Journal is how the log stands.
type Journal struct {
	Waiting  int64 // records that SQL does not see yet
	Bytes    int64
	MaxBytes int64
	// Behind is how many envelopes the raw archive has yet to take.
	Behind int64
}

// Change is something that was changed, or that happened, and what.
type Change struct {
	At   time.Time
	Kind string // "started", "stream", "definition", "settings", "replay", "incident"
	Name string
	// Number is the definition's, or how many records a replay moved.
	Number int64
	Detail []Detail
	By     string        // who asked, or what an incident says
	Down   time.Duration // of a start: how long no node ran before
}

// Version is a definition of a stream.
type Version struct {
	Number  int
	Since   time.Time
	From    int64 // first sequence number of the log for which it holds
	Changed []Detail
}

// Detail is one thing a definition changed in.
type Detail struct {
	Kind     string // "added", "removed", "changed"
	What     string // "column", or a key of the definition or of biwa.yaml
	Name     string // of the column
	Now, Was string
}
