package faultdisk_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/biwa-data/biwa/internal/faultdisk"
)

// mount mounts a disk for a test; where the host allows none the test is skipped.
func mount(t *testing.T, d *faultdisk.Disk) (dir string, unmount func()) {
	t.Helper()
	dir = t.TempDir()
	m, err := d.Mount(dir)
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: no FUSE on this machine: %v", err)
	}
	done := false
	unmount = func() {
		if done {
			return
		}
		done = true
		if err := m.Unmount(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func syncPath(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	do(t, err)
	do(t, errors.Join(f.Sync(), f.Close()))
}

func TestPowerCutDropsWhatWasNotSynced(t *testing.T) {
	d := faultdisk.New()
	dir, unmount := mount(t, d)
	at := func(name string) string { return filepath.Join(dir, name) }
	big := strings.Repeat("0123456789", 2000)
	do(t, os.WriteFile(at("kept"), []byte(big), 0o600))
	do(t, os.WriteFile(at("old name"), []byte("1"), 0o600))
	syncPath(t, at("kept"))
	syncPath(t, at("old name"))
	syncPath(t, dir)
	f, err := os.OpenFile(at("kept"), os.O_RDWR|os.O_APPEND, 0)
	do(t, err)
	_, err = f.WriteString("not synced")
	do(t, errors.Join(err, f.Close()))
	do(t, os.Rename(at("old name"), at("new name")))
	do(t, os.WriteFile(at("no name"), []byte("synced, but not its name"), 0o600))
	syncPath(t, at("no name"))
	do(t, os.Mkdir(at("folder"), 0o700))
	if text, err := os.ReadFile(at("kept")); err != nil || string(text) != big+"not synced" {
		t.Errorf("before the cut: %d bytes, %v", len(text), err)
	}
	d.Cut()
	if err := os.WriteFile(at("late"), nil, 0o600); !errors.Is(err, syscall.EIO) {
		t.Errorf("after the cut: %v", err)
	}
	unmount()
	dir, _ = mount(t, d.Surviving(nil))
	names, err := os.ReadDir(dir)
	do(t, err)
	var found []string
	for _, n := range names {
		found = append(found, n.Name())
	}
	if got := strings.Join(found, ", "); got != "kept, old name" {
		t.Errorf("left are %s", got)
	}
	if text, err := os.ReadFile(at("kept")); err != nil || string(text) != big {
		t.Errorf("after the cut: %d bytes, %v", len(text), err)
	}
}

func TestPowerCutMayKeepSomeOfTheRest(t *testing.T) {
	d := faultdisk.New()
	dir, unmount := mount(t, d)
	do(t, os.WriteFile(filepath.Join(dir, "f"), []byte(strings.Repeat("a", 64<<10)), 0o600))
	syncPath(t, filepath.Join(dir, "f"))
	syncPath(t, dir)
	do(t, os.WriteFile(filepath.Join(dir, "f"), []byte(strings.Repeat("b", 128<<10)), 0o600))
	d.Cut()
	unmount()
	seen := map[string]bool{}
	for seed := range uint64(8) {
		dir, unmount := mount(t, d.Surviving(rand.New(rand.NewPCG(seed, 0))))
		text, err := os.ReadFile(filepath.Join(dir, "f"))
		do(t, err)
		seen[string(text)] = true
		unmount()
	}
	if len(seen) < 4 {
		t.Errorf("only %d different remains of a torn write", len(seen))
	}
}

func TestFaults(t *testing.T) {
	d := faultdisk.New()
	dir, _ := mount(t, d)
	path := filepath.Join(dir, "a", "f")
	do(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	f, err := os.Create(path)
	do(t, err)
	defer f.Close()
	write := func(text string) (int, error) { return syscall.Write(int(f.Fd()), []byte(text)) }

	d.Inject(faultdisk.Fault{Path: "a/", Kinds: []faultdisk.Kind{faultdisk.Write}, At: 2, Err: syscall.EIO})
	if _, err := write("1234"); err != nil {
		t.Errorf("the first write: %v", err)
	}
	if _, err := write("5678"); !errors.Is(err, syscall.EIO) {
		t.Errorf("the second write: %v", err)
	}
	if _, err := write("5678"); err != nil || d.Struck() != "write a/f" {
		t.Errorf("the third write: %v; struck %q", err, d.Struck())
	}
	d.Inject(faultdisk.Fault{Path: "a/", At: 1, Short: true})
	if n, err := write("90ab"); n != 2 || err != nil {
		t.Errorf("a short write: %d, %v", n, err)
	}
	d.Inject(faultdisk.Fault{Path: "a/", Kinds: []faultdisk.Kind{faultdisk.Sync}, At: 1, Err: syscall.EIO})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("fsync: %v", err)
	}
	d.Inject(faultdisk.Fault{Path: "a/", Except: []string{"a/g"}, At: 1, Err: syscall.ENOSPC, Sticky: true})
	if err := os.WriteFile(filepath.Join(dir, "a", "g"), nil, 0o600); err != nil {
		t.Errorf("what is excepted: %v", err)
	}
	for range 2 {
		if err := os.Remove(path); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("remove: %v", err)
		}
	}
	d.Heal()
	do(t, os.Remove(path))
}
