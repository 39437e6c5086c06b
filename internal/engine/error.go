package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
)

// ErrBroken is in the chain of every error after DuckDB has met an internal
// error: it refuses all further work, so the node must restart the engine.
// Nothing is lost by that, recent rows are rebuilt from the log.
var ErrBroken = errors.New("the SQL engine met an internal error and must be restarted")

// SQLError is a mistake in a statement, at a place in the text the user wrote.
type SQLError struct {
	Message    string
	Line       int    // from 1; 0 where the place is unknown
	Column     int    // in characters, from 1
	Suggestion string // the nearest name that exists, "" if none is near
	Excerpt    string // the line, and a caret under the place
}

func (e *SQLError) Error() string {
	text := e.Message
	if e.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, text)
	}
	if e.Suggestion != "" {
		text += fmt.Sprintf(" (did you mean %q?)", e.Suggestion)
	}
	return text
}

// Place is where in a statement a mistake is.
type Place struct {
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Suggestion string `json:"suggestion,omitempty"`
	Message    string `json:"message"`
}

// Places tells those who show the statement where to point.
func (e *SQLError) Places() any {
	if e.Line == 0 {
		return nil
	}
	return []Place{{e.Line, e.Column, e.Suggestion, e.Message}}
}

// sqlError makes an SQLError of kind about the byte at of text; at < 0 is unknown.
func sqlError(kind record.Kind, text string, at int, suggestion, format string, args ...any) error {
	e := &SQLError{Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	if at >= 0 && at <= len(text) {
		start := strings.LastIndexByte(text[:at], '\n') + 1
		e.Line = strings.Count(text[:at], "\n") + 1
		e.Column = utf8.RuneCountInString(text[start:at]) + 1
		e.Excerpt = excerpt(text[start:], at-start)
	}
	return &record.Error{Kind: kind, Err: e}
}

// excerpt shows at most 60 bytes either side of the place.
func excerpt(rest string, at int) string {
	line, _, _ := strings.Cut(rest, "\n")
	from, to := max(0, at-60), min(len(line), at+60)
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && !utf8.RuneStart(line[to]) {
		to++
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[from:at])
	return line[from:to] + "\n" + indent + "^"
}

// fault is an error as DuckDB reports it with errors_as_json.
type fault struct {
	Type       string `json:"exception_type"`
	Message    string `json:"exception_message"`
	Position   string `json:"position"`
	Name       string `json:"name"`
	Candidates string `json:"candidates"`
}

func parseFault(text string) fault {
	var f fault
	if i := strings.IndexByte(text, '{'); i >= 0 && json.Unmarshal([]byte(text[i:]), &f) == nil && f.Message != "" {
		return f
	}
	kind, message, found := strings.Cut(text, " Error: ")
	if !found || strings.ContainsAny(kind, "\n:") {
		return fault{Message: text}
	}
	return fault{Type: kind, Message: message}
}

// source is the text a failed statement came from: what the user wrote, and
// the edits that made it the text DuckDB saw.
type source struct {
	text  string
	edits []edit
}

// stoppedTheRest is all that is known where the thread that failed was not asked first.
const stoppedTheRest = "a part of the statement failed and stopped the rest: run it again to learn why"

// failure turns an error of DuckDB into ours. ctx says why it was interrupted.
func (d *instance) failure(ctx context.Context, src source, text string) error {
	f := parseFault(text)
	at := -1
	if n, err := strconv.Atoi(f.Position); err == nil {
		at = original(src.edits, n)
	}
	message := strings.TrimSpace(f.Message)
	switch f.Type {
	case "INTERNAL", "FATAL":
		d.broken.Store(true)
		return &record.Error{Kind: record.Unavailable, Err: fmt.Errorf("%w: %s", ErrBroken, message)}
	case "INTERRUPT":
		if ctx.Err() == nil { // one thread failed, and another that was stopped for it was asked first
			return sqlError(record.Invalid, src.text, -1, "", stoppedTheRest)
		}
		return interrupted(ctx)
	case "Out of Memory":
		return record.Errorf(record.Limited, "the statement needs more memory than limits.memory allows: %s", shorten(message))
	case "Permission":
		return sqlError(record.Forbidden, src.text, at, "", "%s", message)
	case "IO", "HTTP", "":
		return record.Errorf(record.Internal, "duckdb: %s", message)
	case "TransactionContext":
		return record.Errorf(record.Conflict, "duckdb: %s", message)
	}
	return sqlError(record.Invalid, src.text, at, nearestOf(f.Name, strings.Split(f.Candidates, ",")), "%s", shorten(message))
}

// interrupted says who stopped a statement.
func interrupted(ctx context.Context) error {
	cause := context.Cause(ctx)
	var known *record.Error
	switch {
	case errors.As(cause, &known):
		return cause
	case errors.Is(cause, context.DeadlineExceeded):
		return &record.Error{Kind: record.Timeout, Err: fmt.Errorf("the statement ran out of time: %w", cause)}
	case cause == nil:
		cause = context.Canceled
	}
	return &record.Error{Kind: record.Canceled, Err: fmt.Errorf("the statement was canceled: %w", cause)}
}

// shorten keeps DuckDB's first paragraph, without the mark that may end it: lists of
// candidate bindings follow, of which Suggestion says the nearest, the statement
// itself, or settings that nobody can set here.
func shorten(message string) string {
	for _, rest := range []string{"\nCandidate bindings:", "\n\nLINE ", "\n\nPossible solutions:"} {
		message, _, _ = strings.Cut(message, rest)
	}
	return strings.TrimSuffix(message, "!")
}

// nearestOf is the candidate that was probably meant, "" if none is close.
func nearestOf(name string, candidates []string) string {
	if name == "" {
		return ""
	}
	for i, c := range candidates {
		c = strings.Trim(strings.TrimSpace(c), `"`)
		if _, last, dotted := strings.Cut(c, "."); dotted && !strings.Contains(name, ".") {
			c = last
		}
		candidates[i] = c
	}
	return nearest.Word(name, candidates)
}

func asSQLError(err error) (*SQLError, bool) {
	var e *SQLError
	ok := errors.As(err, &e)
	return e, ok
}

// offset is the byte at which a line and column of text begin.
func offset(text string, line, column int) int {
	at := 0
	for range line - 1 {
		next := strings.IndexByte(text[at:], '\n')
		if next < 0 {
			return len(text)
		}
		at += next + 1
	}
	for range column - 1 {
		if at >= len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}
