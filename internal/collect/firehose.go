package collect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// Amazon Data Firehose's own limits, from its API reference.
const (
	firehoseRecords     = 500
	firehoseRecordBytes = 1_024_000
	firehoseBatchBytes  = 4 << 20
	firehoseBodyBytes   = 8 << 20 // of a request: the batch in base64, and its names
)

// FirehosePrefix begins the X-Amz-Target of Firehose's operations.
const FirehosePrefix = "Firehose_20150804."

// FirehoseDoor serves the operations of Amazon Data Firehose that put records. A
// delivery stream is a stream; a request is stored whole or not at all, for
// agents send a batch again of which one record failed.
type FirehoseDoor struct {
	Intake  *Intake
	Streams Streams
	// List is all streams by name, with the time they were made.
	List  func() []FirehoseStream
	Guard *access.Guard
	Now   func() time.Time
}

// FirehoseStream is a stream as DescribeDeliveryStream shows it.
type FirehoseStream struct {
	Stream
	Created time.Time
}

type firehoseRecord struct{ Data []byte }

type putRecord struct {
	DeliveryStreamName string
	Record             firehoseRecord
}

type putRecordBatch struct {
	DeliveryStreamName string
	Records            []firehoseRecord
}

type putRecordAnswer struct {
	RecordId  string
	Encrypted bool
}

// putRecordBatchAnswer keeps FailedPutCount first and compact: Fluent Bit looks
// for those very bytes.
type putRecordBatchAnswer struct {
	FailedPutCount   int
	Encrypted        bool
	RequestResponses []recordResponse
}

type recordResponse struct {
	RecordId string
}

func (d *FirehoseDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	body, err := io.ReadAll(io.LimitReader(r.Body, firehoseBodyBytes+1))
	if err == nil && len(body) > firehoseBodyBytes {
		err = record.Errorf(record.TooLarge, "the request is over %d bytes", firehoseBodyBytes)
	}
	var answer any
	if err == nil {
		answer, err = d.serve(r, body)
	}
	if err != nil {
		WriteAWSError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone; its retry is its own
}

func (d *FirehoseDoor) serve(r *http.Request, body []byte) (any, error) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), FirehosePrefix)
	var name struct{ DeliveryStreamName string }
	if err := json.Unmarshal(body, &name); err != nil {
		return nil, awsErrorf("SerializationException", record.Invalid, "the body is not JSON: %v", err)
	}
	key, err := d.Guard.CheckSignature(r, body, access.Ingest, name.DeliveryStreamName, d.Now())
	if err != nil {
		return nil, err
	}
	switch operation {
	case "PutRecord":
		var in putRecord
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, awsErrorf("SerializationException", record.Invalid, "the body is not a PutRecord: %v", err)
		}
		ids, err := d.put(r, in.DeliveryStreamName, key, []firehoseRecord{in.Record})
		if err != nil {
			return nil, err
		}
		return putRecordAnswer{RecordId: ids[0].RecordId}, nil
	case "PutRecordBatch":
		var in putRecordBatch
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, awsErrorf("SerializationException", record.Invalid, "the body is not a PutRecordBatch: %v", err)
		}
		ids, err := d.put(r, in.DeliveryStreamName, key, in.Records)
		return putRecordBatchAnswer{RequestResponses: ids}, err
	case "DescribeDeliveryStream":
		return d.describe(name.DeliveryStreamName)
	case "ListDeliveryStreams":
		return d.list(body)
	}
	return nil, awsErrorf("UnknownOperationException", record.Invalid, "operation %q is not served here: there are PutRecord, PutRecordBatch, DescribeDeliveryStream and ListDeliveryStreams", operation)
}

// put stores records and returns an id for each, that of the first where a client
// joined several into one. One that cannot be unpacked does not keep the others out.
func (d *FirehoseDoor) put(r *http.Request, name, key string, records []firehoseRecord) ([]recordResponse, error) {
	stream, err := d.Streams.Stream(name)
	if err != nil {
		return nil, awsErrorf("ResourceNotFoundException", record.NotFound, "%v", err)
	}
	if len(records) == 0 || len(records) > firehoseRecords {
		return nil, awsErrorf("InvalidArgumentException", record.Invalid, "a batch has 1 to %d records, this one has %d", firehoseRecords, len(records))
	}
	lines, starts, total := &Lines{}, make([]int, len(records)), 0
	for i := range records {
		data := records[i].Data
		if total += len(data); len(data) == 0 || len(data) > firehoseRecordBytes || total > firehoseBatchBytes {
			return nil, awsErrorf("InvalidArgumentException", record.Invalid, "record %d: a record has 1 to %d bytes, a batch at most %d", i, firehoseRecordBytes, firehoseBatchBytes)
		}
		starts[i] = lines.Records
		if unpacked, err := unpackRecord(data); err != nil {
			lines.addPacked(data, err)
		} else {
			lines.addRecord(unpacked)
		}
	}
	answer, err := d.Intake.Take(r.Context(), Delivery{Stream: stream.ID, Lines: lines,
		Request: record.Request{Client: d.Guard.Client(r), UserAgent: clipHeader(r.UserAgent()), KeyID: key, Door: record.DoorFirehose}})
	if err != nil {
		return nil, err
	}
	ids := make([]recordResponse, len(records))
	for i, start := range starts {
		ids[i].RecordId = answer.ID(min(start, lines.Records-1)).String()
	}
	return ids, nil
}

// addRecord adds what one Firehose record holds: objects one after the other, with
// line breaks between or within them or not, for agents join records to save
// money. What is no object is taken to the end of its line. A record that is only
// white space is kept too, as a broken one, for its sender was told that it is stored.
func (l *Lines) addRecord(data []byte) {
	text := jsontext.Trim(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if len(text) == 0 {
		l.Record(text, nil)
	}
	for len(text) > 0 {
		end := objectEnd(text)
		l.Record(jsontext.Trim(text[:end]), nil)
		text = jsontext.Trim(text[end:])
	}
}

// objectEnd is where the object that the text begins with ends, else its line.
// Scanning stops at the first fault or at the greatest depth, so a text of many
// broken objects is not scanned more often than objects may be nested.
func objectEnd(text []byte) int {
	if text[0] == '{' {
		if end, ok := jsontext.ValueEnd(text); ok {
			return end
		}
	}
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

// maxPackedBytes is how much is kept of a record that cannot be unpacked: in base64
// it is below the limit of a record.
const maxPackedBytes = record.MaxRecordBytes / 4 * 3

// addPacked keeps a record that cannot be unpacked, in base64 as it was sent.
func (l *Lines) addPacked(data []byte, why error) {
	message := fmt.Sprintf("the record is packed and does not unpack: %v; it is kept in base64, as it was sent", why)
	if len(data) > maxPackedBytes {
		message = fmt.Sprintf("%s: the first %d of its %d bytes", message, maxPackedBytes, len(data))
		data = data[:maxPackedBytes]
	}
	l.put(base64.StdEncoding.AppendEncode(nil, data), nil, record.CodeInvalidJSON, message)
}

// unpackRecord undoes what agents do to single records to save bytes.
func unpackRecord(data []byte) ([]byte, error) {
	var source io.Reader
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		source = z
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(firehoseBodyBytes+1<<20))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		source = z
	default:
		return data, nil
	}
	unpacked, err := io.ReadAll(io.LimitReader(source, firehoseBodyBytes+1))
	if err == nil && len(unpacked) > firehoseBodyBytes {
		err = errors.New("it unpacks to too much")
	}
	return unpacked, err
}

func (d *FirehoseDoor) describe(name string) (any, error) {
	for _, s := range d.List() {
		if s.Name == name {
			return map[string]any{"DeliveryStreamDescription": map[string]any{
				"DeliveryStreamName": s.Name, "DeliveryStreamARN": "arn:aws:firehose:us-east-1:123456789012:deliverystream/" + s.Name,
				"DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "DirectPut", "VersionId": "1",
				"CreateTimestamp": float64(s.Created.UnixMilli()) / 1000, "HasMoreDestinations": false,
				"Destinations": []any{map[string]any{"DestinationId": "biwa"}}}}, nil
		}
	}
	_, err := d.Streams.Stream(name)
	return nil, awsErrorf("ResourceNotFoundException", record.NotFound, "%v", err)
}

func (d *FirehoseDoor) list(body []byte) (any, error) {
	var in struct {
		Limit                            int
		ExclusiveStartDeliveryStreamName string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, awsErrorf("SerializationException", record.Invalid, "%v", err)
	}
	if in.Limit == 0 {
		in.Limit = 10
	}
	names, more := []string{}, false
	for _, s := range d.List() {
		if s.Name <= in.ExclusiveStartDeliveryStreamName {
			continue
		}
		if len(names) == in.Limit {
			more = true
			break
		}
		names = append(names, s.Name)
	}
	return map[string]any{"DeliveryStreamNames": names, "HasMoreDeliveryStreams": more}, nil
}
