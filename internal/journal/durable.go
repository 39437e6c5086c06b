package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// syncBlocks makes durable whatever the stream's blocks hold, and their names.
func (s *stream) syncBlocks() error {
	paths, err := filepath.Glob(filepath.Join(s.dir, "*.blk"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync %s: %w", path, err)
		}
	}
	return s.syncFolders()
}

// syncFolders makes durable the names of the stream's folders, from that of the
// blocks up to the one that holds the journal's. JetStream makes them, and puts a
// new folder of blocks in the place of the old one when it purges all of it, but
// it syncs none of them.
func (s *stream) syncFolders() error {
	dir := s.dir
	for range foldersDeep {
		if err := syncFolder(dir); err != nil {
			return fmt.Errorf("sync folder: %w", err)
		}
		dir = filepath.Dir(dir)
	}
	return nil
}

// foldersDeep is how many folders lie on the way of foldersOf, and two above it:
// the journal's own and the one that holds its name.
const foldersDeep = 7

// foldersOf is where JetStream keeps a stream's blocks.
func foldersOf(dir, name string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", name, "msgs")
}
