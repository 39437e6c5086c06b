package journal

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// mostHandles is how many files the archive keeps open, and handleBuffer the memory of
// each: a thousand streams that are written to in turn must take no more of either than
// a few do.
const (
	mostHandles  = 64
	handleBuffer = 64 << 10
)

// archiveFile is the file that a stream writes to now. It is open while it is among
// the archive's handles.
type archiveFile struct {
	ArchiveFile
	full    string // where it is
	file    *os.File
	buffer  *bufio.Writer
	created bool // its folder is not synced yet
	dirty   bool
}

// use opens a file, if it is not, and closes the one that was not used for longest
// where there are too many.
func (a *archive) use(f *archiveFile) error {
	if n := len(a.handles); n > 0 && a.handles[n-1] == f {
		return nil
	}
	if f.file != nil {
		a.forget(f)
		a.handles = append(a.handles, f)
		return nil
	}
	if len(a.handles) >= mostHandles {
		oldest := a.handles[0]
		a.forget(oldest)
		if err := oldest.park(); err != nil {
			return err
		}
	}
	if err := f.open(); err != nil {
		return err
	}
	a.handles = append(a.handles, f)
	return nil
}

func (a *archive) forget(f *archiveFile) {
	a.handles = slices.DeleteFunc(a.handles, func(h *archiveFile) bool { return h == f })
}

// finish makes durable a file that is not written to any more.
func (a *archive) finish(f *archiveFile) error {
	if f.dirty {
		if err := f.sync(); err != nil {
			return err
		}
		a.finished = append(a.finished, f.ArchiveFile)
	}
	a.forget(f)
	return f.park()
}

// open opens a file at its end. What lies beyond was never committed.
func (f *archiveFile) open() error {
	if err := os.MkdirAll(filepath.Dir(f.full), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.full, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := file.Truncate(f.Bytes); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.Seek(f.Bytes, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.buffer = file, bufio.NewWriterSize(file, handleBuffer)
	return nil
}

// park closes a file for the time being. What was written since the last sync is not
// durable; the next sync, or an error of the disk meanwhile, finds it through the name.
func (f *archiveFile) park() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.buffer.Flush(), f.file.Close())
	f.file, f.buffer = nil, nil
	return err
}

// sync makes durable what was written.
func (f *archiveFile) sync() error {
	if err := f.syncBytes(); err != nil {
		return err
	}
	if f.created {
		// New folders up to raw/<stream>: dt=, hour= and the file's own name.
		dir := filepath.Dir(f.full)
		for range 4 {
			if err := syncFolder(dir); err != nil {
				return err
			}
			dir = filepath.Dir(dir)
		}
		f.created = false
	}
	return nil
}

// syncBytes syncs a parked file through a handle of its own: the kernel keeps what it
// could not write, and the error, with the file.
func (f *archiveFile) syncBytes() error {
	if f.file != nil {
		return errors.Join(f.buffer.Flush(), f.file.Sync())
	}
	file, err := os.OpenFile(f.full, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
