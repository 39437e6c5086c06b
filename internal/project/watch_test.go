package project

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWatcherTellsOfEverySave saves as editors do, and looks that each is told.
func TestWatcherTellsOfEverySave(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	write("biwa.yaml", "name: a\n")
	w, err := NewWatcher(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() { ended <- w.Run(ctx, func() { told <- struct{}{} }) }()
	for _, save := range []struct {
		how string
		do  func()
	}{
		{"in place", func() { write("biwa.yaml", "name: b\n") }},
		{"a folder that was not there", func() { write("streams/x.yaml", "columns: []\n") }},
		{"renamed over it", func() {
			write("streams/.x.yaml.tmp", "description: x\n")
			move("streams/.x.yaml.tmp", "streams/x.yaml")
		}},
		{"the old one renamed away first", func() { move("streams/x.yaml", "streams/x.yaml~"); write("streams/x.yaml", "description: y\n") }},
		{"removed", func() {
			if err := os.Remove(filepath.Join(dir, "streams", "x.yaml")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a seed", func() { write("seeds/s.csv", "a,b\n1,2\n") }},
		{"the folder anew", func() { move("streams", "before"); write("streams/x.yaml", "description: z\n") }},
	} {
		save.do()
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatalf("%s: not told", save.how)
		}
		// A slow writer may be told of twice; the next save is told of after that.
		for len(told) > 0 {
			<-told
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
