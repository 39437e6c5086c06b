// Package faultdisk is a disk in memory that a whole node can run on, for tests:
// it is mounted with FUSE, fails where it is told to, and on a power cut loses
// what was not fsynced.
//
// It keeps two images. The volatile one is what programs see. The durable one is
// what a power cut leaves:
//
//   - The bytes and the length of a file are durable once the file was fsynced.
//     An fsync that fails makes nothing durable, and the next one does not try
//     again, as on Linux.
//   - Names are durable once their folder was fsynced. Changes of names have one
//     order, as in the journal of a file system: an fsync of a folder makes
//     durable its last change and all before it, a rename is never half done, and
//     no change is durable without those before it. The fsync of a file makes no
//     name durable; real file systems do more than this.
//
// Only tests import it. It needs Linux, /dev/fuse and the right to mount.
package faultdisk

import (
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
)

// Kind is what an operation does.
type Kind string

// The operations that may fail. Opening, reading and closing never do.
const (
	Write    Kind = "write"
	Sync     Kind = "fsync" // of a file
	SyncDir  Kind = "fsync folder"
	Create   Kind = "create"
	Mkdir    Kind = "mkdir"
	Link     Kind = "link"
	Remove   Kind = "remove"
	Rename   Kind = "rename"
	Truncate Kind = "truncate"
	Allocate Kind = "allocate"
)

// Fault says which operation fails, and how.
type Fault struct {
	// Path is the beginning of the paths it is about, without a leading slash.
	Path string
	// Except are beginnings of paths that it is not about.
	Except []string
	// Kinds it is about; none means all.
	Kinds []Kind
	// At is which of the operations fails, counted from 1.
	At int
	// Err is what it fails with. A write with ENOSPC stores half of its bytes first.
	Err syscall.Errno
	// Short makes a write store half of its bytes and succeed.
	Short bool
	// Sticky makes all that come after fail as well.
	Sticky bool
}

// Disk is one disk. It may be mounted once.
type Disk struct {
	mu    sync.Mutex
	root  *node
	nodes map[uint64]*node // those the kernel knows
	next  uint64
	log   []change // changes of names that are not durable yet
	cut   bool

	fault  Fault
	armed  bool
	count  int    // operations the fault is about
	struck string // what failed, "" if nothing did
}

// New returns an empty disk.
func New() *Disk {
	d := &Disk{nodes: map[uint64]*node{}}
	d.root = d.newFolder()
	d.nodes[d.root.id] = d.root
	return d
}

// Inject arms a fault, in place of the one before.
func (d *Disk) Inject(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.armed, d.count, d.struck = f, true, 0, ""
}

// Heal disarms the fault.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = false
}

// Struck says which operation failed, "" while none has.
func (d *Disk) Struck() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.struck
}

// Count is how many operations the armed fault was about so far.
func (d *Disk) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Cut cuts the power: everything fails from now on, and nothing is changed.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
}

// Surviving is the disk after a power cut. With random == nil nothing survives
// that was not fsynced; else some of it does, as it happens: of the changed pages
// of a file any, of the changes of names the first ones.
func (d *Disk) Surviving(random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if random != nil && len(d.log) > 0 {
		d.commit(random.IntN(len(d.log) + 1))
	}
	s := New()
	copied := map[*node]*node{d.root: s.root}
	var walk func(from, to *node)
	walk = func(from, to *node) {
		for name, child := range from.kept {
			c := copied[child]
			if c == nil {
				c = s.add(child.mode)
				copied[child] = c
				if child.folder() {
					walk(child, c)
				} else {
					c.data = child.survive(random)
					c.durable = c.data.share()
				}
			}
			c.parent, c.name = to, name
			to.names[name], to.kept[name] = c, c
		}
	}
	walk(d.root, s.root)
	return s
}

// SyncAll makes everything durable, as a machine that is shut down in order does.
func (d *Disk) SyncAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commit(len(d.log))
	var settle func(n *node)
	settle = func(n *node) {
		for _, child := range n.names {
			if child.folder() {
				settle(child)
			} else {
				child.sync()
			}
		}
	}
	settle(d.root)
}

// verdict says whether an operation is to fail. The caller holds mu.
func (d *Disk) verdict(kind Kind, n *node, name string) (err syscall.Errno, short bool) {
	if d.cut {
		return syscall.EIO, false
	}
	if !d.armed {
		return 0, false
	}
	f, path := &d.fault, n.path()
	if name != "" {
		path = strings.TrimPrefix(path+"/"+name, "/")
	}
	if !f.about(kind, path) {
		return 0, false
	}
	d.count++
	if d.count < f.At || d.count > f.At && !f.Sticky {
		return 0, false
	}
	if d.struck == "" {
		d.struck = string(kind) + " " + path
	}
	if f.Short {
		return 0, kind == Write
	}
	return f.Err, kind == Write && f.Err == syscall.ENOSPC
}

func (f *Fault) about(kind Kind, path string) bool {
	if !strings.HasPrefix(path, f.Path) {
		return false
	}
	for _, prefix := range f.Except {
		if strings.HasPrefix(path, prefix) {
			return false
		}
	}
	for _, k := range f.Kinds {
		if k == kind {
			return true
		}
	}
	return len(f.Kinds) == 0
}
