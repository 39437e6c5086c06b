package test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/biwa-data/biwa/internal/faultdisk"
)

// disk is a fault disk with a node's data folder on it.
type disk struct {
	*faultdisk.Disk
	t     *testing.T
	mount *faultdisk.Mount
	dir   string
}

// newDisk mounts an empty one; where the host allows no FUSE the test is skipped.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{Disk: faultdisk.New(), t: t, dir: t.TempDir()}
	var err error
	if d.mount, err = d.Mount(d.dir); err != nil {
		t.Skipf("POWER LOSS AND FAILING DISKS ARE NOT TESTED HERE: %v", err)
	}
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) unmount() {
	if d.mount == nil {
		return
	}
	if err := d.mount.Unmount(); err != nil {
		d.t.Errorf("unmount: %v", err)
	}
	d.mount = nil
}

// replace mounts another disk in the place of this one.
func (d *disk) replace(other *faultdisk.Disk) {
	d.t.Helper()
	d.unmount()
	d.Disk = other
	var err error
	if d.mount, err = d.Mount(d.dir); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) data() string { return filepath.Join(d.dir, "data") }

// cutPower cuts the power of the machine: what was not fsynced is gone, as a rule;
// in some rounds a part of it is not.
func (d *disk) cutPower(n *node, random *rand.Rand) {
	d.t.Helper()
	d.Cut()
	if err := n.kill(); err != nil {
		d.t.Fatal(err)
	}
	if random.IntN(3) > 0 {
		d.replace(d.Surviving(random))
	} else {
		d.replace(d.Surviving(nil))
	}
}

// TestPowerLoss cuts the power of the whole node again and again while records
// come: under JetStream, SQLite, the archive, Parquet files and the dedupe index.
// No record that was acknowledged may be lost, and none doubled.
func TestPowerLoss(t *testing.T) {
	d := newDisk(t)
	total := rounds(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d rounds, seed %d", total, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n := startNodeOn(t, d, crashProject, powerStream)
	l := &load{url: n.url(), client: &http.Client{Timeout: 20 * time.Second}, pause: 50 * time.Millisecond, once: map[int64]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var senders errgroup.Group
	for sender := range 4 {
		senders.Go(func() error { return l.run(ctx, sender) })
	}
	senders.Go(func() error { return l.runOnce(ctx) })
	for round := range total {
		before := l.progress()
		if !await(func() bool { return l.progress() > before+5 }) {
			t.Fatalf("round %d: nothing is taken any more\n%s", round, n.log.String())
		}
		after(time.Duration(random.Int64N(int64(2500 * time.Millisecond))))
		d.cutPower(n, random)
		for random.IntN(3) == 0 { // amid a start, too
			if err := n.launch(); err != nil {
				t.Fatal(err)
			}
			after(time.Duration(random.Int64N(int64(900 * time.Millisecond))))
			d.cutPower(n, random)
		}
		if err := n.start(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	cancel()
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
	expectExactly(t, n, l)
}

// powerStream has a dedupe index as well; no two of the records are alike in n.
const powerStream = `columns:
  - {name: n, type: bigint, not_null: true}
  - {name: sender, type: bigint}
  - {name: text, type: varchar}
partition: [sender]
dedupe: {key: n, window: 1h}
flush: {size: 1MB, age: 1s}
`

// startNodeOn starts a node whose data folder is on a disk.
func startNodeOn(t *testing.T, d *disk, config, stream string) *node {
	t.Helper()
	n, err := newNode(writeProject(t, config, stream), ".", "--data", d.data())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.kill() // before the disk is unmounted
		if t.Failed() {
			log := n.log.String()
			t.Log(log[max(0, len(log)-4000):])
			if keep := os.Getenv("BIWA_KEEP_LOG"); keep != "" {
				_ = os.WriteFile(keep, []byte(log), 0o600)
			}
		}
	})
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	return n
}
