package engine

import (
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// takesBarePart are functions whose first argument Redshift writes as a bare
// word: dateadd(day, 1, x). To DuckDB that is a column.
var takesBarePart = map[string]bool{
	"dateadd": true, "date_add": true, "datediff": true, "date_diff": true, "datesub": true, "date_sub": true, "datepart": true, "date_part": true,
}

// dateParts maps the names of Redshift to those of DuckDB.
var dateParts = partNames(
	"year years yr yrs y", "quarter quarters qtr qtrs", "month months mon mons", "week weeks w", "day days d", "hour hours hr hrs h",
	"minute minutes min mins m mi", "second seconds sec secs s", "millisecond milliseconds msec msecs ms", "microsecond microseconds usec usecs us",
	"decade decades", "century centuries", "millennium millennia", "dayofweek dow", "dayofyear doy", "epoch", "isodow", "isoyear",
)

func partNames(groups ...string) map[string]string {
	names := map[string]string{}
	for _, g := range groups {
		words := strings.Fields(g)
		for _, w := range words {
			names[w] = words[0]
		}
	}
	return names
}

// quotePart turns the bare part of dateadd(day, ...) into a string.
func (w *walker) quotePart(call node) {
	args := call.list("children")
	if isPart := strings.HasSuffix(strings.ToLower(call.text("function_name")), "part"); len(args) != 3 && !(isPart && len(args) == 2) {
		return // date_add(day, INTERVAL 1 DAY) is of a column
	}
	arg, _ := args[0].(map[string]any)
	names := node(arg).list("column_names")
	if len(names) != 1 {
		return
	}
	word, _ := names[0].(string)
	part, known := dateParts[strings.ToLower(word)]
	spans := path(w.text, node(arg).at(), word)
	if !known || spans == nil || w.text[spans[0].at] == '"' {
		return
	}
	w.edits = append(w.edits, edit{spans[0].at, spans[0].end - spans[0].at, record.QuoteText(part)})
}
