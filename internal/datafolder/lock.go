package datafolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/biwa-data/biwa/internal/record"
)

// Lock keeps a second process off a data folder. The kernel lets go of it when the
// process ends, however it ends.
//
// It is held on the folder itself, which cannot be deleted from under a node as a
// file can, and on biwa.pid, for file systems that lock no folders.
type Lock struct{ folder, pid *os.File }

// TakeLock locks a folder that exists. If another process has it, the error names
// that process and is a record.Conflict.
func TakeLock(dir string) (*Lock, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l := &Lock{folder: folder}
	if err := l.take(dir); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

func (l *Lock) take(dir string) error {
	path := filepath.Join(dir, pidFile)
	if err := flock(l.folder); err != nil && !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return held(err, dir, path)
	}
	var err error
	if l.pid, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := flock(l.pid); err != nil {
		return held(err, dir, path)
	}
	if err := l.pid.Truncate(0); err != nil {
		return err
	}
	_, err = l.pid.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// held says who has a folder.
func held(err error, dir, path string) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	holder := "another process (" + pidFile + " is gone)"
	if text, err := os.ReadFile(path); err == nil {
		holder = "process " + strings.TrimSpace(string(text))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return record.Errorf(record.Conflict, "data folder %s is in use by %s: stop it, or give this one another folder with --data", dir, holder)
}

// Release lets go of the folder.
func (l *Lock) Release() error {
	err := l.folder.Close()
	if l.pid != nil {
		err = errors.Join(err, l.pid.Close())
	}
	return err
}
