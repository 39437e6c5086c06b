package app

import (
	"context"
	"time"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/world"
)

// Tables lists every table of the project, and quarantine.
func (p pagesOf) Tables(context.Context) ([]console.Table, error) {
	pin := p.node.worlds.Pin()
	defer pin.Release()
	return p.node.tablesOf(pin), nil
}

// tablesOf lists every table of a World.
func (n *Node) tablesOf(pin *world.Pin) (list []console.Table) {
	for _, s := range n.list() {
		if t := pin.Table(s.name); t != nil {
			row := tableNow(t)
			row.Description, row.Stream = s.newest().stored.Definition.Description, true
			list = append(list, row)
		}
	}
	if t := pin.Table(record.QuarantineTable); t != nil {
		list = append(list, tableNow(t))
	}
	return list
}

func columnsOf(t *world.Table) (columns []console.Column) {
	for _, c := range t.Schema {
		columns = append(columns, console.Column{Name: c.Name, Type: c.Type.String(), Description: c.Doc})
	}
	return columns
}

// tableNow is what a World says of a table.
func tableNow(t *world.Table) console.Table {
	row := console.Table{Name: t.Name, Rows: t.Files.Rows(), Files: t.Files.Len(), Bytes: t.Files.Bytes(), TimeColumn: t.TimeColumn, Columns: len(t.Schema)}
	for _, g := range t.Recent {
		row.Recent += g.Rows()
	}
	var first, last int64
	t.Files.Find(world.Everything, func(f *record.File) bool {
		if f.Partition == nil {
			row.Young++
		}
		if f.HasTime {
			if first == 0 || f.MinTime < first {
				first = f.MinTime
			}
			last = max(last, f.MaxTime)
		}
		return true
	})
	if first != 0 {
		row.First, row.Last = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
	}
	return row
}

func (n *Node) noTable(name string) error {
	names := []string{record.QuarantineTable}
	for _, s := range n.list() {
		names = append(names, s.name)
	}
	if near := nearest.Word(name, names); near != "" {
		return record.Errorf(record.NotFound, "there is no table %q; did you mean %q?", name, near)
	}
	return record.Errorf(record.NotFound, "there is no table %q", name)
}

// groupsOf adds up a table's files by partition; those without one come first.
func groupsOf(t *world.Table) []console.FileGroup {
	var groups []console.FileGroup
	at := map[string]int{}
	t.Files.Find(world.Everything, func(f *record.File) bool {
		values := partitionText(f.Partition)
		key := ""
		for _, v := range values {
			key += v + "\x00"
		}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key], groups = i, append(groups, console.FileGroup{Partition: values})
		}
		groups[i].Files++
		groups[i].Rows += f.Rows
		groups[i].Bytes += f.Bytes
		return true
	})
	return groups
}
