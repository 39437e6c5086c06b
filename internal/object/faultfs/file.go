package faultfs

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// file is an open file.
type file struct {
	fs   *FS
	node *node
	name string
	at   int64
}

// Write appends at the file's place; where it is told to fail it stores half.
func (f *file) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.step()
	if err != nil {
		p = p[:len(p)/2]
	}
	if err == nil || !f.fs.cut {
		grown := append([]byte(nil), f.node.data...)
		if need := f.at + int64(len(p)) - int64(len(grown)); need > 0 {
			grown = append(grown, make([]byte, need)...)
		}
		copy(grown[f.at:], p)
		f.node.data, f.node.changed = grown, f.fs.clock
		f.at += int64(len(p))
	}
	if err != nil {
		return len(p), &fs.PathError{Op: "write", Path: f.name, Err: err}
	}
	return len(p), nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
	}
	if at >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	}
	f.at = offset
	return offset, nil
}

func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return &fs.PathError{Op: "fsync", Path: f.name, Err: err}
	}
	f.node.durable = append([]byte(nil), f.node.data...)
	return nil
}

func (f *file) Close() error { return nil }

func (f *file) Stat() (fs.FileInfo, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.node.info(f.name), nil
}

// info is what Stat says of a node.
type info struct {
	name    string
	size    int64
	folder  bool
	changed time.Time
}

func (n *node) info(name string) info {
	return info{name, int64(len(n.data)), n.names != nil, n.changed}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.changed }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
