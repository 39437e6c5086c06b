package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
)

// TestNoNumberIsGivenTwice opens a log that nobody closed, after all that may
// happen to its end and to the witness of it at the same time. Nobody but the log
// itself has seen a number yet.
func TestNoNumberIsGivenTwice(t *testing.T) {
	const appends, left = 20, 12
	whole := func(t *testing.T, dir string) {}
	// cut ends the journal after some of the appends, as a damaged tail does.
	cut := func(t *testing.T, dir string) {
		all, err := filepath.Glob(filepath.Join(dir, "journal", "jetstream", "*", "streams", "*", "msgs", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range all {
			if !strings.HasSuffix(path, ".blk") {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()*(2*left+1)/(2*appends)); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := func(t *testing.T, dir string) {
		if err := os.RemoveAll(filepath.Join(dir, "journal", "jetstream")); err != nil {
			t.Fatal(err)
		}
	}
	witness := func(change func(path string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := change(filepath.Join(dir, "journal", "end")); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := func(t *testing.T, dir string) {}
	// moved is as after a restart of the machine: another file than the one that was written.
	moved := witness(func(path string) error {
		text, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path+"2", text, 0o600), os.Rename(path+"2", path))
	})
	missing := witness(os.Remove)
	garbled := witness(func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 84)), 0o600) })
	for _, c := range []struct {
		name    string
		damage  func(*testing.T, string)
		witness func(*testing.T, string)
		next    record.Sequence // the least number that may come
		lost    *journal.Incident
	}{
		{"killed", whole, kept, appends + 1, nil},
		{"killed, tail lost", cut, kept, appends + 1, &journal.Incident{Kind: "journal_behind", From: left + 1, To: appends}},
		{"power cut", whole, moved, 1<<16 + 1, nil},
		{"power cut, tail lost", cut, moved, 1<<16 + 1, &journal.Incident{Kind: "journal_behind", From: left + 1, To: 1 << 16}},
		{"witness gone", whole, missing, 1<<16 + 1, &journal.Incident{Kind: "journal_behind", From: appends + 1, To: 1 << 16}},
		{"witness gone, tail lost", cut, missing, 1<<16 + 1, &journal.Incident{Kind: "journal_behind", From: left + 1, To: 1 << 16}},
		{"witness garbled, tail lost", cut, garbled, 1<<16 + 1, &journal.Incident{Kind: "journal_behind", From: left + 1, To: 1 << 16}},
		{"all gone but the witness", gone, kept, 1<<16 + 1, &journal.Incident{Kind: "journal_missing", From: 1, To: 1 << 16}},
		{"all gone", gone, missing, 1<<16 + 1, &journal.Incident{Kind: "journal_missing", From: 1, To: 1 << 16}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, r := t.TempDir(), &registry{}
			l := open(t, dir, r)
			for i := range appends {
				appendLines(t, l, stream, fmt.Sprintf(`{"n":"%04d"}`, i))
			}
			before := r.state // closing would give the rest back
			l.Close()
			r.state = before
			c.damage(t, dir)
			c.witness(t, dir)
			l = open(t, dir, r)
			next := appendLines(t, l, stream, `{}`)
			if next < c.next {
				t.Errorf("the next number is %d, want at least %d", next, c.next)
			}
			switch {
			case c.lost == nil && len(r.incidents) > 0:
				t.Errorf("incidents though nothing is lost: %v", r.incidents)
			case c.lost != nil && len(r.incidents) != 1:
				t.Errorf("incidents: %v", r.incidents)
			case c.lost != nil:
				if i := r.incidents[0]; i.Kind != c.lost.Kind || i.From != c.lost.From || i.To != c.lost.To {
					t.Errorf("incident %s %d to %d (%s), want %s %d to %d", i.Kind, i.From, i.To, i.Detail, c.lost.Kind, c.lost.From, c.lost.To)
				}
			}
			// What there is can be read, before the jump and after it.
			count, after := 0, record.Sequence(0)
			for after < next {
				env, err := l.Next(context.Background(), stream, after)
				if err != nil {
					t.Fatal(err)
				}
				count, after = count+1, env.Seq
			}
			want := appends + 1
			if c.lost != nil {
				if want = int(c.lost.From); c.lost.Kind == "journal_missing" {
					want = 1
				}
			}
			if count != want {
				t.Errorf("%d envelopes can be read, want %d", count, want)
			}
			// Once settled it stays so.
			incidents := len(r.incidents)
			l.Close()
			l = open(t, dir, r)
			defer l.Close()
			if again := appendLines(t, l, stream, `{}`); again != next+1 {
				t.Errorf("after a start in order the number after %d is %d", next, again)
			}
			if len(r.incidents) != incidents {
				t.Errorf("a start in order notes %v", r.incidents)
			}
		})
	}
}

// TestNumbersAreReservedBeforeTheyAreGiven fails the registry: no number may be
// given that it does not know of.
func TestNumbersAreReservedBeforeTheyAreGiven(t *testing.T) {
	r := &failing{}
	l, err := journal.Open(context.Background(), r, journal.Options{Dir: filepath.Join(t.TempDir(), "journal"),
		Archive: journal.ArchiveOptions{Root: t.TempDir(), NameOf: func(record.StreamID) string { return "events" }}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	add := func() error {
		env := envelope(stream, l.Now(), `{}`)
		data, _ := journal.Encode(env)
		return l.Append(context.Background(), env, data)
	}
	r.fail = errors.New("no space left on device")
	if err := add(); record.KindOf(err) != record.Unavailable || !errors.Is(err, r.fail) {
		t.Errorf("an append without a reservation: %v", err)
	}
	r.fail = nil
	if err := add(); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
	if r.state.Reserved < 1<<16 {
		t.Errorf("%d numbers are reserved", r.state.Reserved)
	}
	r.fail = errors.New("no space left on device")
	if err := add(); err != nil {
		t.Errorf("within the reservation: %v", err)
	}
	r.fail = nil
}

type failing struct {
	registry
	fail error
}

func (f *failing) SaveJournalState(ctx context.Context, shard uint8, s journal.State) error {
	if f.fail != nil {
		return f.fail
	}
	return f.registry.SaveJournalState(ctx, shard, s)
}

// TestTimeGoesOnAfterAStart sets the clock back while a log is closed.
func TestTimeGoesOnAfterAStart(t *testing.T) {
	dir, r, c := t.TempDir(), &registry{}, &clock{at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	with := func(o *journal.Options) { o.Clock = c }
	l := open(t, dir, r, with)
	last := appendLines(t, l, stream, `{}`)
	l.Close()
	r.needed = last // every consumer has stored it
	c.at = c.at.Add(-time.Hour)
	l = open(t, dir, r, with)
	defer l.Close()
	if now := l.Now(); now.Before(c.at.Add(time.Hour)) {
		t.Errorf("time in the log went back to %v", now)
	}
}

type clock struct{ at time.Time }

func (c *clock) Now() time.Time { return c.at }
