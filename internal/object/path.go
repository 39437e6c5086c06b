package object

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// URI is s3://bucket/path: tables name their files by it, so that the folder
// can be moved, or copied to a real bucket, and every table still reads.
func (l *Local) URI(p string) string { return "s3://" + l.bucket + "/" + p }

// Path is the inverse of URI.
func (l *Local) Path(uri string) (string, error) {
	p, ok := strings.CutPrefix(uri, "s3://"+l.bucket+"/")
	if !ok || !validPath(p) {
		return "", record.Errorf(record.Invalid, "%q does not lie in s3://%s/", uri, l.bucket)
	}
	return p, nil
}

func validPath(p string) bool { return p != "." && fs.ValidPath(p) && !strings.Contains(p, `\`) }

// parent is the folder of a path, "" for the root.
func parent(p string) string {
	i := strings.LastIndexByte(p, '/')
	return p[:max(i, 0)]
}

// inPathOrder sorts entries as the paths below them sort: a folder by its name
// and a slash.
func inPathOrder(entries []fs.DirEntry) []fs.DirEntry {
	name := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(name(a), name(b)) })
	return entries
}
