package datafolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Close makes a data folder its owner's alone, whatever it was before: folders
// are 0700 and files 0600. It takes from the process's umask what would open a file
// that is made later, for SQLite, DuckDB and JetStream make files of their own.
//
// Only what a node makes is touched: a folder that holds other things as well may
// have been named by mistake.
func Close(dir string) error {
	unix.Umask(unix.Umask(0o077) | 0o077)
	if err := closePath(dir); err != nil {
		return err
	}
	for _, pattern := range []string{pidFile, "ballast", "meta.db*", "objects", "journal", "tmp", "dedupe"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := closeTree(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func closeTree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type() != 0 && !entry.IsDir() {
			return nil // a link leads elsewhere
		}
		return closePath(path)
	})
}

// closePath takes from everybody but the owner what they may do with a path.
func closePath(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a temporary file of the run before
	}
	if err != nil {
		return err
	}
	wanted := fs.FileMode(0o600)
	if info.IsDir() {
		wanted = 0o700
	}
	if info.Mode().Perm()&^wanted == 0 {
		return nil
	}
	if err := os.Chmod(path, info.Mode().Perm()&wanted); err != nil {
		return fmt.Errorf("data folder: others may read %s, and that cannot be changed: %w", path, err)
	}
	return nil
}
