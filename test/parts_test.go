package test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPartsThatDoNotBelongTogether takes parts of a data folder away, or puts others
// in their place, while the node is down. It must not start on them, say which part it
// is, and change nothing: with the right part back everything is there.
func TestPartsThatDoNotBelongTogether(t *testing.T) {
	dir := writeProject(t, crashProject, powerStream)
	data := filepath.Join(dir, "data")
	n := startNode(t, dir)
	sent := 0
	work := func() {
		for range 4 {
			n.sendOne(t, sent)
			sent++
			n.flush(t)
		}
	}
	stop := func() {
		t.Helper()
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	}
	restart := func() {
		t.Helper()
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
	}
	work()
	stop()
	first := keep(t, data)
	restart()
	work()
	live := t.TempDir() // metadata that is copied while the node runs
	for _, name := range []string{"meta.db", "meta.db-wal"} {
		copyTree(t, filepath.Join(data, name), filepath.Join(live, name))
	}
	work()
	if err := n.kill(); err != nil {
		t.Fatal(err)
	}
	now := keep(t, data)

	other := writeProject(t, crashProject, powerStream)
	o := startNode(t, other)
	o.sendOne(t, 0)
	o.flush(t)
	if err := o.stop(); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(other, "data")

	for _, c := range []struct {
		name   string
		change map[string]string // a part to what takes its place, "" for nothing
		says   string
	}{
		{"metadata gone", map[string]string{"meta.db": "", "meta.db-wal": "", "meta.db-shm": ""}, "meta.db is missing while journal has something in it"},
		{"metadata gone, its log there", map[string]string{"meta.db": ""}, "meta.db is missing"},
		{"metadata of an earlier run", map[string]string{"meta.db": first + "/meta.db", "meta.db-wal": "", "meta.db-shm": ""}, "meta.db is of an earlier moment (start 1) than journal (start 2)"},
		{"metadata of this run, but earlier", map[string]string{"meta.db": live + "/meta.db", "meta.db-wal": live + "/meta.db-wal", "meta.db-shm": ""}, "meta.db is of an earlier moment than the files"},
		{"metadata of another folder", map[string]string{"meta.db": foreign + "/meta.db", "meta.db-wal": "", "meta.db-shm": ""}, "journal is of another data folder than meta.db"},
		{"objects gone", map[string]string{"objects": ""}, "the folder objects is missing"},
		{"objects of an earlier run", map[string]string{"objects": first + "/objects"}, "is missing: objects is of an earlier moment than meta.db, or not whole"},
		{"objects of another folder", map[string]string{"objects": foreign + "/objects"}, "objects is of another data folder than meta.db"},
		{"journal gone", map[string]string{"journal": ""}, "the folder journal is missing"},
		{"journal of another folder", map[string]string{"journal": foreign + "/journal"}, "journal is of another data folder than meta.db"},
		{"dedupe gone", map[string]string{"dedupe": ""}, "the folder dedupe is missing"},
		{"a mark that does not read", map[string]string{"objects/folder.json": "/dev/null"}, "folder.json does not read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for part, from := range c.change {
				if err := os.RemoveAll(filepath.Join(data, part)); err != nil {
					t.Fatal(err)
				}
				if from != "" {
					copyTree(t, from, filepath.Join(data, part))
				}
			}
			before := names(t, data)
			err := n.start()
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it should not start, and say %q: %v", c.says, err)
			} else if after := names(t, data); after != before {
				t.Errorf("files were changed:\n%s\nwere\n%s", after, before)
			}
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
			copyTree(t, now, data)
		})
	}
	restart()
	expectCount(t, n, sent)
	if r := n.ledger(t); !r.Balanced || len(r.Incidents) > 0 {
		t.Errorf("%+v", r)
	}
	stop()
}

// TestOneNodeAFolder deletes the file with the node's number: that is not the lock.
func TestOneNodeAFolder(t *testing.T) {
	dir := writeProject(t, crashProject, powerStream)
	n := startNode(t, dir)
	n.sendOne(t, 0)
	if err := os.Remove(filepath.Join(dir, "data", "biwa.pid")); err != nil {
		t.Fatal(err)
	}
	second, err := newNode(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.kill() })
	if err := second.start(); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second node: %v", err)
	}
	n.sendOne(t, 1)
	expectCount(t, n, 2)
}

// keep copies a data folder.
func keep(t *testing.T, data string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	copyTree(t, data, to)
	return to
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// names lists the files of the tables, the archive and the journal with their sizes.
func names(t *testing.T, data string) string {
	t.Helper()
	var b strings.Builder
	for _, part := range []string{"objects", "journal", "dedupe"} {
		err := filepath.WalkDir(filepath.Join(data, part), func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				fmt.Fprintln(&b, path, info.Size())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
