package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/DataDog/zstd"

	"github.com/biwa-data/biwa/internal/record"
)

// An envelope's bytes are its sections, one after the other, each of them
//
//	skippable frame   magic 0x184D2A5B | length u32 | header
//	zstd frame        the section's lines
//
// so that `zstd -d` prints what clients sent. The header, little-endian:
//
//	"BWA1" | stream 16 | shard u8 | reserved u8 | first index u16 | records u32
//	lines length u32 | zstd length u32 | CRC32C of the zstd frame u32
//	requests: uvarint n, then each request's fields
//	flaws:    uvarint n, then each flaw's index, code and message
//	CRC32C of the header so far u32
//
// It holds no sequence number: that is the log's to give. The archive puts a
// second skippable frame, magic 0x184D2A5C, with the sequence number before it.
const (
	magicSection  = 0x184D2A5B
	magicSequence = 0x184D2A5C
	headerMark    = "BWA1"
	fixedHeader   = 4 + 16 + 1 + 1 + 2 + 4 + 4 + 4 + 4

	// maxLines is what no section's lines reach: 64 parts of the largest size.
	maxLines = 64 << 20

	// compressionLevel is zstd's fastest useful one: on web logs it takes 0.3 us
	// a record and leaves a sixth to a seventh of the bytes to fsync.
	compressionLevel = -3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// compressor keeps zstd's tables and its output buffer from one section to the next.
type compressor struct {
	zstd.Ctx
	out []byte
}

var compressors = sync.Pool{New: func() any { return &compressor{Ctx: zstd.NewCtx()} }}

// Encode is the envelope's bytes as the log stores them.
func Encode(env *record.Envelope) ([]byte, error) {
	size := 0
	for i := range env.Sections {
		size += zstd.CompressBound(len(env.Sections[i].Lines))/4 + 512
	}
	out := make([]byte, 0, size)
	for i := range env.Sections {
		var err error
		if out, err = appendSection(out, env.Shard, &env.Sections[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendSection(out []byte, shard uint8, s *record.Section) ([]byte, error) {
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	packed, err := c.CompressLevel(c.out[:cap(c.out)], s.Lines, compressionLevel)
	if err != nil {
		return nil, fmt.Errorf("compress section: %w", err)
	}
	c.out = packed
	le := binary.LittleEndian
	out = le.AppendUint32(out, magicSection)
	lengthAt := len(out)
	out = le.AppendUint32(out, 0)
	start := len(out)
	out = append(out, headerMark...)
	out = append(out, s.Stream[:]...)
	out = append(out, shard, 0)
	out = le.AppendUint16(out, uint16(s.First))
	out = le.AppendUint32(out, uint32(s.Count))
	out = le.AppendUint32(out, uint32(len(s.Lines)))
	out = le.AppendUint32(out, uint32(len(packed)))
	out = le.AppendUint32(out, crc32.Checksum(packed, castagnoli))
	out = appendRequests(out, s.Requests)
	out = binary.AppendUvarint(out, uint64(len(s.Flaws)))
	for _, f := range s.Flaws {
		out = binary.AppendUvarint(out, uint64(f.Index))
		out = appendText(out, f.Code)
		out = appendText(out, f.Message)
	}
	out = le.AppendUint32(out, crc32.Checksum(out[start:], castagnoli))
	le.PutUint32(out[lengthAt:], uint32(len(out)-start))
	return append(out, packed...), nil
}

func appendRequests(out []byte, requests []record.Request) []byte {
	out = binary.AppendUvarint(out, uint64(len(requests)))
	for i := range requests {
		r := &requests[i]
		out = binary.AppendUvarint(out, uint64(r.First))
		out = binary.AppendUvarint(out, uint64(r.Count))
		out = binary.AppendVarint(out, r.ReceivedAt.UnixMicro())
		out = appendText(out, r.Client)
		out = appendText(out, r.UserAgent)
		out = appendText(out, r.KeyID)
		out = appendText(out, r.Door)
		if r.IdempotencyKey == ([16]byte{}) {
			out = append(out, 0)
		} else {
			out = append(out, 1)
			out = append(out, r.IdempotencyKey[:]...)
			out = append(out, r.BodyHash[:]...)
		}
		out = binary.AppendUvarint(out, uint64(r.Part))
		out = binary.AppendUvarint(out, uint64(r.Parts))
	}
	return out
}

func appendText(out []byte, s string) []byte {
	out = binary.AppendUvarint(out, uint64(len(s)))
	return append(out, s...)
}

// DamageError says that stored bytes are not what was written.
type DamageError struct{ What string }

func (e *DamageError) Error() string { return "damaged envelope: " + e.What }

func damaged(format string, args ...any) error { return &DamageError{fmt.Sprintf(format, args...)} }

// Decode reads an envelope back. With keep == nil every section's lines are
// unpacked; else only of the sections keep wants, the others having nil Lines.
func Decode(data []byte, shard uint8, seq record.Sequence, keep func(record.StreamID) bool) (*record.Envelope, error) {
	env := &record.Envelope{Shard: shard, Seq: seq}
	for len(data) > 0 {
		h, err := readHeader(data)
		if err != nil {
			return nil, err
		}
		if keep == nil || keep(h.section.Stream) {
			if h.section.Lines, err = h.unpack(data); err != nil {
				return nil, err
			}
		}
		env.Sections = append(env.Sections, h.section)
		data = data[h.headerSize+h.packedSize:]
	}
	return env, nil
}

// checkHeader compares the checksum of a header frame.
func checkHeader(frame []byte) error {
	end := len(frame) - 4
	if crc32.Checksum(frame[8:end], castagnoli) != binary.LittleEndian.Uint32(frame[end:]) {
		return damaged("checksum of a section header differs")
	}
	return nil
}

// header is a section without its lines, and where its parts lie.
type header struct {
	section    record.Section
	linesSize  int
	headerSize int // skippable frame, its own 8 bytes included
	packedSize int
	packedCRC  uint32
}

func (h *header) unpack(data []byte) ([]byte, error) {
	packed := data[h.headerSize : h.headerSize+h.packedSize]
	if crc32.Checksum(packed, castagnoli) != h.packedCRC {
		return nil, damaged("checksum of the lines of stream %s differs", h.section.Stream)
	}
	if h.linesSize == 0 {
		return nil, nil
	}
	lines := make([]byte, h.linesSize)
	if n, err := zstd.DecompressInto(lines, packed); err != nil || n != h.linesSize {
		return nil, damaged("lines of stream %s do not unpack: %v", h.section.Stream, err)
	}
	return lines, nil
}

// readHeader reads the header of a section that is there with its lines.
func readHeader(data []byte) (*header, error) {
	h, err := parseHeader(data)
	if err == nil && h.packedSize > len(data)-h.headerSize {
		return nil, damaged("a section of %d bytes in %d", h.packedSize, len(data))
	}
	return h, err
}

// parseHeader reads a header, whether or not the lines follow.
func parseHeader(data []byte) (*header, error) {
	le := binary.LittleEndian
	if len(data) < 8 || le.Uint32(data) != magicSection {
		return nil, damaged("no section where one should begin")
	}
	size := int(le.Uint32(data[4:]))
	if size < fixedHeader+6 || size > len(data)-8 {
		return nil, damaged("a section header of %d bytes in %d", size, len(data))
	}
	body := data[8 : 8+size-4]
	if err := checkHeader(data[:8+size]); err != nil {
		return nil, err
	}
	if string(body[:4]) != headerMark {
		return nil, damaged("a section of format %q", body[:4])
	}
	h := &header{headerSize: 8 + size}
	copy(h.section.Stream[:], body[4:20])
	h.section.First = int(le.Uint16(body[22:]))
	h.section.Count = int(le.Uint32(body[24:]))
	h.linesSize = int(le.Uint32(body[28:]))
	h.packedSize = int(le.Uint32(body[32:]))
	h.packedCRC = le.Uint32(body[36:])
	if h.linesSize > maxLines {
		return nil, damaged("a section of %d bytes of lines", h.linesSize)
	}
	r := reader{rest: body[fixedHeader:]}
	h.section.Requests = r.requests()
	for n := r.count(); n > 0 && !r.bad; n-- {
		h.section.Flaws = append(h.section.Flaws, record.Flaw{Index: r.number(), Code: r.text(), Message: r.text()})
	}
	if r.bad || len(r.rest) > 0 {
		return nil, damaged("a section header that does not read")
	}
	return h, nil
}

// reader takes fields off a header's end; bad is set at the first that is not there.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) requests() []record.Request {
	n := r.count()
	list := make([]record.Request, 0, n)
	for ; n > 0 && !r.bad; n-- {
		q := record.Request{First: r.number(), Count: r.number(), ReceivedAt: r.time()}
		q.Client, q.UserAgent, q.KeyID, q.Door = r.text(), r.text(), r.text(), r.text()
		if mark := r.bytes(1); len(mark) == 1 && mark[0] == 1 {
			copy(q.IdempotencyKey[:], r.bytes(16))
			copy(q.BodyHash[:], r.bytes(16))
		}
		q.Part, q.Parts = r.number(), r.number()
		list = append(list, q)
	}
	return list
}

// count is a number of things that each take at least a byte.
func (r *reader) count() int {
	n := r.number()
	if n > len(r.rest) {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<31 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reader) time() time.Time {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return time.Time{}
	}
	r.rest = r.rest[size:]
	return time.UnixMicro(n).UTC()
}

func (r *reader) text() string { return string(r.bytes(r.number())) }

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
