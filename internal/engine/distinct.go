package engine

import "strings"

// DuckDB 1.5.5 skips row groups of which a column is null throughout where a condition
// such as `(a > 5 OR a IS DISTINCT FROM 3)` is looked up in a file's statistics, though
// their rows meet it. It looks such a condition up only if it compares a column with a
// constant. So the constant is hidden behind an operator of the prelude's, which gives
// its operand unchanged. TestDistinctFromLosesRows fails once DuckDB does better, and
// this can go.
const opaque = "@!@ "

// hideConstant puts the operator before what stands right of IS [NOT] DISTINCT FROM and
// IS [NOT] TRUE or FALSE. The operator binds closer than these, so whatever expression
// begins there keeps its value.
func (w *walker) hideConstant(comparison node) {
	if kind := comparison.text("type"); kind != "COMPARE_DISTINCT_FROM" && kind != "COMPARE_NOT_DISTINCT_FROM" {
		return
	}
	if hasColumn(comparison["left"]) && hasColumn(comparison["right"]) || comparison.at() < 0 || comparison.at() > len(w.text) {
		return
	}
	word := func(at int) (string, int, int) {
		at = skipSpace(w.text, at)
		name, end := identifier(w.text, at)
		return strings.ToLower(name), at, end
	}
	name, _, end := word(comparison.at())
	if name != "is" {
		return
	}
	not := ""
	name, from, end := word(end)
	if name == "not" {
		not = "NOT "
		name, _, end = word(end)
	}
	switch name {
	case "distinct":
		if name, _, end = word(end); name == "from" {
			w.edits = append(w.edits, edit{end, 0, " " + opaque})
		}
	case "true", "false":
		inverse := map[string]string{"": "NOT ", "NOT ": ""}[not]
		w.edits = append(w.edits, edit{from, end - from, inverse + "DISTINCT FROM " + opaque + name})
	}
}

// hasColumn says whether a part of a tree names a column.
func hasColumn(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			if hasColumn(child) {
				return true
			}
		}
	case map[string]any:
		if v["class"] == "COLUMN_REF" {
			return true
		}
		for _, child := range v {
			if hasColumn(child) {
				return true
			}
		}
	}
	return false
}
