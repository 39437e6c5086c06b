package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
)

// A thousand streams that are written to in turn take no more handles than a few, and
// each one's file has its lines, in order.
func TestTheArchiveOfManyStreamsKeepsFewFilesOpen(t *testing.T) {
	const streams, rounds = 1000, 3
	dir, r := t.TempDir(), &registry{}
	l := open(t, dir, r, func(o *journal.Options) {
		o.Archive.NameOf = func(id record.StreamID) string {
			return fmt.Sprintf("s%d", binary.BigEndian.Uint32(id[:4]))
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var last record.Sequence
	most := 0
	for round := range rounds {
		env := &record.Envelope{}
		for s := range streams {
			id := record.StreamID{}
			binary.BigEndian.PutUint32(id[:], uint32(s))
			one := envelope(id, l.Now(), fmt.Sprintf(`{"stream":%d,"round":%d}`, s, round))
			env.Sections = append(env.Sections, one.Sections...)
		}
		data, err := journal.Encode(env)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(ctx, env, data); err != nil {
			t.Fatal(err)
		}
		last = env.Seq
	}
	go func() { done <- l.RunArchive(ctx) }()
	for l.Stats().Archived < last {
		most = max(most, handlesBelow(filepath.Join(dir, "raw")))
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if most == 0 || most > 70 {
		t.Errorf("%d files were open at once", most)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for s := range streams {
		files, _ := filepath.Glob(filepath.Join(dir, "raw", fmt.Sprintf("s%d", s), "dt=*", "hour=*", "*.zst"))
		var lines []byte
		for _, f := range files {
			packed, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if lines, err = d.DecodeAll(packed, lines); err != nil {
				t.Fatal(err)
			}
		}
		var want bytes.Buffer
		for round := range rounds {
			fmt.Fprintf(&want, "{\"stream\":%d,\"round\":%d}\n", s, round)
		}
		if !bytes.Equal(lines, want.Bytes()) {
			t.Fatalf("stream %d has %q", s, lines)
		}
	}
}

// handlesBelow counts the open files of this process below a folder.
func handlesBelow(dir string) int {
	entries, _ := os.ReadDir("/proc/self/fd")
	n := 0
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, dir+"/") && strings.HasSuffix(target, ".zst") {
			n++
		}
	}
	return n
}
