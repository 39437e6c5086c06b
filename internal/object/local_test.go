package object_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/object/faultfs"
	"github.com/biwa-data/biwa/internal/object/storetest"
)

func TestLocal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) object.Store { return local(t, object.OS{}, t.TempDir()+"/new/folder") })
}

func TestLocalInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) object.Store { return local(t, faultfs.New(), "/data") })
}

func local(t *testing.T, files object.FS, root string) *object.Local {
	t.Helper()
	l, err := object.OpenLocal(files, root, "biwa")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func content(t *testing.T, s object.Store, path string) string {
	t.Helper()
	r, err := s.Open(context.Background(), path)
	if err != nil {
		return ""
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPutAtEveryPowerCut cuts the power before each operation of a Put: the
// blob is then as before or as put, and as put if Put said so.
func TestPutAtEveryPowerCut(t *testing.T) {
	ctx := context.Background()
	for n := 1; ; n++ {
		disk := faultfs.New()
		l := local(t, disk, "/data")
		if err := l.Put(ctx, "a/b/x", strings.NewReader("old")); err != nil {
			t.Fatal(err)
		}
		disk.CutAt(n)
		err := errors.Join(l.Put(ctx, "a/b/x", strings.NewReader("new")), l.Put(ctx, "a/c/y", strings.NewReader("fresh")))
		struck := disk.Struck()
		disk.PowerLoss()
		l = local(t, disk, "/data")
		x, y := content(t, l, "a/b/x"), content(t, l, "a/c/y")
		if x != "old" && x != "new" || y != "" && y != "fresh" || err == nil && x+y != "newfresh" {
			t.Fatalf("cut at %d: %q and %q after %v", n, x, y, err)
		}
		if !struck {
			return
		}
	}
}

// TestSyncAtEveryPowerCut is the same for Stage and Sync.
func TestSyncAtEveryPowerCut(t *testing.T) {
	ctx := context.Background()
	for n := 1; ; n++ {
		disk := faultfs.New()
		l := local(t, disk, "/data")
		disk.CutAt(n)
		err := errors.Join(l.Stage(ctx, "a/b/x", []byte("x")), l.Stage(ctx, "a/c/y", []byte("y")), l.Sync(ctx, "a/b/x", "a/c/y"))
		struck := disk.Struck()
		disk.PowerLoss()
		l = local(t, disk, "/data")
		if got := content(t, l, "a/b/x") + content(t, l, "a/c/y"); err == nil && got != "xy" {
			t.Fatalf("cut at %d: %q is left", n, got)
		}
		if !struck {
			return
		}
	}
}

func TestWhatIsNotSyncedIsLost(t *testing.T) {
	ctx := context.Background()
	disk := faultfs.New()
	l := local(t, disk, "/data")
	if err := l.Stage(ctx, "x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	disk.PowerLoss()
	if got := content(t, local(t, disk, "/data"), "x"); got != "" {
		t.Errorf("%q survived: the test's file system is too kind", got)
	}
}

func TestPutAtEveryError(t *testing.T) {
	ctx := context.Background()
	for n := 1; ; n++ {
		disk := faultfs.New()
		l := local(t, disk, "/data")
		disk.FailAt(n, syscall.ENOSPC)
		err := l.Put(ctx, "a/x", strings.NewReader("whole"))
		if !disk.Struck() {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if got := content(t, l, "a/x"); err == nil || !errors.Is(err, syscall.ENOSPC) || got != "" && got != "whole" {
			t.Fatalf("error at %d: %q after %v", n, got, err)
		}
	}
}
