package app

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// replayBatch bounds how many records one commit of a replay moves.
const replayBatch = 20_000

// hopeless are the reasons that no definition can mend: the record is not there
// whole, or is no JSON object.
var hopeless = []string{record.CodeDuplicate, record.CodeTooLarge, record.CodeInvalidJSON, record.CodeInvalidUTF8, record.CodeInvalidRow, record.CodeInvalidEncoding, record.CodeNotObject, record.CodeTooDeep}

// Replay shapes quarantined records again with the newest definition. Those that
// fit move into the table under their own ids: one commit adds them there, takes
// them out of quarantine and writes the ledger's row, so no record can move twice.
func (n *Node) Replay(ctx context.Context, r api.ReplayRequest) (api.ReplayAnswer, error) {
	s, err := n.named(r.Stream)
	if err != nil {
		return api.ReplayAnswer{}, err
	}
	if slices.Contains(hopeless, r.Code) {
		return api.ReplayAnswer{}, record.Errorf(record.Invalid, "records with the code %q cannot fit any definition: send them again, mended", r.Code)
	}
	n.replaying.Lock()
	defer n.replaying.Unlock()
	if err := n.flush(ctx, s); err != nil { // what is recent goes into files, where it can be moved
		return api.ReplayAnswer{}, err
	}
	answer := api.ReplayAnswer{}
	if answer.Untried, err = n.untried(ctx, r); err != nil {
		return answer, err
	}
	for after := record.RecordID(-1); ; {
		ids, err := n.quarantinedIDs(ctx, r, after)
		if err != nil || len(ids) == 0 {
			return answer, err
		}
		after = ids[len(ids)-1]
		if err := n.replayIDs(ctx, s, ids, &answer); err != nil {
			return answer, err
		}
	}
}

// replayable is the condition for the quarantined records that a request means and
// that a definition could mend.
func replayable(r api.ReplayRequest) (string, error) {
	where, err := meant(r)
	return where + " AND code NOT IN (" + hopelessList() + ")", err
}

func hopelessList() string {
	quoted := make([]string, len(hopeless))
	for i, c := range hopeless {
		quoted[i] = record.QuoteText(c)
	}
	return strings.Join(quoted, ", ")
}

// untried counts the quarantined records that a request means and that no definition
// could mend, the most first.
func (n *Node) untried(ctx context.Context, r api.ReplayRequest) ([]api.ReplayUntried, error) {
	where, err := meant(r)
	if err != nil {
		return nil, err
	}
	found, err := list[struct {
		Code string
		N    json.Number
	}](ctx, n, "SELECT code, count(*) AS n FROM quarantine WHERE "+where+" AND code IN ("+hopelessList()+") GROUP BY 1 ORDER BY 2 DESC, 1")
	if err != nil {
		return nil, err
	}
	var untried []api.ReplayUntried
	for _, f := range found {
		count, err := f.N.Int64()
		if err != nil {
			return nil, err
		}
		untried = append(untried, api.ReplayUntried{Code: f.Code, Count: count})
	}
	return untried, nil
}

// meant is the condition for the quarantined records that a request means.
func meant(r api.ReplayRequest) (string, error) {
	where := "stream = " + record.QuoteText(r.Stream)
	if r.Code != "" {
		where += " AND code = " + record.QuoteText(r.Code)
	}
	if r.Column != "" {
		where += ` AND "column" = ` + record.QuoteText(r.Column)
	}
	if r.RecordID != "" {
		id, err := record.ParseRecordID(r.RecordID)
		if err != nil {
			return "", err
		}
		where += " AND _record_id = " + id.String()
	}
	return where, nil
}

// Try says how many of the newest quarantined records that a request means would fit
// the newest definition, and moves none.
func (n *Node) Try(ctx context.Context, r api.ReplayRequest, newest int) (answer api.ReplayAnswer, err error) {
	s, err := n.named(r.Stream)
	if err != nil {
		return answer, err
	}
	where, err := replayable(r)
	if err != nil {
		return answer, err
	}
	if answer.Untried, err = n.untried(ctx, r); err != nil {
		return answer, err
	}
	ids, err := n.idsWhere(ctx, where, "DESC", newest)
	if err != nil || len(ids) == 0 {
		return answer, err
	}
	slices.Sort(ids)
	m, err := n.reshape(ctx, s, ids)
	if m != nil {
		defer m.release()
	}
	if err != nil {
		return answer, err
	}
	answer.Tried, answer.Moved, answer.Left = int64(len(ids)), int64(len(m.ids)), int64(len(ids)-len(m.ids))
	return answer, nil
}

func (n *Node) quarantinedIDs(ctx context.Context, r api.ReplayRequest, after record.RecordID) ([]record.RecordID, error) {
	where, err := replayable(r)
	if err != nil {
		return nil, err
	}
	return n.idsWhere(ctx, fmt.Sprintf("%s AND _record_id > %d", where, after), "ASC", replayBatch)
}

// idsWhere are quarantined records that meet a condition, in the order of their ids.
func (n *Node) idsWhere(ctx context.Context, where, order string, most int) ([]record.RecordID, error) {
	found, err := list[struct{ ID string }](ctx, n, "SELECT _record_id::varchar AS ID FROM quarantine WHERE "+where+" ORDER BY _record_id "+order+" LIMIT "+strconv.Itoa(most))
	ids := make([]record.RecordID, len(found))
	for i, f := range found {
		if ids[i], err = record.ParseRecordID(f.ID); err != nil {
			return nil, err
		}
	}
	return ids, err
}

// moved is what came of shaping some records again.
type moved struct {
	schema     record.Schema
	timeColumn string
	batches    []arrow.RecordBatch
	ids        map[record.RecordID]bool // those that leave quarantine
	from, to   record.Sequence
	hours      map[time.Time]record.Tally // of them, by hour of receipt
}

func (m *moved) release() {
	for _, b := range m.batches {
		b.Release()
	}
}

func (n *Node) replayIDs(ctx context.Context, s *stream, ids []record.RecordID, answer *api.ReplayAnswer) error {
	m, err := n.reshape(ctx, s, ids)
	if m != nil {
		defer m.release()
	}
	if err != nil {
		return err
	}
	answer.Tried += int64(len(ids))
	answer.Left += int64(len(ids) - len(m.ids))
	if len(m.ids) == 0 {
		return nil
	}
	if err := n.commitReplay(ctx, s, m); err != nil {
		return err
	}
	answer.Moved += int64(len(m.ids))
	return nil
}

// reshape shapes records, read from the log as they were sent, with the stream's
// newest definition.
func (n *Node) reshape(ctx context.Context, s *stream, ids []record.RecordID) (*moved, error) {
	shaper := s.newest().shaper
	schema, err := evolving{s, n}.Prepare(ctx, shaper)
	for errors.Is(err, deliver.ErrOutdated) {
		shaper = s.newest().shaper
		schema, err = evolving{s, n}.Prepare(ctx, shaper)
	}
	if err != nil {
		return nil, err
	}
	m := &moved{schema: schema, timeColumn: shaper.TimeColumn(), ids: map[record.RecordID]bool{}, from: ids[0].Sequence(), to: ids[len(ids)-1].Sequence(),
		hours: map[time.Time]record.Tally{}}
	for len(ids) > 0 {
		count := 1
		for count < len(ids) && ids[count].Sequence() == ids[0].Sequence() {
			count++
		}
		if err := n.reshapeEnvelope(ctx, s, shaper, ids[:count], m); err != nil {
			return m, err
		}
		ids = ids[count:]
	}
	return m, nil
}

// reshapeEnvelope shapes records of one envelope, those that follow one another
// at a time.
func (n *Node) reshapeEnvelope(ctx context.Context, s *stream, shaper deliver.Shaper, ids []record.RecordID, m *moved) error {
	env, err := n.journal.Read(ctx, s.id, ids[0].Sequence())
	if err != nil {
		return fmt.Errorf("record %s: %w", ids[0], err)
	}
	at := slices.IndexFunc(env.Sections, func(x record.Section) bool { return x.Stream == s.id })
	if at < 0 {
		return fmt.Errorf("record %s is not in its envelope", ids[0])
	}
	section := &env.Sections[at]
	lines := bytes.SplitAfter(section.Lines, []byte{'\n'})
	// As the worker does: a section is accounted for with its first request.
	hour := section.Requests[0].ReceivedAt.Truncate(time.Hour)
	tally := m.hours[hour]
	for len(ids) > 0 {
		count := 1
		for count < len(ids) && ids[count] == ids[0]+record.RecordID(count) {
			count++
		}
		part := excerpt(env, section, lines, ids[0].Index()-section.First, count)
		b, err := shaper.Shape(ctx, part, &part.Sections[0])
		if err != nil {
			return err
		}
		if err := s.dedupe.admit(ctx, b); err != nil {
			return err
		}
		if ids = ids[count:]; b.Rows == nil {
			continue // none fits still, the filter would take them out, or they are copies
		}
		m.batches = append(m.batches, b.Rows)
		for _, id := range b.Rows.Column(0).(*array.Int64).Int64Values() {
			m.ids[record.RecordID(id)] = true
			tally.Add(record.RecordID(id))
		}
	}
	if tally.Count > 0 {
		m.hours[hour] = tally
	}
	return nil
}

// excerpt is an envelope with some records of another's section that follow one
// another, under their own ids; lines are the section's.
func excerpt(env *record.Envelope, s *record.Section, lines [][]byte, from, count int) *record.Envelope {
	part := record.Section{Stream: s.Stream, First: s.First + from, Count: count, Lines: bytes.Join(lines[from:from+count], nil)}
	for _, r := range s.Requests {
		first, end := max(r.First, from), min(r.First+r.Count, from+count)
		if first < end {
			r.First, r.Count = first-from, end-first
			part.Requests = append(part.Requests, r)
		}
	}
	for _, f := range s.Flaws {
		if f.Index >= from && f.Index < from+count {
			f.Index -= from
			part.Flaws = append(part.Flaws, f)
		}
	}
	return &record.Envelope{Shard: env.Shard, Seq: env.Seq, Sections: []record.Section{part}}
}

func (n *Node) commitReplay(ctx context.Context, s *stream, m *moved) error {
	var c lake.Commit
	if err := s.dedupe.syncAdmitted(ctx); err != nil {
		return err
	}
	f, err := n.engine.WriteParquet(ctx, n.tables.Path(s.name), m.schema, m.timeColumn, m.batches)
	if err != nil {
		return err
	}
	c.Appends = append(c.Appends, lake.Append{Table: s.name, Files: []record.File{f}, TimeField: m.schema[m.schema.Index(m.timeColumn)].FieldID})
	without, err := n.withoutRows(ctx, m.ids)
	if err != nil {
		return err
	}
	c.Appends = append(c.Appends, without)
	id := uuid.NewString()
	c.InTx = func(tx *sql.Tx) error {
		r := ledger.Replay{ID: id, Stream: s.id, Shard: n.shard, From: m.from, To: m.to, By: "quarantine replay", At: n.clock.Now(),
			TableSnapshot: c.Snapshots[s.name], QuarantineSnapshot: c.Snapshots[record.QuarantineTable]}
		for hour, tally := range m.hours {
			r.Hours = append(r.Hours, ledger.ReplayHour{Start: hour, Tally: tally})
		}
		return ledger.WriteReplay(ctx, tx, r)
	}
	return n.lake.Commit(ctx, &c)
}

// withoutRows rewrites the files of quarantine that hold some records, without them.
func (n *Node) withoutRows(ctx context.Context, ids map[record.RecordID]bool) (lake.Append, error) {
	change := lake.Append{Table: record.QuarantineTable}
	var list strings.Builder
	for id := range ids {
		if list.Len() > 0 {
			list.WriteByte(',')
		}
		list.WriteString(id.String())
	}
	pin := n.worlds.Pin()
	defer pin.Release()
	for _, f := range pin.Table(record.QuarantineTable).Files.All() {
		if err := n.takeOut(ctx, &change, f, "_record_id IN ("+list.String()+")"); err != nil {
			return change, err
		}
	}
	return change, nil
}

// takeOut adds to a change of quarantine that a file goes without the rows that meet
// a condition: another file takes its place, or none where no row is left.
func (n *Node) takeOut(ctx context.Context, change *lake.Append, f record.File, condition string) error {
	schema, err := n.tables.Prepare(ctx, record.QuarantineTable, record.QuarantineSchema)
	if err != nil {
		return err
	}
	batches, kept, err := n.rowsOf(ctx, "SELECT * FROM read_parquet("+record.QuoteText(n.pathOf(f.Path))+") WHERE ("+condition+") IS NOT TRUE")
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	if err != nil || kept == f.Rows {
		return err
	}
	change.Remove = append(change.Remove, f.Path)
	if kept == 0 {
		return nil
	}
	w, err := n.engine.WriteParquet(ctx, n.tables.Path(record.QuarantineTable), schema, record.ColumnReceivedAt, batches)
	if err == nil {
		change.Files = append(change.Files, w)
	}
	return err
}

// rowsOf reads a whole result of the node's own.
func (n *Node) rowsOf(ctx context.Context, statement string) (batches []arrow.RecordBatch, rows int64, err error) {
	result, err := n.engine.Query(ctx, engine.Request{SQL: statement, Admin: true})
	if err != nil {
		return nil, 0, err
	}
	defer result.Close()
	for {
		b, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			return batches, rows, nil
		}
		if err != nil {
			return batches, rows, err
		}
		batches = append(batches, b)
		rows += b.NumRows()
	}
}
