package dedupe

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watchedFS is the file system as Pebble uses it. Where a folder cannot be synced
// Pebble panics, in a goroutine of its own; this tells fatal first.
type watchedFS struct {
	vfs.FS
	fatal func(err error)
}

func (w *watchedFS) OpenDir(name string) (vfs.File, error) {
	f, err := w.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &watchedFolder{f, w.fatal}, nil
}

type watchedFolder struct {
	vfs.File
	fatal func(err error)
}

func (f *watchedFolder) Sync() error {
	err := f.File.Sync()
	if err != nil {
		f.fatal(fmt.Errorf("dedupe index: %w", err))
	}
	return err
}
