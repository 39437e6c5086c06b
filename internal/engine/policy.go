package engine

import (
	"regexp"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// Readers may call every scalar and aggregate function but these, which reach
// out of the statement: to settings, variables, sequences, other plans, the
// process. Macros of the prelude call what they need themselves.
var deniedFunctions = map[string]bool{
	"getvariable": true, "getenv": true, "write_log": true, "parse_duckdb_log_message": true, "setseed": true, "nextval": true, "currval": true,
	"sleep_ms": true, "pg_sleep": true, "json_serialize_plan": true, "json_execute_serialized_sql": true, "query": true, "query_table": true,
	"stats": true, "combine": true, "finalize": true, "create_sort_key": true, "add_parquet_key": true, "pg_get_viewdef": true, "current_query": true,
	"in_search_path": true, "txid_current": true, "vector_type": true, "test_vector_types": true, "getsetting": true,
}

// readableSettings are what current_setting may be asked for.
var readableSettings = map[string]bool{"timezone": true, "calendar": true, "search_path": true, "server_version": true}

// tableFunctions are the only ones a reader may name in FROM.
var tableFunctions = map[string]bool{
	"range": true, "generate_series": true, "unnest": true, "json_each": true, "json_tree": true, "repeat": true, "repeat_row": true,
	"pg_timezone_names": true, "icu_calendar_names": true, "duckdb_functions": true, "duckdb_keywords": true, "duckdb_types": true,
}

// catalogueViews of information_schema exist in a form that shows users' tables only.
var catalogueViews = map[string]bool{"tables": true, "columns": true, "schemata": true, "views": true}

// clockNames give the current time without parentheses.
var clockNames = map[string]bool{
	"current_date": true, "current_time": true, "current_timestamp": true, "localtime": true, "localtimestamp": true, "current_localtime": true,
	"current_localtimestamp": true,
}

func (w *walker) visitFunction(n node) {
	name := strings.ToLower(n.text("function_name"))
	switch {
	case n.text("catalog") != "" || n.text("schema") != "" && !strings.EqualFold(n.text("schema"), "main"):
		w.refuse(n, "name the function %s without a schema", name)
	case name == "current_setting" && !w.readableSetting(n):
		w.refuse(n, "current_setting can only be asked for the time zone")
	case deniedFunctions[name] || strings.HasPrefix(name, "__"), n["export_state"] == true:
		w.refuse(n, "the function %s is not available to queries", name)
	}
	if name == "format" || name == "printf" {
		w.checkWidths(n)
	}
	f := w.engine.functions[name]
	w.found.clock = w.found.clock || f.clock
	if name == "range" || name == "generate_series" || name == "repeat" {
		w.found.heavy = true
	}
	if takesBarePart[name] {
		w.quotePart(n)
	}
	if table := formats[name]; table != nil {
		w.translate(n, table)
	}
}

// wide is a width that would make a value of megabytes, or one that is computed.
var wide = regexp.MustCompile(`[0-9]{5}|\{[^}]*\{|%[^a-zA-Z%]*\*`)

// checkWidths wants the format of format and printf to be plain.
func (w *walker) checkWidths(call node) {
	args := call.list("children")
	if len(args) == 0 {
		return
	}
	arg, _ := args[0].(map[string]any)
	format, ok := node(arg).child("value")["value"].(string)
	if !ok || wide.MatchString(format) {
		w.refuse(call, "the format of %s must be a text in quotes, with widths below 10000", call.text("function_name"))
	}
}

func (w *walker) readableSetting(n node) bool {
	args := n.list("children")
	if len(args) != 1 {
		return false
	}
	arg, _ := args[0].(map[string]any)
	value, _ := node(arg).child("value")["value"].(string)
	return readableSettings[strings.ToLower(value)]
}

func (w *walker) visitColumn(n node) {
	names := n.list("column_names")
	first, _ := names[0].(string)
	if len(names) == 1 && clockNames[strings.ToLower(first)] {
		w.found.clock = true
	}
	if len(names) > 2 && strings.EqualFold(first, "public") {
		w.replace(n.at(), "main", []string{first})
	}
}

// visitTableFunction also visits the arguments.
func (w *walker) visitTableFunction(n node, s scope) {
	call := n.child("function")
	name := strings.ToLower(call.text("function_name"))
	if !tableFunctions[name] && !w.engine.functions[name].table {
		w.refuse(n, "the table function %s is not available to queries", name)
		return
	}
	if call.text("schema") != "" || call.text("catalog") != "" {
		w.refuse(n, "name the function %s without a schema", name)
		return
	}
	w.found.heavy = true
	w.visit(call["children"], s)
}

// visitShow lets SHOW TABLES, DESCRIBE and SUMMARIZE through; the table that is
// described is a node of its own.
func (w *walker) visitShow(n node) {
	if n.child("query") != nil {
		w.found.heavy = w.found.heavy || n.text("show_type") == "SUMMARY"
		return
	}
	if what := strings.Trim(n.text("table_name"), `"`); what != "tables" {
		w.fail(sqlError(record.Forbidden, w.text, -1, "", "of the SHOW statements, SHOW TABLES is the one for queries"))
	}
}

// informationSchema leads to views of ours that leave out what is hidden.
func (w *walker) informationSchema(n node) {
	name := strings.ToLower(n.text("table_name"))
	if !catalogueViews[name] {
		w.refuse(n, "information_schema has no %q here: it has tables, columns, schemata and views", name)
		return
	}
	names := compact(n.text("catalog_name"), n.text("schema_name"), n.text("table_name"))
	spans := path(w.text, n.at(), names...)
	if spans == nil {
		w.refuse(n, "write information_schema.%s without quotes or comments", name)
		return
	}
	text := hiddenSchema + ".information_" + name
	if n.text("alias") == "" {
		text += " AS " + name
	}
	w.edits = append(w.edits, edit{spans[0].at, spans[len(spans)-1].end - spans[0].at, text})
}
