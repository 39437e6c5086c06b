// Package record holds the nouns every stage shares: envelopes and their
// sections, sequence numbers and record ids, column types and schemas, batches
// of shaped rows, tallies for the ledger, and the kinds of error.
//
// It imports no other package of Biwa, so every stage may import it.
package record

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/google/uuid"
)

// Sequence numbers an envelope within its shard. The first is 1; a number is
// never used twice, not even after damage or a restore (the log jumps ahead).
type Sequence uint64

// Widths of the parts of a RecordID: shard | sequence | index, 63 bits in all,
// so that the id is a positive SQL bigint and sorts in the order of the log.
const (
	ShardBits    = 6
	SequenceBits = 41
	IndexBits    = 16

	MaxShard    = 1<<ShardBits - 1
	MaxSequence = Sequence(1)<<SequenceBits - 1
	// MaxRecords is how many records one envelope can number.
	MaxRecords = 1<<IndexBits - 1
)

// RecordID names one record for ever: where it stands in the log.
type RecordID int64

// NewRecordID composes an id. The caller keeps the parts within their widths.
func NewRecordID(shard uint8, seq Sequence, index int) RecordID {
	return RecordID(uint64(shard)<<(SequenceBits+IndexBits) | uint64(seq)<<IndexBits | uint64(index))
}

// Shard is the shard of the log that holds the record.
func (id RecordID) Shard() uint8 { return uint8(uint64(id) >> (SequenceBits + IndexBits)) }

// Sequence is the envelope that holds the record.
func (id RecordID) Sequence() Sequence { return Sequence(uint64(id)>>IndexBits) & MaxSequence }

// Index is the record's place in its envelope, counted from 0.
func (id RecordID) Index() int { return int(uint64(id) & (1<<IndexBits - 1)) }

func (id RecordID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseRecordID reads the decimal form that String writes.
func ParseRecordID(text string) (RecordID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, Errorf(Invalid, "%q is not a record id: a record id is a whole number, as in _record_id", text)
	}
	return RecordID(n), nil
}

// StreamID tells a stream from any other that has, or once had, its name.
type StreamID [16]byte

// NewStreamID draws a random id.
func NewStreamID() StreamID { return StreamID(uuid.New()) }

func (id StreamID) String() string { return hex.EncodeToString(id[:]) }

// ParseStreamID reads the 32 hexadecimal digits that String writes.
func ParseStreamID(text string) (StreamID, error) {
	var id StreamID
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("stream id %q: want 32 hexadecimal digits", text)
	}
	copy(id[:], raw)
	return id, nil
}
