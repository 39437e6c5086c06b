package lake

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/object/faultfs"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manual is a clock that tests move.
type manual struct {
	mu  sync.Mutex
	now time.Time
}

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manual) Move(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// node is a lake with all below it.
type node struct {
	*Lake
	t      testing.TB
	disk   object.FS
	db     *meta.DB
	local  *object.Local
	world  *world.Store
	clock  *manual
	dbPath string
}

// openNode opens a lake in memory, its database at path.
func openNode(t testing.TB, disk object.FS, root, path string, o Options) (*node, error) {
	t.Helper()
	ctx := context.Background()
	n := &node{t: t, disk: disk, dbPath: path, world: world.NewStore(), clock: &manual{now: time.Now().UTC()}}
	var err error
	if n.local, err = object.OpenLocal(disk, root, "biwa"); err != nil {
		return nil, err
	}
	if n.db, err = meta.Open(ctx, path); err != nil {
		return nil, err
	}
	if n.Lake, err = Open(ctx, n.db, n.local, n.world, n.clock, o); err != nil {
		n.db.Close()
		return nil, err
	}
	return n, nil
}

func newNode(t testing.TB, o Options) *node {
	t.Helper()
	n, err := openNode(t, faultfs.New(), "/data", filepath.Join(t.TempDir(), "meta.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.db.Close() })
	return n
}

// again opens the node anew from what is on disk.
func (n *node) again(o Options) *node {
	n.t.Helper()
	n.db.Close()
	next, err := openNode(n.t, n.disk, "/data", n.dbPath, o)
	if err != nil {
		n.t.Fatalf("open again: %v", err)
	}
	n.t.Cleanup(func() { next.db.Close() })
	return next
}

var events = record.Schema{
	{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}},
	{Name: record.ColumnReceivedAt, Type: record.Type{Kind: record.Timestamptz}},
	{Name: "ts", Type: record.Type{Kind: record.Timestamptz}},
	{Name: "ts_day", Type: record.Type{Kind: record.Date}},
	{Name: "site", Type: record.Type{Kind: record.Varchar}},
	{Name: "payload", Type: record.Type{Kind: record.JSON}},
}

func eventsSpec() Spec {
	return Spec{Name: "events", Schema: events, TimeColumn: "ts", Partition: []string{"site", "ts_day"}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// event is a row of the test table.
type event struct {
	id   record.RecordID
	at   time.Time
	site string
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// someEvents are n rows of envelope seq, on two sites and two days.
func someEvents(seq record.Sequence, n int) []event {
	list := make([]event, n)
	for i := range list {
		list[i] = event{record.NewRecordID(0, seq, i), start.Add(time.Duration(i%2)*24*time.Hour + time.Duration(seq)*time.Second),
			[]string{"a", "b"}[i/2%2]}
	}
	return list
}

func tallyOf(rows []event) (t record.Tally) {
	for _, r := range rows {
		t.Add(r.id)
	}
	return t
}

// write writes rows into a Parquet file with field ids, as the engine would.
func (n *node) write(table string, rows []event, partition []any) (record.File, error) {
	w := n.world.Current().Table(table)
	fields := make([]arrow.Field, len(w.Schema))
	for i, c := range w.Schema {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true,
			Metadata: arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{fmt.Sprint(c.FieldID)})}
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	f := record.File{Rows: int64(len(rows)), Partition: partition, Columns: map[int]record.ColumnStats{}, HasTime: len(rows) > 0}
	for i, r := range rows {
		appendEvent(b, w.Schema, r)
		at := r.at.UnixMicro()
		if i == 0 {
			f.MinTime, f.MaxTime, f.MinID, f.MaxID = at, at, r.id, r.id
		}
		f.MinTime, f.MaxTime = min(f.MinTime, at), max(f.MaxTime, at)
		f.MinID, f.MaxID = min(f.MinID, r.id), max(f.MaxID, r.id)
	}
	f.Columns[w.Schema[0].FieldID] = record.ColumnStats{Values: f.Rows, Min: f.MinID.String(), Max: f.MaxID.String(), HasBound: true}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var out bytes.Buffer
	pw, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		return f, err
	}
	if err := pw.Write(batch); err != nil {
		return f, err
	}
	if err := pw.Close(); err != nil {
		return f, err
	}
	f.Path, f.Bytes = n.Path(table), int64(out.Len())
	return f, n.local.Stage(context.Background(), f.Path, out.Bytes())
}

func appendEvent(b *array.RecordBuilder, schema record.Schema, r event) {
	for i, c := range schema {
		switch c.Name {
		case record.ColumnRecordID:
			b.Field(i).(*array.Int64Builder).Append(int64(r.id))
		case "ts", record.ColumnReceivedAt:
			b.Field(i).(*array.TimestampBuilder).Append(arrow.Timestamp(r.at.UnixMicro()))
		case "ts_day":
			b.Field(i).(*array.Date32Builder).Append(arrow.Date32FromTime(r.at))
		case "site":
			b.Field(i).(*array.StringBuilder).Append(r.site)
		default:
			b.Field(i).AppendNull()
		}
	}
}

// read reads the rows of a file.
func (n *node) read(ctx context.Context, f record.File) ([]event, error) {
	in, err := n.local.Open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data := make([]byte, in.Size()) // at one go, so that fault tests count one read
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	pf, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	defer pf.Close()
	r, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	t, err := r.ReadTable(ctx)
	if err != nil {
		return nil, err
	}
	defer t.Release()
	var rows []event
	tr := array.NewTableReader(t, 0)
	defer tr.Release()
	for tr.Next() {
		batch := tr.RecordBatch()
		column := func(name string) arrow.Array { return batch.Column(batch.Schema().FieldIndices(name)[0]) }
		for i := range int(batch.NumRows()) {
			rows = append(rows, event{
				record.RecordID(column(record.ColumnRecordID).(*array.Int64).Value(i)),
				time.UnixMicro(int64(column("ts").(*array.Timestamp).Value(i))).UTC(),
				column("site").(*array.String).Value(i)})
		}
	}
	return rows, nil
}

// Rewrite is the engine's part of compaction of the table events.
func (n *node) Rewrite(ctx context.Context, job record.RewriteJob) ([]record.File, error) {
	return n.rewriteInto(ctx, "events", job)
}

func (n *node) rewriteInto(ctx context.Context, table string, job record.RewriteJob) (files []record.File, err error) {
	parts := map[string][]event{}
	values := map[string][]any{}
	for _, f := range job.Sources {
		rows, err := n.read(ctx, f)
		if err != nil {
			return files, err
		}
		for _, r := range rows {
			v := []any{}
			for _, c := range job.Partition {
				if c == "site" {
					v = append(v, r.site)
				} else {
					v = append(v, r.at.Format(time.DateOnly))
				}
			}
			key := fmt.Sprint(v...)
			parts[key], values[key] = append(parts[key], r), v
		}
	}
	for key, rows := range parts {
		slices.SortFunc(rows, func(a, b event) int { return a.at.Compare(b.at) })
		v := values[key]
		if len(v) == 0 {
			v = nil
		}
		f, err := n.write(table, rows, v)
		files = append(files, f)
		if err != nil {
			return files, err
		}
	}
	return files, nil
}

// TallyFiles counts rows by reading them.
func (n *node) TallyFiles(ctx context.Context, files []record.File) (t record.Tally, err error) {
	for _, f := range files {
		rows, err := n.read(ctx, f)
		if err != nil {
			return t, err
		}
		t = t.Plus(tallyOf(rows))
	}
	return t, nil
}

// flush commits rows of one envelope to events, with the offset.
func (n *node) flush(seq record.Sequence, rows int) error {
	f, err := n.write("events", someEvents(seq, rows), nil)
	if err != nil {
		return err
	}
	return n.commitFile(f, seq)
}

func (n *node) commitFile(f record.File, seq record.Sequence) error {
	ctx := context.Background()
	return n.Commit(ctx, &Commit{
		Appends: []Append{{Table: "events", Files: []record.File{f}}},
		InTx: func(tx *sql.Tx) error {
			return meta.Advance(ctx, tx, "table:events", 0, seq-1, seq, 0)
		},
	})
}

// rows is what a reader of the World sees in a table; it fails if a file is
// missing or a row is there twice.
func (n *node) rows(table string) record.Tally {
	n.t.Helper()
	w := n.world.Current().Table(table)
	if w == nil {
		return record.Tally{}
	}
	var total record.Tally
	seen := map[record.RecordID]bool{}
	for _, f := range w.Files.All() {
		rows, err := n.read(context.Background(), f)
		if err != nil {
			n.t.Fatalf("a file the World names cannot be read: %v", err)
		}
		if int64(len(rows)) != f.Rows {
			n.t.Fatalf("%s has %d rows, the index says %d", f.Path, len(rows), f.Rows)
		}
		for _, r := range rows {
			if seen[r.id] {
				n.t.Fatalf("row %v is there twice", r.id)
			}
			seen[r.id] = true
		}
		total = total.Plus(tallyOf(rows))
	}
	return total
}

// offset is how far the test's consumer is.
func (n *node) offset() (seq record.Sequence) {
	n.t.Helper()
	err := n.db.View(context.Background(), func(q meta.Querier) (err error) {
		seq, _, err = meta.Offset(context.Background(), q, "table:events", 0)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return seq
}
