package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
	"github.com/biwa-data/biwa/internal/world"
)

var errInjected = errors.New("injected")

// site is everything around a worker: a log, shapers of two generations, recent
// rows, files and tables, all in memory, any of which can be made to fail.
type site struct {
	mu       sync.Mutex
	log      []*record.Envelope
	arrived  chan struct{}
	worlds   *world.Store
	recent   map[string][]record.RecordID
	files    map[string][]record.RecordID
	table    []record.RecordID // committed
	offset   record.Sequence
	epoch    int64
	accounts int64 // accepted, of all commits
	commits  []Commit
	outdates record.Sequence // from which the next Prepare finds the shaper outdated, 0 for none
	widened  record.Sequence // from which the second generation holds, 0 for never
	written  int
	fail     map[string]int // how many more calls of a kind fail, -1 for all
	failed   chan string    // told of each failure
}

func newSite() *site {
	return &site{arrived: make(chan struct{}), worlds: world.NewStore(), recent: map[string][]record.RecordID{}, files: map[string][]record.RecordID{},
		fail: map[string]int{}, failed: make(chan string, 1000)}
}

// breakDown makes the next calls of a kind fail; n < 0 all of them, 0 none.
func (s *site) breakDown(kind string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[kind] = n
}

// broken says whether a call fails. The caller holds mu.
func (s *site) broken(kind string) error {
	if s.fail[kind] == 0 {
		return nil
	}
	s.fail[kind]--
	select {
	case s.failed <- kind:
	default:
	}
	return fmt.Errorf("%s: %w", kind, errInjected)
}

// send puts records on the log, some in each of several envelopes.
func (s *site) send(envelopes, records int) record.Sequence {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range envelopes {
		s.log = append(s.log, &record.Envelope{Seq: record.Sequence(len(s.log) + 1), Sections: []record.Section{{Count: records,
			Requests: []record.Request{{Count: records, ReceivedAt: time.Now().UTC()}}}}})
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
	return record.Sequence(len(s.log))
}

func (s *site) Next(ctx context.Context, _ record.StreamID, after record.Sequence) (*record.Envelope, error) {
	for {
		s.mu.Lock()
		arrived := s.arrived
		if int(after) < len(s.log) {
			defer s.mu.Unlock()
			return s.log[after], nil
		}
		s.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *site) Last() record.Sequence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return record.Sequence(len(s.log))
}

func (s *site) LastOf(record.StreamID) record.Sequence  { return s.Last() }
func (s *site) Forget(record.StreamID, record.Sequence) {}

var (
	narrow = record.Schema{{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}}}
	wide   = append(slices.Clone(narrow), record.Column{Name: "more", Type: record.Type{Kind: record.Varchar}})
)

// shaper makes a row of each record; the narrow one knows no field "more".
type shaper struct {
	site   *site
	schema record.Schema
}

// newField marks an envelope whose records have the field "more".
const newField = "new field"

// unfit marks an envelope whose records all go to quarantine.
const unfit = "unfit"

func (h *shaper) Schema() record.Schema { return h.schema }
func (h *shaper) TimeColumn() string    { return "" }

func (h *shaper) Shape(_ context.Context, env *record.Envelope, sec *record.Section) (*record.Batch, error) {
	h.site.mu.Lock()
	defer h.site.mu.Unlock()
	if err := h.site.broken("shape"); err != nil {
		return nil, err
	}
	b := &record.Batch{Seq: env.Seq, Schema: h.schema, Bytes: int64(100 * sec.Count)}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, h.schema.Arrow())
	defer rows.Release()
	for i := range sec.Count {
		id := env.ID(sec, i)
		b.Accepted.Add(id)
		rows.Field(0).(*array.Int64Builder).Append(int64(id))
		if len(h.schema) > 1 {
			rows.Field(1).AppendNull()
		}
	}
	b.Rows = rows.NewRecordBatch()
	if sec.Requests[0].UserAgent == unfit {
		for i := range sec.Count {
			b.Rejects = append(b.Rejects, record.Reject{ID: env.ID(sec, i), ReceivedAt: sec.Requests[0].ReceivedAt, Code: record.CodeMissing})
		}
		b.Rows.Release()
		b.Rows = nil
	}
	if sec.Requests[0].UserAgent == newField && len(h.schema) == 1 {
		b.Unknown = []record.NewColumn{{Column: wide[1]}}
	}
	return b, nil
}

type generations struct {
	site         *site
	narrow, wide *shaper
}

func (g *generations) At(seq record.Sequence) (Shaper, error) {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	if g.site.widened > 0 && seq >= g.site.widened {
		return g.wide, nil
	}
	return g.narrow, nil
}

func (g *generations) Evolve(_ context.Context, from record.Sequence, _ []record.NewColumn) error {
	g.site.mu.Lock()
	defer g.site.mu.Unlock()
	g.site.widened = from
	return nil
}

// Prepare is outdated once where a test says so: the table is widened meanwhile.
func (g *generations) Prepare(ctx context.Context, s Shaper) (record.Schema, error) {
	g.site.mu.Lock()
	outdated := g.site.outdates
	if g.site.outdates = 0; outdated > 0 {
		g.site.widened = outdated
	}
	g.site.mu.Unlock()
	if outdated > 0 {
		return nil, fmt.Errorf("prepare: %w", ErrOutdated)
	}
	return g.site.Prepare(ctx, "", s.Schema())
}

func idsOf(batches []arrow.RecordBatch) (ids []record.RecordID) {
	for _, b := range batches {
		for _, id := range b.Column(0).(*array.Int64).Int64Values() {
			ids = append(ids, record.RecordID(id))
		}
	}
	return ids
}

func (s *site) CreateRecent(_ context.Context, name string, _ record.Schema) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent[name] = nil
	return s.broken("create")
}

func (s *site) AppendRecent(_ context.Context, name string, batches []arrow.RecordBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken("append"); err != nil {
		return err
	}
	s.recent[name] = append(s.recent[name], idsOf(batches)...)
	return nil
}

func (s *site) DropRecent(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recent, name)
	return nil
}

func (s *site) WriteParquet(_ context.Context, path string, schema record.Schema, _ string, batches []arrow.RecordBatch) (record.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range batches {
		if int(b.NumCols()) != len(schema) {
			return record.File{}, fmt.Errorf("a batch of %d columns in a file of %d", b.NumCols(), len(schema))
		}
	}
	if err := s.broken("write"); err != nil {
		return record.File{}, err
	}
	s.files[path] = idsOf(batches)
	return record.File{Path: path, Rows: int64(len(s.files[path]))}, nil
}

func (s *site) Prepare(_ context.Context, _ string, schema record.Schema) (record.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return schema, s.broken("prepare")
}

func (s *site) Path(table string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written++
	return fmt.Sprintf("%s/%d", table, s.written)
}

func (s *site) Commit(_ context.Context, c Commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken("commit"); err != nil {
		return err
	}
	if c.From != s.offset || c.Epoch != s.epoch {
		return record.Errorf(record.Conflict, "the offset is %d in epoch %d, not %d in %d", s.offset, s.epoch, c.From, c.Epoch)
	}
	for _, f := range c.Data {
		s.table = append(s.table, s.files[f.Path]...)
	}
	for _, a := range c.Accounts {
		s.accounts += a.Accepted.Count
	}
	s.offset = c.To
	s.commits = append(s.commits, c)
	s.worlds.Publish(c.Publish, nil)
	return nil
}

// seen are the rows that SQL would see now.
func (s *site) seen() []record.RecordID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Clone(s.table)
	if t := s.worlds.Current().Table("t"); t != nil {
		for _, g := range t.Recent {
			ids = append(ids, s.recent[g.Name]...)
		}
	}
	slices.Sort(ids)
	return ids
}

// exactly checks that SQL sees every record once.
func (s *site) exactly(t *testing.T, when string, records int) {
	t.Helper()
	ids := s.seen()
	if distinct := slices.Compact(slices.Clone(ids)); len(ids) != records || len(distinct) != records {
		t.Errorf("%s: SQL sees %d rows, %d different ones, want %d", when, len(ids), len(distinct), records)
	}
}

// running is a worker under test.
type running struct {
	*Worker
	stop  func()
	ended chan error
}

func (s *site) start(t *testing.T, o Options) *running {
	t.Helper()
	g := &generations{s, &shaper{s, narrow}, &shaper{s, wide}}
	o.RetryPause = time.Microsecond
	if o.FlushAge == 0 {
		o.FlushAge = time.Hour
	}
	o.AppendDelay = time.Microsecond
	s.mu.Lock()
	s.epoch++
	offset, epoch := s.offset, s.epoch
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Worker: NewWorker(record.StreamID{}, "t", offset, epoch, Parts{Log: s, Shapers: g, Recent: s, Files: s, Tables: s, Worlds: s.worlds,
		Budget: NewBudget(1 << 40), Clock: service.SystemClock{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, o), stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(cancel)
	return r
}

// stopped stops the worker in order and returns what Run did.
func (r *running) stopped() error {
	r.stop()
	return <-r.ended
}

func (r *running) visible(t *testing.T, seq record.Sequence) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.WaitVisible(ctx, seq); err != nil {
		t.Fatal(err)
	}
}

func (r *running) flush(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}
