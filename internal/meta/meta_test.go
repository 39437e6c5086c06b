package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/biwa-data/biwa/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func setting(t testing.TB, db *DB, key string) (value string) {
	t.Helper()
	err := db.View(context.Background(), func(q Querier) (err error) {
		value, err = Setting(context.Background(), q, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestOpenAgainFindsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ? b%#.db")
	db := open(t, path)
	if err := db.Update(context.Background(), func(tx *sql.Tx) error { return Set(context.Background(), tx, "a", "1") }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(*sql.Tx) error { return nil }); record.KindOf(err) != record.Unavailable {
		t.Errorf("an update after Close: %v", err)
	}
	if got := setting(t, open(t, path), "a"); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestEveryCommitIsSynced(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := db.SQL().QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v", pragma, got, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	db := open(t, path)
	if _, err := db.SQL().Exec("INSERT INTO schema_version VALUES (99)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(context.Background(), path); record.KindOf(err) != record.Conflict || !strings.Contains(err.Error(), "99") {
		t.Errorf("a newer schema: %v", err)
	}
}

func TestUpdatesOfOneGroupFailAlone(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	ctx := context.Background()
	refused := errors.New("refused")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := db.Update(ctx, func(tx *sql.Tx) error {
				if err := Set(ctx, tx, fmt.Sprint(i), "x"); err != nil {
					return err
				}
				if i%3 == 0 {
					return refused
				}
				return nil
			})
			if i%3 == 0 != errors.Is(err, refused) {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if got := setting(t, db, fmt.Sprint(i)); (got == "x") != (i%3 != 0) {
			t.Errorf("setting %d is %q", i, got)
		}
	}
}

func TestAPanicReachesTheCallerAlone(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	func() {
		defer func() {
			if recover() != "stop" {
				t.Error("the panic did not reach the caller")
			}
		}()
		_ = db.Update(context.Background(), func(*sql.Tx) error { panic("stop") })
	}()
	if err := db.Update(context.Background(), func(*sql.Tx) error { return nil }); err != nil {
		t.Errorf("the next update: %v", err)
	}
}

func TestCanceledUpdateDoesNotRun(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := db.Update(ctx, func(*sql.Tx) error { t.Error("it ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAdvanceIsAFence(t *testing.T) {
	ctx := context.Background()
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	advance := func(from, to record.Sequence, epoch int64) error {
		return db.Update(ctx, func(tx *sql.Tx) error { return Advance(ctx, tx, "archive", 3, from, to, epoch) })
	}
	for _, step := range []struct {
		name     string
		do       func() error
		conflict bool
	}{
		{"the first", func() error { return advance(0, 5, 0) }, false},
		{"again", func() error { return advance(0, 5, 0) }, true},
		{"the next", func() error { return advance(5, 9, 0) }, false},
		{"nothing new", func() error { return advance(9, 9, 0) }, false},
		{"take over", func() error {
			return db.Update(ctx, func(tx *sql.Tx) error {
				offset, epoch, err := TakeOver(ctx, tx, "archive", 3)
				if offset != 9 || epoch != 1 {
					t.Errorf("took over at %d in epoch %d", offset, epoch)
				}
				return err
			})
		}, false},
		{"the old owner", func() error { return advance(9, 12, 0) }, true},
		{"the new owner", func() error { return advance(9, 12, 1) }, false},
	} {
		if err := step.do(); (record.KindOf(err) == record.Conflict) != step.conflict || !step.conflict && err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if err := advance(12, 11, 1); err == nil {
		t.Error("an offset went back")
	}
}

func TestViewSeesOneMoment(t *testing.T) {
	ctx := context.Background()
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	err := db.View(ctx, func(q Querier) error {
		if _, err := Setting(ctx, q, "a"); err != nil {
			return err
		}
		if err := db.Update(ctx, func(tx *sql.Tx) error { return Set(ctx, tx, "a", "1") }); err != nil {
			return err
		}
		value, err := Setting(ctx, q, "a")
		if value != "" {
			t.Error("a view saw a later update")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			db := open(b, filepath.Join(b.TempDir(), "meta.db"))
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := db.Update(context.Background(), func(tx *sql.Tx) error { return Set(context.Background(), tx, "k", "v") }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
