// Package storetest is the contract of object.Store as tests that every
// implementation runs.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
)

// Run tests the stores that open makes, each empty.
func Run(t *testing.T, open func(t *testing.T) object.Store) {
	for name, test := range map[string]func(*testing.T, object.Store){
		"PutAndOpen": putAndOpen, "FailedPutLeavesNothing": failedPut, "StageAndSync": stageAndSync,
		"Delete": deleteBlob, "List": list, "Paths": paths,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var ctx = context.Background()

func content(t *testing.T, s object.Store, path string) string {
	t.Helper()
	r, err := s.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Size() != int64(len(data)) {
		t.Errorf("%s: size %d of %d bytes", path, r.Size(), len(data))
	}
	return string(data)
}

func put(t *testing.T, s object.Store, path, data string) {
	t.Helper()
	if err := s.Put(ctx, path, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func putAndOpen(t *testing.T, s object.Store) {
	put(t, s, "a/b/c.txt", "0123456789")
	if got := content(t, s, "a/b/c.txt"); got != "0123456789" {
		t.Errorf("got %q", got)
	}
	put(t, s, "a/b/c.txt", "again")
	if got := content(t, s, "a/b/c.txt"); got != "again" {
		t.Errorf("after another Put: %q", got)
	}
	put(t, s, "empty", "")
	if got := content(t, s, "empty"); got != "" {
		t.Errorf("an empty blob holds %q", got)
	}
	r, err := s.Open(ctx, "a/b/c.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	part := make([]byte, 3)
	if n, err := r.ReadAt(part, 1); n != 3 || err != nil || string(part) != "gai" {
		t.Errorf("read %q, %v", part[:n], err)
	}
	if _, err := r.Seek(-2, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); string(rest) != "in" || err != nil {
		t.Errorf("after a seek %q, %v", rest, err)
	}
	for _, path := range []string{"none", "a/b", "a/b/c.txt/d"} {
		if _, err := s.Open(ctx, path); record.KindOf(err) != record.NotFound && path != "a/b/c.txt/d" || err == nil {
			t.Errorf("open %s: %v", path, err)
		}
	}
}

// broken fails after a few bytes.
type broken struct{ n int }

func (b *broken) Read(p []byte) (int, error) {
	if b.n++; b.n > 1 {
		return 0, errors.New("broken")
	}
	return copy(p, "half"), nil
}

func failedPut(t *testing.T, s object.Store) {
	put(t, s, "a/x", "whole")
	if err := s.Put(ctx, "a/x", &broken{}); err == nil {
		t.Error("half a blob was put")
	}
	if got := content(t, s, "a/x"); got != "whole" {
		t.Errorf("a failed Put changed the blob to %q", got)
	}
	if got := names(t, s, ""); !slices.Equal(got, []string{"a/x"}) {
		t.Errorf("a failed Put left %v", got)
	}
}

func stageAndSync(t *testing.T, s object.Store) {
	var all []string
	for i := range 40 {
		path := fmt.Sprintf("d%d/f%d", i%3, i)
		if err := s.Stage(ctx, path, []byte(path)); err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
	}
	if err := s.Sync(ctx, all...); err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if got := content(t, s, path); got != path {
			t.Errorf("%s holds %q", path, got)
		}
	}
	if err := s.Sync(ctx); err != nil {
		t.Errorf("sync of nothing: %v", err)
	}
}

func deleteBlob(t *testing.T, s object.Store) {
	put(t, s, "a/x", "1")
	for range 2 {
		if err := s.Delete(ctx, "a/x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(ctx, "a/x"); record.KindOf(err) != record.NotFound {
		t.Errorf("a deleted blob: %v", err)
	}
	if err := s.Delete(ctx, "no/such/folder"); err != nil {
		t.Errorf("delete in a folder that is not: %v", err)
	}
}

func names(t *testing.T, s object.Store, prefix string) (list []string) {
	t.Helper()
	err := s.List(ctx, prefix, func(i object.Info) error {
		list = append(list, i.Path)
		if i.Changed.IsZero() || i.Changed.After(time.Now().Add(time.Hour)) {
			t.Errorf("%s changed at %v", i.Path, i.Changed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func list(t *testing.T, s object.Store) {
	for _, path := range []string{"b/2", "a/1", "a.x", "a/b/3", "ab/4", "b/10"} {
		put(t, s, path, path)
	}
	for prefix, want := range map[string][]string{
		"":     {"a.x", "a/1", "a/b/3", "ab/4", "b/10", "b/2"},
		"a":    {"a.x", "a/1", "a/b/3", "ab/4"},
		"a/":   {"a/1", "a/b/3"},
		"b/1":  {"b/10"},
		"c/":   nil,
		"b/1/": nil,
	} {
		if got := names(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: %v, want %v", prefix, got, want)
		}
	}
	stop := errors.New("stop")
	n := 0
	if err := s.List(ctx, "", func(object.Info) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("stopped after %d with %v", n, err)
	}
}

func paths(t *testing.T, s object.Store) {
	for _, path := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".", "./a", `a\b`} {
		if err := s.Put(ctx, path, strings.NewReader("x")); record.KindOf(err) != record.Invalid {
			t.Errorf("put %q: %v", path, err)
		}
	}
	uri := s.URI("lake/t/data/f.parquet")
	if path, err := s.Path(uri); path != "lake/t/data/f.parquet" || err != nil {
		t.Errorf("%s is %q, %v", uri, path, err)
	}
	for _, bad := range []string{"s3://other-bucket-entirely/a", "file:///a", uri + "/../../x", ""} {
		if path, err := s.Path(bad); err == nil {
			t.Errorf("%s is %q", bad, path)
		}
	}
}
