package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/biwa-data/biwa/internal/record"
)

// witness is a small file beside the young part that says how far appends were
// answered. It is written with every append and never fsynced, so it costs a
// system call and no more: the kernel keeps it when the process is killed, and a
// journal that ends before it has lost something. Without a process there is
// nobody to keep it: after a power cut, a restart of the machine or another mount
// the file may be older than the truth, and is a lower bound and no proof.
//
// Its one record, little-endian:
//
//	"BWE1" | uuid of the stream 36 | place 32 | sequence u64 | CRC32C of the bytes before u32
//
// The place is a hash of the boot and the mount in which it was written.
type witness struct {
	file *os.File
	// place is nil where the kernel cannot tell one mount from another.
	place []byte
	uuid  string
}

const (
	witnessName = "end"
	witnessMark = "BWE1"
	witnessSize = 4 + 36 + 32 + 8 + 4
)

// testimony is what a witness has to say about where a stream ended.
type testimony struct {
	found bool            // it is there and whole
	last  record.Sequence // this number was given
	// exact says that no number beyond was given in an append that was answered.
	exact bool
}

func openWitness(dir string) (*witness, error) {
	file, err := os.OpenFile(filepath.Join(dir, witnessName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &witness{file: file, place: placeOf(file)}, nil
}

// hear reads what was written of a stream; nothing if it was of another one or is
// damaged.
func (w *witness) hear(uuid string) (testimony, error) {
	var b [witnessSize + 1]byte
	n, err := w.file.ReadAt(b[:], 0)
	if n != witnessSize || len(uuid) != 36 {
		if err != nil && !errors.Is(err, io.EOF) {
			return testimony{}, fmt.Errorf("read %s: %w", w.file.Name(), err)
		}
		return testimony{}, nil
	}
	body, le := b[:witnessSize-4], binary.LittleEndian
	if string(body[:4]) != witnessMark || crc32.Checksum(body, castagnoli) != le.Uint32(b[witnessSize-4:]) || string(body[4:40]) != uuid {
		return testimony{}, nil
	}
	return testimony{found: true, last: record.Sequence(le.Uint64(body[72:])), exact: w.place != nil && bytes.Equal(w.place, body[40:72])}, nil
}

// note writes that a number was given.
func (w *witness) note(seq record.Sequence) error {
	var b [witnessSize]byte
	le := binary.LittleEndian
	copy(b[0:], witnessMark)
	copy(b[4:40], w.uuid)
	copy(b[40:72], w.place)
	le.PutUint64(b[72:], uint64(seq))
	le.PutUint32(b[80:], crc32.Checksum(b[:80], castagnoli))
	if _, err := w.file.WriteAt(b[:], 0); err != nil {
		return fmt.Errorf("note the end of the journal: %w", err)
	}
	return nil
}

// sync makes the file and its name durable: from then on it is there after a
// power cut, too, though perhaps not up to date.
func (w *witness) sync() error {
	return errors.Join(w.file.Sync(), syncFolder(filepath.Dir(w.file.Name())))
}

func (w *witness) close() error { return w.file.Close() }

// placeOf tells the boot and mount of a file from all others; nil where the
// kernel has no number for a mount that it never gives again (Linux before 6.8).
func placeOf(file *os.File) []byte {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	var s unix.Statx_t
	err = unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID_UNIQUE, &s)
	if err != nil || s.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(boot, "%d %d:%d %d", s.Mnt_id, s.Dev_major, s.Dev_minor, s.Ino))
	return sum[:]
}
