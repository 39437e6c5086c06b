package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// SQLReader runs what visitors ask in SQL. Statements only read.
type SQLReader interface {
	// Ask gives the first rows of a statement's result, at most so many. A mistake at
	// a known place is a *Fault.
	Ask(ctx context.Context, sql string, zone *time.Location, most int) (Result, error)
	// Send answers a request with the whole result, as a file of a name, in the format
	// of the request's format parameter.
	Send(w http.ResponseWriter, r *http.Request, sql string, zone *time.Location, name string)
	// Vocabulary is what a statement can name.
	Vocabulary(ctx context.Context) (Vocabulary, error)
}

// Result is the head of a statement's result.
type Result struct {
	Columns []api.Column
	Rows    [][]Cell
	More    bool // there are further rows
	Stats   api.Stats
}

// Fault is a mistake in a statement. Line and Column count from 1, in characters;
// Line is 0 where the place is not known.
type Fault struct {
	Line, Column        int
	Message, Suggestion string
	Err                 error
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Sentence is the message with an end, for something follows it.
func (f *Fault) Sentence() string {
	text := strings.TrimSpace(f.Message)
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// Vocabulary is what a statement can name.
type Vocabulary struct {
	Tables    []TableWords `json:"tables"`
	Functions []string     `json:"functions"`
}

// TableWords are a table and its columns.
type TableWords struct {
	Name       string   `json:"name"`
	Columns    []Column `json:"columns"`
	TimeColumn string   `json:"-"`
	Partition  []string `json:"-"`
	Rows       int64    `json:"-"`
}

const (
	maxStatement = 1 << 20 // bytes
	rowsAsked    = 500     // of a result that the page shows
)

// sqlPage answers: what does the lake say?
func sqlPage() *page {
	return &page{path: "/sql", entry: "sql", file: "sql.html", load: loadSQL}
}

type sqlData struct {
	Query   string
	Zones   []string // the chosen one first
	Asked   bool     // there is a result
	Waits   bool     // for somebody to look at it and run it
	Result  Result
	Numeric []bool // columns
	Bars    int    // the column that is drawn as bars, -1 for none
	bar     []float64
	Took    time.Duration
	By      []string // why files were skipped
	Chart   *resultChart
	Problem error
	Late    bool // it ran out of time
	Fault   *Fault
	Lines   []codeLine // of the statement with the mistake
	Mended  string     // the statement with the suggestion in place of the mistake
	History []question
	Words   Vocabulary
	At      time.Time
}

func loadSQL(ctx context.Context, c *Console, v *Visit) (any, error) {
	d := &sqlData{Query: strings.ReplaceAll(v.Query("q"), "\r\n", "\n"), Bars: -1}
	zone, err := v.zone(d)
	if err != nil {
		d.Problem, v.status = err, problem.Status(err)
	}
	if d.Words, err = c.Node.Vocabulary(ctx); err != nil {
		return nil, err
	}
	if strings.TrimSpace(d.Query) != "" && d.Problem == nil {
		if d.Waits = !fromHere(v.Request); !d.Waits {
			d.ask(ctx, c, v, zone)
			c.history.add(v.visitor(), question{SQL: d.Query, At: v.Now, Took: d.Took, Failed: d.Problem != nil})
		}
	}
	d.History = c.history.of(v.visitor())
	return d, nil
}

// zone is the time zone that the URL names, else the project's.
func (v *Visit) zone(d *sqlData) (*time.Location, error) {
	zone, name := v.Location, v.Query("tz")
	var err error
	if name != "" {
		if zone, err = time.LoadLocation(name); err != nil || name == "Local" {
			zone, err = v.Location, record.Errorf(record.Invalid, "time zone %q is not known: use an IANA name such as Asia/Tokyo", name)
		}
	}
	for _, z := range []string{zone.String(), v.Location.String(), "UTC"} {
		if !slices.Contains(d.Zones, z) {
			d.Zones = append(d.Zones, z)
		}
	}
	return zone, err
}

// fromHere says whether a page of this console has asked: a link in a mail, a bookmark
// or another site's page fills the editor and runs nothing.
func fromHere(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	// Browsers send it to https and localhost only.
	from, err := url.Parse(r.Referer())
	return err == nil && from.Host != "" && from.Host == r.Host
}

// ask runs the statement; a mistake becomes part of the page.
func (d *sqlData) ask(ctx context.Context, c *Console, v *Visit, zone *time.Location) {
	began := time.Now()
	var err error
	if len(d.Query) > maxStatement {
		err = record.Errorf(record.TooLarge, "the statement is over %d bytes", maxStatement)
	} else {
		d.Result, err = c.Node.Ask(ctx, d.Query, zone, rowsAsked)
	}
	d.At = c.Now().In(v.Location)
	if err != nil {
		d.Took, d.Problem, v.status = time.Since(began), err, problem.Status(err)
		if d.Late = record.KindOf(err) == record.Timeout; d.Late {
			v.status = http.StatusOK // the page is there, and says what to do
		}
		if errors.As(err, &d.Fault) && d.Fault.Line > 0 {
			d.Lines, d.Mended = faultLines(d.Query, d.Fault)
		}
		return
	}
	d.Asked, d.Took = true, time.Duration(d.Result.Stats.ElapsedMS*float64(time.Millisecond))
	d.By = d.Words.reasons(v, d.Result.Stats.SkippedBy)
	for _, column := range d.Result.Columns {
		d.Numeric = append(d.Numeric, numeric(column.Type))
	}
	if d.Chart = chartOf(v, d.Result, zone); d.Chart == nil {
		d.findBars()
	}
}

// reasons are the columns for whose sake files were skipped, in words.
func (w Vocabulary) reasons(v *Visit, columns []string) (words []string) {
	for _, name := range columns {
		if slices.ContainsFunc(w.Tables, func(t TableWords) bool { return slices.Contains(t.Partition, name) }) {
			name = plain(v.T("sql.partition", name))
		}
		words = append(words, name)
	}
	return words
}

// Cell writes a value: whole numbers that count something have commas.
func (d *sqlData) Cell(row, column int) string {
	text := d.Result.Rows[row][column].Text
	if d.Numeric[column] && counts(d.Result.Columns[column]) {
		return group2(text)
	}
	return text
}

// group2 puts commas into a whole number, written as text, and the console's minus
// before it.
func group2(text string) string {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if strings.Trim(whole, "0123456789") != "" || whole == "" {
		return text
	}
	text = group(whole)
	if fraction != "" {
		text += "." + fraction
	}
	if negative {
		return minus + text
	}
	return text
}

// Record says whether a cell is a record id, which leads to the record's life.
func (d *sqlData) Record(column int) bool {
	return d.Result.Columns[column].Name == record.ColumnRecordID
}

// findBars chooses the first column that counts something, where names stand before
// it and there is something to compare.
func (d *sqlData) findBars() {
	if len(d.Result.Rows) < 2 || len(d.Result.Rows) > 100 {
		return
	}
	for i, column := range d.Result.Columns {
		if i == 0 || !d.Numeric[i] || !counts(column) {
			continue
		}
		values, most := make([]float64, len(d.Result.Rows)), 0.0
		for at, row := range d.Result.Rows {
			value, ok := amount(row[i])
			if !ok || value < 0 {
				return
			}
			values[at], most = value, max(most, value)
		}
		if most == 0 {
			return
		}
		for at := range values {
			values[at] = float64(int(barWidth*values[at]/most + .5))
		}
		d.Bars, d.bar = i, values
		return
	}
}

// Bar is how long the bar of a row is.
func (d *sqlData) Bar(row int) float64 { return d.bar[row] }

// TextRows is how many lines the editor has.
func (d *sqlData) TextRows() int { return min(max(strings.Count(d.Query, "\n")+2, 6), 24) }

// Busiest is the table with the most rows of a stream, for examples; nil where all
// are empty.
func (d *sqlData) Busiest() *TableWords {
	tables := slices.Clone(d.Words.Tables)
	slices.SortStableFunc(tables, func(a, b TableWords) int { return cmp.Compare(b.Rows, a.Rows) })
	for i := range tables {
		if tables[i].Name != record.QuarantineTable && tables[i].Rows > 0 {
			return &tables[i]
		}
	}
	return nil
}

// Files is how many files the tables have that the statement names.
func (d *sqlData) Files() int { return d.Result.Stats.FilesRead + d.Result.Stats.FilesSkipped }

// Download is the address of the whole result as a file.
func (d *sqlData) Download(format string) string {
	return "/sql/download?" + url.Values{"q": {d.Query}, "tz": {d.Zones[0]}, "format": {format}, "excel": {"1"}}.Encode()
}

// Rows is how many rows all tables have.
func (w Vocabulary) Rows() (n int64) {
	for _, t := range w.Tables {
		n += t.Rows
	}
	return n
}

// Head is the beginning of a statement on one line; the link beside it has all.
func (a question) Head() string {
	text := strings.Join(strings.Fields(a.SQL), " ")
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}

// download sends a result as a file, to who may read.
func (c *Console) download(w http.ResponseWriter, r *http.Request) {
	v, ok := c.visit(w, r, access.Read)
	if !ok {
		return
	}
	zone, err := v.zone(&sqlData{})
	if err == nil && !fromHere(r) {
		err = record.Errorf(record.Forbidden, "no page of this console has asked for this download: nothing was run. Run the statement on the SQL page and follow its link")
	}
	if err != nil {
		c.failVisit(w, v, err)
		return
	}
	c.Node.Send(w, r, v.Query("q"), zone, "biwa-"+v.Now.Format("20060102-150405"))
}

// words sends the vocabulary to the editor's completion.
func (c *Console) words(w http.ResponseWriter, r *http.Request) {
	v, ok := c.visit(w, r, access.Read)
	if !ok {
		return
	}
	words, err := c.Node.Vocabulary(r.Context())
	if err != nil {
		c.failVisit(w, v, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(words) // the visitor may be gone
}

// resultChart is a result's values over time.
type resultChart struct {
	Names  []string // of the columns drawn: one or two
	Bars   bool
	Every  time.Duration // 0 where the steps are of many lengths
	Zone   string
	SVG    template.HTML
	Points []chartPoint
}

type chartPoint struct {
	At     time.Time
	Values []string
}
