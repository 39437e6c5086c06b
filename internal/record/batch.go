package record

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Batch is one section of one envelope after shaping: every record of the
// section is in exactly one of Rows, Rejects and Filtered.
type Batch struct {
	Stream StreamID
	Seq    Sequence
	Schema Schema            // of Rows
	Rows   arrow.RecordBatch // nil where there are none; the holder releases it
	// Rejects are the records that go to quarantine, duplicates among them
	// (CodeDuplicate), ascending by ID.
	Rejects  []Reject
	Accepted Tally // all records of the section
	Filtered Tally // taken out by the stream's filter
	// MinTime and MaxTime bound the rows' event time, in microseconds since 1970.
	MinTime, MaxTime int64
	// Bytes is about what the rows hold in memory.
	Bytes int64
	// Unknown are fields that no column takes, where the stream evolves: the
	// caller adds them as columns and shapes the section again.
	Unknown []NewColumn
	// DedupeKeys has one hashed key a row of Rows where the stream deduplicates.
	DedupeKeys [][16]byte
}

// NewColumn is a column that a record would add to its table, or widen in it.
type NewColumn struct {
	Column
	Hour int64 // of the record's receipt, since 1970
	// Widened says that the column is there, and its type is to become this one.
	Widened bool
}

// Reject is a record that is kept in quarantine, with its reason.
type Reject struct {
	ID         RecordID
	ReceivedAt time.Time
	Code       string // a Code constant
	Column     string // "" where no one column is to blame
	Message    string
	Line       []byte   // the text as it was sent; its head if it was too large
	FirstID    RecordID // of the first record with the same key, for CodeDuplicate
}

// QuarantineTable is the name of the table that holds every stream's rejects.
const QuarantineTable = "quarantine"

// QuarantineSchema is that table's columns.
var QuarantineSchema = Schema{
	{Name: ColumnRecordID, Type: Type{Kind: Bigint}, Doc: "the record's id, as its table would have had it"},
	{Name: ColumnReceivedAt, Type: Type{Kind: Timestamptz}, Doc: "when the record arrived"},
	{Name: "stream", Type: Type{Kind: Varchar}, Doc: "the stream it was sent to"},
	{Name: "code", Type: Type{Kind: Varchar}, Doc: "why it was rejected"},
	{Name: "column", Type: Type{Kind: Varchar}, Doc: "the column that rejected it"},
	{Name: "message", Type: Type{Kind: Varchar}, Doc: "the reason in words"},
	{Name: "line", Type: Type{Kind: Varchar}, Doc: "the record as it was sent"},
	{Name: "first_record_id", Type: Type{Kind: Bigint}, Doc: "of a duplicate: the record that was kept"},
}

// File is a Parquet file that has been written and made durable.
type File struct {
	Path  string // relative to the object store's root, with forward slashes
	Rows  int64
	Bytes int64
	// Bounds of the event-time column and of _record_id over the file's rows;
	// HasTime is false where every event time is null.
	MinTime, MaxTime int64
	HasTime          bool
	MinID, MaxID     RecordID
	// Partition holds the values of the table's partition spec, in its order;
	// nil for a file of the unpartitioned spec.
	Partition []any
	// Columns holds the bounds of each column by Iceberg field id.
	Columns map[int]ColumnStats
}

// ColumnStats is what a file says of one column. Min and Max are in DuckDB's
// text form, empty where unknown.
type ColumnStats struct {
	Nulls    int64
	Values   int64
	Min, Max string
	HasBound bool
	Bytes    int64
}
