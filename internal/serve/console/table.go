package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/biwa-data/biwa/internal/svg"
)

// TableDetail is one table with its parts.
type TableDetail struct {
	Table
	Schema    []Column
	Partition []string // columns
	Snapshots []Snapshot
	Groups    []FileGroup
}

// Column is a column of a table.
type Column struct{ Name, Type, Description string }

// Extent is what a column's values are.
type Extent struct {
	Known    bool // whether nulls were counted
	Rows     int64
	Nulls    int64
	Bound    bool // whether Min and Max are known
	Min, Max string
}

// Cell is a value as text.
type Cell struct {
	Text string
	Null bool
}

// Snapshot is one commit to a table.
type Snapshot struct {
	ID                       int64
	Sequence                 int64
	At                       time.Time
	Operation                string // append, replace, overwrite, delete
	AddedRows, RemovedRows   int64
	AddedFiles, RemovedFiles int64
}

// FileGroup is the files of one partition; those without one have no values.
type FileGroup struct {
	Partition   []string
	Files       int
	Rows, Bytes int64
}

// Days is rows by day of event time.
type Days struct {
	Column     string // of the event time
	Day, Group string // partition columns, "" for none
	// Since is where the counts begin if they do not take in the whole table.
	Since  time.Time
	Counts map[string]map[string]int64 // by group, "" for the only one, and day as 2006-01-02
}

// Add counts rows.
func (d *Days) Add(group, day string, rows int64) {
	if d.Counts == nil {
		d.Counts = map[string]map[string]int64{}
	}
	if d.Counts[group] == nil {
		d.Counts[group] = map[string]int64{}
	}
	d.Counts[group][day] += rows
}

// tablePage answers: is this table whole?
func tablePage() *page {
	return &page{path: "/tables/{table}", entry: "tables", file: "table.html", load: loadTable, live: []string{"tablefacts"}}
}

type tableData struct {
	TableDetail
	Columns []columnRow
	Hidden  int // columns that are not shown
	Strip   template.HTML
	Key     []keyStep
	Days    int
	From    time.Time // the strip's first day
	Holes   []hole
	Full    int // cells of the strip with rows
	Sample  [][]Cell
	Files   []FileGroup // the largest first, those without partition before
	More    int         // groups of files that are not shown
	// Why the values of columns, the strip and the newest rows are not there.
	NoExtents, NoDays, NoSample *gap
	Send                        string // a command that sends a first record
}

type columnRow struct {
	Column
	Extent
	Bar float64 // of null share, in units of the bar's width
}

type keyStep struct {
	Class string
	Text  string
}

type hole struct {
	Group string
	Day   time.Time
}

const (
	columnsShown   = 14
	groupsShown    = 8
	sampleShown    = 8
	snapshotsShown = 8
	filesShown     = 8
	barWidth       = 88.0
)

func loadTable(ctx context.Context, c *Console, v *Visit) (any, error) {
	table, err := c.Node.Hold(v.Request.PathValue("table"))
	if err != nil {
		return nil, err
	}
	defer table.Release()
	d := &tableData{Days: v.Number("days", 62, 7, 731)}
	if d.TableDetail, err = table.Detail(); err != nil {
		return nil, err
	}
	var days Days
	var extents []Extent
	// Where it is late, the number that the World has stays: it may be ahead by rows
	// that are being added.
	recent := func() {
		part(ctx, func(ctx context.Context) error {
			n, err := table.Recent(ctx)
			if err == nil {
				d.Recent = n
			}
			return err
		})
	}
	if v.fragment {
		recent()
		return d, nil // only its numbers are live
	}
	together(recent, func() {
		d.NoExtents = part(ctx, func(ctx context.Context) (err error) { extents, err = table.Extents(ctx); return err })
	}, func() {
		d.NoDays = part(ctx, func(ctx context.Context) (err error) { days, err = table.Days(ctx, d.Days); return err })
	}, func() {
		d.NoSample = part(ctx, func(ctx context.Context) (err error) { d.Sample, err = table.Newest(ctx, sampleShown); return err })
	})
	if d.Stream && d.All() == 0 && v.Gone(d.Name) == "" {
		d.Send = c.send(ctx, v, d.Name)
	}
	d.list(v, extents)
	d.draw(v, days)
	d.Files = slices.Clone(d.Groups)
	slices.SortStableFunc(d.Files, func(a, b FileGroup) int {
		return cmp.Or(cmp.Compare(min(len(a.Partition), 1), min(len(b.Partition), 1)), slices.Compare(b.Partition, a.Partition))
	})
	if d.More = len(d.Files) - filesShown; d.More > 0 && v.Query("all") == "" {
		d.Files = d.Files[:filesShown]
	} else {
		d.More = 0
	}
	return d, nil
}

// list makes the rows of columns.
func (d *tableData) list(v *Visit, extents []Extent) {
	for i, column := range d.Schema {
		row := columnRow{Column: column}
		if i < len(extents) {
			row.Extent = extents[i]
			if row.Rows > 0 {
				row.Bar = math.Round(barWidth * float64(row.Nulls) / float64(row.Rows))
			}
		}
		d.Columns = append(d.Columns, row)
	}
	if len(d.Columns) > columnsShown && v.Query("all") == "" {
		d.Hidden = len(d.Columns) - columnsShown
		d.Columns = d.Columns[:columnsShown]
	}
}

// NewestSQL is the statement for what Newest rows shows.
func (d *tableData) NewestSQL() string {
	return fmt.Sprintf("select *\nfrom %s\norder by _record_id desc\nlimit %d", d.Name, sampleShown)
}

// draw makes the strip of days.
func (d *tableData) draw(v *Visit, days Days) {
	if len(days.Counts) == 0 {
		return
	}
	today := time.Date(v.Now.Year(), v.Now.Month(), v.Now.Day(), 12, 0, 0, 0, v.Location)
	d.Days = d.shorten(days, today)
	d.From = today.AddDate(0, 0, 1-d.Days)
	names := largest(days.Counts)
	strip := svg.Heat{First: d.From, Days: d.Days, Zone: v.Location, Today: plain(v.T("table.today")), Date: v.day}
	for _, name := range names {
		counts := days.Counts[name]
		row := svg.HeatRow{Name: cmp.Or(name, plain(v.T("table.all")))}
		for i := range d.Days {
			n, ok := counts[d.From.AddDate(0, 0, i).Format(time.DateOnly)]
			if !ok {
				row.Cells = append(row.Cells, math.NaN())
				continue
			}
			d.Full++
			row.Cells = append(row.Cells, float64(n))
		}
		for _, i := range holesIn(row.Cells) {
			day := d.From.AddDate(0, 0, i)
			d.Holes = append(d.Holes, hole{name, day})
			row.Holes = append(row.Holes, svg.Hole{Day: i, Label: plain(v.T("table.hole", cmp.Or(name, d.Name), v.day(day)))})
		}
		strip.Rows = append(strip.Rows, row)
	}
	strip.Sentence = plain(v.T("table.strip", d.Name, d.Days, d.Full, len(d.Holes)))
	d.Strip = svg.HeatStrip(strip)
	steps := strip.Steps()
	for i, step := range steps {
		if step > 0 && (i == 0 || step > steps[i-1]) {
			d.Key = append(d.Key, keyStep{[]string{"s1", "s2", "s3", "s4"}[i], v.Big(int64(step))})
		}
	}
}

// shorten is how many days the strip has: it does not begin long before the table.
func (d *tableData) shorten(days Days, today time.Time) int {
	first := today.Format(time.DateOnly)
	for _, counts := range days.Counts {
		for day := range counts {
			first = min(first, day)
		}
	}
	if begin, err := time.ParseInLocation(time.DateOnly, first, today.Location()); err == nil {
		age := int(today.Sub(begin).Hours()/24) + 1
		return min(d.Days, max(age, 14))
	}
	return d.Days
}

// largest are the groups with the most rows, by name.
func largest(counts map[string]map[string]int64) []string {
	sums := map[string]int64{}
	var names []string
	for name, days := range counts {
		names = append(names, name)
		for _, n := range days {
			sums[name] += n
		}
	}
	sort.Slice(names, func(i, j int) bool {
		if sums[names[i]] != sums[names[j]] {
			return sums[names[i]] > sums[names[j]]
		}
		return names[i] < names[j]
	})
	names = names[:min(len(names), groupsShown)]
	sort.Strings(names)
	return names
}

// holesIn are the days without rows between days with rows, of a row in which four
// of five days have some: elsewhere a day without rows is nothing special.
func holesIn(cells []float64) (holes []int) {
	first, last, full := -1, -1, 0
	for i, n := range cells {
		if n > 0 {
			if last, full = i, full+1; first < 0 {
				first = i
			}
		}
	}
	if first < 0 || full*5 < (last-first+1)*4 {
		return nil
	}
	for i := first; i < last; i++ {
		if !(cells[i] > 0) {
			holes = append(holes, i)
		}
	}
	return holes
}

// Median is the middle size of the table's groups of files per file, in bytes.
func (d *tableData) Median() int64 {
	if d.Table.Files == 0 {
		return 0
	}
	return d.Bytes / int64(d.Table.Files)
}

// Shown are the newest snapshots.
func (d *tableData) Shown() []Snapshot { return d.Snapshots[:min(len(d.Snapshots), snapshotsShown)] }

// What says what a commit did: "flush", "compaction", "removal" or "change".
func (s Snapshot) What() string {
	switch {
	case s.AddedRows > 0 && s.RemovedRows == 0:
		return "flush"
	case s.AddedRows == s.RemovedRows && s.RemovedFiles > 0:
		return "compaction"
	case s.RemovedRows > 0 && s.AddedRows == 0:
		return "removal"
	}
	return "change"
}

// Rows is by how much a commit changed the table.
func (s Snapshot) Rows() int64 { return s.AddedRows - s.RemovedRows }

// Files is by how many files a commit changed the table.
func (s Snapshot) Files() int64 { return s.AddedFiles - s.RemovedFiles }

// longText is from how many characters on a value is folded.
const longText = 48

// Long is a text that unfolds where it is long.
func (v *Visit) Long(text string) template.HTML {
	whole := template.HTMLEscapeString(text)
	runes := []rune(text)
	if len(runes) <= longText {
		return template.HTML(whole)
	}
	return template.HTML("<details><summary>" + template.HTMLEscapeString(string(runes[:longText-8])) + "…</summary>" + whole + "</details>")
}
