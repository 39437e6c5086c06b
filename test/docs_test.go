package test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlowPage runs the commands that docs/flows.md shows in a copy of examples/flows and compares what they print with the
// page. With -update the page gets what they print.
func TestFlowPage(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("SKIPPED: an example answers tasks with python3, which is not here")
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join("..", "docs", "flows.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("..", "examples", "flows"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	blocks := 0
	for _, part := range strings.SplitAfter(string(text), "```console\n") {
		block, rest, found := strings.Cut(part, "\n```\n")
		if blocks++; blocks == 1 || !found {
			got = append(got, part)
			continue
		}
		var printed strings.Builder
		for _, line := range strings.Split(block, "\n") {
			if !strings.HasPrefix(line, "$ ") {
				continue
			}
			printed.WriteString(line + "\n")
			printed.Write(shell(t, bin, folder, line[2:]))
		}
		got = append(got, strings.TrimSuffix(printed.String(), "\n")+"\n```\n"+rest)
	}
	if blocks < 6 {
		t.Errorf("the page has %d blocks of commands", blocks-1)
	}
	now := strings.Join(got, "")
	if now == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.Split(string(text), "\n")
	for i, line := range strings.Split(now, "\n") {
		if i >= len(want) || line != want[i] {
			t.Fatalf("docs/flows.md:%d says something else than what the commands print: %q (go test ./test -run TestFlowPage -update corrects it)", i+1, line)
		}
	}
	t.Fatal("docs/flows.md shows more than what the commands print")
}

// shell runs a command line and gives all that it prints; it may fail.
func shell(t *testing.T, bin, folder, line string) []byte {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.Bytes()
}
