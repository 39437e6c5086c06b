package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull fills a small disk under a node. It needs root, to mount one.
func TestDiskFull(t *testing.T) {
	const reserve = 96 << 20
	n, disk := onSmallDisk(t, "size=512m", "limits: {disk_reserve: 96MiB, memory: 1GB}\n")
	sent := 0
	noise := rand.New(rand.NewPCG(1, 1)) // what could be packed well would not fill the disk
	send := func() int {
		text := make([]byte, 256<<10)
		for i := range text {
			text[i] = byte(noise.Uint32())
		}
		var problem struct{ Detail string }
		status := n.post(t, "/v1/events/events", fmt.Sprintf(`{"n":%d,"text":"%x"}`, sent, text), &problem)
		switch status {
		case http.StatusOK:
			sent++
		case http.StatusServiceUnavailable:
			if !strings.Contains(problem.Detail, "reserve") {
				t.Errorf("503 without a reason: %q", problem.Detail)
			}
		default:
			t.Fatalf("status %d: %s", status, problem.Detail)
		}
		return status
	}
	if status := send(); status != http.StatusOK {
		t.Fatalf("the first record: %d", status)
	}
	filler := filepath.Join(disk, "filler")

	fill(t, disk, filler, reserve+8<<20)
	if !await(func() bool { return send() == http.StatusServiceUnavailable }) {
		t.Fatal("the doors were never shut")
	}
	if left := free(t, disk); left < reserve/2 {
		out, _ := exec.Command("du", "-ah", disk).CombinedOutput()
		t.Errorf("%s", out)
		t.Errorf("%d MiB were left when the doors were shut, of a reserve of %d", left>>20, reserve>>20)
	}
	expectCount(t, n, sent)

	// Full to the last byte, by somebody else; it must start even so.
	if err := n.kill(); err != nil {
		t.Fatal(err)
	}
	fill(t, disk, filler, 0)
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	expectCount(t, n, sent)
	if status := send(); status != http.StatusServiceUnavailable {
		t.Errorf("a record on a full disk: %d", status)
	}

	// Room again: it goes on by itself.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if !await(func() bool { return send() == http.StatusOK }) {
		t.Fatal("the doors stay shut though there is room")
	}
	if !await(func() bool { return n.column(t, "select count(*)::varchar as n from events")[0] == fmt.Sprint(sent) }) {
		t.Error("the records sent since are not seen")
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	expectCount(t, n, sent)
	if out, _, err := n.biwa("ledger", "verify"); err != nil {
		t.Errorf("%v %s", err, out)
	}
	if r := n.ledger(t); !r.Balanced || len(r.Incidents) > 0 || r.Streams[0].Accepted != int64(sent) {
		t.Errorf("the ledger: %+v, want %d accepted", r, sent)
	}
}

// TestOtherProgramsFillTheDisk has another program fill a small disk to the last byte
// again and again while records are sent. The node goes on through all of it, and
// what it answered for is there.
func TestOtherProgramsFillTheDisk(t *testing.T) {
	n, disk := onSmallDisk(t, "size=768m", "limits: {disk_reserve: 64MiB, memory: 1GB}\n")
	pid := n.cmd.Process.Pid
	filler := filepath.Join(disk, "filler")
	sent := 0
	send := func() int {
		status := n.post(t, "/v1/events/events", fmt.Sprintf(`{"n":%d,"text":"%0*d"}`, sent, 20_000, sent), nil)
		switch status {
		case http.StatusOK:
			sent++
		case http.StatusServiceUnavailable:
		default:
			t.Fatalf("status %d", status)
		}
		return status
	}
	for round := range 5 {
		for range 50 {
			send()
		}
		filled := make(chan struct{})
		go func() {
			defer close(filled)
			fill(t, disk, filler, 0)
		}()
		for full := false; !full; { // as long as it takes, and a little longer
			select {
			case <-filled:
				full = true
			default:
			}
			send()
		}
		for range 100 {
			send()
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if !await(func() bool { return send() == http.StatusOK }) {
			t.Fatalf("round %d: no record is taken though there is room", round)
		}
	}
	if n.cmd.Process.Pid != pid {
		t.Error("the node was started again")
	}
	expectCount(t, n, sent)
	if out, _, err := n.biwa("ledger", "verify", "--full"); err != nil {
		t.Errorf("%v %s", err, out)
	}
	if err := n.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	expectCount(t, n, sent)
}

// TestInodesRunOut has another program take the last inodes of a disk with much room.
func TestInodesRunOut(t *testing.T) {
	n, disk := onSmallDisk(t, "size=768m,nr_inodes=3000", "limits: {disk_reserve: 64MiB, memory: 1GB}\n")
	sent := 0
	var problem struct{ Detail string }
	send := func() int {
		status := n.post(t, "/v1/events/events", fmt.Sprintf(`{"n":%d}`, sent), &problem)
		if status == http.StatusOK {
			sent++
		}
		return status
	}
	if status := send(); status != http.StatusOK {
		t.Fatalf("the first record: %d", status)
	}
	others := filepath.Join(disk, "others")
	if err := os.Mkdir(others, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		err := os.WriteFile(filepath.Join(others, fmt.Sprint(i)), nil, 0o600)
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !await(func() bool { return send() == http.StatusServiceUnavailable }) {
		t.Fatal("the doors were never shut")
	}
	if !strings.Contains(problem.Detail, "inodes") {
		t.Errorf("the answer does not say why: %q", problem.Detail)
	}
	expectCount(t, n, sent)
	if err := os.RemoveAll(others); err != nil {
		t.Fatal(err)
	}
	if !await(func() bool { return send() == http.StatusOK }) {
		t.Fatal("the doors stay shut though there are inodes")
	}
	expectCount(t, n, sent)
}

// onSmallDisk starts a node whose data is on a small disk. It needs root, to mount one.
func onSmallDisk(t *testing.T, options, config string) (n *node, disk string) {
	t.Helper()
	disk = t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, options); err != nil {
		t.Skipf("A FULL DISK IS NOT TESTED HERE: a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	dir := writeProject(t, "name: full\n"+config, "columns:\n  - {name: n, type: bigint}\nunknown_fields: drop\nflush: {age: 1s}\ndedupe: {key: n, window: 1h}\n")
	n, err := newNode(dir, ".", "--data", filepath.Join(disk, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.kill()
		if t.Failed() {
			t.Log(n.log.String())
		}
	})
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	return n, disk
}

func expectCount(t *testing.T, n *node, want int) {
	t.Helper()
	var got string
	if !await(func() bool {
		got = n.column(t, "select count(*) || ',' || count(distinct n) as n from events")[0]
		return got == fmt.Sprintf("%d,%d", want, want)
	}) {
		t.Fatalf("SQL counts %s, want %d", got, want)
	}
}

// fill makes a file grow until so many bytes are left.
func fill(t *testing.T, disk, path string, leave int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Error(err)
		return
	}
	chunk := make([]byte, 1<<20)
	for {
		left := free(t, disk) - leave
		if left <= 0 {
			break
		}
		if _, err := f.Write(chunk[:min(left, int64(len(chunk)))]); errors.Is(err, unix.ENOSPC) {
			break
		} else if err != nil {
			t.Error(err)
			break
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func free(t *testing.T, disk string) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(disk, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}
