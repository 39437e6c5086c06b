package app_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// TestValuesAreReadBack has every value of resultCases answered in Parquet and Arrow and
// read by a DuckDB that has nothing to do with the node, and by arrow-go: it is the same
// value, or, where the format has no such type, its text as CSV has it.
func TestValuesAreReadBack(t *testing.T) {
	n := newProject(t, nil).start()
	zone, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plain, err := engine.Open(t.Context(), world.NewStore(), engine.Options{Root: dir, TempDir: filepath.Join(dir, "tmp"), Location: zone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plain.Close(); err != nil {
			t.Error(err)
		}
	})
	one := func(sql string) string {
		t.Helper()
		r, err := plain.Query(t.Context(), engine.Request{SQL: sql, Admin: true})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		defer r.Close()
		b, err := r.Next(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		defer b.Release()
		return strings.Clone(b.Column(0).(*array.String).Value(0)) // the batch is let go
	}
	read := 0
	for i, c := range resultCases {
		file := filepath.Join(dir, fmt.Sprintf("%d.parquet", i)) // DuckDB remembers what a name had
		sql := "select " + c.sql + " as a"
		rows, err := csv.NewReader(strings.NewReader("a\n" + c.text + "\n")).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < 2 { // null
			rows = append(rows, []string{"NULL"})
		}
		text := rows[1][0]
		if status, body, _ := ask(t, n, sql, "Accept", "application/vnd.apache.parquet", "Biwa-Time-Zone", "Asia/Tokyo"); status == http.StatusOK {
			read++
			if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			from := "FROM read_parquet(" + record.QuoteText(file) + ")"
			same := one("SELECT CASE WHEN typeof(a) = 'VARCHAR' AND typeof(" + c.sql + ") <> 'VARCHAR' THEN 'text ' || a::VARCHAR " +
				"WHEN a::VARCHAR IS NOT DISTINCT FROM (" + c.sql + ")::VARCHAR THEN 'same' ELSE 'json ' || to_json(a)::VARCHAR END " + from)
			if same != "same" && same != "text "+text && same != "json "+text {
				t.Errorf("%s in Parquet reads as %q: %s, want %q", c.sql, one("SELECT coalesce(a::VARCHAR, 'NULL') || ' of ' || typeof(a) "+from), same, text)
			}
		}
		status, body, _ := ask(t, n, sql, "Accept", "application/vnd.apache.arrow.stream", "Biwa-Time-Zone", "Asia/Tokyo")
		if status != http.StatusOK {
			continue
		}
		reader, err := ipc.NewReader(strings.NewReader(body))
		if err != nil {
			t.Errorf("%s in Arrow: %v", c.sql, err)
			continue
		}
		if !reader.Next() || reader.RecordBatch().NumRows() != 1 {
			t.Errorf("%s in Arrow: %v", c.sql, reader.Err())
		} else if a, ok := reader.RecordBatch().Column(0).(*array.String); ok && a.IsValid(0) && a.Value(0) != text {
			t.Errorf("%s in Arrow reads as %q, want %q", c.sql, a.Value(0), text)
		}
		reader.Release()
	}
	if read < len(resultCases)/2 {
		t.Errorf("only %d of %d values have a form in Parquet", read, len(resultCases))
	}
}
