package project

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher tells when a file of a project folder has been saved. It watches the
// folders and not the files: many editors save by renaming a new file over the old.
type Watcher struct {
	dir    string
	events *fsnotify.Watcher
	seen   [sha256.Size]byte
}

// Quiet is how long a folder must be quiet before its files are read, for a save is
// several events; a folder that never is quiet is read after most.
const (
	quiet     = 80 * time.Millisecond
	quietMost = 400 * time.Millisecond
)

// folders are those of a project that have files, besides the project's own.
var folders = []string{"streams", "seeds"}

// NewWatcher begins to watch dir. What is saved from now on is told by Run.
func NewWatcher(dir string) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	w := &Watcher{dir: dir, events: events}
	if err := events.Add(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", dir, err), events.Close())
	}
	for _, folder := range folders {
		if err := w.add(folder); err != nil {
			return nil, errors.Join(err, events.Close())
		}
	}
	w.seen = w.fingerprint()
	return w, nil
}

// add watches a folder that may not be there yet.
func (w *Watcher) add(folder string) error {
	err := w.events.Add(filepath.Join(w.dir, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch %s: %w", filepath.Join(w.dir, folder), err)
	}
	return nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return w.events.Close() }

// Run calls changed after files of the project have changed, until ctx ends. What
// leaves every file as it was is no change.
func (w *Watcher) Run(ctx context.Context, changed func()) error {
	timer := time.NewTimer(0)
	var first time.Time // of the events that changed has not been told of
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.events.Events:
			if !ok {
				return nil
			}
			if e.Has(fsnotify.Create) { // a folder may be new, or back
				for _, folder := range folders {
					if e.Name == filepath.Join(w.dir, folder) {
						if err := w.add(folder); err != nil {
							return err
						}
					}
				}
			}
			now := time.Now()
			if first.IsZero() {
				first = now
			}
			timer.Reset(min(quiet, max(0, quietMost-now.Sub(first))))
		case err := <-w.events.Errors:
			if err != nil && !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("watch %s: %w", w.dir, err)
			}
			timer.Reset(quiet) // events were lost: the files tell
		case <-timer.C:
			first = time.Time{}
			if next := w.fingerprint(); next != w.seen {
				w.seen = next
				changed()
			}
		}
	}
}

// fingerprint is another one whenever a file of the project is.
func (w *Watcher) fingerprint() (sum [sha256.Size]byte) {
	h := sha256.New()
	note := func(name string) {
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		fmt.Fprintf(h, "%q %d %v\n", name, len(text), err)
		h.Write(text)
	}
	note(configFile)
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(w.dir, folder))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml" || ext == ".csv") {
				note(filepath.Join(folder, e.Name()))
			}
		}
	}
	h.Sum(sum[:0])
	return sum
}
