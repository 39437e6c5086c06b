package app

import (
	"context"
	"fmt"
	"reflect"
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
func (p pagesOf) Days(ctx context.Context, name string, days int) (console.Days, error) {
	n := p.node
	pin := n.worlds.Pin()
	defer pin.Release()
	t := pin.Table(name)
	if t == nil {
		return console.Days{}, n.noTable(name)
	}
	d := console.Days{Column: t.TimeColumn}
	if t.TimeColumn == "" {
		return d, nil
	}
	var err error
	if by := n.dayTerm(name, t); by != nil {
		d.Day, d.Group = by.day, by.group
		err = n.countPartitions(ctx, pin, t, by, &d)
	} else {
		err = n.countDays(ctx, pin, t, days, &d)
	}
	if err != nil {
		return d, fmt.Errorf("rows of %s by day: %w", name, err)
	}
	return d, nil
}

// dayTerm says where a table's partition has the day, nil if it has none.
type dayTerm struct {
	day, group           string // columns; group is "" for none
	dayIndex, groupIndex int
	dates                []bool // of the partition's columns
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
	by := &dayTerm{day: day, dayIndex: i, groupIndex: -1, dates: datesOf(t.Schema, columns)}
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
func (n *Node) countPartitions(ctx context.Context, pin *world.Pin, t *world.Table, by *dayTerm, d *console.Days) error {
	var young []record.File
	t.Files.Find(world.Everything, func(f *record.File) bool {
		values := partitionText(f.Partition, by.dates)
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
		from = append(from, by.selects(t.Schema, t.Schema)+n.engine.FilesAs(young, t.Schema))
	}
	for _, g := range t.Recent {
		from = append(from, by.selects(t.Schema, g.Schema)+"recent."+record.QuoteName(g.Name))
	}
	if len(from) == 0 {
		return nil
	}
	rows, err := n.cells(ctx, pin, "SELECT day, part, count(*)::VARCHAR FROM ("+strings.Join(from, " UNION ALL ")+") GROUP BY ALL")
	return addDays(d, rows, err)
}

// countDays counts the rows of the last days.
func (n *Node) countDays(ctx context.Context, pin *world.Pin, t *world.Table, days int, d *console.Days) error {
	zone := n.project.Load().Location
	local := n.clock.Now().In(zone)
	first := time.Date(local.Year(), local.Month(), local.Day()-days+1, 0, 0, 0, 0, zone)
	column := record.QuoteName(t.TimeColumn)
	rows, err := n.cells(ctx, pin, fmt.Sprintf("SELECT strftime(%s, '%%Y-%%m-%%d') AS day, '' AS part, count(*)::VARCHAR FROM %s WHERE %s >= TIMESTAMPTZ '%s' GROUP BY 1",
		column, record.QuoteName(t.Name), column, first.Format(time.RFC3339)))
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

// datesOf says which columns of a partition are dates.
func datesOf(schema record.Schema, columns []string) []bool {
	dates := make([]bool, len(columns))
	for i, c := range columns {
		if at := schema.Index(c); at >= 0 {
			dates[i] = schema[at].Type.Kind == record.Date
		}
	}
	return dates
}

// partitionText writes a file's partition values. The index of files that the ledger's
// database gave has a date as text already; where this process wrote the file it is
// the days since 1970, in an integer of some width, and is written as a day.
func partitionText(values []any, dates []bool) []string {
	var texts []string
	for i, v := range values {
		days, isNumber := wholeNumber(v)
		switch {
		case v == nil:
			texts = append(texts, "")
		case isNumber && i < len(dates) && dates[i]:
			texts = append(texts, time.Unix(days*86400, 0).UTC().Format(time.DateOnly))
		default:
			texts = append(texts, fmt.Sprint(v))
		}
	}
	return texts
}

// wholeNumber is a signed integer of any width.
func wholeNumber(v any) (int64, bool) {
	if r := reflect.ValueOf(v); r.IsValid() && r.CanInt() {
		return r.Int(), true
	}
	return 0, false
}
