package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/source"
)

// dialectFlags say how a CSV file is written.
type dialectFlags struct {
	header, noHeader bool
	columns          []string
	null             string
	source           source.Options
}

func (d *dialectFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&d.source.Delimiter, "delimiter", "", `between cells of CSV, such as ";" or "\t"; default a comma`)
	f.StringVar(&d.source.Quote, "quote", "", `around cells of CSV, or none; default "`)
	f.StringVar(&d.source.Escape, "escape", "", `before a quote within a cell, such as "\"; default the quote twice`)
	f.BoolVar(&d.header, "header", false, "the first row has the columns' names; with --columns it is left out")
	f.BoolVar(&d.noHeader, "no-header", false, "the first row is a record; --columns names its cells")
	f.StringSliceVar(&d.columns, "columns", nil, "names of the columns, instead of the header's")
	f.IntVar(&d.source.Skip, "skip", 0, "lines of CSV to leave out at the beginning")
	f.StringVar(&d.null, "null", "", `a cell without quotes that stands for no value, such as "\N"; the empty cell always does`)
}

// into sets the options that were given.
func (d *dialectFlags) into(o *source.Options, given *pflag.FlagSet) error {
	format, encoding, member := o.Format, o.Encoding, o.Member
	*o = d.source
	o.Format, o.Encoding, o.Member, o.Columns = format, encoding, member, d.columns
	if given.Changed("null") {
		o.Null = &d.null
	}
	switch {
	case d.header && d.noHeader:
		return usagef("--header and --no-header: there is a header or there is none")
	case d.source.Skip < 0:
		return usagef("--skip %d: want a number of lines", d.source.Skip)
	case d.header:
		o.Header = source.HeaderYes
	case d.noHeader:
		o.Header = source.HeaderNo
	}
	return nil
}

// checkHeader stops a file whose first row is no header: not one of its cells is
// the name of a column of the stream. Who may not ask for the columns is not
// stopped, nor who says that there is a header.
func (s *sender) checkHeader(ctx context.Context, r *source.Reader) error {
	header := r.Header()
	if len(header) == 0 || s.options.Header == source.HeaderYes {
		return nil
	}
	var answer struct {
		Rows [][]string `json:"rows"`
	}
	query := map[string]string{"sql": "SELECT column_name FROM information_schema.columns WHERE table_name = " + record.QuoteText(s.stream) + " AND column_name NOT LIKE '\\_%' ESCAPE '\\'"}
	if err := s.client.call(ctx, http.MethodPost, "/v1/query", query, &answer); err != nil || len(answer.Rows) == 0 {
		return nil //nolint:nilerr // a key that may not read sends without the comparison
	}
	var columns []string
	for _, row := range answer.Rows {
		columns = append(columns, row[0])
		for _, name := range header {
			if strings.EqualFold(name, row[0]) {
				return nil
			}
		}
	}
	return usagef("the first row %q names no column of %s (%s): if it is a record say --columns %s, if it is a header --header",
		strings.Join(header, ","), s.stream, strings.Join(columns, ", "), strings.Join(columns[:min(len(columns), len(header))], ","))
}
