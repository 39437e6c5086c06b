package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/biwa-data/biwa/internal/record"
)

// syncsAtOnce is how many files are fsynced side by side.
const syncsAtOnce = 16

// temporary marks the name of a file that Put has not finished; List hides it.
const temporary = ".tmp-"

// Local keeps blobs as files of one folder.
type Local struct {
	fs     FS
	root   string
	bucket string

	mu sync.Mutex
	// named holds the folders, relative to root, that are known to be durable in
	// their parent. Folders are never removed, so it only grows.
	named map[string]bool
}

// OpenLocal opens the folder at root, and makes it if there is none. bucket is
// what URI says the folder is.
func OpenLocal(files FS, root, bucket string) (*Local, error) {
	l := &Local{fs: files, root: root, bucket: bucket, named: map[string]bool{"": true}}
	if err := makeAll(files, root); err != nil {
		return nil, fmt.Errorf("open object folder %s: %w", root, err)
	}
	return l, nil
}

// makeAll makes root and what is missing above it, durably.
func makeAll(files FS, dir string) error {
	if _, err := files.ReadDir(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeAll(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}

// Filename is where the blob's file is, for engines that read and write it
// themselves.
func (l *Local) Filename(p string) string { return filepath.Join(l.root, filepath.FromSlash(p)) }

// Prepare makes the folder that a blob's file will be in, for an engine that
// writes the file itself; Sync makes both durable.
func (l *Local) Prepare(p string) error {
	if err := cleanPath(p); err != nil {
		return err
	}
	if err := l.mkdir(parent(p)); err != nil {
		return fmt.Errorf("prepare %s: %w", p, err)
	}
	return nil
}

// Put writes to a temporary file first, so that a path never names half a blob.
func (l *Local) Put(ctx context.Context, p string, from io.Reader) (err error) {
	if err := l.Prepare(p); err != nil {
		return err
	}
	temp := path.Join(parent(p), temporary+uuid.NewString())
	defer func() {
		if err != nil {
			_ = l.fs.Remove(l.Filename(temp)) // hidden in any case
			err = fmt.Errorf("put %s: %w", p, err)
		}
	}()
	if err := l.write(temp, from, true); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.fs.Rename(l.Filename(temp), l.Filename(p)); err != nil {
		return err
	}
	return l.syncFolders(parent(p))
}

// Stage writes the file in place: nothing names it before it is synced.
func (l *Local) Stage(_ context.Context, p string, data []byte) error {
	if err := l.Prepare(p); err != nil {
		return err
	}
	if err := l.write(p, bytes.NewReader(data), false); err != nil {
		return fmt.Errorf("stage %s: %w", p, err)
	}
	return nil
}

func (l *Local) write(p string, from io.Reader, sync bool) error {
	f, err := l.fs.OpenFile(l.Filename(p), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		return errors.Join(err, f.Close())
	}
	if sync {
		if err := f.Sync(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// Sync fsyncs the files side by side, then each folder once.
func (l *Local) Sync(ctx context.Context, paths ...string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(syncsAtOnce)
	folders := map[string]bool{}
	for _, p := range paths {
		if err := cleanPath(p); err != nil {
			return err
		}
		folders[parent(p)] = true
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return l.syncFile(p)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	group, ctx = errgroup.WithContext(ctx)
	group.SetLimit(syncsAtOnce)
	for folder := range folders {
		group.Go(func() error {
			if err := l.syncFolders(folder); err != nil {
				return fmt.Errorf("sync folder %s: %w", folder, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (l *Local) syncFile(p string) error {
	f, err := l.fs.OpenFile(l.Filename(p), os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("sync %s: %w", p, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", p, err)
	}
	return nil
}

// syncFolders makes the names in folder durable, and folder itself as far up as
// this process has not done before.
func (l *Local) syncFolders(folder string) error {
	if err := l.fs.SyncDir(l.Filename(folder)); err != nil {
		return err
	}
	for ; !l.isNamed(folder); folder = parent(folder) {
		if err := l.fs.SyncDir(l.Filename(parent(folder))); err != nil {
			return err
		}
		l.mu.Lock()
		l.named[folder] = true
		l.mu.Unlock()
	}
	return nil
}

func (l *Local) isNamed(folder string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.named[folder]
}

func (l *Local) mkdir(folder string) error {
	if l.isNamed(folder) {
		return nil
	}
	err := l.fs.Mkdir(l.Filename(folder), 0o755)
	if errors.Is(err, fs.ErrNotExist) && folder != "" {
		if err := l.mkdir(parent(folder)); err != nil {
			return err
		}
		err = l.fs.Mkdir(l.Filename(folder), 0o755)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Open opens the blob's file.
func (l *Local) Open(_ context.Context, p string) (Reader, error) {
	if err := cleanPath(p); err != nil {
		return nil, err
	}
	f, err := l.fs.OpenFile(l.Filename(p), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, record.Errorf(record.NotFound, "open %s: %w", p, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = record.Errorf(record.NotFound, "it is a folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", p, err), f.Close())
	}
	return &localReader{f, info.Size()}, nil
}

type localReader struct {
	File
	size int64
}

func (r *localReader) Size() int64 { return r.size }

// Delete removes the blob's file. That it is gone need not be durable: who
// deletes keeps it on a list until it is.
func (l *Local) Delete(_ context.Context, p string) error {
	if err := cleanPath(p); err != nil {
		return err
	}
	if err := l.fs.Remove(l.Filename(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", p, err)
	}
	return nil
}

// List walks the folders that can hold a path with the prefix.
func (l *Local) List(ctx context.Context, prefix string, visit func(Info) error) error {
	start := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		start = prefix[:i]
	}
	if err := l.list(ctx, start, prefix, visit); err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	return nil
}

func (l *Local) list(ctx context.Context, folder, prefix string, visit func(Info) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := l.fs.ReadDir(l.Filename(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range inPathOrder(entries) {
		p := path.Join(folder, e.Name())
		switch {
		case e.IsDir():
			if strings.HasPrefix(p+"/", prefix) || strings.HasPrefix(prefix, p+"/") {
				err = l.list(ctx, p, prefix, visit)
			}
		case strings.HasPrefix(p, prefix) && !strings.HasPrefix(e.Name(), temporary):
			err = visitEntry(p, e, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func visitEntry(p string, e fs.DirEntry, visit func(Info) error) error {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since the folder was read
	}
	if err != nil {
		return err
	}
	return visit(Info{Path: p, Bytes: info.Size(), Changed: info.ModTime()})
}
