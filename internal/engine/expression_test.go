package engine

import (
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

func TestBind(t *testing.T) {
	e, _ := openEngine(t, nil)
	for expr, want := range map[string]string{
		"amount * 1.1":                            "double",
		"CAST(amount AS decimal(18,2))":           "decimal(18,2)",
		"upper(user_id) || '!'":                   "varchar",
		"ts::date":                                "date",
		"payload.n::int + 1":                      "int",
		"payload->>'$.tags[0]'":                   "varchar",
		"payload":                                 "json",
		"CONVERT_TIMEZONE('JST', ts)":             "timestamp",
		"dateadd(day, 1, ts)":                     "timestamptz",
		"datediff('day', ts, _received_at)":       "bigint",
		"[user_id, 'x']":                          "varchar[]",
		"{a: 1, b: user_id}":                      "struct(a int, b varchar)",
		"date_format(ts, '%Y-%m-%d') -- a remark": "varchar",
		"list_transform([1, 2], lambda x: x + 1)": "int[]",
		"md5(user_id)":                            "varchar",
		"nvl(user_id, 'none')":                    "varchar",
		"CASE WHEN amount > 1 THEN 1 END":         "int",
	} {
		got, err := e.Bind(t.Context(), events, expr)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", expr, got, err, want)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	e, _ := openEngine(t, nil)
	for _, c := range []struct {
		expr, message string
		column        int
	}{
		{"amount + now()", "replay", 10},
		{"current_date", "replay", 1},
		{"1 + getdate()", "replay", 5},
		{"today()", "replay", 1},
		{"random() * 2", "every call", 1},
		{"uuid()", "every call", 1},
		{"sum(amount)", "aggregate", 1},
		{"approx_distinct(user_id)", "aggregate", 1},
		{"row_number() OVER ()", "window", 1},
		{"1 + (SELECT 2)", "subqueries", 5},
		{"exists (SELECT 1)", "subqueries", 1},
		{"unnest([1])", "several rows", 1},
		{"amuont + 1", "amuont", 1},
		{"*", "one value", 1},
		{"", "empty", 0},
		{"1, 2", "cannot hold", 1},
		{"1) FROM events --", "", 0},
		{"1 +", "", 0},
		{"$1", "parameters", 0},
		{"getvariable('x')", "not available", 1},
		{"nosuch(1)", "nosuch", 1},
		{"1 UNION ALL SELECT 2", "", 0},
	} {
		got, err := e.Bind(t.Context(), events, c.expr)
		sqlErr, ok := asSQLError(err)
		if !ok {
			t.Errorf("%s: %v, %v, want an SQLError", c.expr, got, err)
			continue
		}
		if !strings.Contains(sqlErr.Message, c.message) || sqlErr.Column != c.column && c.column != 0 {
			t.Errorf("%s: column %d: %v; want %q at %d", c.expr, sqlErr.Column, err, c.message, c.column)
		}
	}
	if _, err := e.Bind(t.Context(), events, "amuont + 1"); !strings.Contains(err.Error(), `did you mean "amount"`) {
		t.Errorf("no suggestion: %v", err)
	}
	if _, err := e.Bind(t.Context(), record.Schema{{Name: "current_date", Type: record.Type{Kind: record.Date}}}, "current_date"); err != nil {
		t.Errorf("a column called current_date: %v", err)
	}
}
