package app_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/biwa-data/biwa/internal/testkit"
)

// A data folder is its owner's alone, also one that was there before with files that
// anybody may read; what a node did not make stays as it is.
func TestTheDataFolderIsItsOwnersAlone(t *testing.T) {
	before := unix.Umask(0)
	t.Cleanup(func() { unix.Umask(before) })
	p := newProject(t, one("s", columns("v", "int")))
	data := t.TempDir()
	n := testkit.Start(t, data, p.Project)
	work := func() {
		n.Send("s", `{"v":1}`+"\n"+`{"v":"not a number"}`)
		if err := n.Flush(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	work()
	onlyTheOwners(t, data)
	n.Shutdown()

	foreign := filepath.Join(data, "notes.txt")
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
	unix.Umask(0)
	n = testkit.Start(t, data, p.Project)
	work()
	if info, err := os.Stat(foreign); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a file that is not the node's was changed: %v %v", info, err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	onlyTheOwners(t, data)
}

func onlyTheOwners(t *testing.T, data string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		wanted := fs.FileMode(0o600)
		if entry.IsDir() {
			wanted = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != wanted {
			t.Errorf("%s is %v, want %v", path, info.Mode().Perm(), wanted)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Errorf("the node made %d files only", files)
	}
}
