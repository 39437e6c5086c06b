package shape

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/zeebo/xxh3"

	"github.com/biwa-data/biwa/internal/record"
)

// PartitionTerm is one item of partition: a column, or a function of one.
type PartitionTerm struct {
	Function string // "" for the column itself
	Number   int64  // of bucket and truncate
	Column   string
}

// PartitionFunctions are the words a partition knows.
func PartitionFunctions() []string {
	return []string{"day", "hour", "month", "year", "bucket", "truncate"}
}

// ParsePartition reads day(ts), bucket(16, user_id), or a column's name.
func ParsePartition(text string) (PartitionTerm, error) {
	text = strings.TrimSpace(text)
	function, rest, isCall := strings.Cut(text, "(")
	if !isCall {
		return PartitionTerm{Column: text}, nil
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	t := PartitionTerm{Function: strings.ToLower(strings.TrimSpace(function))}
	arguments := strings.Split(inner, ",")
	want := 1
	if t.Function == "bucket" || t.Function == "truncate" {
		want = 2
	}
	if !closed || len(arguments) != want {
		return t, fmt.Errorf("%q: write day(c), hour(c), month(c), year(c), bucket(n, c), truncate(n, c), or a column", text)
	}
	if want == 2 {
		n, err := strconv.ParseInt(strings.TrimSpace(arguments[0]), 10, 32)
		if err != nil || n < 1 {
			return t, fmt.Errorf("%q: the first argument of %s is a whole number from 1 on", text, t.Function)
		}
		t.Number = n
	}
	t.Column = strings.TrimSpace(arguments[want-1])
	return t, nil
}

// output is the stored column of the term. Each term has one, so that the table
// can be partitioned by plain values: Iceberg's own functions of time know no
// zone but UTC.
func (t PartitionTerm) output(source record.Type) (record.Column, error) {
	base := strings.TrimLeft(t.Column, "_")
	kinds := func(kinds ...record.TypeKind) error {
		for _, k := range kinds {
			if source.Kind == k {
				return nil
			}
		}
		return fmt.Errorf("%s does not work on column %s, which is %s", t.Function, t.Column, source)
	}
	timed := []record.TypeKind{record.Timestamptz, record.Timestamp, record.Date}
	switch t.Function {
	case "day":
		return record.Column{Name: base + "_day", Type: record.Type{Kind: record.Date}, Doc: "the day of " + t.Column + " in the project's time zone"}, kinds(timed...)
	case "hour":
		return record.Column{Name: base + "_hour", Type: record.Type{Kind: record.Timestamp}, Doc: "the hour of " + t.Column + " in the project's time zone"}, kinds(timed[:2]...)
	case "month":
		return record.Column{Name: base + "_month", Type: record.Type{Kind: record.Date}, Doc: "the first day of " + t.Column + "'s month in the project's time zone"}, kinds(timed...)
	case "year":
		return record.Column{Name: base + "_year", Type: record.Type{Kind: record.Int}, Doc: "the year of " + t.Column + " in the project's time zone"}, kinds(timed...)
	case "bucket":
		return record.Column{Name: base + "_bucket", Type: record.Type{Kind: record.Int}, Doc: fmt.Sprintf("one of %d groups by %s", t.Number, t.Column)},
			kinds(record.Varchar, record.Int, record.Bigint, record.Date, record.Timestamp, record.Timestamptz, record.Boolean)
	case "truncate":
		return record.Column{Name: base + "_trunc", Type: source, Doc: fmt.Sprintf("%s cut to %d", t.Column, t.Number)},
			kinds(record.Varchar, record.Int, record.Bigint)
	case "":
		switch source.Kind {
		case record.Double, record.JSON, record.Array, record.Struct:
			return record.Column{}, fmt.Errorf("column %s is %s, which is nothing to partition by", t.Column, source)
		}
		return record.Column{}, nil
	}
	return record.Column{}, fmt.Errorf("%s is no function of partitions", t.Function)
}

// partition fills a term's stored column.
type partition struct {
	term     PartitionTerm
	source   int // schema positions
	target   int
	fallback bool // the source is the event time: where it is null, receipt counts
	typ      record.Type
}

// fill computes the column from its source; receipt is _received_at.
func (p *partition) fill(z *zone, source arrow.Array, receipt *array.Timestamp) column {
	rows := source.Len()
	switch p.term.Function {
	case "bucket":
		return p.fillBuckets(source)
	case "truncate":
		return p.fillTruncated(source)
	}
	wall := func(row int) (int64, bool) {
		if !source.IsNull(row) {
			return wallOf(z, source, row), true
		}
		return z.wall(int64(receipt.Value(row))), p.fallback
	}
	if p.term.Function == "hour" {
		c := &timeColumn{typ: p.typ}
		for row := range rows {
			if w, ok := wall(row); ok {
				c.set(row, floorDiv(w, 3600*microsPerSecond)*3600*microsPerSecond)
			} else {
				c.null(row)
			}
		}
		return c
	}
	days := &fixed[int32]{}
	for row := range rows {
		if w, ok := wall(row); ok {
			days.set(row, p.cut(floorDiv(w, microsPerDay)))
		} else {
			days.null(row)
		}
	}
	if p.term.Function == "year" {
		return &intColumn{fixed: *days}
	}
	return &dateColumn{fixed: *days}
}

// cut takes the day itself, its month's first, or its year.
func (p *partition) cut(day int64) int32 {
	switch p.term.Function {
	case "month":
		year, month, _ := dateOf(day)
		return int32(daysOf(year, month, 1))
	case "year":
		year, _, _ := dateOf(day)
		return int32(year)
	}
	return int32(day)
}

// wallOf is the wall clock of a time or date, in microseconds.
func wallOf(z *zone, source arrow.Array, row int) int64 {
	switch a := source.(type) {
	case *array.Timestamp:
		if a.DataType().(*arrow.TimestampType).TimeZone != "" {
			return z.wall(int64(a.Value(row)))
		}
		return int64(a.Value(row))
	case *array.Date32:
		return int64(a.Value(row)) * microsPerDay
	}
	panic("shape: partition by time of " + source.DataType().String())
}

// fillBuckets hashes the value's text form with XXH3, which every version of
// Biwa must keep: rows of the same value belong in the same bucket.
func (p *partition) fillBuckets(source arrow.Array) column {
	c := &intColumn{}
	for row := range source.Len() {
		if source.IsNull(row) {
			c.null(row)
			continue
		}
		c.set(row, int32(xxh3.HashString(keyText(source, row))%uint64(p.term.Number)))
	}
	return c
}

func (p *partition) fillTruncated(source arrow.Array) column {
	n := p.term.Number
	switch a := source.(type) {
	case *array.String:
		c := &textColumn{}
		for row := range a.Len() {
			if a.IsNull(row) {
				c.null(row)
			} else {
				c.text.set(row, firstRunes(a.Value(row), int(n)))
			}
		}
		return c
	case *array.Int32:
		c := &intColumn{}
		for row := range a.Len() {
			// Near the type's lower end the multiple below would not fit.
			if low := floorDiv(int64(a.Value(row)), n) * n; a.IsNull(row) || low != int64(int32(low)) {
				c.null(row)
			} else {
				c.set(row, int32(low))
			}
		}
		return c
	case *array.Int64:
		c := &bigintColumn{}
		for row := range a.Len() {
			if low := floorDiv(a.Value(row), n) * n; a.IsNull(row) || low > a.Value(row) {
				c.null(row)
			} else {
				c.set(row, low)
			}
		}
		return c
	}
	panic("shape: truncate of " + source.DataType().String())
}

func firstRunes(s string, n int) string {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return s[:at]
}
