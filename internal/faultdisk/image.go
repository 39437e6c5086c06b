package faultdisk

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"time"
)

const pageSize = 4096

type page [pageSize]byte

// content is the bytes of a file. Pages that are not there are zeros.
type content struct {
	size  int64
	pages map[int64]*page
}

func (c content) share() content {
	pages := make(map[int64]*page, len(c.pages))
	for i, p := range c.pages {
		pages[i] = p
	}
	return content{c.size, pages}
}

// node is a file or a folder.
type node struct {
	id      uint64
	mode    uint32 // with the type's bits
	parent  *node
	name    string
	lookups uint64
	changed time.Time

	// Of a file. dirty are the pages that differ from the durable ones: those not
	// in it may be shared and are copied before they are written.
	data, durable content
	dirty         map[int64]bool

	names, kept map[string]*node // of a folder: now, and durable
}

// change is a change of names: child is at name in folder from now on, nil for
// none; and, for a rename, no longer at the old place.
type change struct {
	folder, old   *node
	name, oldName string
	child         *node
}

func (d *Disk) add(mode uint32) *node {
	d.next++
	n := &node{id: d.next, mode: mode, changed: time.Now()}
	if n.folder() {
		n.names, n.kept = map[string]*node{}, map[string]*node{}
	} else {
		n.data.pages, n.durable.pages, n.dirty = map[int64]*page{}, map[int64]*page{}, map[int64]bool{}
	}
	return n
}

func (d *Disk) newFolder() *node { return d.add(syscall.S_IFDIR | 0o755) }

func (n *node) folder() bool { return n.mode&syscall.S_IFMT == syscall.S_IFDIR }

func (n *node) path() string {
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append([]string{n.name}, parts...)
	}
	return strings.Join(parts, "/")
}

// apply makes a change of names, for now.
func (d *Disk) apply(c change) {
	now := time.Now()
	if c.old != nil {
		delete(c.old.names, c.oldName)
		c.old.changed = now
	}
	if c.child == nil {
		delete(c.folder.names, c.name)
	} else {
		c.folder.names[c.name] = c.child
		c.child.parent, c.child.name = c.folder, c.name
	}
	c.folder.changed = now
	d.log = append(d.log, c)
}

// commit makes the first changes of the log durable.
func (d *Disk) commit(count int) {
	for _, c := range d.log[:count] {
		if c.old != nil {
			delete(c.old.kept, c.oldName)
		}
		if c.child == nil {
			delete(c.folder.kept, c.name)
		} else {
			c.folder.kept[c.name] = c.child
		}
	}
	d.log = append([]change(nil), d.log[count:]...)
}

// syncFolder makes a folder's names durable, and with them all older changes.
func (d *Disk) syncFolder(n *node) {
	for i := len(d.log) - 1; i >= 0; i-- {
		if d.log[i].folder == n || d.log[i].old == n {
			d.commit(i + 1)
			return
		}
	}
}

// sync makes a file's bytes durable.
func (n *node) sync() {
	for i := range n.dirty {
		if p := n.data.pages[i]; p != nil {
			n.durable.pages[i] = p
		} else {
			delete(n.durable.pages, i)
		}
	}
	clear(n.dirty)
	n.durable.size = n.data.size
}

// forget is an fsync that failed: what was to be written is not written any more.
func (n *node) forget() { clear(n.dirty) }

// survive is what a power cut leaves of a file.
func (n *node) survive(random *rand.Rand) content {
	c := n.durable.share()
	if random == nil {
		return c
	}
	if random.IntN(2) == 0 {
		c.size = n.data.size
	}
	for i := range n.dirty {
		if random.IntN(2) == 0 {
			continue
		}
		if p := n.data.pages[i]; p != nil {
			c.pages[i] = p
		} else {
			delete(c.pages, i)
		}
	}
	c.trim()
	return c
}

// trim drops what lies beyond the end, so that a file that grows again has zeros there.
func (c *content) trim() {
	for i, p := range c.pages {
		switch at := i * pageSize; {
		case at >= c.size:
			delete(c.pages, i)
		case at+pageSize > c.size:
			cut := *p
			clear(cut[c.size-at:])
			c.pages[i] = &cut
		}
	}
}

// write stores bytes at an offset.
func (n *node) write(b []byte, offset int64) {
	for len(b) > 0 {
		i, at := offset/pageSize, offset%pageSize
		p := n.data.pages[i]
		if !n.dirty[i] || p == nil {
			fresh := &page{}
			if p != nil {
				*fresh = *p
			}
			p = fresh
			n.data.pages[i], n.dirty[i] = p, true
		}
		stored := copy(p[at:], b)
		b, offset = b[stored:], offset+int64(stored)
		n.data.size = max(n.data.size, offset)
	}
	n.changed = time.Now()
}

func (n *node) read(b []byte, offset int64) int {
	if offset >= n.data.size {
		return 0
	}
	b = b[:min(int64(len(b)), n.data.size-offset)]
	for done := 0; done < len(b); {
		i, at := (offset+int64(done))/pageSize, (offset+int64(done))%pageSize
		part := b[done:min(len(b), done+int(pageSize-at))]
		if p := n.data.pages[i]; p != nil {
			copy(part, p[at:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(b)
}

func (n *node) truncate(size int64) {
	if size < n.data.size {
		for i := size / pageSize; i <= n.data.size/pageSize; i++ {
			n.dirty[i] = true
			p := n.data.pages[i]
			if p == nil {
				continue
			}
			if at := i * pageSize; at >= size {
				delete(n.data.pages, i)
			} else {
				cut := *p
				clear(cut[size-at:])
				n.data.pages[i] = &cut
			}
		}
	}
	n.data.size, n.changed = size, time.Now()
}
