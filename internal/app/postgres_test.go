package app_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/testkit"
)

// textKind is a type of which Biwa and PostgreSQL write the same text: the i-th value in
// the SQL of each.
type textKind struct {
	name  string
	value func(r *rand.Rand, i int) (ours, theirs string)
}

// same is a value whose SQL is the same in both.
func same(sql string) (string, string) { return sql, sql }

// of chooses an edge for each of the first values, and draws the others.
func of(edges []string, i int, drawn string) string {
	if i < len(edges) {
		return edges[i]
	}
	return drawn
}

var textKinds = []textKind{
	{"date", func(r *rand.Rand, i int) (string, string) {
		return same(of([]string{"'infinity'::date", "'-infinity'::date"}, i, fmt.Sprintf("'1970-01-01'::date + (%d)", r.IntN(5_000_000)-1_700_000)))
	}},
	{"timestamp", func(r *rand.Rand, i int) (string, string) {
		micros := r.Int64N(500_000_000_000_000_000) - 200_000_000_000_000_000
		if r.IntN(3) == 0 {
			micros -= micros % 1e6
		}
		ours := of([]string{"'infinity'::timestamp", "'-infinity'::timestamp"}, i, fmt.Sprintf("make_timestamp(%d)", micros))
		return ours, of([]string{"'infinity'::timestamp", "'-infinity'::timestamp"}, i, fmt.Sprintf("timestamp '1970-01-01' + interval '%d days %d microseconds'", micros/86400e6, micros%86400e6))
	}},
	{"time", func(r *rand.Rand, i int) (string, string) {
		micros := r.Int64N(86_400_000_000)
		if r.IntN(3) == 0 {
			micros -= micros % 1000
		}
		return same(of([]string{"'24:00:00'::time", "'00:00:00'::time", "'23:59:59.999999'::time"}, i, "'"+time.UnixMicro(micros).UTC().Format("15:04:05.000000")+"'::time"))
	}},
	{"timetz", func(r *rand.Rand, i int) (string, string) {
		minutes := r.IntN(2*15*60) - 15*60
		sign := "+"
		if minutes < 0 {
			sign, minutes = "-", -minutes
		}
		return same(of([]string{"'00:00:00+00:00'::timetz", "'23:59:59.999999-15:59'::timetz"}, i,
			fmt.Sprintf("'%s%s%02d:%02d'::timetz", time.UnixMicro(r.Int64N(86_400_000_000)).UTC().Format("15:04:05.000000"), sign, minutes/60, minutes%60)))
	}},
	{"interval", func(r *rand.Rand, i int) (string, string) {
		months, days, micros := r.IntN(500)-250, r.IntN(2000)-1000, r.Int64N(20_000_000_000_000)-10_000_000_000_000
		switch r.IntN(4) {
		case 0:
			months = 0
		case 1:
			days = 0
		case 2:
			micros = 0
		}
		if i == 0 {
			months, days, micros = 0, 0, 0
		}
		return fmt.Sprintf("to_months(%d) + to_days(%d) + to_microseconds(%d)", months, days, micros), fmt.Sprintf("interval '%d months %d days %d microseconds'", months, days, micros)
	}},
	{"decimal", func(r *rand.Rand, i int) (string, string) {
		digits := strconv.FormatUint(r.Uint64(), 10)
		return same(of([]string{"'0'::decimal(38,10)", "'-0.0000000001'::decimal(38,10)", "'9999999999999999999999999999.9999999999'::decimal(38,10)"}, i, fmt.Sprintf("'%s%s.%010d'::decimal(38,10)", []string{"", "-"}[r.IntN(2)], digits, r.IntN(1e10))))
	}},
	{"double", func(r *rand.Rand, i int) (string, string) {
		v := math.Float64frombits(r.Uint64())
		switch r.IntN(3) {
		case 0:
			v = float64(r.IntN(2_000_000)-1_000_000) / 1000
		case 1:
			v = r.NormFloat64() * math.Pow10(r.IntN(40)-20)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 1
		}
		text := of([]string{"NaN", "Infinity", "-Infinity", "0", "-0", "1e15", "1e-4", "1e-5", "999999999999999", "5e-324", "1.7976931348623157e308"}, i, strconv.FormatFloat(v, 'g', -1, 64))
		return "'" + text + "'::double", "'" + text + "'::double precision"
	}},
	{"real", func(r *rand.Rand, i int) (string, string) {
		v := math.Float32frombits(r.Uint32())
		if v != v || math.IsInf(float64(v), 0) || r.IntN(2) == 0 {
			v = float32(r.IntN(20_000_000)-10_000_000) / 100
		}
		text := of([]string{"NaN", "Infinity", "-Infinity", "0", "-0", "1e6", "999999", "1e-4", "1e-5"}, i, strconv.FormatFloat(float64(v), 'g', -1, 32))
		return "'" + text + "'::float", "'" + text + "'::real"
	}},
	{"bytea", func(r *rand.Rand, i int) (string, string) {
		b := make([]byte, r.IntN(12))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		ours := ""
		for _, c := range b {
			ours += fmt.Sprintf(`\x%02X`, c)
		}
		return "'" + ours + "'::blob", fmt.Sprintf(`'\x%x'::bytea`, b)
	}},
	{"boolean", func(r *rand.Rand, i int) (string, string) { return same([]string{"true", "false"}[i%2]) }},
	{"bigint", func(r *rand.Rand, i int) (string, string) {
		return same(of([]string{"'9223372036854775807'::bigint", "'-9223372036854775808'::bigint", "0::bigint"}, i, fmt.Sprintf("'%d'::bigint", int64(r.Uint64()))))
	}},
	{"uuid", func(r *rand.Rand, i int) (string, string) {
		return same(fmt.Sprintf("'%08X-%04x-%04x-%04x-%012x'::uuid", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), r.Int64N(1<<48)))
	}},
	{"json", func(r *rand.Rand, i int) (string, string) {
		return same(of([]string{`'{"a": 1, "a": 2}'::json`, `'1e400'::json`, `'[1.0, -0, "\u0041"]'::json`, `'null'::json`}, i, fmt.Sprintf(`'{"n":  %d, "s": "it''s"}'::json`, i)))
	}},
	{"text", func(r *rand.Rand, i int) (string, string) {
		letters := []rune("ab ,\"\n\r\t'\\;=猫é\u2028\U0001F600")
		text := make([]rune, 1+r.IntN(8))
		for j := range text {
			text[j] = letters[r.IntN(len(letters))]
		}
		whole := string(text)
		for strings.Contains(whole, "\r\n") { // the test's reader of CSV makes them one
			whole = strings.ReplaceAll(whole, "\r\n", "\n")
		}
		return same(record.QuoteText(whole))
	}},
}

// asPostgres is a text of ours in PostgreSQL's spelling, where RFC 3339 is another one.
func asPostgres(kind, text string) string {
	if kind == "timestamp" && len(text) > 10 && text[10] == 'T' {
		return text[:10] + " " + text[11:]
	}
	return text
}

// TestTextsAreThoseOfPostgreSQL compares edges and hundreds of drawn values of each type
// in CSV, in JSON and in PostgreSQL.
func TestTextsAreThoseOfPostgreSQL(t *testing.T) {
	postgres := testkit.Postgres(t)
	n := newProject(t, nil).start()
	const count = 400
	for _, kind := range textKinds {
		random := rand.New(rand.NewPCG(7, uint64(len(kind.name))))
		var ours, theirs []string
		for i := range count {
			a, b := kind.value(random, i)
			ours, theirs = append(ours, fmt.Sprintf("(%d, %s)", i, a)), append(theirs, fmt.Sprintf("(%d, (%s)::text)", i, b))
		}
		want := postgres("SELECT v FROM (VALUES " + strings.Join(theirs, ",") + ") x(i, v) ORDER BY i;")
		sql := "SELECT v FROM (VALUES " + strings.Join(ours, ",") + ") x(i, v) ORDER BY i"
		status, text, _ := ask(t, n, sql, "Accept", "text/csv")
		if status != http.StatusOK {
			t.Errorf("%s: %d %.300s", kind.name, status, text)
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ = ask(t, n, sql)
		var answer struct{ Rows [][]json.RawMessage }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Rows) != count || len(rows) != count+1 || len(want) != count {
			t.Fatalf("%s: %d rows in JSON, %d lines in CSV, %d rows of PostgreSQL, %v", kind.name, len(answer.Rows), len(rows), len(want), err)
		}
		wrong := 0
		for i := range count {
			inJSON := string(answer.Rows[i][0])
			if kind.name != "json" && strings.HasPrefix(inJSON, `"`) {
				if err := json.Unmarshal(answer.Rows[i][0], &inJSON); err != nil {
					t.Fatal(err)
				}
			}
			for format, got := range map[string]string{"CSV": rows[i+1][0], "JSON": inJSON} {
				if asPostgres(kind.name, got) != want[i][0] {
					if wrong++; wrong <= 4 {
						t.Errorf("%s in %s: %s is %q, PostgreSQL writes %q", kind.name, format, ours[i], got, want[i][0])
					}
				}
			}
		}
		if wrong > 4 {
			t.Errorf("%s: %d of %d differ", kind.name, wrong, 2*count)
		}
	}
}
