package test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// endless repeats a text up to a number of bytes.
func endless(text string, bytes int64) io.Reader {
	return io.LimitReader(&repeating{text: text}, bytes/int64(len(text))*int64(len(text)))
}

type repeating struct {
	text string
	at   int
}

func (r *repeating) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.text[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.text)
	}
	return n, nil
}

// TestSendTakesLittleMemory sends files of every awkward shape. What is measured is
// beyond what the binary takes to do nothing.
func TestSendTakesLittleMemory(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "streams"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"biwa.yaml": "name: large\n", "streams/events.yaml": "columns:\n  - {name: n, type: bigint}\n  - {name: text, type: varchar}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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
	run := func(in io.Reader, args ...string) (mib int64, out string) {
		var b bytes.Buffer
		c := exec.Command(filepath.Join(bin, "biwa"), args...)
		c.Stdin, c.Stdout, c.Stderr = in, &b, &b
		began := time.Now()
		err := c.Run() // that rows are rejected is an error
		mib = c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		t.Logf("%s: %d MiB, %v of %v, %v: %s", args, mib, c.ProcessState.UserTime(), time.Since(began), err, b.String())
		return mib, b.String()
	}
	idle, _ := run(nil, "version")
	const giant = 128 << 20
	row := `{"n":1,"text":"` + strings.Repeat("some words ", 12) + `"}`
	wide := `{"n":1,"text":"` + strings.Repeat("some words ", 90_000) + `"}`
	pack := func(from io.Reader, zip func(io.Writer) io.WriteCloser) io.Reader {
		var b bytes.Buffer
		w := zip(&b)
		if _, err := io.Copy(w, from); err != nil || w.Close() != nil {
			t.Fatal("pack", err)
		}
		return &b
	}
	for name, c := range map[string]struct {
		in   io.Reader
		args []string
		want string
	}{
		"lines":             {endless(row+"\n", 32<<20), nil, "223696 rows in file = 223696 sent + 0"},
		"an array":          {io.MultiReader(strings.NewReader("["), endless(row+",", 32<<20), strings.NewReader(row+"]")), nil, "223697 rows in file = 223697 sent + 0"},
		"objects, no lines": {endless(row, 8<<20), nil, "= 56299 sent + 0"},
		"wide records":      {endless(wide+"\n", 64<<20), nil, "67 rows in file = 67 sent + 0"},
		"a line":            {io.MultiReader(strings.NewReader(`{"a":"`), endless("x", giant), strings.NewReader("\"}\n"+row)), nil, "2 rows in file = 1 sent + 1"},
		"an element":        {io.MultiReader(strings.NewReader(`[{"a":"`), endless("x", giant), strings.NewReader("\"},"+row+"]")), nil, "2 rows in file = 1 sent + 1"},
		"brackets":          {endless("[", 64<<20), nil, "does not end"},
		"a cell":            {io.MultiReader(strings.NewReader("n,text\n1,\""), endless("x", giant), strings.NewReader("\"\n2,y\n")), []string{"--format", "csv"}, "2 rows in file = 1 sent + 1"},
		"a quote, no end":   {io.MultiReader(strings.NewReader("n,text\n1,\"x\n"), endless("2,\"y\"\"y\"\n", 4<<20)), []string{"--format", "csv"}, "sent + 1 quarantined"},
		"gzip, one line":    {pack(io.MultiReader(strings.NewReader(`{"a":"`), endless("x", 2*giant)), func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), nil, "1 row in file = 0 sent + 1"},
		"zstd, one line": {pack(io.MultiReader(strings.NewReader(`{"a":"`), endless("x", giant)), func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithWindowSize(8<<20))
			if err != nil {
				t.Fatal(err)
			}
			return z
		}), nil, "1 row in file = 0 sent + 1"},
	} {
		args := append([]string{"send", "events", "-", "--no-wait", "--url", n.url()}, c.args...)
		most, out := run(c.in, args...)
		if most-idle > 64 {
			t.Errorf("%s took %d MiB", name, most-idle)
		}
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: %s, want %s", name, out, c.want)
		}
	}
}
