package engine

import (
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// limits is what a scan's filters say of the rows it wants. They are a superset:
// a filter whose text is not understood says nothing.
type limits struct {
	bounds  world.Bounds
	columns []columnLimit
}

// columnLimit bounds a column that is neither the event time nor the record id.
type columnLimit struct {
	column   record.Column
	min, max string // "" for none
}

var noLimits = limits{bounds: world.Everything}

// union is what either of two scans wants.
func (l limits) union(o limits) limits {
	b := l.bounds
	b.MinTime, b.MaxTime = min(b.MinTime, o.bounds.MinTime), max(b.MaxTime, o.bounds.MaxTime)
	b.MinID, b.MaxID = min(b.MinID, o.bounds.MinID), max(b.MaxID, o.bounds.MaxID)
	return limits{bounds: b}
}

// admits says whether a file that meets the bounds can hold a wanted row.
func (l limits) admits(f *record.File) bool {
	for _, c := range l.columns {
		s, known := f.Columns[c.column.FieldID]
		if !known || !s.HasBound {
			continue
		}
		if c.max != "" && less(c.column.Type.Kind, c.max, s.Min) || c.min != "" && less(c.column.Type.Kind, s.Max, c.min) {
			return false
		}
	}
	return true
}

// less compares two values in DuckDB's text form; what it cannot compare is not less.
func less(kind record.TypeKind, a, b string) bool {
	switch kind {
	case record.Varchar:
		return a < b
	case record.Date: // years of four digits
		return len(a) == len(time.DateOnly) && len(b) == len(time.DateOnly) && a < b
	}
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	return err1 == nil && err2 == nil && x < y
}

// filterReader reads the filters DuckDB's EXPLAIN prints at a scan of one table,
// such as: ts>='2026-05-01 00:00:00+00'::TIMESTAMP WITH TIME ZONE AND user_id='u1'
type filterReader struct {
	schema     record.Schema
	timeColumn string
	// offsets are the session's zone's from UTC around a day.
	offsets func(day time.Time) (offsets, error)
	found   limits
}

// readable says whether column names keep EXPLAIN's text unambiguous: it does
// not quote them.
func readable(schema record.Schema) bool {
	for _, c := range schema {
		if strings.ContainsAny(c.Name, `'"<>=:()`) || strings.Contains(strings.ToUpper(c.Name), " AND ") || strings.Contains(strings.ToUpper(c.Name), " OR ") {
			return false
		}
	}
	return true
}

// read takes the conjuncts of one filter text it understands.
func (r *filterReader) read(text string) {
	parts, ok := conjuncts(text)
	if !ok {
		return
	}
	for _, part := range parts {
		if inner, wrapped := unwrap(part); wrapped {
			r.read(inner)
			continue
		}
		r.comparison(part)
	}
}

// conjuncts splits at the ANDs outside quotes and parentheses. It fails on an OR
// there, and on text that does not balance.
func conjuncts(text string) (parts []string, ok bool) {
	depth, from := 0, 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '\'', '"':
			end := closing(text, at)
			if end < 0 {
				return nil, false
			}
			at = end
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth < 0 {
				return nil, false
			}
		case ' ':
			if depth > 0 {
				continue
			}
			if strings.HasPrefix(text[at:], " OR ") {
				return nil, false
			}
			if strings.HasPrefix(text[at:], " AND ") {
				parts = append(parts, text[from:at])
				at += len(" AND ") - 1
				from = at + 1
			}
		}
	}
	return append(parts, text[from:]), depth == 0
}

// closing is the offset of the quote that ends the one at an offset, -1 if none
// does; a doubled quote is part of the text.
func closing(text string, at int) int {
	quote := text[at]
	for at++; at < len(text); at++ {
		if text[at] != quote {
			continue
		}
		if at+1 < len(text) && text[at+1] == quote {
			at++
			continue
		}
		return at
	}
	return -1
}

// unwrap takes away parentheses around the whole text.
func unwrap(text string) (string, bool) {
	if len(text) < 2 || text[0] != '(' || text[len(text)-1] != ')' {
		return text, false
	}
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '\'', '"':
			if at = closing(text, at); at < 0 {
				return text, false
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 && at < len(text)-1 {
				return text, false
			}
		}
	}
	return text[1 : len(text)-1], depth == 0
}

// comparison takes `column op constant`.
func (r *filterReader) comparison(text string) {
	at := strings.IndexAny(text, "<>=!'")
	if at <= 0 || text[at] == '\'' || text[at] == '!' {
		return
	}
	op := text[at : at+1]
	if at+1 < len(text) && strings.IndexByte("<>=", text[at+1]) >= 0 {
		op = text[at : at+2]
	}
	name, constant := strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+len(op):])
	name, day := castToDate(name)
	i := r.schema.Index(name)
	if i < 0 || op != "=" && op != "<" && op != ">" && op != "<=" && op != ">=" {
		return
	}
	c := r.schema[i]
	switch {
	case c.Name == r.timeColumn && day:
		r.limitDay(c.Type.Kind, op, constant)
	case day:
	case c.Name == r.timeColumn:
		r.limitTime(c.Type.Kind, op, constant)
	case c.Name == record.ColumnRecordID:
		r.limitID(op, constant)
	default:
		r.limitColumn(c, op, constant)
	}
}

// castToDate recognises CAST(ts AS DATE), which is what ts::date prints as.
func castToDate(name string) (string, bool) {
	inner, ok := strings.CutPrefix(name, "CAST(")
	if !ok {
		return name, false
	}
	inner, ok = strings.CutSuffix(inner, " AS DATE)")
	return inner, ok
}

var timeSuffixes = map[record.TypeKind]string{
	record.Timestamptz: "::TIMESTAMP WITH TIME ZONE", record.Timestamp: "::TIMESTAMP", record.Date: "::DATE",
}

func (r *filterReader) limitTime(kind record.TypeKind, op, constant string) {
	text, ok := literal(constant, timeSuffixes[kind])
	if !ok {
		return
	}
	if kind == record.Timestamptz && !strings.ContainsAny(text[min(len(text), len(time.DateTime)):], "+-") {
		return
	}
	if micros, ok := parseMicros(text, time.UTC); ok {
		r.narrowTime(op, micros)
	}
}

// limitDay takes ts::date op a day. Of a time without zone the day is its own, in
// whatever zone the session is.
func (r *filterReader) limitDay(kind record.TypeKind, op, constant string) {
	text, ok := literal(constant, timeSuffixes[record.Date])
	if !ok {
		return
	}
	day, err := time.ParseInLocation(time.DateOnly, text, time.UTC)
	if err != nil {
		return
	}
	var o offsets
	if kind == record.Timestamptz {
		if o, err = r.offsets(day); err != nil {
			return
		}
	}
	first, next := day.UnixMicro()-o.most, day.AddDate(0, 0, 1).UnixMicro()-o.least
	switch op {
	case "=":
		r.narrowTime(">=", first)
		r.narrowTime("<", next)
	case ">=":
		r.narrowTime(op, first)
	case ">":
		r.narrowTime(">=", day.AddDate(0, 0, 1).UnixMicro()-o.most)
	case "<":
		r.narrowTime(op, day.UnixMicro()-o.least)
	case "<=":
		r.narrowTime("<", next)
	}
}

// narrowTime limits the time to op at; both are whole microseconds.
func (r *filterReader) narrowTime(op string, at int64) {
	b := &r.found.bounds
	switch op {
	case "=":
		b.MinTime, b.MaxTime = max(b.MinTime, at), min(b.MaxTime, at)
	case ">=":
		b.MinTime = max(b.MinTime, at)
	case ">":
		b.MinTime = max(b.MinTime, at+1)
	case "<":
		b.MaxTime = min(b.MaxTime, at-1)
	case "<=":
		b.MaxTime = min(b.MaxTime, at)
	}
}

func (r *filterReader) limitID(op, constant string) {
	n, err := strconv.ParseInt(constant, 10, 64)
	if err != nil {
		return
	}
	b := &r.found.bounds
	if op == "=" || op[0] == '>' {
		b.MinID = max(b.MinID, record.RecordID(n))
	}
	if op == "=" || op[0] == '<' {
		b.MaxID = min(b.MaxID, record.RecordID(n))
	}
}

func (r *filterReader) limitColumn(c record.Column, op, constant string) {
	var value string
	var ok bool
	switch c.Type.Kind {
	case record.Varchar:
		value, ok = literal(constant, "")
	case record.Date:
		value, ok = literal(constant, "::DATE")
	case record.Int, record.Bigint:
		_, err := strconv.ParseInt(constant, 10, 64)
		value, ok = constant, err == nil
	}
	if !ok || value == "" || c.FieldID == 0 {
		return
	}
	limit := columnLimit{column: c}
	if op == "=" || op[0] == '>' {
		limit.min = value
	}
	if op == "=" || op[0] == '<' {
		limit.max = value
	}
	r.found.columns = append(r.found.columns, limit)
}

// literal unquotes 'text' followed by exactly the cast.
func literal(constant, cast string) (string, bool) {
	if len(constant) < 2 || constant[0] != '\'' || !strings.HasSuffix(constant, cast) || cast == "" && constant[len(constant)-1] != '\'' {
		return "", false
	}
	end := closing(constant, 0)
	if end < 0 || constant[end+1:] != cast {
		return "", false
	}
	return strings.ReplaceAll(constant[1:end], "''", "'"), true
}

// none says that no row at all can be wanted.
func (l limits) none() bool {
	return l.bounds.MinTime > l.bounds.MaxTime || l.bounds.MinID > l.bounds.MaxID
}
