package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/world"
)

// Days counts a table's rows by local day of its event time, and by the first of
// its other partition columns, over so many days. What lies in partitioned files is
// known from the index; only the other files and recent rows are read.
func (h *heldTable) Days(ctx context.Context, days int) (console.Days, error) {
	t := h.table
	d := console.Days{Column: t.TimeColumn}
	if t.TimeColumn == "" {
		return d, nil
	}
	var err error
	if by := h.node.dayTerm(t.Name, t); by != nil {
		d.Day, d.Group = by.day, by.group
		err = h.countPartitions(ctx, by, &d)
	} else {
		err = h.countDays(ctx, days, &d)
	}
	if err != nil {
		return d, fmt.Errorf("rows of %s by day: %w", t.Name, err)
	}
	return d, nil
}

// dayTerm says where a table's partition has the day, nil if it has none.
type dayTerm struct {
	day, group           string // columns; group is "" for none
	dayIndex, groupIndex int
}

func (n *Node) dayTerm(name string, t *world.Table) *dayTerm {
	s := n.byName(name)
	if s == nil {
		return nil
	}
	day := strings.TrimLeft(t.TimeColumn, "_") + "_day"
	columns := s.newest().shaper.PartitionColumns()
	i := slices.Index(columns, day)
	if i < 0 {
		return nil
	}
	by := &dayTerm{day: day, dayIndex: i, groupIndex: -1}
	for j, c := range columns {
		if j != i {
			by.group, by.groupIndex = c, j
			break
		}
	}
	return by
}

// selects begins a statement over columns have, some of which may have had other names:
// it gives day and part as a table's schema calls them.
func (by *dayTerm) selects(schema, have record.Schema) string {
	column := func(name string) string {
		if at := schema.Index(name); at >= 0 {
			for _, h := range have {
				if h.FieldID == schema[at].FieldID {
					return record.QuoteName(h.Name) + "::VARCHAR"
				}
			}
		}
		return "NULL"
	}
	part := "''"
	if by.group != "" {
		part = column(by.group)
	}
	return "SELECT " + column(by.day) + " AS day, " + part + " AS part FROM "
}

// countPartitions adds up the partitioned files and counts the rest.
func (h *heldTable) countPartitions(ctx context.Context, by *dayTerm, d *console.Days) error {
	t := h.table
	var young []record.File
	t.Files.Find(world.Everything, func(f *record.File) bool {
		values := partitionText(f.Partition)
		if max(by.dayIndex, by.groupIndex) >= len(values) {
			young = append(young, *f)
			return true
		}
		group := ""
		if by.groupIndex >= 0 {
			group = values[by.groupIndex]
		}
		d.Add(group, values[by.dayIndex], f.Rows)
		return true
	})
	var from []string
	if len(young) > 0 {
		from = append(from, by.selects(t.Schema, t.Schema)+h.node.engine.FilesAs(young, t.Schema))
	}
	for _, g := range t.Recent {
		from = append(from, by.selects(t.Schema, g.Schema)+"recent."+record.QuoteName(g.Name)+" WHERE "+h.seen)
	}
	if len(from) == 0 {
		return nil
	}
	rows, err := h.cells(ctx, "SELECT day, part, count(*)::VARCHAR FROM ("+strings.Join(from, " UNION ALL ")+") GROUP BY ALL")
	return addDays(d, rows, err)
}

// countDays counts the rows of the last days.
func (h *heldTable) countDays(ctx context.Context, days int, d *console.Days) error {
	zone := h.node.project.Load().Location
	local := h.node.clock.Now().In(zone)
	first := time.Date(local.Year(), local.Month(), local.Day()-days+1, 0, 0, 0, 0, zone)
	column := record.QuoteName(h.table.TimeColumn)
	rows, err := h.cells(ctx, fmt.Sprintf("SELECT strftime(%s, '%%Y-%%m-%%d') AS day, '' AS part, count(*)::VARCHAR FROM %s WHERE %s >= TIMESTAMPTZ '%s' AND %s GROUP BY 1",
		column, record.QuoteName(h.table.Name), column, first.Format(time.RFC3339), h.seen))
	d.Since = first
	return addDays(d, rows, err)
}

func addDays(d *console.Days, rows [][]cell, err error) error {
	for _, row := range rows {
		count, bad := strconv.ParseInt(row[2].Text, 10, 64)
		if bad != nil {
			return bad
		}
		if !row[0].Null {
			d.Add(row[1].Text, row[0].Text, count)
		}
	}
	return err
}

// partitionText writes a file's partition values; times are texts already.
func partitionText(values []any) []string {
	var texts []string
	for _, v := range values {
		if v == nil {
			v = ""
		}
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}
