package datafolder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// A start that ends at any moment leaves a folder that the next one takes.
func TestAStartThatEndsHalfWay(t *testing.T) {
	for marked := range 1 << len(parts) { // the parts that have been marked
		for _, first := range []bool{true, false} {
			dir := t.TempDir()
			stored := Identity{}
			keep := func(id Identity) error { stored = id; return nil }
			next := Identity{Folder: "f", Starts: 1}
			if !first {
				open(t, dir, &stored)
				next = Identity{stored.Folder, stored.Starts + 1}
				stored = next // the metadata comes first
			}
			for i, name := range parts {
				if marked>>i&1 == 1 {
					if err := writeMark(filepath.Join(dir, name), next); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := Open(dir, stored, first, keep); err != nil {
				t.Errorf("first %v, marked %b: %v", first, marked, err)
			}
			for range 3 { // and it goes on
				open(t, dir, &stored)
			}
			if stored.Folder != next.Folder && marked > 0 {
				t.Errorf("first %v, marked %b: the folder is %s, was %s", first, marked, stored.Folder, next.Folder)
			}
		}
	}
}

// Starts that end half way, one after the other, never lead apart.
func TestManyStartsThatEndHalfWay(t *testing.T) {
	dir := t.TempDir()
	stored := Identity{}
	open(t, dir, &stored)
	for i := range 20 {
		next := Identity{}
		err := Open(dir, stored, false, func(id Identity) error {
			next = id
			return errors.New("the process ends")
		})
		if err == nil {
			t.Fatal("it does not hand on what keep says")
		}
		stored = next // the metadata was written, and nothing after it
		if i%3 == 0 {
			if err := writeMark(filepath.Join(dir, parts[i%len(parts)]), next); err != nil {
				t.Fatal(err)
			}
		}
	}
	open(t, dir, &stored)
}

func TestAFolderFromBeforeIdentities(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, "journal/jetstream/x", "objects/lake/x")
	stored := Identity{}
	open(t, dir, &stored)
	open(t, dir, &stored)
	if stored.Folder == "" || stored.Starts != 2 {
		t.Errorf("%+v", stored)
	}
}

func TestWhatIsNotOfOneFolder(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string, stored *Identity) (fresh bool)
		says   string
	}{
		"metadata made anew": {func(t *testing.T, dir string, stored *Identity) bool {
			*stored = Identity{}
			fill(t, dir, "objects/lake/x")
			return true
		}, "meta.db is empty while objects"},
		"metadata of before": {func(t *testing.T, _ string, stored *Identity) bool {
			stored.Starts--
			return false
		}, "earlier moment"},
		"metadata from before identities": {func(t *testing.T, _ string, stored *Identity) bool {
			*stored = Identity{}
			return false
		}, "from before folders had an identity"},
		"a part of before": {func(t *testing.T, dir string, stored *Identity) bool {
			mustMark(t, dir, "dedupe", Identity{stored.Folder, stored.Starts - 2})
			return false
		}, "dedupe is of an earlier moment (start 1) than meta.db (start 3)"},
		"a part of another": {func(t *testing.T, dir string, stored *Identity) bool {
			mustMark(t, dir, "journal", Identity{"other", stored.Starts})
			return false
		}, "journal is of another"},
		"a part without a mark": {func(t *testing.T, dir string, _ *Identity) bool {
			fill(t, dir, "objects/lake/x")
			if err := os.Remove(filepath.Join(dir, "objects", mark)); err != nil {
				t.Fatal(err)
			}
			return false
		}, "objects is of another"},
		"a part gone": {func(t *testing.T, dir string, _ *Identity) bool {
			if err := os.RemoveAll(filepath.Join(dir, "dedupe")); err != nil {
				t.Fatal(err)
			}
			return false
		}, "the folder dedupe is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			stored := Identity{}
			for range 3 {
				open(t, dir, &stored)
			}
			fresh := c.change(t, dir, &stored)
			err := Open(dir, stored, fresh, func(Identity) error {
				t.Error("the metadata is changed")
				return nil
			})
			if record.KindOf(err) != record.Conflict || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

func open(t *testing.T, dir string, stored *Identity) {
	t.Helper()
	if err := Open(dir, *stored, false, func(id Identity) error { *stored = id; return nil }); err != nil {
		t.Fatal(err)
	}
}

func mustMark(t *testing.T, dir, name string, id Identity) {
	t.Helper()
	if err := writeMark(filepath.Join(dir, name), id); err != nil {
		t.Fatal(err)
	}
}

func fill(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
