package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/shape"
)

// Rejections are the quarantined records by stream, code and column, most first. since
// zero means all.
func (p pagesOf) Rejections(ctx context.Context, seen console.Seen, stream string, since time.Time) ([]console.Rejection, error) {
	where := seenOf(seen)
	if stream != "" {
		where += " AND stream = " + record.QuoteText(stream)
	}
	if !since.IsZero() {
		where += " AND _received_at >= " + record.QuoteText(since.UTC().Format(time.RFC3339Nano)) + "::timestamptz"
	}
	pin := p.node.worlds.Pin()
	defer pin.Release()
	rows, err := p.node.cells(ctx, pin, `SELECT stream, code, coalesce("column", ''), count(*)::VARCHAR, count(DISTINCT message)::VARCHAR, epoch_us(min(_received_at))::VARCHAR,
		epoch_us(max(_received_at))::VARCHAR, coalesce(arg_max(message, _record_id), '') FROM quarantine WHERE `+where+` GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 1, 2, 3`)
	if err != nil {
		return nil, fmt.Errorf("quarantine by reason: %w", err)
	}
	var found []console.Rejection
	for _, row := range rows {
		r := console.Rejection{Reason: console.Reason{Stream: row[0].Text, Code: row[1].Text, Column: row[2].Text}, Message: row[7].Text}
		if r.Count, err = strconv.ParseInt(row[3].Text, 10, 64); err != nil {
			return nil, err
		}
		if r.Messages, err = strconv.ParseInt(row[4].Text, 10, 64); err != nil {
			return nil, err
		}
		for i, at := range []*time.Time{&r.First, &r.Last} {
			micros, err := strconv.ParseInt(row[5+i].Text, 10, 64)
			if err != nil {
				return nil, err
			}
			*at = time.UnixMicro(micros).UTC()
		}
		r.Hopeless = slices.Contains(hopeless, r.Code)
		r.Rule = p.rule(r)
		found = append(found, r)
	}
	return found, nil
}

// Rejected is a reason's at-th newest record, counted from 1, and how many it has.
func (p pagesOf) Rejected(ctx context.Context, seen console.Seen, r console.Reason, at int) (found console.Rejected, err error) {
	pin := p.node.worlds.Pin()
	defer pin.Release()
	where := seenOf(seen) + fmt.Sprintf(` AND stream = %s AND code = %s AND coalesce("column", '') = %s`, record.QuoteText(r.Stream), record.QuoteText(r.Code), record.QuoteText(r.Column))
	counted, err := p.node.cells(ctx, pin, "SELECT count(*)::VARCHAR FROM quarantine WHERE "+where)
	if err != nil {
		return found, err
	}
	if found.Of, err = strconv.ParseInt(counted[0][0].Text, 10, 64); err != nil || found.Of == 0 {
		return found, err
	}
	found.At = min(int64(at), found.Of)
	rows, err := p.node.cells(ctx, pin, fmt.Sprintf("SELECT _record_id::VARCHAR, coalesce(message, ''), coalesce(line, '') FROM quarantine WHERE %s ORDER BY _record_id DESC LIMIT 1 OFFSET %d", where, found.At-1))
	if err != nil || len(rows) == 0 {
		return found, err
	}
	if found.ID, err = record.ParseRecordID(rows[0][0].Text); err != nil {
		return found, err
	}
	found.Message, found.Line = rows[0][1].Text, rows[0][2].Text
	_, _, section, err := p.node.find(ctx, found.ID)
	if err != nil {
		if record.KindOf(err) == record.NotFound { // the raw archive no longer keeps it
			return found, nil
		}
		return found, err
	}
	if request := api.RequestOf(section, found.ID.Index()-section.First); request != nil {
		found.ReceivedAt, found.Door, found.Key, found.Client = request.ReceivedAt, request.Door, request.KeyID, request.Client
	}
	return found, nil
}

// Try says how many of the newest records of a reason would pass now.
func (p pagesOf) Try(ctx context.Context, r api.ReplayRequest, newest int) (api.ReplayAnswer, error) {
	return p.node.Try(ctx, r, newest)
}

// Replay moves records of quarantine that fit now into their table.
func (p pagesOf) Replay(ctx context.Context, r api.ReplayRequest) (api.ReplayAnswer, error) {
	return p.node.Replay(ctx, r)
}

// rule is the line of a definition that rejects records for a reason, as the running
// project has it.
func (p pagesOf) rule(r console.Rejection) (rule console.Rule) {
	s := p.node.byName(r.Stream)
	if s == nil {
		return rule
	}
	g := s.newest()
	rule.Definition = g.number
	path, field := blame(g.stored.Definition, r)
	rule.Field = field
	source := p.node.project.Load().Sources[r.Stream]
	if source == nil || path == "" {
		return rule
	}
	rule.File, rule.Text = source.File(), source.Text()
	rule.Line, rule.Column, rule.Path = source.Find(path)
	return rule
}

// blame is the path in a definition of what rejects records for a reason, and the
// field of the record that it speaks of. Both are "" for what the doors reject.
func blame(d shape.Definition, r console.Rejection) (path, field string) {
	switch r.Code {
	case record.CodeUnknownField:
		return "unknown_fields", r.Column
	case record.CodeTimeRange:
		path = "time_range"
		if d.TimeRange == (shape.TimeRange{}) {
			path = "event_time"
		}
	}
	i := slices.IndexFunc(d.Columns, func(c shape.Column) bool { return c.Name == r.Column })
	if i < 0 {
		return path, ""
	}
	c := d.Columns[i]
	if field = c.From; field == "" {
		if field = c.Name; c.Lookup != nil {
			field = c.Lookup.Key
		}
	}
	if path == "" {
		path = fmt.Sprintf("columns[%d].%s", i, ruleOf(c, r))
	}
	return path, field
}

// ruleOf is the key of a column that rejects for a reason.
func ruleOf(c shape.Column, r console.Rejection) string {
	switch r.Code {
	case record.CodeMissing:
		return "not_null"
	case record.CodeNotAllowed:
		return "one_of"
	case record.CodePattern:
		return "pattern"
	case record.CodeLookupNotFound:
		return "lookup"
	case record.CodeExpression:
		return "expr"
	case record.CodeOutOfRange:
		for key, rule := range map[string]shape.Literal{"min": c.Min, "max": c.Max} {
			if len(rule) > 0 && strings.Contains(r.Message, "the "+key+" of") {
				return key
			}
		}
	}
	return "type"
}
