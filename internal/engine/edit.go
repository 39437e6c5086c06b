package engine

import (
	"slices"
	"strings"
)

// edit replaces n bytes of a statement at a byte offset. Statements are changed
// by edits, not printed anew from their tree, so that every place in DuckDB's
// errors leads back to what the user wrote.
type edit struct {
	at, n int
	text  string
}

// apply makes the edits, which it puts in order; they must not overlap.
func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var out strings.Builder
	from := 0
	for _, e := range edits {
		out.WriteString(text[from:e.at])
		out.WriteString(e.text)
		from = e.at + e.n
	}
	out.WriteString(text[from:])
	return out.String()
}

// original maps an offset in the edited text to one in the original. A place
// inside a replacement maps to its start.
func original(edits []edit, at int) int {
	shift := 0
	for _, e := range edits {
		start := e.at + shift
		if at < start {
			break
		}
		if at < start+len(e.text) {
			return e.at
		}
		shift += len(e.text) - e.n
	}
	return at - shift
}
