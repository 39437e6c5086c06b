package app

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/world"
)

// Trace tells the whole life of one record: from the request that brought it to
// the file that holds it.
func (n *Node) Trace(ctx context.Context, id record.RecordID) (api.Trace, error) {
	s, env, section, err := n.find(ctx, id)
	if err != nil {
		return api.Trace{}, err
	}
	i := id.Index() - section.First
	t := api.Trace{RecordID: id.String(), Stream: s.name, Line: string(lineOf(section, i)),
		Envelope: api.TraceEnvelope{Shard: int(id.Shard()), Sequence: int64(id.Sequence()), Index: id.Index(), Records: env.Records()}}
	if r := api.RequestOf(section, i); r != nil {
		t.Request = api.TraceRequest{ReceivedAt: r.ReceivedAt, Door: r.Door, Client: r.Client, UserAgent: r.UserAgent, Key: r.KeyID,
			IdempotencyKey: r.IdempotencyKey != [16]byte{}, Records: r.Count, Index: i - r.First}
	}
	if g, err := s.generationAt(id.Sequence()); err == nil {
		t.Envelope.Generation = g.number
	}
	if at, err := n.journal.Locate(ctx, s.id, id.Sequence()); err == nil {
		t.Archive = &api.TraceArchive{File: at.Path, Line: at.Line + i, Offset: at.Offset}
	}
	return t, n.judge(ctx, s, id, &t)
}

// find reads the envelope and the section with a record.
func (n *Node) find(ctx context.Context, id record.RecordID) (*stream, *record.Envelope, *record.Section, error) {
	for _, s := range n.list() {
		if id.Sequence() < 1 || id.Sequence() > n.journal.Last() || id.Shard() != n.shard {
			break
		}
		env, section, err := n.section(ctx, s, id)
		if err == nil || record.KindOf(err) != record.NotFound {
			return s, env, section, err
		}
	}
	return nil, nil, nil, notInLog(id)
}

// section reads the envelope and the section of a stream with a record.
func (n *Node) section(ctx context.Context, s *stream, id record.RecordID) (*record.Envelope, *record.Section, error) {
	env, err := n.journal.Read(ctx, s.id, id.Sequence())
	if err != nil {
		return nil, nil, err
	}
	for i := range env.Sections {
		section := &env.Sections[i]
		if section.Stream == s.id && id.Index() >= section.First && id.Index() < section.First+section.Count {
			return env, section, nil
		}
	}
	return nil, nil, notInLog(id)
}

func notInLog(id record.RecordID) error {
	return record.Errorf(record.NotFound, "record %s is not in the log: it was never given, or the raw archive no longer keeps it", id)
}

func lineOf(s *record.Section, i int) []byte {
	for line := range bytes.Lines(s.Lines) {
		if i == 0 {
			return bytes.TrimSuffix(line, []byte("\n"))
		}
		i--
	}
	return nil
}

type quarantined struct {
	Code    string      `json:"code"`
	Column  *string     `json:"column"`
	Message *string     `json:"message"`
	First   json.Number `json:"first_record_id"`
}

// judge fills in what became of the record.
func (n *Node) judge(ctx context.Context, s *stream, id record.RecordID, t *api.Trace) error {
	found, err := list[json.RawMessage](ctx, n, "SELECT * FROM "+record.QuoteName(s.name)+" WHERE _record_id = "+id.String())
	if err != nil {
		return err
	}
	if len(found) > 0 {
		t.Verdict, t.Row = "delivered", found[0]
		t.Coercions = coercions([]byte(t.Line), t.Row)
		return n.locate(ctx, s, s.name, id, t)
	}
	reasons, err := list[quarantined](ctx, n, `SELECT code, "column", message, first_record_id::varchar AS first_record_id FROM quarantine WHERE _record_id = `+id.String())
	if err != nil {
		return err
	}
	switch {
	case len(reasons) > 0:
		r := reasons[0]
		t.Verdict, t.Reason = "quarantined", &api.TraceReason{Code: r.Code, FirstRecordID: r.First.String()}
		if r.Code == record.CodeDuplicate {
			t.Verdict = "deduplicated"
		}
		if r.Column != nil && r.Message != nil {
			t.Reason.Column, t.Reason.Message = *r.Column, *r.Message
		}
		return n.locate(ctx, s, record.QuarantineTable, id, t)
	case id.Sequence() > s.worker.Status().Visible:
		t.Verdict = "pending"
	default:
		return n.judgeAbsent(ctx, s, id, t)
	}
	return nil
}

// judgeAbsent tells a record that the filter took out from one that was removed
// later, by shaping it again as it was shaped then.
func (n *Node) judgeAbsent(ctx context.Context, s *stream, id record.RecordID, t *api.Trace) error {
	_, filtered, err := n.shapeAgain(ctx, s, id)
	if err != nil {
		return err
	}
	t.Verdict = "removed"
	if filtered {
		t.Verdict = "filtered"
	}
	return nil
}

// shapeAgain shapes a record as it was when it was delivered, and says whether it was
// rejected, or taken out by the filter.
func (n *Node) shapeAgain(ctx context.Context, s *stream, id record.RecordID) (rejected, filtered bool, err error) {
	env, section, err := n.section(ctx, s, id)
	if err != nil {
		return false, false, err
	}
	shaper, err := s.At(id.Sequence())
	if err != nil {
		return false, false, err
	}
	one := excerpt(env, section, bytes.SplitAfter(section.Lines, []byte{'\n'}), id.Index()-section.First, 1)
	b, err := shaper.Shape(ctx, one, &one.Sections[0])
	if err != nil {
		return false, false, err
	}
	if b.Rows != nil {
		b.Rows.Release()
	}
	return len(b.Rejects) > 0, b.Filtered.Count > 0, nil
}

// locate finds the data file with the record, the commit that brought the record, and
// the one that wrote the file, where that is a later one.
func (n *Node) locate(ctx context.Context, s *stream, table string, id record.RecordID, t *api.Trace) error {
	pin := n.worlds.Pin()
	defer pin.Release()
	w := pin.Table(table)
	if w == nil {
		return nil
	}
	bounds := world.Everything
	bounds.MinID, bounds.MaxID = id, id
	var err error
	w.Files.Find(bounds, func(f *record.File) bool {
		var has bool
		if has, err = n.fileHas(ctx, f, id); err != nil || !has {
			return err == nil
		}
		t.File = &api.TraceFile{Path: f.Path, Rows: f.Rows}
		return false
	})
	if err != nil || t.File == nil {
		return err
	}
	return n.commitOf(ctx, s, table, id, t.File)
}

func (n *Node) fileHas(ctx context.Context, f *record.File, id record.RecordID) (bool, error) {
	found, err := list[struct{ N int }](ctx, n, "SELECT count(*) AS n FROM read_parquet("+record.QuoteText(n.pathOf(f.Path))+") WHERE _record_id = "+id.String())
	return err == nil && found[0].N > 0, err
}

// coercions are the fields whose stored value differs from the one that was sent.
func coercions(line, row []byte) []api.TraceCoercion {
	var sent, stored map[string]json.RawMessage
	if json.Unmarshal(line, &sent) != nil || json.Unmarshal(row, &stored) != nil {
		return nil
	}
	var found []api.TraceCoercion
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		value := sent[name]
		if now, ok := stored[name]; ok && !bytes.Equal(bytes.TrimSpace(value), now) {
			found = append(found, api.TraceCoercion{Column: name, Sent: value, Stored: now})
		}
	}
	return found
}
