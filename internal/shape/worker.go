package shape

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// field is a column that is parsed from the record.
type field struct {
	name     string
	key      jsontext.Value // the name as JSON
	at       int            // schema position
	slot     int
	typ      record.Type
	rules    rules
	decode   bool
	notNull  bool
	inferred bool
	lookup   lookup         // nil without
	fallback jsontext.Value // the default; absent without
}

// worker shapes one section at a time in buffers it keeps.
type worker struct {
	shaper    *Shaper
	walker    *walker
	zone      zone
	ids       *bigintColumn
	received  *timeColumn
	columns   []column    // by schema position; nil for expressions and partitions
	eventTime *timeColumn // nil where the event time is not parsed
	extra     *jsonColumn // nil without _extra
	enrichers []enricher
	lines     []span // of each row, where an Evaluator may yet reject it

	section   *record.Section
	rows      int
	receipt   int64 // of the request at hand, in microseconds
	low, high int64 // event times believed of it
	inferred  inferred
	has       []bool // nodes with unknown fields, of the record at hand
	scratch   []byte
}

// span is where a line stands in its section.
type span struct{ start, end int }

// missing is the problem of a column that is not_null.
var missing = &problem{record.CodeMissing, "there is no value, and the column is not_null"}

func newWorker(s *Shaper) *worker {
	w := &worker{
		shaper: s, walker: newWalker(&s.tree, s.requestAt+len(requestParts)), zone: newZone(s.location),
		ids: &bigintColumn{}, received: &timeColumn{typ: s.schema[1].Type}, columns: make([]column, len(s.schema)),
		has: make([]bool, len(s.tree.nodes)),
	}
	w.walker.drop = s.unknown == UnknownDrop
	w.columns[0], w.columns[1] = w.ids, w.received
	for i := range s.fields {
		f := &s.fields[i]
		w.columns[f.at] = newColumn(f.typ, f.rules, &w.zone)
		if f.at == s.timeAt {
			w.eventTime = w.columns[f.at].(*timeColumn)
		}
	}
	for i := range s.enrichments {
		for _, at := range s.enrichments[i].outputs {
			w.columns[at] = newColumn(s.schema[at].Type, rules{}, &w.zone)
		}
	}
	if s.extraAt >= 0 {
		w.extra = &jsonColumn{}
		w.columns[s.extraAt] = w.extra
	}
	w.enrichers = newEnrichers(s, w.columns)
	return w
}

// parse fills the columns from the section's lines, and takes note of rejects.
func (w *worker) parse(env *record.Envelope, sec *record.Section, b *record.Batch) error {
	w.section, w.rows, w.lines = sec, 0, w.lines[:0]
	w.inferred.reset()
	at, index, flaws := 0, 0, sec.Flaws
	for i := range sec.Requests {
		r := &sec.Requests[i]
		if r.First != index {
			return fmt.Errorf("request %d starts at record %d, expected %d", i, r.First, index)
		}
		w.request(r)
		for range r.Count {
			length := bytes.IndexByte(sec.Lines[at:], '\n')
			if length < 0 {
				return fmt.Errorf("%d lines, expected %d", index, sec.Count)
			}
			line := span{at, at + length}
			at += length + 1
			var p *problem
			column := ""
			if len(flaws) > 0 && flaws[0].Index == index {
				p = &problem{flaws[0].Code, flaws[0].Message}
				flaws = flaws[1:]
			} else {
				p, column = w.row(sec.Lines[line.start:line.end])
			}
			id := env.ID(sec, index)
			if p != nil {
				b.Rejects = append(b.Rejects, newReject(id, w.receipt, column, p, sec.Lines[line.start:line.end]))
			} else {
				w.keep(id, line)
			}
			index++
		}
	}
	if index != sec.Count || at != len(sec.Lines) || len(flaws) > 0 {
		return fmt.Errorf("%d records in requests and %d bytes of lines, expected %d and %d", index, at, sec.Count, len(sec.Lines))
	}
	b.Unknown = w.inferred.columns()
	return nil
}

// keep makes the row at hand a row of the batch.
func (w *worker) keep(id record.RecordID, line span) {
	w.ids.set(w.rows, int64(id))
	w.received.set(w.rows, w.receipt)
	if !w.shaper.program.Empty() {
		w.lines = append(w.lines, line)
	}
	w.rows++
}

// request makes a request's context the values that from: _request takes.
func (w *worker) request(r *record.Request) {
	s := w.shaper
	w.receipt = r.ReceivedAt.UnixMicro()
	w.low, w.high = s.timeRange.bounds(w.receipt)
	received := r.ReceivedAt.UTC().Format("2006-01-02T15:04:05.000000Z")
	for i, text := range [...]string{r.Client, r.UserAgent, r.KeyID, r.Door, received} {
		v := jsontext.Value{}
		if text != "" {
			v = textValue(text)
		}
		w.walker.slots[s.requestAt+i] = v
	}
}

// row sets every column to the record's values; the row counts only once keep
// is called. It returns what is wrong with the record, and with which column.
func (w *worker) row(line []byte) (p *problem, column string) {
	if code, message := w.walker.walk(line); code != "" {
		return &problem{code, message}, ""
	}
	s := w.shaper
	for i := range s.fields {
		f := &s.fields[i]
		v := &w.walker.slots[f.slot]
		if !v.Present() || f.lookup != nil || f.decode {
			if v, p = w.resolve(f, v); p != nil {
				return p, f.name
			}
			if v == nil {
				w.columns[f.at].null(w.rows)
				continue
			}
		}
		fits := !f.inferred || exact(f.typ, v)
		if fits {
			if p = w.columns[f.at].put(w.rows, v); p != nil && !f.inferred {
				return p, f.name
			}
			fits = p == nil
		}
		if !fits {
			if s.unknown == UnknownEvolve {
				w.inferred.widen(f, v)
			}
			w.walker.unknown = append(w.walker.unknown, unknown{key: f.key, value: *v, partly: true})
			w.columns[f.at].null(w.rows)
		}
	}
	if w.eventTime != nil && !w.eventTime.isNull(w.rows) {
		if p = w.checkTime(w.eventTime.values[w.rows], w.low, w.high); p != nil {
			return p, s.timeColumn
		}
	}
	for _, e := range w.enrichers {
		e.enrich(w.rows)
	}
	return w.takeUnknown()
}

// resolve finds the value of a field that is absent, or has decode or lookup;
// nil is null.
func (w *worker) resolve(f *field, v *jsontext.Value) (*jsontext.Value, *problem) {
	if f.decode && v.Kind == jsontext.String {
		inner := v.AppendText(nil)
		decoded, code, message := jsontext.Parse(inner)
		if code != "" {
			return nil, problemf(record.CodeWrongType, "expected JSON within the string %s: %s", head(v.Raw), message)
		}
		v = &decoded
	}
	if f.lookup != nil && v.Present() {
		w.scratch = v.AppendText(w.scratch[:0])
		if found, ok := f.lookup[string(w.scratch)]; ok {
			return &found, nil
		}
		if f.notNull && !f.fallback.Present() {
			return nil, problemf(record.CodeLookupNotFound, "the seed has no row for %s", head(v.Raw))
		}
		v = &jsontext.Value{}
	}
	if !v.Present() {
		v = &f.fallback
	}
	if v.Present() {
		return v, nil
	}
	if f.notNull {
		return nil, missing
	}
	return nil, nil
}

// checkTime says whether an event time is one to believe.
func (w *worker) checkTime(micros, low, high int64) *problem {
	if w.shaper.timeIsWall {
		micros = w.zone.instant(micros)
	}
	switch {
	case micros < low:
		return problemf(record.CodeTimeRange, "%s is before %s, the first time that is believed (time_range)", w.timeText(micros), w.timeText(low))
	case micros > high:
		return problemf(record.CodeTimeRange, "%s is after %s, the last time that is believed (time_range)", w.timeText(micros), w.timeText(high))
	}
	return nil
}

func (w *worker) timeText(micros int64) string {
	return time.UnixMicro(micros).In(w.zone.location).Format(time.RFC3339)
}

func newReject(id record.RecordID, receipt int64, column string, p *problem, line []byte) record.Reject {
	message := p.message
	if column != "" {
		message = "column " + column + ": " + message
	}
	return record.Reject{ID: id, ReceivedAt: time.UnixMicro(receipt).UTC(), Code: p.code, Column: column, Message: message, Line: bytes.Clone(line)}
}

// reject is newReject of a row that had passed.
func (w *worker) reject(row int, column string, p *problem) record.Reject {
	line := w.section.Lines[w.lines[row].start:w.lines[row].end]
	return newReject(record.RecordID(w.ids.values[row]), w.received.values[row], column, p, line)
}

// table is the rows on their way to a record batch.
type table struct {
	columns []arrow.Array // by schema position
	rows    int
}

// finish makes the batch of what parse has gathered.
func (w *worker) finish(ctx context.Context, b *record.Batch) error {
	s := w.shaper
	b.MinTime, b.MaxTime = math.MaxInt64, math.MinInt64
	if w.rows == 0 {
		return nil
	}
	t := &table{columns: make([]arrow.Array, len(s.schema)), rows: w.rows}
	defer func() { releaseAll(t.columns) }()
	for at, c := range w.columns {
		if c != nil {
			t.columns[at] = w.built(c, t.rows)
		}
	}
	if !s.program.Empty() {
		if err := w.evaluate(ctx, t, b); err != nil {
			return err
		}
		sort.Slice(b.Rejects, func(i, j int) bool { return b.Rejects[i].ID < b.Rejects[j].ID })
		if t.rows == 0 {
			return nil
		}
	}
	receipt := t.columns[1].(*array.Timestamp)
	for i := range s.partitions {
		p := &s.partitions[i]
		t.columns[p.target] = w.built(p.fill(&w.zone, t.columns[p.source], receipt), t.rows)
	}
	for _, c := range t.columns {
		b.Bytes += int64(c.Data().SizeInBytes())
	}
	if s.dedupeAt >= 0 {
		b.DedupeKeys = dedupeKeys(t.columns[s.dedupeAt])
	}
	b.MinTime, b.MaxTime = timeBounds(t.columns[s.timeAt].(*array.Timestamp))
	b.Rows = array.NewRecordBatch(s.arrow, t.columns, int64(t.rows))
	return nil
}

func (w *worker) built(c column, rows int) arrow.Array {
	d := c.array(w.shaper.allocator, rows)
	defer d.Release()
	return array.MakeFromData(d)
}

// timeBounds are the least and the greatest time; without any the first is
// above the second.
func timeBounds(times *array.Timestamp) (low, high int64) {
	low, high = math.MaxInt64, math.MinInt64
	for row, t := range times.TimestampValues() {
		if times.IsValid(row) {
			low, high = min(low, int64(t)), max(high, int64(t))
		}
	}
	return low, high
}
