package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/record"
)

// statement is what was learnt of an SQL text from its syntax tree, which DuckDB
// itself gives (json_serialize_sql).
type statement struct {
	src    source
	text   string          // for DuckDB, after the edits
	inner  span            // of src.text: without EXPLAIN
	tables map[string]bool // lower-case names in main that it may read
	clock  bool            // it asks for the current time
	heavy  bool            // it can make many rows from none
	joins  bool            // it can make many rows from few
	// describes says that it asks for a table's columns only.
	describes bool
}

// plain is the statement as DuckDB gets it, but for EXPLAIN.
func (s *statement) plain() string {
	text := strings.Repeat(" ", s.inner.at) + s.src.text[s.inner.at:]
	return apply(text, s.src.edits)
}

// node is a node of the tree.
type node map[string]any

func (n node) text(key string) string { s, _ := n[key].(string); return s }
func (n node) child(key string) node  { c, _ := n[key].(map[string]any); return c }
func (n node) list(key string) []any  { l, _ := n[key].([]any); return l }

// at is the node's byte offset in the text, -1 where the tree does not say.
func (n node) at() int {
	number, _ := n["query_location"].(json.Number)
	at, err := strconv.Atoi(number.String())
	if err != nil {
		return -1
	}
	return at
}

// keptTrees is how many syntax trees are kept for the next time: dashboards and
// drivers send the same text again and again.
const keptTrees = 256

// parse gives the tree of one statement that only reads, by an instance. Callers do
// not change it.
func (e *Engine) parse(ctx context.Context, by *instance, text string) (node, error) {
	e.trees.mu.Lock()
	tree, known := e.trees.byText[text]
	e.trees.mu.Unlock()
	if known {
		return tree, nil
	}
	tree, err := parseAnew(ctx, by, text)
	if err != nil {
		return nil, err
	}
	e.trees.mu.Lock()
	defer e.trees.mu.Unlock()
	if len(e.trees.byText) >= keptTrees || e.trees.byText == nil {
		e.trees.byText = map[string]node{}
	}
	e.trees.byText[text] = tree
	return tree, nil
}

// parseAnew asks DuckDB for the tree. That reads no table, so it is the one
// statement of ours that needs no transaction around it.
func parseAnew(ctx context.Context, by *instance, text string) (node, error) {
	var answer struct {
		Error      bool   `json:"error"`
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Position   string `json:"position"`
		Statements []struct {
			Node node `json:"node"`
		} `json:"statements"`
	}
	if at := strings.IndexByte(text, 0); at >= 0 || !utf8.ValidString(text) {
		return nil, sqlError(record.Invalid, text, at, "", "the statement is not valid UTF-8, or holds a zero byte")
	}
	c, err := by.take(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer by.give(c)
	texts, err := c.text(ctx, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", text)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(finite([]byte(texts[0]))))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		return nil, record.Errorf(record.Internal, "syntax tree: %w", err)
	}
	switch {
	case answer.Type == "not implemented" && pivot.MatchString(text):
		return nil, sqlError(record.Invalid, text, pivot.FindStringIndex(text)[0], "", "PIVOT must name its values, for DuckDB would have to run another statement to find them: write PIVOT t ON column IN ('a', 'b') USING …, or the same as FROM t PIVOT (… FOR column IN ('a', 'b'))")
	case answer.Type == "not implemented":
		return nil, sqlError(record.Forbidden, text, skipSpace(text, 0), "", "only statements that read are allowed here: SELECT, WITH, VALUES, DESCRIBE, SHOW TABLES, EXPLAIN")
	case answer.Error:
		at := -1
		if n, err := strconv.Atoi(answer.Position); err == nil {
			at = n
		}
		return nil, sqlError(record.Invalid, text, at, "", "%s", answer.Message)
	case len(answer.Statements) == 0:
		return nil, sqlError(record.Invalid, text, -1, "", "the statement is empty")
	case len(answer.Statements) > 1:
		return nil, sqlError(record.Forbidden, text, -1, "", "one statement at a time: this text has %d", len(answer.Statements))
	}
	return answer.Statements[0].Node, nil
}

// pivot is the word in a statement that DuckDB could not give a tree of.
var pivot = regexp.MustCompile(`(?i)\b(pivot|pivot_wider)\b`)

// finite writes null for the values of constants such as 1e400, which DuckDB writes
// as Infinity and JSON does not know. No rule looks at them.
func finite(tree []byte) []byte {
	quoted := false
	for i := 0; i < len(tree); i++ {
		switch c := tree[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == 'I' || c == 'N'):
			for _, word := range []string{"Infinity", "NaN"} {
				if bytes.HasPrefix(tree[i:], []byte(word)) {
					tree = slices.Replace(tree, i, i+len(word), []byte("null")...)
				}
			}
			if i > 0 && tree[i-1] == '-' {
				tree[i-1] = ' '
			}
		}
	}
	return tree
}

// inspect checks a reader's statement against what readers may do and rewrites
// what other databases write differently. tables are the names that exist.
func (e *Engine) inspect(ctx context.Context, text string, tables map[string]*view) (*statement, error) {
	prefix := explainPrefix(text)
	root, err := e.parse(ctx, e.planner, strings.Repeat(" ", prefix)+text[prefix:])
	if err != nil {
		return nil, err
	}
	w := &walker{engine: e, text: text, tables: tables, found: &statement{inner: span{prefix, len(text)}, tables: map[string]bool{}}}
	w.found.describes = root.child("from_table").text("show_type") == "DESCRIBE"
	w.visit(map[string]any(root), scope{})
	if w.err != nil {
		return nil, w.err
	}
	w.found.src = source{text: text, edits: w.edits}
	w.found.text = apply(text, w.edits)
	return w.found, nil
}

// walker goes through a statement's tree.
type walker struct {
	engine *Engine
	text   string
	tables map[string]*view
	found  *statement
	edits  []edit
	err    error // the first
}

// scope is what a table name can mean besides a table, in lower case.
type scope struct {
	with  map[string]bool // WITH queries that are visible
	froms map[string]bool // tables earlier in the same FROM
}

func (w *walker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *walker) refuse(n node, format string, args ...any) {
	w.fail(sqlError(record.Forbidden, w.text, n.at(), "", format, args...))
}

func (w *walker) visit(v any, s scope) {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			w.visit(child, s)
		}
	case map[string]any:
		w.visitNode(v, s)
	}
}

func (w *walker) visitNode(n node, s scope) {
	if w.err != nil {
		return
	}
	if with := n.child("cte_map"); with != nil {
		s = w.visitWith(with, s)
	}
	if _, query := n["from_table"]; query {
		s.froms = map[string]bool{}
	}
	switch n.text("class") {
	case "FUNCTION", "WINDOW":
		w.visitFunction(n)
	case "COLUMN_REF":
		w.visitColumn(n)
	case "COMPARISON":
		w.hideConstant(n)
	}
	if alias := n.text("alias"); s.froms != nil && (n.text("type") == "SUBQUERY" || n.text("type") == "TABLE_FUNCTION") {
		s.froms[strings.ToLower(alias)] = true
	}
	switch n.text("type") {
	case "BASE_TABLE":
		w.visitTable(n, s)
	case "TABLE_FUNCTION":
		w.visitTableFunction(n, s)
		return
	case "SHOW_REF":
		w.visitShow(n)
	case "RECURSIVE_CTE_NODE":
		w.found.heavy = true
		s = s.plus(n.text("cte_name"))
	case "JOIN": // left first: what stands right may unnest it
		w.found.joins = true
		w.visit(n["left"], s)
		w.visit(n["right"], s)
	}
	// FROM before SELECT, so that errors come in the order of reading a query.
	w.visit(n["from_table"], s)
	for key, child := range n {
		if key != "cte_map" && key != "from_table" && !(n.text("type") == "JOIN" && (key == "left" || key == "right")) {
			w.visit(child, s)
		}
	}
}

// visitWith visits a WITH clause: each query sees those before it, and itself
// only if it is recursive (its own node adds that).
func (w *walker) visitWith(with node, s scope) scope {
	for _, entry := range with.list("map") {
		pair, _ := entry.(map[string]any)
		w.visit(pair["value"], s)
		s = s.plus(node(pair).text("key"))
	}
	return s
}

func (s scope) plus(name string) scope {
	with := make(map[string]bool, len(s.with)+1)
	for k := range s.with {
		with[k] = true
	}
	with[strings.ToLower(name)] = true
	s.with = with
	return s
}

// visitTable lets a name through that is a WITH query or a known table; any
// other could be a file, which DuckDB would read.
func (w *walker) visitTable(n node, s scope) {
	catalog, schema, name := strings.ToLower(n.text("catalog_name")), strings.ToLower(n.text("schema_name")), n.text("table_name")
	key := strings.ToLower(name)
	if alias := n.text("alias"); s.froms != nil {
		defer func() { s.froms[strings.ToLower(alias)], s.froms[key] = true, true }()
	}
	switch {
	case catalog == "" && schema == "" && s.with[key]:
		return
	case catalog == "" && schema != "" && s.froms[schema]:
		w.unnest(n)
		return
	case catalog != "" && catalog != "memory":
		w.refuse(n, "there is no database %q", n.text("catalog_name"))
		return
	case schema == "public":
		w.replace(n.at(), "main", compact(n.text("catalog_name"), n.text("schema_name")))
	case schema == "information_schema":
		w.informationSchema(n)
		return
	case w.engine.schemas[schema]:
		return
	case schema != "" && schema != "main":
		w.refuse(n, "there is no schema %q", n.text("schema_name"))
		return
	}
	if w.tables[key] == nil && !(schema == "" && w.engine.relations[key]) {
		w.fail(w.noTable(n, name))
		return
	}
	w.found.tables[key] = true
}

func (w *walker) noTable(n node, name string) error {
	names := make([]string, 0, len(w.tables))
	for _, v := range w.tables {
		names = append(names, v.name)
	}
	return sqlError(record.NotFound, w.text, n.at(), nearestOf(name, names), "there is no table %q", name)
}

// unnest rewrites PartiQL's `FROM t, t.items i`.
func (w *walker) unnest(n node) {
	spans := path(w.text, n.at(), n.text("schema_name"), n.text("table_name"))
	if spans == nil {
		w.fail(w.noTable(n, n.text("table_name")))
		return
	}
	start, end := spans[0].at, spans[1].end
	text := "unnest(" + w.text[start:end] + ")"
	alias, after := n.text("alias"), end
	if alias == "" {
		alias = n.text("table_name")
	} else {
		at := skipSpace(w.text, end)
		if word, next := identifier(w.text, at); strings.EqualFold(word, "as") {
			at = skipSpace(w.text, next)
		}
		if spans := path(w.text, at, alias); spans != nil {
			after = spans[0].end
		}
	}
	w.edits = append(w.edits, edit{start, after - start, text + " AS " + record.QuoteName("_"+alias) + "(" + record.QuoteName(alias) + ")"})
}

// replace edits the last of the names at an offset.
func (w *walker) replace(at int, text string, names []string) {
	if spans := path(w.text, at, names...); spans != nil {
		last := spans[len(spans)-1]
		w.edits = append(w.edits, edit{last.at, last.end - last.at, text})
	}
}

// compact drops the empty names.
func compact(names ...string) []string {
	var out []string
	for _, n := range names {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}
