package record

import "time"

// Envelope is what one append to the log holds: what waited at the doors, of
// all streams. Its records are numbered through, section after section.
type Envelope struct {
	Shard    uint8
	Seq      Sequence // 0 until the log has given it one
	Sections []Section
}

// Section holds an envelope's records of one stream.
type Section struct {
	Stream   StreamID
	First    int // index, within the envelope, of the section's first record
	Count    int // records in the section
	Requests []Request
	Flaws    []Flaw // ascending by Index; most sections have none
	// Lines are the records' texts, each ended by one '\n'. A text holds no
	// other '\n'; it is valid JSON unless a Flaw names it.
	Lines []byte
}

// Request is what is kept of the request that brought a run of records.
type Request struct {
	First, Count int       // the run, counted within the section
	ReceivedAt   time.Time // UTC, microseconds, never before an earlier request's
	Client       string    // address, behind trusted proxies
	UserAgent    string
	KeyID        string // the key that was shown, "" for none
	Door         string // one of Doors
	// IdempotencyKey and BodyHash are zero where the client sent no key.
	IdempotencyKey [16]byte
	BodyHash       [16]byte
	Part, Parts    int // this envelope's part of the request, counted from 0
}

// The kinds of door in, by the names that requests have.
const (
	DoorHTTP     = "http"     // POST /v1/events/{stream}
	DoorFirehose = "firehose" // Amazon Data Firehose
	DoorBrowser  = "browser"  // a page's script
	DoorPixel    = "pixel"    // a page's image
	DoorSegment  = "segment"  // Segment's calls
)

// Doors are all of them.
var Doors = []string{DoorHTTP, DoorFirehose, DoorBrowser, DoorPixel, DoorSegment}

// Flaw is the door's verdict on a record that is not fit to be parsed.
type Flaw struct {
	Index   int    // within the section
	Code    string // a Code constant
	Message string
}

// Codes say why a record is in quarantine. Users see and filter by them.
const (
	CodeInvalidJSON     = "invalid_json"     // the text is not one JSON value
	CodeInvalidUTF8     = "invalid_utf8"     // JSON text must be UTF-8
	CodeInvalidRow      = "invalid_row"      // a file's row does not have the header's cells
	CodeInvalidEncoding = "invalid_encoding" // a file's row is not text of the file's encoding
	CodeNotObject       = "not_an_object"    // valid JSON, but not an object
	CodeTooLarge        = "record_too_large" // only its head is kept
	CodeTooDeep         = "too_deep"         // nested beyond MaxDepth
	CodeWrongType       = "wrong_type"       // a value does not fit its column's type
	CodeMissing         = "missing"          // not_null, and there is no value
	CodeNotAllowed      = "not_allowed"      // one_of
	CodeOutOfRange      = "out_of_range"     // min, max, or the type's own range
	CodePattern         = "pattern"          // pattern
	CodeTimeRange       = "time_out_of_range"
	CodeUnknownField    = "unknown_field" // unknown_fields: quarantine
	CodeExpression      = "expression_failed"
	CodeDuplicate       = "duplicate" // counted as deduplicated, not as quarantined
	CodeUnknownStream   = "unknown_stream"
	CodeLookupNotFound  = "lookup_not_found"
)

// MaxDepth is how deeply a record's arrays and objects may nest.
const MaxDepth = 100

// MaxRecordBytes is the longest record that is kept whole.
const MaxRecordBytes = 1 << 20

// MaxEnvelopeBytes is where the door cuts an envelope, in bytes of lines.
const MaxEnvelopeBytes = 1 << 20

// Records is how many records the envelope holds.
func (e *Envelope) Records() int {
	n := 0
	for i := range e.Sections {
		n += e.Sections[i].Count
	}
	return n
}

// ID is the id of the section's i-th record.
func (e *Envelope) ID(s *Section, i int) RecordID { return NewRecordID(e.Shard, e.Seq, s.First+i) }
