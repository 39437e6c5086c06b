// Package faultfs is a file system in memory for tests: it fails at the n-th
// operation, and loses on a power cut what was not fsynced. A file's bytes
// survive if the file was fsynced after they were written; its name survives if
// its folder was fsynced after it was given.
package faultfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/object"
)

// ErrCut is what every operation returns after CutAt has struck.
var ErrCut = errors.New("the power is cut")

// FS is the file system. It is safe for concurrent use.
type FS struct {
	mu    sync.Mutex
	root  *node
	ops   int
	at    int // the operation that fails, 0 for none
	err   error
	cut   bool // every operation from at on fails
	clock time.Time
}

// node is a file or a folder.
type node struct {
	data, durable []byte           // of a file: now, and at its last fsync
	names, kept   map[string]*node // of a folder: now, and at its last fsync; nil for a file
	changed       time.Time
}

func newFolder() *node { return &node{names: map[string]*node{}, kept: map[string]*node{}} }

// New returns an empty file system.
func New() *FS {
	return &FS{root: newFolder(), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// SetTime is what files written from now on say they were changed at.
func (f *FS) SetTime(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = t
}

// FailAt makes the n-th operation from now, counted from 1, return err; a write
// stores half of its bytes first.
func (f *FS) FailAt(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.at, f.err, f.cut = 0, n, err, false
}

// CutAt cuts the power before the n-th operation from now: it and all after it
// fail, until PowerLoss or Kill.
func (f *FS) CutAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.at, f.err, f.cut = 0, n, ErrCut, true
}

// Struck says whether the operation that FailAt or CutAt named has come.
func (f *FS) Struck() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at > 0 && f.ops >= f.at
}

// PowerLoss drops what was not fsynced and lets operations succeed again.
func (f *FS) PowerLoss() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.root.lose()
	f.ops, f.at, f.cut = 0, 0, false
}

// Kill is the end of the process alone: nothing is dropped.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.at, f.cut = 0, 0, false
}

// Clone copies the file system as it is, without what FailAt or CutAt said.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &FS{root: f.root.clone(map[*node]*node{}), clock: f.clock}
}

func (n *node) clone(seen map[*node]*node) *node {
	if c := seen[n]; c != nil {
		return c
	}
	c := &node{data: n.data[:len(n.data):len(n.data)], durable: n.durable, changed: n.changed}
	seen[n] = c
	if n.names != nil {
		c.names, c.kept = map[string]*node{}, map[string]*node{}
		for name, child := range n.names {
			c.names[name] = child.clone(seen)
		}
		for name, child := range n.kept {
			c.kept[name] = child.clone(seen)
		}
	}
	return c
}

func (n *node) lose() {
	if n.names == nil {
		n.data = append([]byte(nil), n.durable...)
		return
	}
	n.names = map[string]*node{}
	for name, child := range n.kept {
		n.names[name] = child
		child.lose()
	}
}

// step counts an operation. The caller holds mu.
func (f *FS) step() error {
	f.ops++
	if f.at > 0 && (f.ops == f.at || f.cut && f.ops > f.at) {
		return f.err
	}
	return nil
}

func parts(name string) []string {
	name = strings.Trim(filepath.ToSlash(filepath.Clean(name)), "/")
	if name == "" || name == "." {
		return nil
	}
	return strings.Split(name, "/")
}

// find is the node of a name, nil if there is none. The caller holds mu.
func (f *FS) find(names []string) *node {
	n := f.root
	for _, name := range names {
		if n == nil || n.names == nil {
			return nil
		}
		n = n.names[name]
	}
	return n
}

// folderOf is the folder a name is in, and its last part.
func (f *FS) folderOf(op, name string) (*node, string, error) {
	p := parts(name)
	if len(p) == 0 {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	folder := f.find(p[:len(p)-1])
	if folder == nil || folder.names == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return folder, p[len(p)-1], nil
}

// OpenFile opens a file, and makes it under os.O_CREATE.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (object.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	folder, last, err := f.folderOf("open", name)
	if err != nil {
		return nil, err
	}
	n := folder.names[last]
	if n == nil {
		if flag&os.O_CREATE == 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		n = &node{changed: f.clock}
		folder.names[last] = n
	}
	if flag&os.O_TRUNC != 0 {
		n.data, n.changed = nil, f.clock
	}
	return &file{fs: f, node: n, name: last}, nil
}

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: err}
	}
	source, old, err := f.folderOf("rename", from)
	if err != nil {
		return err
	}
	target, last, err := f.folderOf("rename", to)
	if err != nil {
		return err
	}
	if source.names[old] == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	target.names[last] = source.names[old]
	delete(source.names, old)
	return nil
}

// Remove removes a file's name.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	folder, last, err := f.folderOf("remove", name)
	if err != nil {
		return err
	}
	if folder.names[last] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(folder.names, last)
	return nil
}

// Mkdir makes one folder.
func (f *FS) Mkdir(name string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	folder, last, err := f.folderOf("mkdir", name)
	if err != nil {
		return err
	}
	if folder.names[last] != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	folder.names[last] = newFolder()
	return nil
}

// SyncDir makes the names in a folder durable.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return &fs.PathError{Op: "fsync", Path: name, Err: err}
	}
	n := f.find(parts(name))
	if n == nil || n.names == nil {
		return &fs.PathError{Op: "fsync", Path: name, Err: fs.ErrNotExist}
	}
	n.kept = map[string]*node{}
	for name, child := range n.names {
		n.kept[name] = child
	}
	return nil
}

// ReadDir lists a folder by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(); err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	n := f.find(parts(name))
	if n == nil || n.names == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var list []fs.DirEntry
	for name, child := range n.names {
		list = append(list, fs.FileInfoToDirEntry(child.info(name)))
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	return list, nil
}
