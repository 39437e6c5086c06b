package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

func files() map[string]shape.Definition {
	return map[string]shape.Definition{"files": {Columns: []shape.Column{{Name: "f", Type: "varchar"}, {Name: "n", Type: "bigint"}, {Name: "text", Type: "varchar"}}}}
}

// sends runs biwa send against a node and returns what it printed.
func sends(n *testkit.Node, args ...string) (string, error) {
	return sendsUntil(n.T.Context(), n, args...)
}

func sendsUntil(ctx context.Context, n *testkit.Node, args ...string) (string, error) {
	var out bytes.Buffer
	c := newSend()
	c.SetOut(&out)
	c.SetErr(io.Discard)
	c.SetArgs(append(args, "--url", n.URL))
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

// growing is a file that grows by whole records.
type growing struct {
	name, head string
	row        func(n int) string
	random     *rand.Rand
	text       string
	rows       int
}

func (g *growing) grow(by int) {
	if g.rows == 0 {
		g.text = g.head
	}
	for ; by > 0; by-- {
		if g.rows > 0 && !strings.HasSuffix(g.text, "\n") {
			g.text += "\n"
		}
		g.text += g.row(g.rows) + "\n"
		g.rows++
	}
	if g.random.IntN(3) == 0 { // the last line's end is still to come
		g.text = strings.TrimSuffix(g.text, "\n")
	}
}

func (g *growing) write(t *testing.T, dir string) string {
	t.Helper()
	text := []byte(g.text)
	if strings.HasSuffix(g.name, ".gz") {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(text); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		text = b.Bytes()
	}
	path := filepath.Join(dir, g.name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// However a file grows and whenever it is sent, its rows are there once.
func TestAFileThatGrows(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	n := testkit.Start(t, data, testkit.Project(files()))
	random := rand.New(rand.NewPCG(3, 4))
	want := map[string]int{}
	for round := range 16 {
		name := fmt.Sprintf("%d", round)
		same := random.IntN(4) == 0 // all its lines are equal
		number := func(i int) int {
			if same {
				return 7
			}
			return i
		}
		g := &growing{name: name + ".ndjson", random: random, row: func(i int) string { return fmt.Sprintf(`{"f":%q,"n":%d}`, name, number(i)) }}
		if round%2 == 1 {
			g.name, g.head = name+".csv", "f,n,text\n"
			g.row = func(i int) string { return fmt.Sprintf("%s,%d,\"a\nb,%d\"", name, number(i), number(i)) }
		}
		if round%4 > 1 {
			g.name += ".gz"
		}
		for range 1 + random.IntN(5) {
			g.grow(1 + random.IntN([]int{3, 40, 2500}[random.IntN(3)]))
			path := g.write(t, dir)
			for range 1 + random.IntN(2) {
				if out, err := sends(n, "files", path, "--no-wait"); err != nil {
					t.Fatalf("%s: %s %v", g.name, out, err)
				}
			}
		}
		want[name] = g.rows
		if round == 7 {
			n.Shutdown()
			n = testkit.Start(t, data, testkit.Project(files()))
		}
	}
	total := 0
	for _, rows := range want {
		total += rows
	}
	n.Await("all rows", func() bool { return n.One("SELECT count(*) >= "+strconv.Itoa(total)+" FROM files") == "true" })
	for _, row := range n.Query("SELECT f, count(*) FROM files GROUP BY f") {
		if row[1] != strconv.Itoa(want[row[0]]) {
			t.Errorf("file %s: %s rows, want %d", row[0], row[1], want[row[0]])
		}
	}
	n.Balance()
}

func TestWhatIsOneFile(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(files()))
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rows := 0
	send := func(what string, adds int, args ...string) {
		t.Helper()
		out, err := sends(n, append([]string{"files"}, args...)...)
		rows += adds
		if got := n.One("SELECT count(*) FROM files"); err != nil || got != strconv.Itoa(rows) {
			t.Errorf("%s: %s rows, want %d; %s%v", what, got, rows, out, err)
			rows, _ = strconv.Atoi(got)
		}
	}
	const line = `{"n":1}` + "\n"
	a, b := put("a.ndjson", line), put("b.ndjson", line+line)
	send("two files with an equal line", 3, a, b)
	send("both again", 0, a, b)
	send("a file that is cut", 1, put("b.ndjson", line))
	send("another beginning", 2, put("b.ndjson", `{"n":0}`+"\n"+line))
	send("the same beginning, another end", 2, put("b.ndjson", `{"n":0}`+"\n{\"n\":2}\n"))
	send("a copy", 1, put("c.ndjson", line))
	send("once", 1, "--once", a)
	send("once, another name", 0, "--once", b[:len(b)-len("b.ndjson")]+"c.ndjson")
	// A line without its end is sent as it stands. What it was to become is a record of its own.
	if out, err := sends(n, "files", put("d.ndjson", line+`{"n":3`)); err != nil || !strings.Contains(out, "2 rows in file = 1 sent + 1 quarantined") {
		t.Errorf("half a line: %s %v", out, err)
	}
	rows++
	send("the line whole, and one more", 2, put("d.ndjson", line+`{"n":33}`+"\n"+line))
	send("and again", 0, filepath.Join(dir, "d.ndjson"))
	n.Balance()
}

// Interrupted while it waits for more of a pipe, send says how far it came; run
// again it goes on there.
func TestAnInterruptedSendSaysWhatIsSafe(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(files()))
	path := filepath.Join(t.TempDir(), "pipe.ndjson")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("SKIPPED: no named pipes here: ", err)
	}
	var lines strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&lines, "{\"n\":%d,\"text\":\"%060d\"}\n", i, i)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := sendsUntil(ctx, n, "files", path)
		ended <- err
	}()
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := pipe.WriteString(lines.String()); err != nil {
		t.Fatal(err)
	}
	n.Await("the first chunk", func() bool { return n.Balance().Streams[0].Accepted == 2000 })
	interrupt()
	if err := <-ended; err == nil || !regexp.MustCompile(`^send .*: interrupted: 2000 of the 2\d\d\d rows read so far are on the node's disk and safe; run the same command again and it goes on there$`).MatchString(err.Error()) {
		t.Errorf("interrupted: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := sends(n, "files", path); err != nil || !strings.Contains(out, "2500 records sent") || !strings.Contains(out, "2000 of them were there already") {
		t.Errorf("again: %s %v", out, err)
	}
	if got := n.One("SELECT count(*) FROM files"); got != "2500" {
		t.Errorf("%s rows", got)
	}
}
