// Package datafolder is what a data folder is as a whole: whose it is, who may read
// it, and whether its parts belong together.
package datafolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/biwa-data/biwa/internal/record"
)

const (
	pidFile = "biwa.pid"
	// mark is the file by which a part other than the metadata says whose it is.
	mark = "folder.json"
)

// Identity is what every part of one data folder has in common.
type Identity struct {
	Folder string `json:"folder"` // a UUID
	// Starts counts the starts of a node. The metadata counts first, the other parts
	// follow: they are at the same number, or at the one before, when a process ended
	// in between. Anything else is of another moment.
	Starts int64 `json:"starts"`
}

// part is a part of a folder as it was found.
type part struct {
	name   string
	filled bool // it has something of value
	Identity
}

// parts of a folder beside the metadata; each is a folder of that name.
var parts = []string{"journal", "objects", "dedupe"}

// Open reads what the parts of a folder say, and has keep note the identity with the
// next number of starts in the metadata before the other parts do. stored is what the
// metadata says, zero if it says nothing; fresh says that it says nothing at all.
//
// Parts that do not belong together, or are missing while others are there, are an
// error of the kind record.Conflict that says which, and what to do. Nothing has been
// changed then.
func Open(dir string, stored Identity, fresh bool, keep func(Identity) error) error {
	found, err := look(dir)
	if err != nil {
		return err
	}
	if fresh {
		if err := bereft(dir, "is empty", found); err != nil {
			return err
		}
	}
	next, err := decide(dir, stored, found)
	if err != nil {
		return err
	}
	if stored.Folder == "" { // the metadata is marked last, so its mark says that all are
		if err := write(dir, next); err != nil {
			return err
		}
		return keep(next)
	}
	if err := keep(next); err != nil {
		return err
	}
	return write(dir, next)
}

// Missing is the error of metadata that is not there while other parts are. It is
// asked before the metadata is made.
func Missing(dir string) error {
	info, err := os.Stat(filepath.Join(dir, "meta.db"))
	what := "is missing"
	switch {
	case err == nil && info.Size() > 0:
		return nil
	case err == nil:
		what = "is empty"
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("data folder: %w", err)
	}
	found, err := look(dir)
	if err != nil {
		return err
	}
	return bereft(dir, what, found)
}

// bereft is the error of parts whose metadata has gone.
func bereft(dir, what string, found []part) error {
	for _, p := range found {
		if p.filled {
			return record.Errorf(record.Conflict, "data folder %s: meta.db %s while %s has something in it. Without it the node does not know which files are tables, so it has touched nothing. Put meta.db back from a backup, with meta.db-wal if there is one; or move the folder away and start anew: Iceberg engines can read its tables, and zstd -d its archive",
				dir, what, p.name)
		}
	}
	return nil
}

// Lost lists the parts that are missing of a folder whose metadata is there.
func Lost(dir string) ([]string, error) {
	found, err := look(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range found {
		if p.Folder == "" && !p.filled {
			names = append(names, p.name)
		}
	}
	return names, nil
}

// Renew makes a part that is lost anew, empty, as one of a folder.
func Renew(dir string, id Identity, name string) error {
	return errors.Join(writeMark(filepath.Join(dir, name), id), syncFolder(dir))
}

// look reads the marks of the parts.
func look(dir string) ([]part, error) {
	var found []part
	for _, name := range parts {
		p := part{name: name}
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		for _, e := range entries {
			p.filled = p.filled || e.Name() != mark && e.Name() != mark+".new"
		}
		text, err := os.ReadFile(filepath.Join(dir, name, mark))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("data folder: %w", err)
		default:
			if err := json.Unmarshal(text, &p.Identity); err != nil || p.Folder == "" {
				return nil, record.Errorf(record.Conflict, "data folder: %s does not read, so it is not known whose %s is: put it back from a backup (the other parts have the same file)", filepath.Join(dir, name, mark), name)
			}
		}
		found = append(found, p)
	}
	return found, nil
}

// decide compares what the parts say. It returns the identity to go on with.
func decide(dir string, stored Identity, found []part) (Identity, error) {
	conflict := func(format string, args ...any) (Identity, error) {
		return Identity{}, record.Errorf(record.Conflict, "data folder %s: "+format, append([]any{dir}, args...)...)
	}
	if stored.Folder == "" {
		next := Identity{Folder: uuid.NewString(), Starts: 1}
		first := ""
		for _, p := range found {
			switch {
			case p.Folder == "":
			case first == "": // a first start ended half way
				first, next = p.name, p.Identity
			case p.Folder != next.Folder:
				return conflict("%s and %s are of two different data folders: put back the parts of one", first, p.name)
			}
		}
		if next.Starts > 1 {
			return conflict("meta.db is of an earlier moment than %s, from before folders had an identity: put back the parts of one backup", first)
		}
		return next, nil
	}
	next := stored
	for _, p := range found {
		switch {
		case p.Folder == "" && !p.filled:
			return conflict("the folder %s is missing while meta.db is there. Put it back from the backup that meta.db is of; if there is none, biwa recover goes on without it and names what is lost", p.name)
		case p.Folder != stored.Folder:
			return conflict("%s is of another data folder than meta.db: put back the parts of one", p.name)
		case p.Starts > stored.Starts:
			return conflict("meta.db is of an earlier moment (start %d) than %s (start %d), so it does not know all files. Nothing has been touched: put back the parts of one backup", stored.Starts, p.name, p.Starts)
		case p.Starts < stored.Starts-1:
			return conflict("%s is of an earlier moment (start %d) than meta.db (start %d), so files are missing. Nothing has been touched: put back the parts of one backup", p.name, p.Starts, stored.Starts)
		}
		next.Starts = min(next.Starts, p.Starts)
	}
	next.Starts++
	return next, nil
}

func write(dir string, id Identity) error {
	for _, name := range parts {
		if err := writeMark(filepath.Join(dir, name), id); err != nil {
			return err
		}
	}
	return syncFolder(dir)
}

// writeMark puts a mark in the place of the one before, all or nothing.
func writeMark(dir string, id Identity) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	next := filepath.Join(dir, mark+".new")
	if err := writeDurably(next, append(text, '\n')); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(next, filepath.Join(dir, mark)); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return syncFolder(dir)
}

func writeDurably(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
