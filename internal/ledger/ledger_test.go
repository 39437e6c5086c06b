package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hour = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// fixture is a ledger with one stream, and the rows its tables really hold.
type fixture struct {
	*Ledger
	t      testing.TB
	db     *meta.DB
	stream record.StreamID
	held   map[string][]record.RecordID // table -> ids
	seq    record.Sequence
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	db, err := meta.Open(context.Background(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f := &fixture{Ledger: New(db, service.SystemClock{}), t: t, db: db, stream: record.NewStreamID(), held: map[string][]record.RecordID{}}
	f.update(func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO streams VALUES (?, 'events', 'active', 0)", f.stream.String())
		return err
	})
	return f
}

func (f *fixture) update(change func(tx *sql.Tx) error) {
	f.t.Helper()
	if err := f.db.Update(context.Background(), change); err != nil {
		f.t.Fatal(err)
	}
}

// store makes the table hold the ids, and the index say so.
func (f *fixture) store(tx *sql.Tx, table string, ids []record.RecordID) error {
	f.held[table] = ids
	if _, err := tx.Exec("DELETE FROM files WHERE table_name = ?", table); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT INTO files VALUES (?1, ?1, 0, 1, ?2, 1, 0, 0, 0, 0, 0, NULL, 1, 0)", table, len(ids))
	return err
}

// flush accounts for one envelope of which every tenth record is quarantined,
// duplicate or filtered.
func (f *fixture) flush(n int, at time.Time) {
	f.t.Helper()
	f.seq++
	h := Hour{Start: at}
	good, bad := f.held["events"], f.held[record.QuarantineTable]
	for i := range n {
		id := record.NewRecordID(0, f.seq, i)
		h.Accepted.Add(id)
		switch i % 10 {
		case 7:
			h.Quarantined.Add(id)
			bad = append(bad, id)
		case 8:
			h.Deduplicated.Add(id)
			bad = append(bad, id)
		case 9:
			h.Filtered.Add(id)
		default:
			h.Delivered.Add(id)
			good = append(good, id)
		}
	}
	f.update(func(tx *sql.Tx) error {
		if err := f.store(tx, "events", good); err != nil {
			return err
		}
		if err := f.store(tx, record.QuarantineTable, bad); err != nil {
			return err
		}
		return Write(context.Background(), tx, Entry{Stream: f.stream, From: f.seq, To: f.seq, Hours: []Hour{h}, At: at})
	})
}

// TallyFiles counts what the tables hold; a file is a table here.
func (f *fixture) TallyFiles(ctx context.Context, files []record.File) (record.Tally, error) {
	return f.TallyRange(ctx, files, 0, 1<<62)
}

func (f *fixture) TallyRange(_ context.Context, files []record.File, first, last record.RecordID) (t record.Tally, err error) {
	for _, file := range files {
		for _, id := range f.held[file.Path] {
			if id >= first && id <= last {
				t.Add(id)
			}
		}
	}
	return t, nil
}

func (f *fixture) summary() Report {
	f.t.Helper()
	r, err := f.Summary(context.Background(), hour, func(record.StreamID) int64 { return 5 })
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) verify() Verification {
	f.t.Helper()
	v, err := f.Verify(context.Background(), f)
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

func TestSummary(t *testing.T) {
	f := newFixture(t)
	f.flush(100, hour)
	f.flush(50, hour.Add(time.Hour))
	r := f.summary()
	want := StreamReport{ID: f.stream, Name: "events", Accepted: 155, Delivered: 105, Quarantined: 15, Deduplicated: 15,
		Filtered: 15, Pending: 5, TableReport: TableReport{105, 105, true}, Hours: []HourLine{{hour, 100, 70, 10, 10, 10}, {hour.Add(time.Hour), 50, 35, 5, 5, 5}}}
	if !r.Balanced || len(r.Streams) != 1 || !reflect.DeepEqual(r.Streams[0], want) {
		t.Errorf("got %+v", r)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `{"balanced":true,"streams":[{"name":"events","accepted":155,"delivered":105,`) {
		t.Errorf("%s, %v", text, err)
	}
	if r, err = f.Summary(context.Background(), hour.Add(time.Minute), func(record.StreamID) int64 { return 5 }); err != nil || len(r.Streams[0].Hours) != 1 || r.Streams[0].Accepted != 155 {
		t.Errorf("since the second hour: %+v, %v", r, err)
	}
	if v := f.verify(); !v.Balanced {
		t.Errorf("verify: %+v", v)
	}
}

func TestWriteRefusesWhatDoesNotBalance(t *testing.T) {
	f := newFixture(t)
	var one, other record.Tally
	one.Add(1)
	other.Add(2)
	for _, c := range []Counts{{Accepted: one}, {Accepted: one, Delivered: other}, {Accepted: one, Delivered: one, Filtered: one}} {
		err := f.db.Update(context.Background(), func(tx *sql.Tx) error {
			return Write(context.Background(), tx, Entry{Stream: f.stream, From: 1, To: 1, Hours: []Hour{{hour, c}}})
		})
		if err == nil {
			t.Errorf("%+v was written", c)
		}
	}
	if r := f.summary(); !r.Balanced || r.Streams[0].Delivered != 0 {
		t.Errorf("a refused entry is in the accounts: %+v", r)
	}
}

func TestALostRowIsFoundInTheTable(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		f.flush(20, hour)
	}
	f.update(func(tx *sql.Tx) error { // one row lost from envelope 13
		var kept []record.RecordID
		for _, id := range f.held["events"] {
			if id != record.NewRecordID(0, 13, 3) {
				kept = append(kept, id)
			}
		}
		return f.store(tx, "events", kept)
	})
	if r := f.summary(); r.Balanced || r.Streams[0].Balanced || r.Streams[0].Live != r.Streams[0].Expected-1 {
		t.Errorf("summary: %+v", r)
	}
	v := f.verify()
	for _, table := range v.Tables {
		if table.Table != "events" {
			continue
		}
		if d := table.Differences; len(d) != 1 || d[0].From != 13 || d[0].To != 13 || d[0].Expected.Count-d[0].Counted.Count != 1 {
			t.Errorf("differences %+v", d)
		}
	}
	if v.Balanced {
		t.Error("the recount found nothing")
	}
}

func TestAnExchangedRowIsFoundOnlyByHash(t *testing.T) {
	f := newFixture(t)
	f.flush(20, hour)
	f.held["events"][0] += 1 << 40
	if r := f.summary(); !r.Balanced {
		t.Errorf("counts are equal: %+v", r)
	}
	if f.verify().Balanced {
		t.Error("the recount did not find it")
	}
}

func TestRemovalAndReplayKeepTheBalance(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t)
	for range 4 {
		f.flush(20, hour)
	}
	good, bad := f.held["events"], f.held[record.QuarantineTable]
	f.update(func(tx *sql.Tx) error { // retention takes the first envelope
		var gone record.Tally
		var kept []record.RecordID
		for _, id := range good {
			if id.Sequence() == 1 {
				gone.Add(id)
			} else {
				kept = append(kept, id)
			}
		}
		good = kept
		if err := f.store(tx, "events", kept); err != nil {
			return err
		}
		return Remove(ctx, tx, Removal{Table: "events", Stream: f.stream, Reason: Retention, Tally: gone, By: "test", At: hour,
			MinID: record.NewRecordID(0, 1, 0), MaxID: record.NewRecordID(0, 1, 19)})
	})
	if r := f.summary(); !r.Balanced || r.Streams[0].Removed != 14 || !f.verify().Balanced {
		t.Errorf("after a removal: %+v", r)
	}
	var moved record.Tally
	moved.Add(bad[0])
	replay := Replay{ID: "r1", Stream: f.stream, From: 1, To: 1, Hours: []ReplayHour{{hour, moved}}, At: hour}
	move := func(tx *sql.Tx) error {
		if err := f.store(tx, "events", append(good, bad[0])); err != nil {
			return err
		}
		if err := f.store(tx, record.QuarantineTable, bad[1:]); err != nil {
			return err
		}
		return WriteReplay(ctx, tx, replay)
	}
	f.update(move)
	if r := f.summary(); !r.Balanced || r.Streams[0].Quarantined != 7 || !f.verify().Balanced {
		t.Errorf("after a replay: %+v", r)
	}
	if err := f.db.Update(ctx, move); record.KindOf(err) != record.Conflict {
		t.Errorf("the same replay again: %v", err)
	}
	f.held["events"] = f.held["events"][1:]
	if v := f.verify(); v.Balanced {
		t.Error("a row lost beside a removal was not found")
	}
}

func TestFoldKeepsEverySum(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		for range rapid.IntRange(1, 12).Draw(rt, "flushes") {
			f.flush(rapid.IntRange(1, 40).Draw(rt, "rows"), hour.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "hour"))*time.Hour))
		}
		before := f.summary()
		for range 2 {
			if err := f.Fold(context.Background(), hour.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "before"))*time.Hour)); err != nil {
				rt.Fatal(err)
			}
		}
		after := f.summary()
		if !after.Balanced || !reflect.DeepEqual(after.Streams[0], before.Streams[0]) || !f.verify().Balanced {
			rt.Errorf("folded %+v into %+v", before.Streams[0], after.Streams[0])
		}
	})
}
