package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/biwa-data/biwa/internal/object"
)

// staging is the file system iceberg-go sees during one commit. It writes
// nothing durably and remembers what it wrote: the commit makes it all durable
// at once, or removes it.
type staging struct {
	ctx   context.Context
	store object.Store

	mu      sync.Mutex
	written []string // paths
}

func newStaging(ctx context.Context, store object.Store) *staging {
	return &staging{ctx: ctx, store: store}
}

// paths is what was written.
func (s *staging) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.written)
}

// discard removes what was written: the commit has not happened. What stays
// behind for an error is removed as a leftover at the next start.
func (s *staging) discard() {
	for _, p := range s.paths() {
		_ = s.store.Delete(context.WithoutCancel(s.ctx), p)
	}
}

// Open reads a file by its address.
func (s *staging) Open(uri string) (iceio.File, error) {
	p, err := s.store.Path(uri)
	if err != nil {
		return nil, err
	}
	r, err := s.store.Open(s.ctx, p)
	if err != nil {
		return nil, err
	}
	return stagedFile{r, p}, nil
}

// Create collects a file in memory and stages it when it is closed.
func (s *staging) Create(uri string) (iceio.FileWriter, error) {
	p, err := s.store.Path(uri)
	if err != nil {
		return nil, err
	}
	return &stagedWriter{staging: s, path: p}, nil
}

// WriteFile stages a whole file.
func (s *staging) WriteFile(uri string, data []byte) error {
	p, err := s.store.Path(uri)
	if err != nil {
		return err
	}
	return s.write(p, data)
}

func (s *staging) write(p string, data []byte) error {
	s.mu.Lock()
	s.written = append(s.written, p)
	s.mu.Unlock()
	return s.store.Stage(s.ctx, p, data)
}

// Remove removes a file of this commit. iceberg-go removes no other before the
// swap; should it try, a table would lose a file it names, so we refuse.
func (s *staging) Remove(uri string) error {
	p, err := s.store.Path(uri)
	if err != nil {
		return err
	}
	s.mu.Lock()
	i := slices.Index(s.written, p)
	if i >= 0 {
		s.written = slices.Delete(s.written, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		return fmt.Errorf("remove %s: this commit did not write it", uri)
	}
	return s.store.Delete(s.ctx, p)
}

// stagedWriter is a file being written.
type stagedWriter struct {
	bytes.Buffer
	staging *staging
	path    string
	closed  bool
}

func (w *stagedWriter) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.staging.write(w.path, w.Bytes())
}

// stagedFile is a file being read.
type stagedFile struct {
	object.Reader
	path string
}

func (f stagedFile) Stat() (fs.FileInfo, error) { return fileInfo{f.path, f.Size()}, nil }

func (f stagedFile) ReadDir(int) ([]fs.DirEntry, error) {
	return nil, errors.New(f.path + " is not a folder")
}

var _ io.ReaderAt = stagedFile{}

type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }

func (s *staging) fileSystem(context.Context) (iceio.IO, error) { return s, nil }
