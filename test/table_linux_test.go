package test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tail keeps the end of what is written to it, and counts lines.
type tail struct {
	lines int
	end   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.lines += bytes.Count(p, []byte{'\n'})
	t.end = append(t.end, p...)
	t.end = t.end[max(0, len(t.end)-100):]
	return len(p), nil
}

// TestALongTableTakesLittleMemory asks biwa sql for 600,000 rows: held whole they are
// half a gigabyte. What is measured is beyond what the binary takes to do nothing.
func TestALongTableTakesLittleMemory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "biwa.yaml"), []byte("name: long\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := newNode(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.kill() })
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	run := func(out io.Writer, args ...string) (mib int64) {
		c := exec.Command(filepath.Join(bin, "biwa"), args...)
		c.Stdout, c.Stderr = out, os.Stderr
		began := time.Now()
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		mib = c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		t.Logf("%s: %d MiB, %v of %v", args, mib, c.ProcessState.UserTime(), time.Since(began))
		return mib
	}
	idle := run(io.Discard, "version")
	for _, format := range []string{"table", "markdown", "csv", "json"} {
		var out tail
		most := run(&out, "sql", "--url", n.url(), "--format", format, "-c",
			"select range as n, 'row ' || range as name, repeat('x', 40) as text, null as nothing from range(600000)") - idle
		if out.lines < 600_000 || format == "table" && !strings.HasSuffix(string(out.end), "(600000 rows)\n") {
			t.Errorf("%s: %d lines, at the end %q", format, out.lines, out.end)
		}
		if most > 32 {
			t.Errorf("%s took %d MiB", format, most)
		}
	}
}
