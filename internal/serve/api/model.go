package api

import (
	"encoding/json"
	"time"
)

// StreamList is the answer of list-streams.
type StreamList struct {
	Streams []StreamInfo `json:"streams"`
}

// StreamInfo is one stream and how far it is delivered.
type StreamInfo struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	EventTime   string `json:"event_time,omitempty" doc:"field that says when an event happened"`
	State       string `json:"state" enum:"active,removed" doc:"removed: not in the project any more; it takes no records, and its table stays"`
	Generation  int    `json:"generation" doc:"version of the definition"`
	Since       int64  `json:"since" doc:"sequence number from which that definition holds"`
	Offset      int64  `json:"offset" doc:"sequence number up to which everything is in files"`
	Visible     int64  `json:"visible" doc:"sequence number up to which SQL sees everything"`
	Last        int64  `json:"last" doc:"newest sequence number of the log"`
	Pending     int64  `json:"pending" doc:"records after offset"`
	RecentRows  int64  `json:"recent_rows"`
	Files       int    `json:"files"`
	Rows        int64  `json:"rows" doc:"in files"`
	Bytes       int64  `json:"bytes" doc:"of the files"`
	Failure     string `json:"failure,omitempty" doc:"why the last flush failed; it is tried again"`
}

// Trace is the whole life of one record.
type Trace struct {
	RecordID string        `json:"record_id"`
	Stream   string        `json:"stream"`
	Request  TraceRequest  `json:"request"`
	Envelope TraceEnvelope `json:"envelope"`
	Archive  *TraceArchive `json:"archive,omitempty" doc:"absent until the raw archive has the envelope"`
	Line     string        `json:"line" doc:"the record as it was sent"`
	Verdict  string        `json:"verdict" enum:"delivered,quarantined,deduplicated,filtered,pending,removed"`
	Reason   *TraceReason  `json:"reason,omitempty" doc:"why it is not in the table"`
	// Coercions are the fields whose value in the table differs from what was sent.
	Coercions []TraceCoercion `json:"coercions,omitempty"`
	Row       json.RawMessage `json:"row,omitempty" doc:"the row as SQL sees it now"`
	File      *TraceFile      `json:"file,omitempty" doc:"the data file that holds it; absent while it is recent"`
}

// TraceRequest is what is known of the request that brought the record.
type TraceRequest struct {
	ReceivedAt     time.Time `json:"received_at"`
	Door           string    `json:"door"`
	Client         string    `json:"client,omitempty"`
	UserAgent      string    `json:"user_agent,omitempty"`
	Key            string    `json:"key,omitempty"`
	IdempotencyKey bool      `json:"idempotency_key"`
	Records        int       `json:"records"`
	Index          int       `json:"index" doc:"of the record in its part of the request"`
}

// TraceEnvelope is where the record stands in the log.
type TraceEnvelope struct {
	Shard      int   `json:"shard"`
	Sequence   int64 `json:"sequence"`
	Index      int   `json:"index"`
	Records    int   `json:"records"`
	Generation int   `json:"generation" doc:"of the stream's definition that holds for it"`
}

// TraceArchive is where the raw archive has it.
type TraceArchive struct {
	File   string `json:"file"`
	Line   int    `json:"line" doc:"of what zstd -d prints, from 1"`
	Offset int64  `json:"offset" doc:"byte of the envelope's frames"`
}

// TraceReason is why a record is not in its table.
type TraceReason struct {
	Code          string `json:"code"`
	Column        string `json:"column,omitempty"`
	Message       string `json:"message,omitempty"`
	FirstRecordID string `json:"first_record_id,omitempty"`
}

// TraceCoercion is one value that was changed on its way into the table.
type TraceCoercion struct {
	Column string          `json:"column"`
	Sent   json.RawMessage `json:"sent,omitempty"`
	Stored json.RawMessage `json:"stored"`
}

// TraceFile is the data file with the record, and the commit that brought the record.
type TraceFile struct {
	Path       string        `json:"path"`
	Rows       int64         `json:"rows"`
	SnapshotID string        `json:"snapshot_id" doc:"of the commit that brought the record; empty where the ledger keeps only the hour's sum"`
	Committed  string        `json:"committed,omitempty" doc:"when the record was committed"`
	ByHour     bool          `json:"by_hour,omitempty" doc:"committed is the last commit of the hour's sum: the record came at the latest then"`
	Rewritten  *TraceRewrite `json:"rewritten,omitempty" doc:"the later commit that wrote the file, such as a compaction"`
}

// TraceRewrite is a commit that moved a record into another file.
type TraceRewrite struct {
	SnapshotID string `json:"snapshot_id"`
	Committed  string `json:"committed"`
}

// ReplayRequest says which quarantined records to try again.
type ReplayRequest struct {
	Stream string `json:"stream" doc:"name of the stream" minLength:"1"`
	Code   string `json:"code,omitempty" doc:"only those with this reason"`
	Column string `json:"column,omitempty" doc:"only those that this column rejected"`
	// RecordID is a text: it goes beyond what every JSON reader keeps exact.
	RecordID string `json:"record_id,omitempty" doc:"only this one"`
}

// ReplayAnswer is what became of them.
type ReplayAnswer struct {
	Tried int64 `json:"tried"`
	Moved int64 `json:"moved" doc:"now in the table"`
	Left  int64 `json:"left" doc:"still in quarantine: they do not fit, or the filter would take them out"`
	// Untried are those that no definition could mend: the record is not there whole, is
	// no JSON object, or is a copy of another.
	Untried []ReplayUntried `json:"untried,omitempty" doc:"not tried, by reason: no definition can mend them"`
}

// ReplayUntried counts records that were not tried for one reason.
type ReplayUntried struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// DiscardRequest says which quarantined records to delete.
type DiscardRequest struct {
	Stream string `json:"stream" doc:"name of the stream" minLength:"1"`
	Code   string `json:"code,omitempty" doc:"only those with this reason; without one all but duplicates"`
}

// DiscardAnswer is how many there were.
type DiscardAnswer struct {
	Discarded int64 `json:"discarded"`
}

// DropRequest says which table to drop.
type DropRequest struct {
	Table   string `json:"table" doc:"name of the table, of a stream that is not in the project" minLength:"1"`
	Preview bool   `json:"preview,omitempty" doc:"say what would go, and drop nothing"`
}

// DropAnswer is what goes with a table.
type DropAnswer struct {
	Table   string `json:"table"`
	Rows    int64  `json:"rows"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Dropped bool   `json:"dropped" doc:"false of a preview"`
}

// ReloadAnswer says what a reload changed.
type ReloadAnswer struct {
	Changed  []StreamChange  `json:"changed"`
	Settings []SettingChange `json:"settings" doc:"keys of biwa.yaml that have another value from now on"`
	Restart  []string        `json:"restart" doc:"keys of biwa.yaml whose new value holds after a restart only"`
}

// SettingChange is a key of biwa.yaml with another value. Secrets are not shown.
type SettingChange struct {
	Key string `json:"key" doc:"such as limits.query_time, or keys.NAME"`
	Was string `json:"was" doc:"empty where it was not there"`
	Now string `json:"now" doc:"empty where it is gone"`
}

// StreamChange is one stream's new definition.
type StreamChange struct {
	Stream     string `json:"stream"`
	Change     string `json:"change" enum:"added,changed,removed"`
	Generation int    `json:"generation,omitempty"`
	Since      int64  `json:"since,omitempty" doc:"sequence number from which it holds"`
	// Columns says which columns of the table were renamed and dropped.
	Columns []string `json:"columns,omitempty" doc:"columns of its table that were renamed or dropped, a sentence each"`
}

// LimitList is the answer of list-limits.
type LimitList struct {
	Limits []Limit `json:"limits"`
}

// Limit is one bound of the node.
type Limit struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
	Now   int64  `json:"now"`
	Peak  int64  `json:"peak" doc:"the most since the start, of free space the least; 0 where nothing counts towards it"`
	Unit  string `json:"unit"`
	Key   string `json:"key" doc:"of biwa.yaml, or of the stream's file"`
	What  string `json:"what"`
	Of    string `json:"of,omitempty" doc:"the stream or key that it is for"`
	Set   string `json:"set,omitempty" doc:"file and line that sets it; absent for the default"`
}

// TapRecord is one line of a tap.
type TapRecord struct {
	RecordID   string          `json:"_record_id"`
	ReceivedAt time.Time       `json:"_received_at"`
	Client     string          `json:"client,omitempty"`
	Code       string          `json:"code,omitempty" doc:"of a record the door knows to be broken"`
	Record     json.RawMessage `json:"record"`
}
