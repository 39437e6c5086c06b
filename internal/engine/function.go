package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// function is what statements and expressions must know of a function.
type function struct {
	aggregate bool
	table     bool // a table macro of the prelude
	clock     bool // answers otherwise at another time
	random    bool // answers otherwise at another call
	called    bool // within an expression
}

// informationViews are information_schema as users see it: without the schemas
// that hold what their tables are made of.
const informationViews = `
CREATE VIEW biwa.information_tables AS SELECT table_catalog, table_schema, table_name, 'BASE TABLE' AS table_type FROM information_schema.tables WHERE table_schema = 'main';
CREATE VIEW biwa.information_columns AS SELECT * FROM information_schema.columns WHERE table_schema = 'main';
CREATE VIEW biwa.information_schemata AS SELECT * FROM information_schema.schemata WHERE catalog_name = 'memory' AND schema_name = 'main';
CREATE VIEW biwa.information_views AS SELECT * FROM information_schema.tables WHERE false`

// learn asks the reader what functions there are. A macro is as good as what
// its text calls: one that uses now() depends on the time as now() does.
func (e *Engine) learn(ctx context.Context) error {
	e.functions, e.relations, e.schemas = map[string]function{}, map[string]bool{}, map[string]bool{}
	for _, s := range e.options.ReadableSchemas {
		e.schemas[strings.ToLower(s)] = true
	}
	bodies := map[string]string{}
	return e.reader.with(ctx, func(c *conn) error {
		const list = "SELECT lower(function_name), function_type, coalesce(stability, ''), coalesce(macro_definition, ''), internal FROM duckdb_functions()"
		err := c.each(ctx, list, nil, func(batch arrow.RecordBatch) error {
			text := func(column, row int) string { return strings.Clone(batch.Column(column).(*array.String).Value(row)) }
			for row := range int(batch.NumRows()) {
				name, kind, stability := text(0, row), text(1, row), text(2, row)
				f := e.functions[name]
				f.aggregate = f.aggregate || kind == "aggregate"
				f.called = f.called || kind == "scalar" || kind == "aggregate" || kind == "macro"
				f.table = f.table || kind == "table_macro" && !batch.Column(4).(*array.Boolean).Value(row)
				f.clock = f.clock || stability == "CONSISTENT_WITHIN_QUERY"
				f.random = f.random || stability == "VOLATILE" && name != "error"
				e.functions[name] = f
				bodies[name] += " " + text(3, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		e.learnMacros(bodies)
		relations, err := c.text(ctx, "SELECT lower(view_name) FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' UNION ALL SELECT lower(table_name) FROM duckdb_tables() WHERE schema_name = 'main'")
		for _, r := range relations {
			e.relations[r] = true
		}
		return err
	})
}

// learnMacros repeats until nothing new is learnt, for macros that call macros.
func (e *Engine) learnMacros(bodies map[string]string) {
	for changed := true; changed; {
		changed = false
		for name, body := range bodies {
			f := e.functions[name]
			for _, word := range words(body) {
				called := e.functions[word]
				if word != name {
					f.aggregate, f.clock, f.random = f.aggregate || called.aggregate, f.clock || called.clock, f.random || called.random
				}
				f.clock = f.clock || clockNames[word]
			}
			if f != e.functions[name] {
				e.functions[name], changed = f, true
			}
		}
	}
}

// words lists the identifiers of a macro's text that are followed by "(", and
// those that stand alone for the time.
func words(body string) []string {
	var out []string
	for at := 0; at < len(body); {
		word, end := identifier(body, at)
		if end == at {
			at++
			continue
		}
		word = strings.ToLower(word)
		if next := skipSpace(body, end); next < len(body) && body[next] == '(' || clockNames[word] {
			out = append(out, word)
		}
		at = end
	}
	return out
}

// Functions are the names of what a reader's statement may call, in order; those
// that are operators are left out.
func (e *Engine) Functions() []string {
	var names []string
	for name, f := range e.functions {
		_, end := identifier(name, 0)
		if end != len(name) || deniedFunctions[name] || strings.HasPrefix(name, "__") || !(f.called || f.table || tableFunctions[name]) {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
