package journal

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/biwa-data/biwa/internal/record"
)

// Location is where a section lies in the archive.
type Location struct {
	Path   string // relative to the root
	Offset int64  // of the section's frames in the file
	Line   int    // of the section's first record when the whole file is unpacked, from 1
}

type bookmark struct {
	Location                 // of what follows
	after    record.Sequence // the number that was read
}

// read finds a stream's section of an envelope in the archive.
func (a *archive) read(ctx context.Context, id record.StreamID, seq record.Sequence) (*record.Envelope, Location, error) {
	files, err := a.registry.ArchiveFiles(ctx, id, seq)
	if err != nil {
		return nil, Location{}, err
	}
	i := slices.IndexFunc(files, func(f ArchiveFile) bool { return f.First <= seq && seq <= f.Last })
	if i < 0 {
		return nil, Location{}, record.Errorf(record.NotFound, "envelope %d of stream %s is not in the archive", seq, id)
	}
	return a.find(files[i], seq)
}

// find walks a file's frames to those of one envelope.
func (a *archive) find(f ArchiveFile, seq record.Sequence) (*record.Envelope, Location, error) {
	at := a.nearest(f, seq)
	var env *record.Envelope
	err := a.frames(f, at.Offset, func(found record.Sequence, frame []byte, body io.Reader) (bool, error) {
		size := int64(sequenceFrame + len(frame) + packedSize(frame))
		if found != seq {
			at.Offset += size
			at.Line += recordsOf(frame)
			return true, nil
		}
		whole := append(frame, make([]byte, packedSize(frame))...)
		if _, err := io.ReadFull(body, whole[len(frame):]); err != nil {
			return false, damaged("%s at byte %d: %v", f.Path, at.Offset, err)
		}
		var err error
		if env, err = Decode(whole, a.shard, seq, nil); err != nil {
			return false, err
		}
		a.mu.Lock()
		a.bookmarks[f.Stream] = bookmark{Location{f.Path, at.Offset + size, at.Line + recordsOf(frame)}, seq}
		a.mu.Unlock()
		return false, nil
	})
	if err == nil && env == nil {
		err = record.Errorf(record.NotFound, "envelope %d is not in %s", seq, f.Path)
	}
	return env, at, err
}

// nearest is where to begin to look for an envelope in a file.
func (a *archive) nearest(f ArchiveFile, seq record.Sequence) Location {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b, ok := a.bookmarks[f.Stream]; ok && b.Path == f.Path && b.after < seq {
		return b.Location
	}
	return Location{Path: f.Path, Line: 1}
}

// walk tells which envelopes a file holds, and how many records of each.
func (a *archive) walk(f ArchiveFile, visit func(seq record.Sequence, records int)) error {
	return a.frames(f, 0, func(seq record.Sequence, frame []byte, _ io.Reader) (bool, error) {
		visit(seq, recordsOf(frame))
		return true, nil
	})
}

// headers reads the envelopes after a number and before another, in order, without lines.
func (a *archive) headers(ctx context.Context, after, before record.Sequence) ([]*record.Envelope, error) {
	files, err := a.registry.ArchivedSince(ctx, a.shard, after+1)
	if err != nil {
		return nil, err
	}
	found := map[record.Sequence]*record.Envelope{}
	for _, f := range files {
		err := a.frames(f, 0, func(seq record.Sequence, frame []byte, _ io.Reader) (bool, error) {
			if seq <= after || seq >= before {
				return seq < before, nil
			}
			h, err := parseHeader(frame)
			if err != nil {
				return false, err
			}
			env := found[seq]
			if env == nil {
				env = &record.Envelope{Shard: a.shard, Seq: seq}
				found[seq] = env
			}
			env.Sections = append(env.Sections, h.section)
			return true, nil
		})
		var broken *DamageError
		if err != nil && !errors.As(err, &broken) { // damage was reported when the log was opened
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *record.Envelope) int { return cmp.Compare(a.Seq, b.Seq) }), nil
}

// sequenceFrame is the size of the frame before each section.
const sequenceFrame = 16

// frames visits the header frame of each section from an offset on, as far as the
// file is committed, until visit returns false. What visit leaves of the section
// is skipped.
func (a *archive) frames(f ArchiveFile, from int64, visit func(seq record.Sequence, frame []byte, body io.Reader) (bool, error)) error {
	file, err := os.Open(filepath.Join(a.o.Root, filepath.FromSlash(f.Path)))
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(file, from, f.Bytes-from), 256<<10)
	for offset := from; offset < f.Bytes; {
		head, err := r.Peek(sequenceFrame + 8)
		if err != nil || binary.LittleEndian.Uint32(head) != magicSequence {
			return damaged("%s at byte %d: no sequence frame", f.Path, offset)
		}
		seq := record.Sequence(binary.LittleEndian.Uint64(head[8:]))
		size := int64(8) + int64(binary.LittleEndian.Uint32(head[sequenceFrame+4:]))
		if size < 8+fixedHeader || size > f.Bytes-offset {
			return damaged("%s at byte %d: a header of %d bytes", f.Path, offset, size)
		}
		frame := make([]byte, size)
		if _, err := r.Discard(sequenceFrame); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, frame); err != nil {
			return damaged("%s at byte %d: %v", f.Path, offset, err)
		}
		if err := checkHeader(frame); err != nil {
			return damaged("%s at byte %d: %v", f.Path, offset, err)
		}
		if end := offset + sequenceFrame + size + int64(packedSize(frame)); end > f.Bytes {
			return damaged("%s at byte %d: a section up to byte %d of %d", f.Path, offset, end, f.Bytes)
		}
		more, err := visit(seq, frame, r)
		if err != nil || !more {
			return err
		}
		if _, err := r.Discard(packedSize(frame)); err != nil {
			return damaged("%s at byte %d: %v", f.Path, offset, err)
		}
		offset += sequenceFrame + size + int64(packedSize(frame))
	}
	return nil
}

// recordsOf reads the number of records off a section's header frame.
func recordsOf(frame []byte) int { return int(binary.LittleEndian.Uint32(frame[8+24:])) }

// packedSize reads the length of the zstd frame off a section's header frame.
func packedSize(frame []byte) int {
	return int(binary.LittleEndian.Uint32(frame[8+32:]))
}
