package dedupe

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

type badDisk struct{ vfs.FS }

func (b badDisk) OpenDir(name string) (vfs.File, error) {
	f, err := b.FS.OpenDir(name)
	return badFolder{f}, err
}

type badFolder struct{ vfs.File }

var errDisk = errors.New("no space left on device")

func (badFolder) Sync() error { return errDisk }

func TestAFolderThatCannotBeSyncedIsFatal(t *testing.T) {
	var told error
	folder, err := (&watchedFS{badDisk{vfs.Default}, func(err error) { told = err }}).OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := folder.Sync(); !errors.Is(err, errDisk) || !errors.Is(told, errDisk) {
		t.Errorf("sync: %v; told %v", err, told)
	}
}
