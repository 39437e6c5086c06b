package collect

import (
	"fmt"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// segmentCall is the body of one of Segment's calls, taken apart.
type segmentCall struct {
	kind     string // of its one message, "" for a batch
	writeKey string
	sentAt   []byte   // JSON; nil without
	shared   []member // of a batch: what its messages take where they have none
	messages []jsontext.Value
}

// member is a member of a JSON object, as it stands.
type member struct {
	name  string
	value jsontext.Value
}

// maxSharedBytes bounds what a batch makes of the members its messages share.
const maxSharedBytes = 4 << 20

// readSegmentCall reads a body: one message of a kind, or a batch.
func readSegmentCall(body []byte, kind string) (segmentCall, error) {
	call := segmentCall{kind: kind}
	members, err := membersOf(body)
	if err != nil {
		return call, err
	}
	if kind != "" && len(body) > segmentEventBytes {
		return call, record.Errorf(record.Invalid, "the message is over %d KB, the limit of one", segmentEventBytes>>10)
	}
	for _, m := range members {
		switch m.name {
		case "writeKey":
			call.writeKey = string(m.value.AppendText(nil))
		case "sentAt":
			call.sentAt = m.value.Raw
		case "context", "integrations":
			call.shared = append(call.shared, m)
		case "batch":
			if kind == "" && m.value.Kind == jsontext.ArrayKind {
				call.messages = []jsontext.Value{}
				for a := jsontext.NewArray(&m.value); a.Next(); {
					call.messages = append(call.messages, a.Value)
				}
			}
		}
	}
	if kind != "" {
		call.messages, call.shared = []jsontext.Value{{Raw: body, Kind: jsontext.ObjectKind}}, nil
	}
	for _, s := range call.shared {
		if len(s.value.Raw)*len(call.messages) > maxSharedBytes {
			return call, record.Errorf(record.Invalid, "the batch's %s is too large to be put into each of %d messages: send it in several batches", s.name, len(call.messages))
		}
	}
	if call.messages == nil {
		return call, record.Errorf(record.Invalid, `a batch is {"batch": [...]}: the body has no array of that name`)
	}
	return call, nil
}

// membersOf reads an object's members; of a name that comes twice the last counts.
func membersOf(text []byte) ([]member, error) {
	var members []member
	at := map[string]int{}
	o := jsontext.NewObject(text)
	for o.Next() {
		m := member{string(o.Key.AppendText(nil)), o.Value}
		if i, twice := at[m.name]; twice {
			members[i] = m
			continue
		}
		at[m.name] = len(members)
		members = append(members, m)
	}
	if code, message := o.Verdict(); code != "" {
		return nil, record.Errorf(record.Invalid, "the body is not a JSON object: %s", message)
	}
	return members, nil
}

// lines makes each message a record. A message of a batch that is too large, or no
// object, is kept as a broken one, so that those beside it are not lost.
func (c *segmentCall) lines(received time.Time) *Lines {
	lines := &Lines{}
	for i := range c.messages {
		m := &c.messages[i]
		switch {
		case len(m.Raw) > segmentEventBytes:
			lines.put(m.Raw[:headBytes], nil, record.CodeTooLarge,
				fmt.Sprintf("the message has %d bytes, the limit of one in a batch is %d; its first %d are kept", len(m.Raw), segmentEventBytes, headBytes))
		default:
			if text, err := c.record(m.Raw, received); err == nil {
				lines.Record(text, nil)
			} else {
				lines.Record(m.Raw, nil)
			}
		}
	}
	return lines
}

// record is a message as it is stored: as it stands, without the write key, with its
// type, and with the times that Segment's own pipeline gives it.
//
//	originalTimestamp  the client's clock, when it happened
//	sentAt             the client's clock, when it was sent
//	receivedAt         ours
//	timestamp          receivedAt - (sentAt - originalTimestamp), so that a client
//	                   whose clock is wrong by years still has the right time
func (c *segmentCall) record(text []byte, received time.Time) ([]byte, error) {
	members, err := membersOf(text)
	if err != nil {
		return nil, err
	}
	kind, sentAt, happened := []byte(nil), c.sentAt, []byte(nil)
	if c.kind != "" {
		kind = jsontext.AppendString(nil, c.kind)
	}
	out := []byte{'{'}
	add := func(name string, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(jsontext.AppendString(out, name), ':'), value...)
	}
	shared := slices.Clone(c.shared)
	for _, m := range members {
		raw := m.value.Raw
		switch m.name {
		case "writeKey", "receivedAt":
		case "type":
			if kind == nil {
				kind = raw
			}
		case "sentAt":
			sentAt = raw
		case "timestamp":
			if m.value.Present() {
				happened = raw
			}
		case "originalTimestamp":
			if happened == nil && m.value.Present() {
				happened = raw
			}
		case "context", "integrations":
			if i := slices.IndexFunc(shared, func(s member) bool { return s.name == m.name }); i >= 0 {
				raw = merged(shared[i].value, m.value)
				shared = slices.Delete(shared, i, i+1)
			}
			add(m.name, raw)
		default:
			add(m.name, raw)
		}
	}
	for _, s := range shared {
		add(s.name, s.value.Raw)
	}
	if kind != nil {
		add("type", kind)
	}
	if happened != nil {
		add("originalTimestamp", happened)
	}
	if sentAt != nil {
		add("sentAt", sentAt)
	}
	add("receivedAt", timeText(received))
	add("timestamp", corrected(happened, sentAt, received))
	return append(out, '}'), nil
}

// merged is a batch's object with what a message has of it over it.
func merged(batch, message jsontext.Value) []byte {
	if message.Kind != jsontext.ObjectKind || batch.Kind != jsontext.ObjectKind {
		return message.Raw
	}
	under, err := membersOf(batch.Raw)
	if err != nil {
		return message.Raw
	}
	over, err := membersOf(message.Raw)
	if err != nil {
		return message.Raw
	}
	seen := map[string]bool{}
	out := []byte{'{'}
	for _, m := range slices.Concat(over, under) {
		if seen[m.name] {
			continue
		}
		seen[m.name] = true
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(jsontext.AppendString(out, m.name), ':'), m.value.Raw...)
	}
	return append(out, '}')
}

// corrected is a message's time by our clock. Without a time it is when the message
// came; without sentAt, or where a time does not read, the client's word stands.
func corrected(happened, sentAt []byte, received time.Time) []byte {
	if happened == nil {
		return timeText(received)
	}
	at, ok := segmentTime(happened)
	sent, sentOK := segmentTime(sentAt)
	if !ok || !sentOK {
		return happened
	}
	return timeText(received.Add(at.Sub(sent)))
}

func timeText(t time.Time) []byte {
	return jsontext.AppendString(nil, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// segmentTime reads a time of ISO 8601 as SDKs write it.
func segmentTime(raw []byte) (time.Time, bool) {
	v, code, _ := jsontext.Parse(raw)
	if code != "" || v.Kind != jsontext.String {
		return time.Time{}, false
	}
	text := string(v.AppendText(nil))
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
