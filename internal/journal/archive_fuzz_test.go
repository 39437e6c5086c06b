package journal

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// FuzzArchiveFile reads files of the archive that are not as they were written:
// it ends, with what is whole before the damage, and takes no more memory than the
// file is long.
func FuzzArchiveFile(f *testing.F) {
	section := record.Section{Stream: record.StreamID{1}, Count: 2, Lines: []byte("{}\n[]\n"), Requests: []record.Request{{Count: 2, Parts: 1}}}
	data, err := Encode(&record.Envelope{Sections: []record.Section{section}})
	if err != nil {
		f.Fatal(err)
	}
	var file []byte
	for seq := uint64(3); seq < 6; seq++ {
		file = binary.LittleEndian.AppendUint32(file, magicSequence)
		file = binary.LittleEndian.AppendUint32(file, 8)
		file = append(binary.LittleEndian.AppendUint64(file, seq), data...)
	}
	f.Add(file)
	f.Add(file[:len(file)-7])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		// Over an old file ext4 would write it to disk at once.
		path := filepath.Join(dir, "f")
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		a := &archive{o: ArchiveOptions{Root: dir}, bookmarks: map[record.StreamID]bookmark{}}
		of := ArchiveFile{Path: "f", Bytes: int64(len(data))}
		var broken *DamageError
		seen := 0
		if err := a.walk(of, func(record.Sequence, int) { seen++ }); err != nil && !errors.As(err, &broken) {
			t.Errorf("walk: %v", err)
		}
		if seen*sequenceFrame > len(data) {
			t.Errorf("%d sections in %d bytes", seen, len(data))
		}
		for _, seq := range []record.Sequence{4, 5} {
			env, _, err := a.find(of, seq)
			if err != nil && !errors.As(err, &broken) && record.KindOf(err) != record.NotFound {
				t.Errorf("find %d: %v", seq, err)
			}
			if err == nil && env.Seq != seq {
				t.Errorf("envelope %d instead of %d", env.Seq, seq)
			}
		}
	})
}

// FuzzWitness reads a witness that is not as it was written.
func FuzzWitness(f *testing.F) {
	const uuid = "6d1f6d4e-7d0c-4c4e-8f55-3b1a1c0e8d11"
	w, err := openWitness(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	w.uuid = uuid
	if err := w.note(7); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(w.file.Name())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:40])
	f.Add(append(whole, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := w.file.Truncate(int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if _, err := w.file.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		said, err := w.hear(uuid)
		if err != nil {
			t.Fatal(err)
		}
		if said.found && (len(data) != witnessSize || uint64(said.last) != binary.LittleEndian.Uint64(data[72:])) {
			t.Errorf("%d bytes say %+v", len(data), said)
		}
	})
}
