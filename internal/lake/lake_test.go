package lake

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// scan counts the rows iceberg-go itself finds through the table's metadata.
func (n *node) scan(table string) (rows int64, files int) {
	n.t.Helper()
	ctx := context.Background()
	location, err := n.Location(ctx, table)
	if err != nil {
		n.t.Fatal(err)
	}
	t, err := n.Lake.read(ctx, table, location)
	if err != nil {
		n.t.Fatal(err)
	}
	view := icetable.New(icetable.Identifier{Namespace, table}, t.metadata, location, newStaging(ctx, n.local).fileSystem, nil)
	tasks, err := view.Scan().PlanFiles(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, task := range tasks {
		rows += task.File.Count()
		files++
	}
	return rows, files
}

func TestCreateNumbersFieldsAndCanBeRepeated(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	spec := eventsSpec()
	spec.Schema = append(append(record.Schema{}, events...), record.Column{Name: "tags", Type: record.Type{Kind: record.Array,
		Elem: &record.Type{Kind: record.Struct, Fields: []record.Column{{Name: "k", Type: record.Type{Kind: record.JSON}}}}}})
	first, err := n.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range first {
		if c.FieldID != i+1 {
			t.Errorf("column %s has field id %d", c.Name, c.FieldID)
		}
	}
	again, err := n.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if !sameSchema(first, again) {
		t.Errorf("created again: %v, at first %v", again, first)
	}
	version := n.world.Current().Table("events").SchemaVersion
	n = n.again(Options{})
	w := n.world.Current().Table("events")
	if !sameSchema(w.Schema, first) || w.TimeColumn != "ts" || version == 0 {
		t.Errorf("after a start the World has %v", w)
	}
}

func TestCommitIsVisibleWithItsOffset(t *testing.T) {
	n := newNode(t, Options{})
	must(n.Create(context.Background(), eventsSpec()))
	for seq := record.Sequence(1); seq <= 45; seq++ {
		if err := n.flush(seq, 3); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		if got := n.rows("events"); got.Count != 135 {
			t.Errorf("%d rows", got.Count)
		}
		if rows, files := n.scan("events"); rows != 135 || files != 45 {
			t.Errorf("Iceberg finds %d rows in %d files", rows, files)
		}
		if n.offset() != 45 {
			t.Errorf("offset %d", n.offset())
		}
	}
	check()
	n = n.again(Options{})
	check()
}

func TestCommitThatFailsInTxChangesNothing(t *testing.T) {
	n := newNode(t, Options{})
	must(n.Create(context.Background(), eventsSpec()))
	if err := n.flush(1, 3); err != nil {
		t.Fatal(err)
	}
	before, location := n.rows("events"), must(n.Location(context.Background(), "events"))
	f := must(n.write("events", someEvents(2, 3), nil))
	if err := n.commitFile(f, 9); record.KindOf(err) != record.Conflict {
		t.Fatalf("a commit with a stale offset: %v", err)
	}
	if n.rows("events") != before || must(n.Location(context.Background(), "events")) != location {
		t.Error("a commit that failed changed the table")
	}
	if err := n.commitFile(f, 2); err != nil {
		t.Fatalf("the same file again: %v", err)
	}
	if err := n.commitFile(f, 3); err == nil || n.rows("events").Count != 6 {
		t.Errorf("a file was committed twice: %v", err)
	}
}

func TestCommitOfManyTables(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	must(n.Create(ctx, eventsSpec()))
	must(n.Create(ctx, Spec{Name: record.QuarantineTable, Schema: record.QuarantineSchema, TimeColumn: record.ColumnReceivedAt}))
	good := must(n.write("events", someEvents(1, 2), nil))
	bad := must(n.write(record.QuarantineTable, someEvents(2, 2), nil))
	var published, after bool
	pin := n.world.Pin()
	c := &Commit{
		Appends: []Append{{Table: "events", Files: []record.File{good}}, {Table: record.QuarantineTable, Files: []record.File{bad}}},
		Publish: func(d *world.Draft) { published = d.Table("events").Files.Len() == 1 },
		After:   func() { after = true },
	}
	c.InTx = func(*sql.Tx) error {
		if c.Snapshots["events"] == 0 || c.Snapshots[record.QuarantineTable] == 0 {
			return errors.New("no snapshots")
		}
		return nil
	}
	if err := n.Commit(ctx, c); err != nil {
		t.Fatal(err)
	}
	if !published || after {
		t.Errorf("published %v, after %v", published, after)
	}
	if pin.Table("events").Files.Len() != 0 {
		t.Error("a pinned World changed")
	}
	pin.Release()
	if !after {
		t.Error("After did not run when the World was let go")
	}
}

func TestEvolve(t *testing.T) {
	ctx := context.Background()
	kind := func(k record.TypeKind) record.Type { return record.Type{Kind: k} }
	decimal := func(p, s int) record.Type { return record.Type{Kind: record.Decimal, Precision: p, Scale: s} }
	for _, c := range []struct {
		name         string
		from, to     record.Type
		becomes      string
		wantConflict bool
	}{
		{"int to bigint", kind(record.Int), kind(record.Bigint), "bigint", false},
		{"bigint stays", kind(record.Bigint), kind(record.Int), "bigint", false},
		{"more digits", decimal(10, 2), decimal(18, 2), "decimal(18,2)", false},
		{"other scale", decimal(10, 2), decimal(18, 3), "", true},
		{"json is text", kind(record.JSON), kind(record.Varchar), "varchar", false},
		{"text to number", kind(record.Varchar), kind(record.Bigint), "", true},
		{"bigint to double", kind(record.Bigint), kind(record.Double), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Options{})
			must(n.Create(ctx, Spec{Name: "t", Schema: record.Schema{{Name: "c", Type: c.from}}}))
			version := n.world.Current().Table("t").SchemaVersion
			wanted := record.Schema{{Name: "c", Type: c.to}, {Name: "d", Type: kind(record.Double)}}
			got, err := n.Evolve(ctx, "t", wanted)
			if c.wantConflict {
				if record.KindOf(err) != record.Conflict {
					t.Fatalf("want a conflict: %v", err)
				}
				if w := n.world.Current().Table("t"); w.SchemaVersion != version || len(w.Schema) != 1 {
					t.Error("a refused change changed the table")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Type.String() != c.becomes || got[0].FieldID != 1 || got[1].FieldID != 2 {
				t.Errorf("became %v", got)
			}
			w := n.world.Current().Table("t")
			if w.SchemaVersion <= version || !sameSchema(w.Schema, got) {
				t.Errorf("the World has version %d after %d and %v", w.SchemaVersion, version, w.Schema)
			}
			again := must(n.Evolve(ctx, "t", wanted))
			if !sameSchema(again, got) || n.world.Current().Table("t").SchemaVersion != w.SchemaVersion {
				t.Error("evolving again changed the table")
			}
			n = n.again(Options{})
			if !sameSchema(n.world.Current().Table("t").Schema, got) {
				t.Errorf("after a start: %v", n.world.Current().Table("t").Schema)
			}
		})
	}
}

func TestEvolveRefusesNamesThatDifferInCase(t *testing.T) {
	n := newNode(t, Options{})
	must(n.Create(context.Background(), eventsSpec()))
	_, err := n.Evolve(context.Background(), "events", record.Schema{{Name: "Site", Type: record.Type{Kind: record.Varchar}}})
	if record.KindOf(err) != record.Conflict {
		t.Errorf("want a conflict: %v", err)
	}
}

func TestCompactKeepsRowsAndHoldsFiles(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{KeepSnapshots: 2, Grace: time.Minute})
	must(n.Create(ctx, eventsSpec()))
	for seq := record.Sequence(1); seq <= 5; seq++ {
		if err := n.flush(seq, 8); err != nil {
			t.Fatal(err)
		}
	}
	before := n.rows("events")
	if r := must(n.Compact(ctx, "events", n, CompactOptions{})); r.Sources != 0 {
		t.Errorf("5 young files started a job: %+v", r)
	}
	pin := n.world.Pin()
	r := must(n.Compact(ctx, "events", n, CompactOptions{MinYoungFiles: 5}))
	if r.Sources != 5 || r.Files != 4 || r.Rows != 40 {
		t.Errorf("compacted: %+v", r)
	}
	if n.rows("events") != before {
		t.Error("compaction changed the rows")
	}
	if rows, files := n.scan("events"); rows != 40 || files != 4 {
		t.Errorf("Iceberg finds %d rows in %d files", rows, files)
	}
	must(n.Expire(ctx, "events", -time.Hour, 1))
	n.clock.Move(time.Hour)
	must(n.Sweep(ctx))
	for _, f := range pin.Table("events").Files.All() {
		if _, err := n.read(ctx, f); err != nil {
			t.Fatalf("a pinned file went away: %v", err)
		}
	}
	old := pin.Table("events").Files.All()
	pin.Release()
	if swept := must(n.Sweep(ctx)); swept != 5 {
		t.Errorf("swept %d files after the World was let go", swept)
	}
	if _, err := n.read(ctx, old[0]); record.KindOf(err) != record.NotFound {
		t.Errorf("an old file is still there: %v", err)
	}
	n = n.again(Options{})
	if n.rows("events") != before {
		t.Error("rows changed at a start")
	}
	merged := must(n.Compact(ctx, "events", n, CompactOptions{Force: true}))
	if merged.Sources != 0 {
		t.Errorf("single files of a partition were merged: %+v", merged)
	}
}

func TestCompactRefusesOtherRows(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	must(n.Create(ctx, eventsSpec()))
	for seq := record.Sequence(1); seq <= 2; seq++ {
		if err := n.flush(seq, 8); err != nil {
			t.Fatal(err)
		}
	}
	before := n.rows("events")
	if _, err := n.Compact(ctx, "events", lossy{n}, CompactOptions{Force: true}); err == nil {
		t.Fatal("a rewrite that lost a file was committed")
	}
	if n.rows("events") != before {
		t.Error("a refused rewrite changed the rows")
	}
}

// lossy is an engine that loses a file.
type lossy struct{ *node }

func (e lossy) Rewrite(ctx context.Context, job record.RewriteJob) ([]record.File, error) {
	job.Sources = job.Sources[1:]
	return e.node.Rewrite(ctx, job)
}

func TestRetainDropsWholeFiles(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	must(n.Create(ctx, eventsSpec()))
	for seq := record.Sequence(1); seq <= 3; seq++ {
		if err := n.flush(seq, 8); err != nil {
			t.Fatal(err)
		}
	}
	must(n.Compact(ctx, "events", n, CompactOptions{Force: true}))
	var noted Removed
	r, err := n.Retain(ctx, "events", start.Add(24*time.Hour), n, func(_ *sql.Tx, r Removed) error { noted = r; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if r.Files != 2 || r.Tally.Count != 12 || r.Snapshot == 0 || noted != r {
		t.Errorf("removed %+v, noted %+v", r, noted)
	}
	if rows, _ := n.scan("events"); rows != 12 || n.rows("events").Count != 12 {
		t.Errorf("%d rows are left", rows)
	}
	if again := must(n.Retain(ctx, "events", start.Add(24*time.Hour), n, nil)); again.Files != 0 {
		t.Errorf("removed again: %+v", again)
	}
}

func TestDropAndRemoveOrphans(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{Grace: time.Minute})
	must(n.Create(ctx, eventsSpec()))
	if err := n.flush(1, 4); err != nil {
		t.Fatal(err)
	}
	must(n.write("events", someEvents(9, 2), nil)) // never committed
	pin := n.world.Pin()
	quiesced := 0
	removed, err := n.Drop(ctx, "events", n, func() error {
		quiesced++
		return n.flush(2, 3) // what comes until the last moment counts
	}, func(*sql.Tx, Removed) error { return nil })
	if err != nil || quiesced != 1 || removed.Files != 2 || removed.Tally.Count != 7 {
		t.Fatalf("removed %+v, quiesced %d times: %v", removed, quiesced, err)
	}
	if n.world.Current().Table("events") != nil {
		t.Error("a dropped table is in the World")
	}
	if err := n.flushDropped(); record.KindOf(err) != record.NotFound {
		t.Errorf("a commit to a dropped table: %v", err)
	}
	n.clock.Move(2 * time.Minute)
	swept := must(n.Sweep(ctx))
	for _, f := range pin.Table("events").Files.All() {
		if _, err := n.local.Open(ctx, f.Path); err != nil {
			t.Errorf("a reader that began before has lost a file: %v", err)
		}
	}
	pin.Release()
	if swept += must(n.Sweep(ctx)); swept < 5 {
		t.Errorf("swept %d files", swept)
	}
	if _, err := n.RemoveOrphans(ctx, time.Minute); record.KindOf(err) != record.Invalid {
		t.Errorf("an age of a minute: %v", err)
	}
	n.clock.Move(48 * time.Hour)
	if orphans := must(n.RemoveOrphans(ctx, 24*time.Hour)); orphans != 1 {
		t.Errorf("%d orphans", orphans)
	}
	must(n.Create(ctx, eventsSpec()))
}

func (n *node) flushDropped() error {
	return n.Commit(context.Background(), &Commit{Appends: []Append{{Table: "events", Files: []record.File{{Path: "lake/events/data/x.parquet", Rows: 1}}}}})
}

func TestMetadataStaysSmall(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{KeepSnapshots: 5, Grace: time.Second})
	must(n.Create(ctx, eventsSpec()))
	for seq := record.Sequence(1); seq <= 60; seq++ {
		if err := n.flush(seq, 2); err != nil {
			t.Fatal(err)
		}
		n.clock.Move(2 * time.Second)
		must(n.Sweep(ctx))
	}
	n.tables["events"].commits.Lock()
	snapshots := len(n.tables["events"].metadata.Snapshots())
	n.tables["events"].commits.Unlock()
	if snapshots > 10 {
		t.Errorf("%d snapshots", snapshots)
	}
	entries := must(n.disk.ReadDir(n.local.Filename(folder("events") + "/metadata")))
	if files := len(entries); files > 80 {
		t.Errorf("%d metadata files", files)
	}
	if rows, _ := n.scan("events"); rows != 120 {
		t.Errorf("Iceberg finds %d rows", rows)
	}
}

func TestTwoProcessesOnOneTable(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	must(n.Create(ctx, eventsSpec()))
	other, err := openNode(t, n.disk, "/data", n.dbPath, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.db.Close()
	if err := n.flush(1, 2); err != nil {
		t.Fatal(err)
	}
	if err := other.flush(2, 2); err != nil {
		t.Fatalf("a commit after another process moved the table: %v", err)
	}
	if got := other.rows("events"); got.Count != 4 {
		t.Errorf("the other process sees %d rows", got.Count)
	}
	if err := n.flush(3, 2); err != nil {
		t.Fatal(err)
	}
	if got := n.rows("events"); got.Count != 6 {
		t.Errorf("%d rows", got.Count)
	}
}

func TestPartitionsCanChange(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	must(n.Create(ctx, eventsSpec()))
	if err := n.flush(1, 8); err != nil {
		t.Fatal(err)
	}
	must(n.Compact(ctx, "events", n, CompactOptions{Force: true}))
	spec := eventsSpec()
	spec.Partition = []string{"site"}
	must(n.Create(ctx, spec))
	if r := must(n.Compact(ctx, "events", n, CompactOptions{})); r.Sources != 4 || r.Files != 2 {
		t.Errorf("files of the old partitions: %+v", r)
	}
	if rows, files := n.scan("events"); rows != 8 || files != 2 {
		t.Errorf("Iceberg finds %d rows in %d files", rows, files)
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		kind  record.TypeKind
		text  string
		upper bool
		want  iceberg.Literal
	}{
		{record.Bigint, "-7", false, iceberg.Int64Literal(-7)},
		{record.Double, "nan", false, nil},
		{record.Date, "1970-01-02", false, iceberg.DateLiteral(1)},
		{record.Timestamptz, "1970-01-01 00:00:01.5+00", false, iceberg.TimestampLiteral(1_500_000)},
		{record.Timestamp, "rubbish", false, nil},
		{record.Varchar, "short", true, iceberg.StringLiteral("short")},
		{record.Varchar, "0123456789abcdefgh", false, iceberg.StringLiteral("0123456789abcdef")},
		{record.Varchar, "0123456789abcdefgh", true, iceberg.StringLiteral("0123456789abcdeg")},
		{record.Varchar, "琵琶湖は日本最大の湖であり最古の湖です", true, iceberg.StringLiteral("琵琶湖は日本最大の湖であり最古は")},
	} {
		got := boundLiteral(record.Type{Kind: c.kind}, c.text, c.upper)
		if c.want == nil || got == nil {
			if got != c.want {
				t.Errorf("%s: got %v, want %v", c.text, got, c.want)
			}
			continue
		}
		if !got.Equals(c.want) {
			t.Errorf("%s: got %v, want %v", c.text, got, c.want)
		}
	}
	v, ok := parseDecimal("-0.5", 2)
	if !ok || v.BigInt().Int64() != -50 {
		t.Errorf("-0.5 became %v", v)
	}
}
