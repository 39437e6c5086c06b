package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/world"
)

// columnTime is how long the extent of a table's columns is shown again, and
// columnFiles from how many files on it is not read from their footers.
const (
	columnTime  = 2 * time.Second
	columnFiles = 5000
)

// extents keeps what was found of columns last, by table.
type extents struct {
	mu    sync.Mutex
	found map[string]foundExtents
}

type foundExtents struct {
	at      time.Time
	columns []console.Extent
}

// Extents are each column's nulls, least and greatest value, from the footers of
// the table's files and from its recent rows.
func (p pagesOf) Extents(ctx context.Context, name string) ([]console.Extent, error) {
	n := p.node
	n.extents.mu.Lock()
	defer n.extents.mu.Unlock()
	if f, ok := n.extents.found[name]; ok && n.clock.Now().Sub(f.at) < columnTime {
		return f.columns, nil
	}
	pin := n.worlds.Pin()
	defer pin.Release()
	t := pin.Table(name)
	if t == nil {
		return nil, n.noTable(name)
	}
	columns, err := n.measure(ctx, pin, t)
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", name, err)
	}
	n.extents.found[name] = foundExtents{n.clock.Now(), columns}
	return columns, nil
}

// measure asks for all columns in one statement: of each the values that are not
// null, the least and the greatest.
func (n *Node) measure(ctx context.Context, pin *world.Pin, t *world.Table) ([]console.Extent, error) {
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
	parts := n.sources(t, plain)
	if len(parts) == 0 || total == 0 || t.Files.Len() > columnFiles {
		return found, nil
	}
	var outer []string
	for _, i := range plain {
		outer = append(outer, fmt.Sprintf("sum(n%[1]d)::VARCHAR, min(lo%[1]d)::VARCHAR, max(hi%[1]d)::VARCHAR, count(rows)::VARCHAR", i))
	}
	rows, err := n.cells(ctx, pin, "SELECT sum(rows)::VARCHAR, "+strings.Join(outer, ", ")+" FROM ("+strings.Join(parts, " UNION ALL BY NAME ")+")")
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
func (n *Node) sources(t *world.Table, plain []int) (parts []string) {
	if t.Files.Len() > 0 {
		var paths []string
		t.Files.Find(world.Everything, func(f *record.File) bool {
			paths = append(paths, record.QuoteText(n.pathOf(f.Path)))
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
		parts = append(parts, "SELECT "+strings.Join(terms, ", ")+" FROM recent."+record.QuoteName(g.Name))
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

// Sample is a table's newest rows by record id, cells as text, at most so many.
func (p pagesOf) Sample(ctx context.Context, name string, most int) ([][]console.Cell, error) {
	n := p.node
	pin := n.worlds.Pin()
	defer pin.Release()
	t := pin.Table(name)
	if t == nil {
		return nil, n.noTable(name)
	}
	var newest record.File
	t.Files.Find(world.Everything, func(f *record.File) bool {
		if f.MaxID >= newest.MaxID {
			newest = *f
		}
		return true
	})
	var columns []string
	for _, c := range t.Schema {
		columns = append(columns, record.QuoteName(c.Name)+"::VARCHAR")
	}
	rows, err := n.cells(ctx, pin, fmt.Sprintf("SELECT %s FROM %s WHERE _record_id >= %s ORDER BY _record_id DESC LIMIT %d",
		strings.Join(columns, ", "), record.QuoteName(name), newest.MinID, most))
	if err != nil {
		return nil, fmt.Errorf("newest rows of %s: %w", name, err)
	}
	found := make([][]console.Cell, len(rows))
	for i, row := range rows {
		for _, c := range row {
			found[i] = append(found[i], console.Cell(c))
		}
	}
	return found, nil
}
