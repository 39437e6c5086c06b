package main

import (
	"crypto/md5"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl"
)

// folderObjects is a folder as an object store: DIR/bucket/key. Nothing outside it is read or written.
type folderObjects string

// within does something with the folder of a bucket, which may be made.
func (f folderObjects) within(bucket string, create bool, do func(*os.Root) error) error {
	if bucket == "" || !filepath.IsLocal(bucket) || strings.ContainsAny(bucket, `/\`) {
		return errNoObject
	}
	dir := filepath.Join(string(f), bucket)
	if create {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return do(root)
}

func (f folderObjects) Read(bucket, key string) (body []byte, err error) {
	err = f.within(bucket, false, func(root *os.Root) error {
		body, err = root.ReadFile(filepath.FromSlash(key))
		return err
	})
	return body, err
}

func (f folderObjects) Write(bucket, key string, body []byte) error {
	return f.within(bucket, true, func(root *os.Root) error {
		name := filepath.FromSlash(key)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return root.WriteFile(name, body, 0o644)
	})
}

// List gives the objects whose keys begin with prefix, in the order of keys.
func (f folderObjects) List(bucket, prefix string) (found []asl.ObjectInfo, err error) {
	err = f.within(bucket, false, func(root *os.Root) error {
		return fs.WalkDir(root.FS(), ".", func(key string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasPrefix(key, prefix) {
				return err
			}
			body, err := root.ReadFile(filepath.FromSlash(key))
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			sum := md5.Sum(body)
			found = append(found, asl.ObjectInfo{Key: key, Size: info.Size(), Modified: info.ModTime(), ETag: `"` + hex.EncodeToString(sum[:]) + `"`})
			return nil
		})
	})
	return found, err
}
