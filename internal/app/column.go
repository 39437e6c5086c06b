package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/world"
)

// columnFiles is from how many files on the extent of a table's columns is not read from
// their footers.
const columnFiles = 5000

// extents keeps what was found of columns last, by table.
type extents struct {
	mu    sync.Mutex
	found map[string]foundExtents
}

// foundExtents are those of one moment: the snapshot, and the rows seen.
type foundExtents struct {
	snapshot int64
	seen     string
	columns  []console.Extent
}

// Extents are each column's nulls, least and greatest value, from the footers of
// the table's files and from its recent rows.
func (h *heldTable) Extents(ctx context.Context) ([]console.Extent, error) {
	known, name := &h.node.extents, h.table.Name
	known.mu.Lock()
	f, ok := known.found[name]
	known.mu.Unlock()
	if ok && f.snapshot == h.table.SnapshotID && f.seen == h.seen {
		return f.columns, nil
	}
	columns, err := h.measure(ctx)
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", name, err)
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	known.found[name] = foundExtents{h.table.SnapshotID, h.seen, columns}
	return columns, nil
}

// measure asks for all columns in one statement: of each the values that are not
// null, the least and the greatest.
func (h *heldTable) measure(ctx context.Context) ([]console.Extent, error) {
	t := h.table
	found := make([]console.Extent, len(t.Schema))
	var plain []int // columns of which a footer tells
	for i, c := range t.Schema {
		switch {
		case c.Type.Kind == record.Array, c.Type.Kind == record.Struct, len(c.Was) > 0: // of which a file has one field or another
		default:
			plain = append(plain, i)
		}
	}
	total := t.Files.Rows()
	for _, g := range t.Recent {
		total += g.Rows()
	}
	parts := h.sources(plain)
	if len(parts) == 0 || total == 0 || t.Files.Len() > columnFiles {
		return found, nil
	}
	var outer []string
	for _, i := range plain {
		outer = append(outer, fmt.Sprintf("sum(n%[1]d)::VARCHAR, min(lo%[1]d)::VARCHAR, max(hi%[1]d)::VARCHAR, count(rows)::VARCHAR", i))
	}
	rows, err := h.cells(ctx, "SELECT sum(rows)::VARCHAR, "+strings.Join(outer, ", ")+" FROM ("+strings.Join(parts, " UNION ALL BY NAME ")+")")
	if err != nil || len(rows) != 1 {
		return nil, err
	}
	counted, _ := strconv.ParseInt(rows[0][0].Text, 10, 64) // null where there are no rows
	for at, i := range plain {
		cells := rows[0][1+4*at:]
		e := &found[i]
		e.Rows = counted
		if present, err := strconv.ParseInt(cells[0].Text, 10, 64); err == nil {
			e.Known, e.Nulls = true, counted-present
		}
		if t.Schema[i].Type.Kind != record.JSON {
			e.Min, e.Max, e.Bound = cells[1].Text, cells[2].Text, !cells[1].Null
		}
	}
	return found, nil
}

// sources are the statements that tell of all files, and of each recent generation:
// rows, and for each column i the present values ni, the least loi, the greatest hii.
func (h *heldTable) sources(plain []int) (parts []string) {
	t := h.table
	if t.Files.Len() > 0 {
		var paths []string
		t.Files.Find(world.Everything, func(f *record.File) bool {
			paths = append(paths, record.QuoteText(h.node.pathOf(f.Path)))
			return true
		})
		list := "[" + strings.Join(paths, ",") + "]"
		terms := []string{fmt.Sprintf("%d::BIGINT AS rows", t.Files.Rows())}
		for _, i := range plain {
			c := t.Schema[i]
			of := fmt.Sprintf("FILTER (field_id = %d)", c.FieldID) // the name may be another in older files
			terms = append(terms, fmt.Sprintf("coalesce(sum(num_values - stats_null_count) %[2]s, 0)::BIGINT AS n%[1]d, min(TRY_CAST(coalesce(stats_min_value, stats_min) AS %[3]s)) %[2]s AS lo%[1]d, max(TRY_CAST(coalesce(stats_max_value, stats_max) AS %[3]s)) %[2]s AS hi%[1]d",
				i, of, boundType(c.Type)))
		}
		parts = append(parts, "SELECT "+strings.Join(terms, ", ")+" FROM parquet_metadata("+list+") AS m LEFT JOIN (SELECT file_name, name, field_id FROM parquet_schema("+list+")) AS s ON s.file_name = m.file_name AND s.name = m.path_in_schema")
	}
	for _, g := range t.Recent {
		terms := []string{"count(*) AS rows"}
		for _, i := range plain {
			c := t.Schema[i]
			at := slices.IndexFunc(g.Schema, func(o record.Column) bool { return o.FieldID == c.FieldID })
			if at < 0 {
				continue
			}
			name := record.QuoteName(g.Schema[at].Name)
			terms = append(terms, fmt.Sprintf("count(%[2]s) AS n%[1]d, min(%[2]s)::%[3]s AS lo%[1]d, max(%[2]s)::%[3]s AS hi%[1]d", i, name, boundType(c.Type)))
		}
		parts = append(parts, "SELECT "+strings.Join(terms, ", ")+" FROM recent."+record.QuoteName(g.Name)+" WHERE "+h.seen)
	}
	return parts
}

// boundType is the SQL type in which a column's values are compared.
func boundType(t record.Type) string {
	if t.Kind == record.JSON {
		return "VARCHAR"
	}
	return t.SQL()
}
