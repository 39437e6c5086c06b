package console

import (
	"context"
	"time"
)

// TableReader tells what the pages of tables show.
type TableReader interface {
	// Tables lists every table.
	Tables(ctx context.Context) ([]Table, error)
	// Hold holds one of them as it is now; the caller lets go of it.
	Hold(name string) (HeldTable, error)
}

// HeldTable is a table at one moment: what its methods count is the same rows, whatever
// comes or is committed meanwhile.
type HeldTable interface {
	// Detail is its columns, commits and files.
	Detail() (TableDetail, error)
	// Recent counts the rows that no file has.
	Recent(ctx context.Context) (int64, error)
	// Days counts the rows by local day, over so many days at least.
	Days(ctx context.Context, days int) (Days, error)
	TableCells
	Release()
}

// TableCells reads what is in a table.
type TableCells interface {
	// Extents are each column's nulls, least and greatest value, in the order of the
	// table's columns.
	Extents(ctx context.Context) ([]Extent, error)
	// Newest are the rows with the highest record ids, cells in the order of the
	// columns.
	Newest(ctx context.Context, most int) ([][]Cell, error)
}

// Table is one table at one moment.
type Table struct {
	Name        string
	Description string
	Stream      bool  // a stream of its name fills it
	Rows        int64 // in files
	Recent      int64 // in no file yet
	Files       int
	Young       int // files that no compaction has put into a partition
	Bytes       int64
	Columns     int
	TimeColumn  string    // "" for none
	First, Last time.Time // event times in files; zero if there are none
}

// All is the rows that SQL sees.
func (t Table) All() int64 { return t.Rows + t.Recent }

// tablesPage answers: what can I query?
func tablesPage() *page {
	return &page{path: "/tables", entry: "tables", file: "tables.html", load: loadTables, live: []string{"sumup", "tables"}}
}

type tablesData struct {
	Tables             []Table
	Rows, Recent, Size int64
	Files              int
}

func loadTables(ctx context.Context, c *Console, _ *Visit) (any, error) {
	list, err := c.Node.Tables(ctx)
	d := tablesData{Tables: list}
	for _, t := range list {
		d.Rows, d.Recent, d.Size, d.Files = d.Rows+t.Rows, d.Recent+t.Recent, d.Size+t.Bytes, d.Files+t.Files
	}
	return d, err
}

// All is the rows of all tables.
func (d tablesData) All() int64 { return d.Rows + d.Recent }
