package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
)

// registry keeps a log's metadata in memory.
type registry struct {
	mu        sync.Mutex
	state     journal.State
	incidents []journal.Incident
	needed    record.Sequence
	archived  record.Sequence
	files     []journal.ArchiveFile
}

func (r *registry) JournalState(context.Context, uint8) (journal.State, error) { return r.state, nil }
func (r *registry) SaveJournalState(_ context.Context, _ uint8, s journal.State) error {
	r.state = s
	return nil
}
func (r *registry) ReportIncident(_ context.Context, i journal.Incident) error {
	r.incidents = append(r.incidents, i)
	return nil
}
func (r *registry) FirstNeeded(context.Context, uint8) (record.Sequence, error) { return r.needed, nil }
func (r *registry) ArchiveOffset(context.Context, uint8) (record.Sequence, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.archived, nil
}
func (r *registry) ArchiveFiles(_ context.Context, id record.StreamID, from record.Sequence) (found []journal.ArchiveFile, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files {
		if f.Stream == id && f.Last >= from {
			found = append(found, f)
		}
	}
	return found, nil
}
func (r *registry) ArchivedSince(_ context.Context, _ uint8, from record.Sequence) (found []journal.ArchiveFile, _ error) {
	return r.ArchiveFiles(context.Background(), stream, from)
}
func (r *registry) CommitArchive(_ context.Context, _ uint8, from, to record.Sequence, files []journal.ArchiveFile) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.archived != from {
		return errors.New("stale archive writer")
	}
	r.archived = to
	for _, f := range files {
		replaced := false
		for i := range r.files {
			if r.files[i].Path == f.Path {
				r.files[i], replaced = f, true
			}
		}
		if !replaced {
			r.files = append(r.files, f)
		}
	}
	return nil
}

var stream = record.StreamID{1}

func open(t *testing.T, dir string, r *registry, change ...func(*journal.Options)) *journal.Log {
	t.Helper()
	o := journal.Options{Dir: filepath.Join(dir, "journal"), Archive: journal.ArchiveOptions{
		Root: dir, NameOf: func(record.StreamID) string { return "events" }, CommitAge: time.Millisecond}}
	for _, c := range change {
		c(&o)
	}
	l, err := journal.Open(context.Background(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendLines(t *testing.T, l *journal.Log, id record.StreamID, lines ...string) record.Sequence {
	t.Helper()
	env := envelope(id, l.Now(), lines...)
	data, err := journal.Encode(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(context.Background(), env, data); err != nil {
		t.Fatal(err)
	}
	return env.Seq
}

func envelope(id record.StreamID, at time.Time, lines ...string) *record.Envelope {
	s := record.Section{Stream: id, Count: len(lines), Requests: []record.Request{{Count: len(lines), ReceivedAt: at, Client: "127.0.0.1", Door: "http", Parts: 1}}}
	for _, line := range lines {
		s.Lines = append(append(s.Lines, line...), '\n')
	}
	return &record.Envelope{Sections: []record.Section{s}}
}

func TestLogKeepsWhatItAcknowledged(t *testing.T) {
	dir, r := t.TempDir(), &registry{}
	l := open(t, dir, r)
	for i := range 20 {
		if seq := appendLines(t, l, stream, fmt.Sprintf(`{"n":%d}`, i)); seq != record.Sequence(i+1) {
			t.Fatalf("append %d got number %d", i, seq)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, r)
	defer l.Close()
	if got := l.Pending(stream, 0); got != 20 {
		t.Errorf("pending after reopening: %d, want 20", got)
	}
	after := record.Sequence(0)
	for i := range 20 {
		env, err := l.Next(context.Background(), stream, after)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("{\"n\":%d}\n", i); string(env.Sections[0].Lines) != want {
			t.Errorf("envelope %d: %q, want %q", env.Seq, env.Sections[0].Lines, want)
		}
		after = env.Seq
	}
	if len(r.incidents) > 0 {
		t.Errorf("incidents: %v", r.incidents)
	}
}

func TestLogReadsAnyTier(t *testing.T) {
	dir, r := t.TempDir(), &registry{}
	l := open(t, dir, r, func(o *journal.Options) {
		o.MaxBytes, o.TailBytes = 64<<10, 1
		o.Archive.CommitBytes = 1
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.RunArchive(ctx) }()
	big := string(bytes.Repeat([]byte("0123456789abcdef"), 16))
	var last record.Sequence
	for i := range 400 {
		env := envelope(stream, l.Now(), fmt.Sprintf(`{"n":%d,"pad":%q}`, i, big+fmt.Sprint(i*7919)))
		data, _ := journal.Encode(env)
		for {
			err := l.Append(ctx, env, data)
			if err == nil {
				break
			}
			if record.KindOf(err) != record.Unavailable { // full until the archive has caught up
				t.Fatal(err)
			}
		}
		last = env.Seq
	}
	for l.Stats().Archived < last {
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if first := l.Stats().First; first < 2 {
		t.Fatalf("the young part was not purged: first is %d", first)
	}
	after := record.Sequence(0)
	for i := range 400 {
		env, err := l.Next(context.Background(), stream, after)
		if err != nil {
			t.Fatalf("after %d: %v", after, err)
		}
		if want := fmt.Sprintf(`{"n":%d,`, i); !bytes.HasPrefix(env.Sections[0].Lines, []byte(want)) {
			t.Fatalf("envelope %d: %.40q, want %q", env.Seq, env.Sections[0].Lines, want)
		}
		after = env.Seq
	}
	if after != last {
		t.Errorf("read to %d, want %d", after, last)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("zstd -d reads the archive", func(t *testing.T) { archiveIsPlainZstd(t, dir, 400) })

	// A consumer that has stored nothing yet finds all of it after a restart, too,
	// though the young part has let go of the most.
	l = open(t, dir, r)
	defer l.Close()
	if got := l.Pending(stream, 0); got != 400 {
		t.Errorf("pending after a restart: %d, want 400", got)
	}
	after = 0
	for i := range 400 {
		env, err := l.Next(context.Background(), stream, after)
		if err != nil {
			t.Fatalf("after %d: %v", after, err)
		}
		if want := fmt.Sprintf(`{"n":%d,`, i); !bytes.HasPrefix(env.Sections[0].Lines, []byte(want)) {
			t.Fatalf("envelope %d: %.40q, want %q", env.Seq, env.Sections[0].Lines, want)
		}
		after = env.Seq
	}
}

// archiveIsPlainZstd checks the promise that zstd -d prints what clients sent.
func archiveIsPlainZstd(t *testing.T, dir string, want int) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "raw", "events", "dt=*", "hour=*", "*.ndjson.zst"))
	lines := 0
	for _, f := range files {
		out, err := exec.Command("zstd", "-dc", f).Output()
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("SKIPPED LOUDLY: no zstd on this machine; make tools installs it")
		}
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(out, []byte("\n"))
	}
	if lines != want {
		t.Errorf("zstd -d prints %d lines from %d files, want %d", lines, len(files), want)
	}
}

func TestLogJumpsAheadWhenTheJournalIsGone(t *testing.T) {
	dir, r := t.TempDir(), &registry{}
	l := open(t, dir, r)
	appendLines(t, l, stream, `{}`)
	appendLines(t, l, stream, `{}`)
	l.Close()
	r.state.High = 2
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	r.needed, r.archived = 2, 2
	l = open(t, dir, r)
	if seq := appendLines(t, l, stream, `{}`); seq <= 2 {
		t.Errorf("number %d was given again", seq)
	}
	if len(r.incidents) != 1 || r.incidents[0].Kind != "journal_missing" {
		t.Errorf("incidents: %v", r.incidents)
	}
	l.Close()

	// Restored from an older copy: it ends before what consumers have seen.
	r.state.High += 100
	high := r.state.High
	l = open(t, dir, r)
	defer l.Close()
	if seq := appendLines(t, l, stream, `{}`); seq <= high {
		t.Errorf("number %d, though %d had been seen", seq, high)
	}
	if len(r.incidents) != 2 || r.incidents[1].Kind != "journal_behind" {
		t.Errorf("incidents: %v", r.incidents)
	}
}

func TestLogIsRefusedWhenFullAndGoesOn(t *testing.T) {
	dir, r := t.TempDir(), &registry{}
	l := open(t, dir, r, func(o *journal.Options) { o.MaxBytes = 16 << 10; o.Archive.CommitBytes = 1 })
	defer l.Close()
	var refused error
	for i := 0; refused == nil && i < 1000; i++ {
		env := envelope(stream, l.Now(), fmt.Sprintf(`{"n":%d}`, i))
		data, _ := journal.Encode(env)
		refused = l.Append(context.Background(), env, data)
	}
	if record.KindOf(refused) != record.Unavailable {
		t.Fatalf("a full journal answered %v", refused)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.RunArchive(ctx) }()
	for {
		env := envelope(stream, l.Now(), `{}`)
		data, _ := journal.Encode(env)
		if err := l.Append(context.Background(), env, data); err == nil {
			break
		} else if record.KindOf(err) != record.Unavailable {
			t.Fatal(err)
		}
	}
	cancel()
	<-done
}

func FuzzDecode(f *testing.F) {
	data, _ := journal.Encode(envelope(stream, time.Unix(1, 0), `{"a":1}`, `{"b":2}`))
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := journal.Decode(data, 0, 1, nil)
		if err != nil {
			return
		}
		for _, s := range env.Sections {
			if s.Count < 0 || s.First < 0 {
				t.Errorf("a section of %d records from %d", s.Count, s.First)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	l, err := journal.Open(context.Background(), &registry{}, journal.Options{Dir: b.TempDir(), MaxBytes: 20 << 30,
		Archive: journal.ArchiveOptions{Root: b.TempDir(), NameOf: func(record.StreamID) string { return "events" }}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	lines := make([]string, 2600)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"ts":"2015-05-17T10:05:%02d+00:00","ip":"83.149.9.%d","url":"http://example.org/presentations/%d/images/kibana.png","status":200,"bytes":%d,"pad":"%0256d"}`, i%60, i%255, i*7, i*131, i)
	}
	b.SetBytes(int64(len(lines) * 390))
	for b.Loop() {
		env := envelope(stream, l.Now(), lines...)
		data, _ := journal.Encode(env)
		if err := l.Append(context.Background(), env, data); err != nil {
			b.Fatal(err)
		}
	}
}
