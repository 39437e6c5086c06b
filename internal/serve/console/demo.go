package console

import (
	"context"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Demo is what biwa demo has and biwa up has not: a site to click around on, and a
// supervisor that outlives the node. Without it a console has none of the demo's
// pages.
type Demo interface {
	// Key is the public key of the site's pages.
	Key() string
	Articles() []Article
	State(ctx context.Context) (DemoState, error)
	// Shut keeps further connections waiting for the next process.
	Shut()
	// Kill has this process killed with SIGKILL.
	Kill(ctx context.Context) error
	// Definition is a stream's file; Define checks another text for it in the whole
	// project, and only then saves and applies it.
	Definition(stream string) (string, error)
	Define(ctx context.Context, stream, text string) error
	// Send sends one record by the HTTP door and waits until SQL sees it.
	Send(ctx context.Context, stream, userAgent string, line []byte) (record.RecordID, error)
}

// DemoReader tells what only the demo's pages show of the node.
type DemoReader interface {
	// Rows runs a statement in the project's zone and decodes its rows, as JSON
	// objects, into a slice.
	Rows(ctx context.Context, sql string, into any) error
}

// Article is one of the site's.
type Article struct {
	ID         int64
	Language   Language
	Title      string
	Creator    string
	Paragraphs []string
}

// DemoState is the demo at one moment, as its supervisor tells it.
type DemoState struct {
	Pid          int       // of the node; 0 while none runs
	Since        time.Time // when it was started
	Rate         float64   // of the traffic, records a second
	Run          int64     // names the traffic's start in its page views
	Acknowledged int64     // numbered page views
	Records      int64     // all records, acknowledged
	Step         time.Duration
	Recent       map[int64]int64 // records acknowledged, by Step since 1970
	Trials       []Trial         // oldest first
}

// Trial is one death of the node, and what was found after it.
type Trial struct {
	At           time.Time
	Pid          int
	Down         time.Duration // from the death until the next node was ready; 0 before
	Acknowledged int64
	Found        int64
	Twice        int64
	SQL          string
	Done         time.Time // zero until all is counted
	Failure      string
}

// Lost says whether not everything was found, or something twice.
func (t Trial) Lost() bool { return t.Found != t.Acknowledged || t.Twice != 0 }

// demoPages are the pages of biwa demo.
func demoPages() []*page { return []*page{tourPage(), sitePage(), articlePage()} }
