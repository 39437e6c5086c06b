// Package object keeps blobs: in a local folder, later in a bucket. A path is
// relative to the store's root, with forward slashes, and its file never
// changes once it is durable.
package object

import (
	"context"
	"io"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Store keeps blobs by path. Every implementation passes storetest.Run.
type Store interface {
	// Put writes a blob, all of it or nothing, and returns when it is durable.
	Put(ctx context.Context, path string, from io.Reader) error
	// Stage writes a new blob that is durable only after Sync.
	Stage(ctx context.Context, path string, data []byte) error
	// Sync makes staged blobs durable, and files that others wrote into the
	// folder, together with the folders that name them.
	Sync(ctx context.Context, paths ...string) error
	// Open reads a blob; record.NotFound if there is none.
	Open(ctx context.Context, path string) (Reader, error)
	// Delete removes a blob; it is no error if there is none.
	Delete(ctx context.Context, path string) error
	// List visits the blobs whose path begins with prefix, in order of path,
	// until visit returns an error.
	List(ctx context.Context, prefix string, visit func(Info) error) error
	// URI is the address of a path for other engines, s3://bucket/path.
	URI(path string) string
	// Path is the path of such an address; record.Invalid if it is not this store's.
	Path(uri string) (string, error)
}

// Reader is an open blob.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Info is what List says of a blob.
type Info struct {
	Path    string
	Bytes   int64
	Changed time.Time
}

// cleanPath refuses a path that would leave the store or has two spellings.
func cleanPath(p string) error {
	if !validPath(p) {
		return record.Errorf(record.Invalid, "object path %q: want parts joined by single slashes, without . or ..", p)
	}
	return nil
}
