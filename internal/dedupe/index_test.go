package dedupe

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sent is one record: a key, its place in the log, and when it came. Key 0 is none.
type sent struct {
	key    uint64
	id     record.RecordID
	micros int64
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixMicro()

func open(t *testing.T, dir string, b Bounds) *Index {
	t.Helper()
	x, err := Open(Options{Dir: dir, Bounds: b})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// pass sends records through the index as one batch and returns, for each,
// the record of which it is a copy, 0 for none.
func pass(t *testing.T, x *Index, list ...sent) []record.RecordID {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "_record_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "_received_at", Type: arrow.FixedWidthTypes.Timestamp_us}}, nil)
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rows.Release()
	b := &record.Batch{DedupeKeys: make([][16]byte, len(list))}
	at := map[record.RecordID]int{}
	for i, s := range list {
		rows.Field(0).(*array.Int64Builder).Append(int64(s.id))
		rows.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(s.micros))
		binary.BigEndian.PutUint64(b.DedupeKeys[i][:], s.key)
		at[s.id] = i
	}
	b.Rows = rows.NewRecordBatch()
	if err := x.Filter(t.Context(), b, time.UnixMicro(list[0].micros)); err != nil {
		t.Fatal(err)
	}
	firsts, kept := make([]record.RecordID, len(list)), int64(0)
	if b.Rows != nil {
		kept = b.Rows.NumRows()
		b.Rows.Release()
	}
	for i, r := range b.Rejects {
		if r.Code != record.CodeDuplicate || i > 0 && r.ID <= b.Rejects[i-1].ID {
			t.Errorf("reject %+v", r)
		}
		firsts[at[r.ID]] = r.FirstID
	}
	if kept+int64(len(b.Rejects)) != int64(len(list)) {
		t.Errorf("%d records became %d rows and %d rejects", len(list), kept, len(b.Rejects))
	}
	return firsts
}

func save(t *testing.T, x *Index, upTo record.Sequence) {
	t.Helper()
	if err := x.Sync(t.Context(), upTo); err != nil {
		t.Fatal(err)
	}
}

func closed(t *testing.T, x *Index) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheWindowIsExactToTheMicrosecond(t *testing.T) {
	for name, between := range map[string]func(x *Index) *Index{
		"young": func(x *Index) *Index { return x },
		"synced": func(x *Index) *Index {
			save(t, x, 1)
			return x
		},
		"opened again": func(x *Index) *Index {
			save(t, x, 1)
			closed(t, x)
			return open(t, x.o.Dir, x.o.Bounds)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hour := time.Hour.Microseconds()
			x := open(t, t.TempDir(), Bounds{Window: time.Hour})
			pass(t, x, sent{1, 10, noon}, sent{2, 11, noon}, sent{0, 12, noon})
			x = between(x)
			got := pass(t, x, sent{1, 20, noon + hour}, sent{2, 21, noon + hour + 1}, sent{0, 22, noon + hour}, sent{2, 23, noon + hour + 2})
			for i, want := range []record.RecordID{10, 0, 0, 21} {
				if got[i] != want {
					t.Errorf("record %d is a copy of %d, want %d", i, got[i], want)
				}
			}
			closed(t, x)
		})
	}
}

// oracle knows of each key the last record that was no copy.
type oracle map[uint64]sent

func (o oracle) judge(s sent, window time.Duration) (first record.RecordID) {
	if s.key == 0 {
		return 0
	}
	if last, ok := o[s.key]; ok && s.micros-last.micros <= window.Microseconds() {
		return last.id
	}
	o[s.key] = s
	return 0
}

// The log is read in parts: each is filtered, synced and committed; or the node
// crashes between, and reads it again from the last commit.
func TestCrashesDoNotChangeTheAnswers(t *testing.T) {
	const window = 40 * time.Minute
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		log, want, o := make([]sent, 6000), make([]record.RecordID, 6000), oracle{}
		at := noon
		for i := range log {
			at += r.Int64N(4 * time.Second.Microseconds())
			log[i] = sent{r.Uint64N(1200), record.RecordID(i + 1), at}
			want[i] = o.judge(log[i], window)
		}
		dir, crashes := t.TempDir(), 0
		x := open(t, dir, Bounds{Window: window})
		for committed := 0; committed < len(log); {
			to := min(len(log), committed+1+r.IntN(300))
			// The next part may have been begun when this one is synced.
			for from := committed; from < to; {
				end := min(to, from+1+r.IntN(100))
				for i, got := range pass(t, x, log[from:end]...) {
					if got != want[from+i] {
						t.Fatalf("seed %d: record %d is a copy of %d, want %d, after %d crashes", seed, from+i, got, want[from+i], crashes)
					}
				}
				from = end
			}
			synced := r.IntN(8) != 0
			if synced {
				save(t, x, record.Sequence(to))
				if r.IntN(8) == 0 { // a commit that failed is tried again
					save(t, x, record.Sequence(to))
				}
			}
			if !synced || r.IntN(4) == 0 {
				crashes++
				closed(t, x)
				x = open(t, dir, Bounds{Window: window})
				continue
			}
			committed = to
		}
		if n := len(x.buckets); n > 12 {
			t.Errorf("%d buckets are kept of a window of four", n)
		}
		closed(t, x)
	}
}

func TestPastMaxKeysTheWindowIsShortenedWithANote(t *testing.T) {
	var notes []time.Time
	x, err := Open(Options{Dir: t.TempDir(), Bounds: Bounds{Window: 24 * time.Hour, MaxKeys: 800}, Shortened: func(_ context.Context, since time.Time) { notes = append(notes, since) }})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, x)
	id := record.RecordID(0)
	for part := range 20 {
		list := make([]sent, 100)
		for i := range list {
			id++
			list[i] = sent{uint64(id), id, noon + int64(id)*1000}
		}
		pass(t, x, list...)
		save(t, x, record.Sequence(part+1))
		if keys := x.Keys(time.UnixMicro(noon)); keys > 800 {
			t.Fatalf("%d keys are remembered", keys)
		}
	}
	if len(notes) == 0 || !notes[len(notes)-1].After(notes[0]) {
		t.Fatalf("notes %v", notes)
	}
	// What came since the note's time is recognised, what came before is not.
	since := record.RecordID((notes[len(notes)-1].UnixMicro() - noon) / 1000)
	got := pass(t, x, sent{uint64(since), id + 1, noon + 3e6}, sent{uint64(since) - 1, id + 2, noon + 3e6})
	if got[0] != since || got[1] != 0 {
		t.Errorf("at the edge %d: %v", since, got)
	}
}

func TestAnIndexThatRefusesForgetsNothing(t *testing.T) {
	x := open(t, t.TempDir(), Bounds{Window: time.Hour, MaxKeys: 10, Refuse: true})
	defer closed(t, x)
	for i := range 50 {
		pass(t, x, sent{uint64(i) + 1, record.RecordID(i + 1), noon + int64(i)})
		save(t, x, record.Sequence(i+1))
	}
	if keys := x.Keys(time.UnixMicro(noon)); keys != 50 {
		t.Errorf("%d keys are remembered, want 50", keys)
	}
	if got := pass(t, x, sent{1, 100, noon + 100}); got[0] != 1 {
		t.Errorf("the oldest key is forgotten: %v", got)
	}
	if keys := x.Keys(time.UnixMicro(noon).Add(2 * time.Hour)); keys != 0 {
		t.Errorf("%d keys count after their window", keys)
	}
}

func TestManyKeysAgainstAMap(t *testing.T) {
	const window = time.Hour
	r, o := rand.New(rand.NewPCG(7, 7)), oracle{}
	x := open(t, t.TempDir(), Bounds{Window: window})
	defer closed(t, x)
	at, id, copies := noon, record.RecordID(0), 0
	for part := range 40 {
		list, want := make([]sent, 5000), make([]record.RecordID, 5000)
		for i := range list {
			id++
			at += r.Int64N(60_000)
			list[i] = sent{1 + r.Uint64N(150_000), id, at}
			if want[i] = o.judge(list[i], window); want[i] != 0 {
				copies++
			}
		}
		for i, got := range pass(t, x, list...) {
			if got != want[i] {
				t.Fatalf("record %d is a copy of %d, want %d", list[i].id, got, want[i])
			}
		}
		save(t, x, record.Sequence(part+1))
	}
	if copies < 10_000 || copies > 190_000 {
		t.Errorf("%d of %d records are copies: the test says little", copies, id)
	}
}
