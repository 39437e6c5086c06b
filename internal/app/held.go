package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/world"
)

// heldTable is a table at one moment, for the parts of a page.
//
// A pinned World alone is no moment: its recent rows grow until their flush begins. So
// up to where SQL saw the table is read after the World was pinned. What lies beyond is
// left out; all else is in the World already, and does not change.
type heldTable struct {
	node  *Node
	pin   *world.Pin
	table *world.Table
	seen  string // the condition for the rows of the moment
}

// Hold holds a table as it is now.
func (p pagesOf) Hold(name string) (console.HeldTable, error) {
	n := p.node
	pin := n.worlds.Pin()
	t := pin.Table(name)
	if t == nil {
		pin.Release()
		return nil, n.noTable(name)
	}
	h := &heldTable{n, pin, t, "true"}
	seen := console.Seen{}
	for _, s := range n.list() {
		if name == record.QuarantineTable || s.name == name {
			seen[s.name] = n.seenOf(s.worker.Status())
		}
	}
	switch {
	case name == record.QuarantineTable:
		h.seen = seenOf(seen)
	case len(seen) > 0:
		h.seen = "_record_id <= " + max(seen[name], lastOfFiles(t)).String()
	}
	return h, nil
}

// seenOf is the id up to which SQL sees all records of a stream: a flush commits also
// what was not shown before.
func (n *Node) seenOf(s deliver.Status) record.RecordID {
	return record.NewRecordID(n.shard, max(s.Visible, s.Offset), record.MaxRecords)
}

// seenOf is the condition for the rows of quarantine that a page counts.
func seenOf(seen console.Seen) string {
	var terms []string
	for stream, last := range seen {
		terms = append(terms, "stream = "+record.QuoteText(stream)+" AND _record_id <= "+last.String())
	}
	slices.Sort(terms)
	if len(terms) == 0 {
		return "false"
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// lastOfFiles is the highest record id in a table's files.
func lastOfFiles(t *world.Table) (last record.RecordID) {
	t.Files.Find(world.Everything, func(f *record.File) bool {
		last = max(last, f.MaxID)
		return true
	})
	return last
}

// Release lets go of the table.
func (h *heldTable) Release() { h.pin.Release() }

// Detail is the table with its columns, commits and files.
func (h *heldTable) Detail() (console.TableDetail, error) {
	n, t := h.node, h.table
	d := console.TableDetail{Table: tableNow(t), Schema: columnsOf(t)}
	if s := n.byName(t.Name); s != nil {
		g := s.newest()
		d.Description, d.Stream, d.Partition = g.stored.Definition.Description, true, g.shaper.PartitionColumns()
	}
	d.Groups = groupsOf(t)
	snapshots, err := n.lake.Snapshots(t.Name)
	for len(snapshots) > 0 && snapshots[0].ID != t.SnapshotID { // committed since
		snapshots = snapshots[1:]
	}
	for _, s := range snapshots {
		d.Snapshots = append(d.Snapshots, console.Snapshot(s))
	}
	return d, err
}

// Recent counts the rows that no file has.
func (h *heldTable) Recent(ctx context.Context) (int64, error) {
	var from []string
	for _, g := range h.table.Recent {
		from = append(from, "SELECT count(*) AS n FROM recent."+record.QuoteName(g.Name)+" WHERE "+h.seen)
	}
	if len(from) == 0 {
		return 0, nil
	}
	rows, err := h.cells(ctx, "SELECT sum(n)::VARCHAR FROM ("+strings.Join(from, " UNION ALL ")+")")
	if err != nil {
		return 0, fmt.Errorf("recent rows of %s: %w", h.table.Name, err)
	}
	return strconv.ParseInt(rows[0][0].Text, 10, 64)
}

// Newest are the rows with the highest record ids, cells as text, at most so many. The
// ids are looked up first, in the files that can have them; only their rows are read.
func (h *heldTable) Newest(ctx context.Context, most int) ([][]console.Cell, error) {
	t := h.table
	from := fmt.Sprintf(" FROM %s WHERE %s AND _record_id >= ", record.QuoteName(t.Name), h.seen)
	ids, err := h.cells(ctx, fmt.Sprintf("SELECT _record_id::VARCHAR%s%s ORDER BY _record_id DESC LIMIT %d", from, newestFrom(t, int64(most)), most))
	if err != nil || len(ids) == 0 {
		return nil, h.wrap(err)
	}
	var columns []string
	for _, c := range t.Schema {
		columns = append(columns, record.QuoteName(c.Name)+"::VARCHAR")
	}
	rows, err := h.cells(ctx, fmt.Sprintf("SELECT %s%s%s ORDER BY _record_id DESC LIMIT %d", strings.Join(columns, ", "), from, ids[len(ids)-1][0].Text, most))
	if err != nil {
		return nil, h.wrap(err)
	}
	found := make([][]console.Cell, len(rows))
	for i, row := range rows {
		for _, c := range row {
			found[i] = append(found[i], console.Cell(c))
		}
	}
	return found, nil
}

func (h *heldTable) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("newest rows of %s: %w", h.table.Name, err)
}

// newestFrom is an id from which on a table's files have so many rows at least, or the
// least there is: all rows of a file are at or above its lowest id.
func newestFrom(t *world.Table, rows int64) record.RecordID {
	files := t.Files.All()
	slices.SortFunc(files, func(a, b record.File) int { return cmp.Compare(b.MinID, a.MinID) })
	for _, f := range files {
		if rows -= f.Rows; rows <= 0 {
			return f.MinID
		}
	}
	return 0
}

func (h *heldTable) cells(ctx context.Context, sql string) ([][]cell, error) {
	return h.node.cells(ctx, h.pin, sql)
}
