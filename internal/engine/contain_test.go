package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// publish makes a table of files and of generations that are already filled.
func publish(worlds *world.Store, name string, schema record.Schema, files []record.File, recent ...*world.Generation) {
	worlds.Publish(func(d *world.Draft) {
		t := d.Table(name)
		t.Schema, t.SchemaVersion, t.TimeColumn = schema, t.SchemaVersion+1, "ts"
		t.Files = t.Files.Add(files...)
		t.Recent = append(t.Recent, recent...)
	}, nil)
}

// recentEvents makes a generation of n events.
func recentEvents(t testing.TB, e *Engine, name string, first record.RecordID, n int) *world.Generation {
	t.Helper()
	if err := e.CreateRecent(t.Context(), name, events); err != nil {
		t.Fatal(err)
	}
	batch := eventBatch(first, n, may1)
	defer batch.Release()
	if err := e.AppendRecent(t.Context(), name, []arrow.RecordBatch{batch}); err != nil {
		t.Fatal(err)
	}
	g := &world.Generation{Name: name, Schema: events}
	g.Grow(int64(n), may1.UnixMicro(), may1.UnixMicro()+int64(n-1)*1e6)
	return g
}

func TestReadersAreContained(t *testing.T) {
	e, worlds := openEngine(t, nil)
	root, outside := e.options.Root, t.TempDir()
	secret := filepath.Join(outside, "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	f := writeEvents(t, e, "ev/a.parquet", 1, 10, may1)
	publish(worlds, "ev", events, []record.File{f}, recentEvents(t, e, "g1", 11, 10))
	rows(t, e, "SELECT count(*) FROM ev")
	file := record.QuoteText(filepath.Join(root, "ev/a.parquet"))

	for _, sql := range []string{
		// files
		"SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM '" + secret + "'", "SELECT * FROM " + record.QuoteName(secret),
		"SELECT * FROM read_text('" + root + "/../x')", "SELECT * FROM read_text('/proc/self/environ')", "SELECT * FROM '/proc/self/environ'",
		"SELECT * FROM read_csv('" + root + "/link/secret.csv')", "SELECT * FROM '" + root + "/link/secret.csv'",
		"SELECT * FROM " + file, "SELECT * FROM read_parquet(" + file + ")", "SELECT * FROM parquet_metadata(" + file + ")", "SELECT * FROM glob('*')",
		`WITH a AS (SELECT * FROM "` + secret + `"), "` + secret + `" AS (SELECT 1) SELECT * FROM a`,
		`SELECT * FROM "` + secret + `", (WITH "` + secret + `" AS (SELECT 1) SELECT 1) AS x`,
		`WITH "` + secret + `" AS (SELECT * FROM "` + secret + `") SELECT * FROM "` + secret + `"`,
		"SELECT * FROM read_blob('x')", "SELECT * FROM read_json('x')", "SELECT * FROM sniff_csv('x')", "DESCRIBE " + file, "SUMMARIZE " + file,
		// other statements
		"ATTACH ':memory:' AS x", "ATTACH '" + root + "/x.db'", "LOAD json", "INSTALL httpfs", "COPY ev TO '" + root + "/out.csv'", "COPY (SELECT 1) TO 'x'",
		"EXPORT DATABASE '" + root + "'", "IMPORT DATABASE '" + root + "'", "SET threads = 1", "SET max_temp_directory_size = '1TB'", "RESET max_temp_directory_size", "SET memory_limit = '1TB'", "SET GLOBAL memory_limit = '1TB'", "SET max_memory = '1TB'", "RESET memory_limit", "PRAGMA memory_limit = '1TB'", "SELECT set_config('memory_limit', '1TB', false)", "SET VARIABLE b_1 = ['x']", "RESET threads", "PRAGMA enable_profiling",
		"PRAGMA database_list", "CALL enable_logging(storage = 'file')", "CALL pragma_version()", "CREATE TABLE x (i INT)", "CREATE MACRO m() AS 1", "DROP VIEW ev",
		"INSERT INTO ev VALUES (1)", "DELETE FROM ev", "UPDATE ev SET amount = 1", "EXPLAIN ANALYZE DELETE FROM ev", "EXPLAIN ANALYZE INSERT INTO ev SELECT * FROM ev",
		"EXPLAIN (ANALYZE) DELETE FROM recent.g1", "USE recent", "BEGIN", "COMMIT", "ROLLBACK", "CHECKPOINT", "VACUUM", "PREPARE x AS SELECT 1", "EXECUTE x", "DEALLOCATE x",
		"SELECT 1; SELECT 2", "SELECT 1; DROP VIEW ev", "DETACH memory", "PIVOT ev ON user_id USING count(*)", "MERGE INTO ev USING ev AS o ON true WHEN MATCHED THEN DELETE",
		"WITH x AS (DELETE FROM ev RETURNING *) SELECT * FROM x", "", ";", "EXPLAIN",
		// what is hidden
		"SELECT * FROM recent.g1", "SELECT * FROM memory.recent.g1", "SELECT * FROM biwa.lake_1", "SELECT * FROM biwa.stub_1", "SELECT * FROM system.main.duckdb_tables",
		"SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_columns()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_variables()",
		"SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_tables", "SELECT * FROM sqlite_master", "SHOW ALL TABLES", "SHOW DATABASES", "DESCRIBE", "SELECT * FROM pg_catalog.pg_class",
		"SELECT * FROM information_schema.constraints", "SELECT * FROM temp.x", "DESCRIBE recent.g1", "SELECT (SELECT count(*) FROM recent.g1)",
		"SELECT * FROM ev WHERE EXISTS (SELECT 1 FROM recent.g1)", "SELECT 1 ORDER BY (SELECT 1 FROM recent.g1)", "SELECT 1 LIMIT (SELECT 1 FROM recent.g1)",
		"SELECT * FROM ev JOIN recent.g1 ON (true)", "VALUES ((SELECT 1 FROM recent.g1))", "SELECT 1 UNION ALL SELECT 1 FROM recent.g1",
		// functions
		"SELECT * FROM query('SELECT * FROM recent.g1')", "SELECT * FROM query_table('recent.g1')", "SELECT * FROM query_table(['recent.g1'])", "SELECT getvariable('b_1')",
		"SELECT getenv('HOME')", "SELECT current_setting('temp_directory')", "SELECT current_setting('temp_' || 'directory')", "SELECT write_log('x')",
		"SELECT system.main.repeat('x', 5000000)", "SELECT nextval('x')", "SELECT * FROM json_execute_serialized_sql('x')", "SELECT json_serialize_plan('SELECT 1')",
		"SELECT * FROM sql_auto_complete('SEL')", "SELECT sleep_ms(10)", "SELECT * FROM pragma_storage_info('ev')", "SELECT * FROM seq_scan('x')", "SELECT * FROM arrow_scan(1, 2, 3)",
		"SELECT list_transform([1], lambda x: getvariable('b_1'))", "SELECT sum(getvariable('b_1')) OVER () FROM ev", "SELECT * FROM histogram_values(ev, amount)",
		"SELECT * FROM test_all_types()", "SELECT * FROM duckdb_logs()", "SELECT * FROM enable_logging()", "SELECT * FROM checkpoint()",
	} {
		got, err := tryRows(t.Context(), e, Request{SQL: sql})
		switch kind := record.KindOf(err); {
		case err == nil:
			t.Errorf("%s: gave %v", sql, got)
		case kind != record.Forbidden && kind != record.Invalid && kind != record.NotFound:
			t.Errorf("%s: kind %d: %v", sql, kind, err)
		}
	}
	if got := rows(t, e, "SELECT count(*) FROM ev"); got[0] != "20" {
		t.Errorf("afterwards ev has %v rows", got)
	}
}

func TestReadersMay(t *testing.T) {
	e, worlds := openEngine(t, nil)
	publish(worlds, "ev", events, []record.File{writeEvents(t, e, "ev/a.parquet", 1, 10, may1)})
	publish(worlds, "odd name-1", events, nil)
	for sql, want := range map[string]string{
		"SELECT count(*) FROM ev":                                           "10",
		"select count(*) from EV":                                           "10",
		"FROM ev SELECT count(*);":                                          "10",
		"SELECT count(*) FROM main.ev":                                      "10",
		"SELECT count(*) FROM memory.main.ev":                               "10",
		`SELECT count("public"."ev"."ts") FROM "public"."ev"`:               "10",
		"WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) FROM b": "2",
		"WITH ev AS (SELECT 7 AS x) SELECT x FROM ev":                       "7",
		"WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 5) SELECT max(i) FROM r": "5",
		"VALUES (3)":                          "3",
		"TABLE ev LIMIT 0":                    "",
		"SELECT count(*) FROM range(10)":      "10",
		"SHOW TABLES":                         "ev,odd name-1",
		`SELECT count(*) FROM "odd name-1"`:   "0",
		"SELECT count(*) FROM (DESCRIBE ev)":  "6",
		"SELECT count(*) FROM (SUMMARIZE ev)": "6",
		"SELECT table_name FROM information_schema.tables ORDER BY 1":                                                          "ev,odd name-1",
		"SELECT count(*) FROM information_schema.columns WHERE table_name = 'ev'":                                              "6",
		"SELECT columns.column_name FROM information_schema.columns WHERE table_name = 'ev' ORDER BY ordinal_position LIMIT 1": "_record_id",
		"SELECT current_setting('TimeZone')":                                                                                   "UTC",
		"SELECT sum(i) FROM (SELECT unnest([1, 2, 3]) AS i)":                                                                   "6",
		"SELECT value FROM json_each('[4]')":                                                                                   "4",
		"SELECT count(*) FROM ev, ev.payload.tags x":                                                                           "",
		"SELECT main.repeat('ab', 2)":                                                                                          "abab",
		"SELECT i.k FROM (SELECT [{k: 1}, {k: 2}] AS items) t, t.items i ORDER BY 1":                                           "1,2",
		"SELECT items FROM (SELECT [1, 2] AS items) AS t, t.items ORDER BY ALL":                                                "",
		"/* EXPLAIN */ SELECT 1 -- ;":                                                                                          "1",
	} {
		got, err := tryRows(t.Context(), e, Request{SQL: sql})
		if want == "" {
			continue
		}
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s: %v, %v, want %s", sql, got, err, want)
		}
	}
	for _, sql := range []string{"EXPLAIN SELECT count(*) FROM ev", "explain analyze select count(*) from ev", "EXPLAIN (FORMAT json) SELECT 1", "EXPLAIN (ANALYZE, FORMAT json) SELECT 1"} {
		if got, err := tryRows(t.Context(), e, Request{SQL: sql}); err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", sql, got, err)
		}
	}
}

func TestLargeValuesAreBounded(t *testing.T) {
	e, _ := openEngine(t, nil)
	for _, sql := range []string{
		"SELECT repeat('x', 1000000000)", "SELECT repeat('xx', 60000)", "SELECT 'x'.repeat(1000000000)", "SELECT lpad('x', 1000000000, 'y')", "SELECT rpad('x', 1000000000, 'y')",
		"SELECT list_resize([1], 1000000000)", "SELECT array_resize([1], 1000000000, 0)", "SELECT range(1000000000)", "SELECT generate_series(1, 1000000000)",
		"SELECT range(0, 1000000000, 1)", "SELECT len(range(i)) FROM (SELECT 1000000000 AS i)", "SELECT bitstring('1', 1000000000)", "SELECT repeat([1, 2], 1000000000)",
		"SELECT format('{:>1000000000}', 'x')", "SELECT printf('%1000000000d', 1)",
	} {
		if got, err := tryRows(t.Context(), e, Request{SQL: "SELECT length(x::VARCHAR) FROM (" + sql + " AS x) AS t"}); err == nil {
			t.Errorf("%s: gave %v", sql, got)
		}
	}
	for sql, want := range map[string]string{
		"SELECT len(repeat('x', 1000))": "1000", "SELECT repeat('', 5)": "", "SELECT len(range(1000))": "1000", "SELECT len(generate_series(1, 10))": "10",
		"SELECT lpad('7', 3, '0')": "007", "SELECT len(list_resize([1], 5))": "5", "SELECT repeat([1], 2)": "[1,1]", "SELECT len(range(5, 1, -2))": "2", "SELECT repeat('x', NULL)": "(null)",
	} {
		if got := rows(t, e, sql); fmt.Sprint(got) != "["+want+"]" {
			t.Errorf("%s: %v, want %s", sql, got, want)
		}
	}
}
