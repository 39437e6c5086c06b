package engine

import (
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// formats are functions whose second argument is a date format of another
// database, with the table that translates it to strftime's.
var formats = map[string][][2]string{
	"date_format": mysqlFormat, "date_parse": mysqlFormat, "to_char": postgresFormat, "to_date": postgresFormat,
}

// mysqlFormat is Athena's. What is not listed means the same in both.
var mysqlFormat = [][2]string{
	{"%%", "%%"}, {"%M", "%B"}, {"%i", "%M"}, {"%s", "%S"}, {"%h", "%I"}, {"%W", "%A"}, {"%k", "%-H"}, {"%l", "%-I"}, {"%e", "%-d"}, {"%c", "%-m"},
	{"%r", "%I:%M:%S %p"}, {"%T", "%H:%M:%S"}, {"%v", "%V"}, {"%x", "%G"},
}

// postgresFormat is PostgreSQL's and Redshift's; of two patterns that fit the
// longer comes first.
var postgresFormat = [][2]string{
	{"%", "%%"}, {"YYYY", "%Y"}, {"yyyy", "%Y"}, {"YY", "%y"}, {"yy", "%y"}, {"Month", "%B"}, {"MONTH", "%B"}, {"month", "%B"}, {"Mon", "%b"}, {"MON", "%b"}, {"mon", "%b"},
	{"MM", "%m"}, {"mm", "%m"}, {"MI", "%M"}, {"mi", "%M"}, {"MS", "%g"}, {"ms", "%g"}, {"DDD", "%j"}, {"ddd", "%j"}, {"DD", "%d"}, {"dd", "%d"},
	{"Day", "%A"}, {"DAY", "%A"}, {"day", "%A"}, {"Dy", "%a"}, {"DY", "%a"}, {"dy", "%a"}, {"HH24", "%H"}, {"hh24", "%H"}, {"HH12", "%I"}, {"hh12", "%I"}, {"HH", "%I"}, {"hh", "%I"},
	{"SS", "%S"}, {"ss", "%S"}, {"US", "%f"}, {"us", "%f"}, {"AM", "%p"}, {"am", "%p"}, {"PM", "%p"}, {"pm", "%p"}, {"TZ", "%Z"}, {"tz", "%Z"}, {"ID", "%u"}, {"IW", "%V"}, {"FM", ""},
}

// translateFormat reads a format from left to right. In PostgreSQL's, text in
// double quotes stands for itself.
func translateFormat(format string, table [][2]string) string {
	var out strings.Builder
	quoted := &table[0] == &postgresFormat[0]
next:
	for at := 0; at < len(format); {
		if end := strings.IndexByte(format[at+1:], '"'); quoted && format[at] == '"' && end >= 0 {
			out.WriteString(strings.ReplaceAll(format[at+1:at+1+end], "%", "%%"))
			at += end + 2
			continue
		}
		for _, pair := range table {
			if strings.HasPrefix(format[at:], pair[0]) {
				out.WriteString(pair[1])
				at += len(pair[0])
				continue next
			}
		}
		out.WriteByte(format[at])
		at++
	}
	return out.String()
}

// translate edits the format of a call. One that is not a constant cannot be.
func (w *walker) translate(call node, table [][2]string) {
	args := call.list("children")
	if len(args) != 2 {
		return
	}
	arg, _ := args[1].(map[string]any)
	format, ok := node(arg).child("value")["value"].(string)
	at := node(arg).at()
	if !ok || at < 0 || at >= len(w.text) || w.text[at] != '\'' {
		w.fail(sqlError(record.Invalid, w.text, call.at(), "", "the format of %s must be a text in quotes", call.text("function_name")))
		return
	}
	if end := closing(w.text, at); end >= 0 {
		w.edits = append(w.edits, edit{at, end + 1 - at, record.QuoteText(translateFormat(format, table))})
	}
}
