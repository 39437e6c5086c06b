package shape

import (
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// SessionSource says which events belong together. Other than the rest of enrich it
// sets no column of a row: a late event can change the sessions of rows that are long
// in files, so sessions are worked out where they are read, from all rows.
type SessionSource struct {
	Column  string   `yaml:"column" json:"column,omitempty" jsonschema:"description=The column that names the visitor. Without it: visitor_id."`
	Gap     Duration `yaml:"gap" json:"gap,omitzero" jsonschema:"default=30m,description=A longer pause ends a session."`
	Longest Duration `yaml:"longest" json:"longest,omitzero" jsonschema:"default=12h,description=A session that long is never cut. One that goes on without a pause is cut at a multiple of it since 1970\\, before it is twice as long."`
}

// Session is how the sessions of a table are told apart.
type Session struct {
	Visitor      string // the column that names the visitor
	Gap, Longest time.Duration
}

// What a definition leaves out of session, and the bounds of what it may say: a
// query reads twice Longest before the time it asks for.
const (
	defaultGap     = 30 * time.Minute
	defaultLongest = 12 * time.Hour
	minGap         = time.Second
	maxLongest     = 31 * day
)

// session compiles the session of enrich.
func (c *compiler) session(path, column string, source *SessionSource) {
	if c.shaper.session != nil {
		c.mistakes.add(path, "take one of them out", "session is there twice")
		return
	}
	at := c.find(path, column)
	if at < 0 {
		return
	}
	switch typ := c.shaper.schema[at].Type; typ.Kind {
	case record.JSON, record.Array, record.Struct, record.Double:
		c.mistakes.add(path, "name a varchar or bigint column with column:", "column %s is %s, which names no visitor", column, typ)
	}
	for _, col := range c.def.Columns { // one that evolve has added is hidden by the view's
		if !col.Inferred && (strings.EqualFold(col.Name, "session_id") || strings.EqualFold(col.Name, "session_start")) {
			c.mistakes.add(path, "rename the column", "the stream has a column %s, and session adds one of that name to its view", col.Name)
		}
	}
	s := &Session{Visitor: column, Gap: time.Duration(source.Gap), Longest: time.Duration(source.Longest)}
	if s.Gap == 0 {
		s.Gap = defaultGap
	}
	if s.Longest == 0 {
		s.Longest = max(defaultLongest, s.Gap)
	}
	switch {
	case s.Gap < minGap:
		c.mistakes.add(path+".session.gap", "write a duration such as 30m", "a gap of %s is less than %v", source.Gap, minGap)
	case s.Longest < s.Gap || s.Longest > maxLongest:
		c.mistakes.add(path+".session.longest", "write a duration such as 12h", "longest is %v: it is at least the gap, %v, and at most 31 days", s.Longest, s.Gap)
	}
	c.shaper.session = s
}
