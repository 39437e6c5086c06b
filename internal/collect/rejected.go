package collect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// RejectedType is the content type of pieces of files that are no records. Their
// sender has said why; they go to quarantine whatever they look like.
const RejectedType = "application/vnd.biwa.rejected+ndjson"

// RejectedLine is one of them, as JSON on a line of its own.
type RejectedLine struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Original []byte `json:"original"` // base64
}

// rejectedCodes are the reasons that a sender may give.
var rejectedCodes = map[string]bool{record.CodeInvalidRow: true, record.CodeInvalidEncoding: true, record.CodeTooLarge: true, record.CodeInvalidJSON: true, record.CodeInvalidUTF8: true}

// maxMessage bounds the reason in words.
const maxMessage = 1000

// splitRejected takes a body of RejectedLine apart. One that is none is the
// sender's mistake: then nothing is stored.
func splitRejected(body []byte) (*Lines, error) {
	l := &Lines{left: len(body) + 1}
	for text := range bytes.Lines(body) {
		if text = jsontext.Trim(text); len(text) == 0 {
			continue
		}
		var line RejectedLine
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&line); err != nil {
			return nil, record.Errorf(record.Invalid, `record %d is not {"code":…,"message":…,"original":…(base64)}: %w`, l.Records, err)
		}
		if !rejectedCodes[line.Code] {
			return nil, record.Errorf(record.Invalid, "record %d: code %q: there are %s, %s, %s, %s and %s", l.Records, line.Code,
				record.CodeInvalidRow, record.CodeInvalidEncoding, record.CodeTooLarge, record.CodeInvalidJSON, record.CodeInvalidUTF8)
		}
		if len(line.Message) > maxMessage {
			line.Message = strings.ToValidUTF8(line.Message[:maxMessage], "") + "…"
		}
		if len(line.Original) > record.MaxRecordBytes {
			line.Original = line.Original[:headBytes]
		}
		l.put(line.Original, nil, line.Code, line.Message)
	}
	if l.Records == 0 {
		return nil, record.Errorf(record.Invalid, "the body is empty: send JSON lines of rejected records")
	}
	l.Unreadable = 0 // its sender knows: this is no reason to refuse it
	return l, nil
}

// encodedPrefix marks a flawed record that is kept as base64.
const encodedPrefix = "base64:"

// asLine is a flawed record's text as one line of UTF-8 from which its bytes can
// be had again: the text itself, or "base64:" and its base64 where it has line
// breaks, is no UTF-8, or begins with "base64:" itself.
func asLine(text []byte) []byte {
	if utf8.Valid(text) && bytes.IndexByte(text, '\n') < 0 && !bytes.HasPrefix(text, []byte(encodedPrefix)) {
		return text
	}
	// What would pass an envelope's bounds is cut, as other records that are too large.
	if base64.StdEncoding.EncodedLen(len(text))+len(encodedPrefix) > record.MaxRecordBytes {
		text = text[:headBytes]
	}
	return base64.StdEncoding.AppendEncode([]byte(encodedPrefix), text)
}
