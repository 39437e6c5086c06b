package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// ArchiveOptions of the raw archive. Root and NameOf are required.
type ArchiveOptions struct {
	Root     string // the folder that holds raw/
	Location *time.Location
	// NameOf is the name of the folder of a stream.
	NameOf func(record.StreamID) string
	// CommitBytes and CommitAge are when what was written is fsynced and the
	// archive's offset moves. Defaults 64 MiB and 5 s.
	CommitBytes int64
	CommitAge   time.Duration
	// FileBytes ends a file before its hour does. Default 256 MiB.
	FileBytes int64
}

func (o *ArchiveOptions) ensureDefaults() {
	if o.CommitBytes == 0 {
		o.CommitBytes = 64 << 20
	}
	if o.CommitAge == 0 {
		o.CommitAge = 5 * time.Second
	}
	if o.FileBytes == 0 {
		o.FileBytes = 256 << 20
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
}

// ArchiveFile is a file of the archive as far as it is committed: what lies
// beyond Bytes was not, and is cut off at the next start.
type ArchiveFile struct {
	Stream      record.StreamID
	Path        string // relative to the root, with forward slashes
	First, Last record.Sequence
	Bytes       int64
	Records     int64
	Hour        time.Time
}

// ArchiveRegistry is the metadata of the archive.
type ArchiveRegistry interface {
	ArchiveOffset(ctx context.Context, shard uint8) (record.Sequence, error)
	// ArchiveFiles lists a stream's files that reach to a number or beyond, by First.
	ArchiveFiles(ctx context.Context, id record.StreamID, from record.Sequence) ([]ArchiveFile, error)
	// ArchivedSince lists the files of every stream that reach to a number or
	// beyond, each stream's by First.
	ArchivedSince(ctx context.Context, shard uint8, from record.Sequence) ([]ArchiveFile, error)
	// CommitArchive stores the files and moves the offset, in one transaction.
	CommitArchive(ctx context.Context, shard uint8, from, to record.Sequence, files []ArchiveFile) error
}

// archive appends each stream's sections, byte for byte, to the stream's file of
// the hour. A file's committed length and the archive's offset are one
// transaction, so that recovery is: cut, read the offset, go on.
type archive struct {
	o        ArchiveOptions // but for Location, which SetLocation changes
	zone     atomic.Pointer[time.Location]
	shard    uint8
	registry ArchiveRegistry
	// Used by the one writer only: the file each stream writes to now, those that
	// were ended since the last commit, and the bytes since then.
	files    map[record.StreamID]*archiveFile
	handles  []*archiveFile // those that are open, the one used last at the end
	finished []ArchiveFile
	written  int64

	mu        sync.Mutex
	committed record.Sequence
	// bookmarks are where the last read of each stream ended: a reader that comes
	// from the archive reads on, and not from the file's beginning each time.
	bookmarks map[record.StreamID]bookmark
}

func openArchive(ctx context.Context, registry ArchiveRegistry, o Options) (*archive, error) {
	offset, err := registry.ArchiveOffset(ctx, o.Shard)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	a := &archive{o: o.Archive, shard: o.Shard, registry: registry, committed: offset, files: map[record.StreamID]*archiveFile{}, bookmarks: map[record.StreamID]bookmark{}}
	a.zone.Store(o.Archive.Location)
	return a, nil
}

// SetLocation makes the hours and days of files that begin from now on those of
// another zone. A file that is open goes on to its hour's end.
func (l *Log) SetLocation(zone *time.Location) { l.archive.zone.Store(zone) }

func (a *archive) offset() record.Sequence {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.committed
}

// RunArchive copies the log into the archive and purges the young part up to it,
// until ctx ends. After an error it may be run again: it goes on from what is committed.
func (l *Log) RunArchive(ctx context.Context) error {
	a := l.archive
	a.restart()
	at := a.offset()
	oldest := time.Time{} // when the oldest write that is not committed was made
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !oldest.IsZero() {
			wait, cancel = context.WithDeadline(ctx, oldest.Add(a.o.CommitAge))
		}
		entry, err := l.NextOfAll(wait, at)
		cancel()
		switch {
		case err == nil:
			if err := a.write(ctx, entry); err != nil {
				return err
			}
			at = entry.Env.Seq
			if oldest.IsZero() {
				oldest = time.Now()
			}
			if a.written < a.o.CommitBytes && time.Since(oldest) < a.o.CommitAge {
				continue
			}
		case ctx.Err() != nil:
			return errors.Join(a.commit(context.WithoutCancel(ctx), at), ctx.Err())
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if err := a.commit(ctx, at); err != nil {
			return err
		}
		oldest = time.Time{}
		if err := l.trim(ctx, at); err != nil {
			return err
		}
	}
}

// purgeStep bounds how long an append waits for a purge.
const purgeStep = 64 << 20

// trim keeps the young part at half its limit: a reader that lags a little still
// finds its envelopes there, and there is room for a burst.
func (l *Log) trim(ctx context.Context, archived record.Sequence) error {
	for {
		first, _, bytes := l.stream.limits()
		if bytes <= l.o.MaxBytes/2 || first > archived {
			return nil
		}
		upTo := first + record.Sequence(max(1, int64(archived-first+1)*purgeStep/bytes))
		if l.floor != nil {
			if archived = min(archived, l.floor()); first > archived {
				return nil
			}
		}
		if err := l.stream.purge(ctx, min(upTo, archived)); err != nil {
			return err
		}
	}
}

func (a *archive) write(ctx context.Context, e *Entry) error {
	rest := e.Data
	for i := range e.Env.Sections {
		h, err := readHeader(rest)
		if err != nil {
			return err
		}
		size := h.headerSize + h.packedSize
		if err := a.writeSection(ctx, e.Env.Seq, &e.Env.Sections[i], rest[:size]); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		rest = rest[size:]
	}
	return nil
}

func (a *archive) writeSection(ctx context.Context, seq record.Sequence, s *record.Section, frames []byte) error {
	hour := time.Time{}
	if len(s.Requests) > 0 {
		zone := a.zone.Load()
		t := s.Requests[0].ReceivedAt.In(zone)
		hour = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), 0, 0, 0, zone)
	}
	f := a.files[s.Stream]
	if first := f == nil; first || !f.Hour.Equal(hour) || f.Bytes > a.o.FileBytes {
		if !first {
			if err := a.finish(f); err != nil {
				return err
			}
		}
		var err error
		if f, err = a.start(ctx, s.Stream, seq, hour, first); err != nil {
			return err
		}
		a.files[s.Stream] = f
	}
	if err := a.use(f); err != nil {
		return err
	}
	var mark [sequenceFrame]byte
	binary.LittleEndian.PutUint32(mark[0:], magicSequence)
	binary.LittleEndian.PutUint32(mark[4:], 8)
	binary.LittleEndian.PutUint64(mark[8:], uint64(seq))
	for _, part := range [][]byte{mark[:], frames} {
		if _, err := f.buffer.Write(part); err != nil {
			return err
		}
	}
	f.Last, f.dirty = seq, true
	f.Bytes += int64(len(mark) + len(frames))
	f.Records += int64(s.Count)
	a.written += int64(len(frames))
	return nil
}

// start is the file for a stream's next section: a new one, or, after a start of the
// node, the last committed one of the same hour.
func (a *archive) start(ctx context.Context, id record.StreamID, seq record.Sequence, hour time.Time, resume bool) (*archiveFile, error) {
	f := &archiveFile{created: true, ArchiveFile: ArchiveFile{Stream: id, First: seq, Hour: hour}}
	f.Path = filepath.ToSlash(filepath.Join("raw", a.o.NameOf(id),
		"dt="+hour.Format("2006-01-02"), "hour="+hour.Format("15"), fmt.Sprintf("%016d.ndjson.zst", seq)))
	if resume {
		files, err := a.registry.ArchiveFiles(ctx, id, 0)
		if err != nil {
			return nil, err
		}
		if n := len(files); n > 0 && files[n-1].Hour.Equal(hour) && files[n-1].Bytes <= a.o.FileBytes {
			f.ArchiveFile = files[n-1]
		}
	}
	f.full = filepath.Join(a.o.Root, filepath.FromSlash(f.Path))
	return f, nil
}

// commit makes everything written so far durable and moves the offset.
func (a *archive) commit(ctx context.Context, at record.Sequence) error {
	var files []*archiveFile
	for _, f := range a.files {
		if f.dirty {
			files = append(files, f)
		}
	}
	if at == a.offset() {
		return nil
	}
	rows := a.finished
	for _, f := range files {
		if err := f.sync(); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		rows = append(rows, f.ArchiveFile)
	}
	if err := a.registry.CommitArchive(ctx, a.shard, a.offset(), at, rows); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	for _, f := range files {
		f.dirty = false
	}
	a.finished, a.written = nil, 0
	a.mu.Lock()
	a.committed = at
	a.mu.Unlock()
	return nil
}

// restart lets go of what is not committed, as a start of the node does: it is in the
// log, and the files are cut to their committed length when they are opened again.
func (a *archive) restart() {
	for _, f := range a.handles {
		_ = f.file.Close() // what may be lost is written again
	}
	clear(a.files)
	a.handles, a.finished, a.written = nil, nil, 0
}

func (a *archive) close() error {
	var errs []error
	for _, f := range a.handles {
		errs = append(errs, f.sync(), f.park())
	}
	a.handles = nil
	return errors.Join(errs...)
}
