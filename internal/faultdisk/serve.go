package faultdisk

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount is a disk that is mounted.
type Mount struct {
	server *fuse.Server
}

// Mount mounts the disk at a folder.
func (d *Disk) Mount(dir string) (*Mount, error) {
	server, err := fuse.NewServer(&served{RawFileSystem: fuse.NewDefaultRawFileSystem(), disk: d}, dir, &fuse.MountOptions{
		DirectMountStrict: true, FsName: "faultdisk", Name: "faultdisk", DisableXAttrs: true, DisableReadDirPlus: true, MaxWrite: 1 << 20, AllowOther: true,
	})
	if err != nil {
		return nil, fmt.Errorf("mount a fault disk: %w", err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, fmt.Errorf("mount a fault disk: %w", err)
	}
	return &Mount{server}, nil
}

// Unmount ends the mount, whoever still has it open.
func (m *Mount) Unmount() error { return m.server.Unmount() }

// valid is how long the kernel may trust what it was told: nobody else changes the disk.
const valid = time.Hour

// totalBytes is the size that the disk says it has.
const totalBytes = 64 << 30

// served is the disk as FUSE asks for it.
type served struct {
	fuse.RawFileSystem
	disk *Disk
}

func (s *served) String() string { return "faultdisk" }

func fill(n *node, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink, out.Blksize = n.id, n.mode, 1, pageSize
	out.Size = uint64(n.data.size)
	out.Blocks = uint64(len(n.data.pages)) * pageSize / 512
	out.SetTimes(&n.changed, &n.changed, &n.changed)
}

func (s *served) entry(n *node, out *fuse.EntryOut) {
	n.lookups++
	s.disk.nodes[n.id] = n
	out.NodeId, out.Generation = n.id, 1
	out.SetEntryTimeout(valid)
	out.SetAttrTimeout(valid)
	fill(n, &out.Attr)
}

// node finds one that the kernel knows. The caller holds mu.
func (s *served) node(id uint64) *node { return s.disk.nodes[id] }

func (s *served) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(h.NodeId).names[name]
	if n == nil {
		return fuse.ENOENT
	}
	s.entry(n, out)
	return fuse.OK
}

func (s *served) Forget(id, lookups uint64) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if n := s.node(id); n != nil && n != s.disk.root {
		if n.lookups -= min(lookups, n.lookups); n.lookups == 0 {
			delete(s.disk.nodes, id)
		}
	}
}

func (s *served) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	out.SetTimeout(valid)
	fill(s.node(in.NodeId), &out.Attr)
	return fuse.OK
}

func (s *served) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(in.NodeId)
	if size, ok := in.GetSize(); ok {
		if err, _ := s.disk.verdict(Truncate, n, ""); err != 0 {
			return fuse.Status(err)
		}
		n.truncate(int64(size))
	}
	if mode, ok := in.GetMode(); ok {
		n.mode = n.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
	}
	out.SetTimeout(valid)
	fill(n, &out.Attr)
	return fuse.OK
}

// make adds a name for something new.
func (s *served) make(kind Kind, parent uint64, name string, mode uint32, out *fuse.EntryOut) fuse.Status {
	folder := s.node(parent)
	if folder.names[name] != nil {
		return fuse.Status(syscall.EEXIST)
	}
	if err, _ := s.disk.verdict(kind, folder, name); err != 0 {
		return fuse.Status(err)
	}
	n := s.disk.add(mode)
	s.disk.apply(change{folder: folder, name: name, child: n})
	s.entry(n, out)
	return fuse.OK
}

func (s *served) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return s.make(Mkdir, in.NodeId, name, syscall.S_IFDIR|in.Mode, out)
}

func (s *served) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return s.make(Create, in.NodeId, name, syscall.S_IFREG|in.Mode, &out.EntryOut)
}

func (s *served) remove(parent uint64, name string) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	folder := s.node(parent)
	n := folder.names[name]
	switch {
	case n == nil:
		return fuse.ENOENT
	case len(n.names) > 0:
		return fuse.Status(syscall.ENOTEMPTY)
	}
	if err, _ := s.disk.verdict(Remove, folder, name); err != 0 {
		return fuse.Status(err)
	}
	s.disk.apply(change{folder: folder, name: name})
	return fuse.OK
}

func (s *served) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return s.remove(h.NodeId, name)
}

func (s *served) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return s.remove(h.NodeId, name)
}

func (s *served) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if in.Flags != 0 {
		return fuse.EINVAL
	}
	from, to := s.node(in.NodeId), s.node(in.Newdir)
	n := from.names[oldName]
	switch there := to.names[newName]; {
	case n == nil:
		return fuse.ENOENT
	case there != nil && len(there.names) > 0:
		return fuse.Status(syscall.ENOTEMPTY)
	}
	if err, _ := s.disk.verdict(Rename, to, newName); err != 0 {
		return fuse.Status(err)
	}
	s.disk.apply(change{folder: to, name: newName, child: n, old: from, oldName: oldName})
	return fuse.OK
}

func (s *served) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	folder, n := s.node(in.NodeId), s.node(in.Oldnodeid)
	if folder.names[name] != nil {
		return fuse.Status(syscall.EEXIST)
	}
	if err, _ := s.disk.verdict(Link, folder, name); err != 0 {
		return fuse.Status(err)
	}
	s.disk.apply(change{folder: folder, name: name, child: n})
	s.entry(n, out)
	return fuse.OK
}

func (s *served) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

func (s *served) Read(_ <-chan struct{}, in *fuse.ReadIn, b []byte) (fuse.ReadResult, fuse.Status) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if s.disk.cut {
		return nil, fuse.EIO
	}
	return fuse.ReadResultData(b[:s.node(in.NodeId).read(b, int64(in.Offset))]), fuse.OK
}

func (s *served) Write(_ <-chan struct{}, in *fuse.WriteIn, b []byte) (uint32, fuse.Status) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(in.NodeId)
	err, short := s.disk.verdict(Write, n, "")
	if short {
		b = b[:len(b)/2]
	}
	if err != 0 && !short {
		return 0, fuse.Status(err)
	}
	n.write(b, int64(in.Offset))
	if err != 0 {
		return 0, fuse.Status(err)
	}
	return uint32(len(b)), fuse.OK
}

func (s *served) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(in.NodeId)
	if err, _ := s.disk.verdict(Sync, n, ""); err != 0 {
		if !s.disk.cut {
			n.forget()
		}
		return fuse.Status(err)
	}
	n.sync()
	return fuse.OK
}

func (s *served) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(in.NodeId)
	if err, _ := s.disk.verdict(SyncDir, n, ""); err != 0 {
		return fuse.Status(err)
	}
	s.disk.syncFolder(n)
	return fuse.OK
}

func (s *served) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if in.Mode != 0 {
		return fuse.Status(syscall.EOPNOTSUPP)
	}
	n := s.node(in.NodeId)
	if err, _ := s.disk.verdict(Allocate, n, ""); err != 0 {
		return fuse.Status(err)
	}
	n.data.size = max(n.data.size, int64(in.Offset+in.Length))
	return fuse.OK
}

func (s *served) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (s *served) Access(<-chan struct{}, *fuse.AccessIn) fuse.Status { return fuse.OK }

func (s *served) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

// list is a folder's names, the oldest files first.
func (n *node) list() []string {
	names := make([]string, 0, len(n.names))
	for name := range n.names {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return int(n.names[a].id) - int(n.names[b].id) })
	return names
}

func (s *served) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	n := s.node(in.NodeId)
	// An offset is the id after which to go on: names that go meanwhile do not move others.
	for _, name := range n.list() {
		child := n.names[name]
		if child.id <= in.Offset {
			continue
		}
		if !out.AddDirEntry(fuse.DirEntry{Mode: child.mode, Name: name, Ino: child.id, Off: child.id}) {
			break
		}
	}
	return fuse.OK
}

func (s *served) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks = totalBytes / pageSize
	out.Bfree, out.Bavail = out.Blocks, out.Blocks
	out.Files, out.Ffree = 1<<20, 1<<20
	return fuse.OK
}
