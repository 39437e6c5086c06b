package shape

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// evolvedBy shapes records in sections of those sizes, as a node does: a section that
// brings new fields is shaped again with their columns. It returns the definition
// that comes of it, and of each record what its fields n hold.
func evolvedBy(t *testing.T, def Definition, lines []string, sizes []int) (Definition, []string) {
	t.Helper()
	var values []string
	for at := 0; at < len(lines); {
		size := min(sizes[0], len(lines)-at)
		sizes = append(sizes[1:], sizes[0])
		b := shaped(t, compiled(t, def, Options{}), lines[at:at+size]...)
		for rounds := 0; len(b.Unknown) > 0 && rounds < 4; rounds++ {
			def = def.Evolved(b.Unknown)
			b = shaped(t, compiled(t, def, Options{}), lines[at:at+size]...)
		}
		if len(b.Unknown) > 0 || len(b.Rejects) > 0 {
			t.Fatalf("unknown %v, rejects %v", b.Unknown, b.Rejects)
		}
		for row := range size {
			values = append(values, valueOf(b, row))
		}
		at += size
	}
	return def, values
}

// valueOf is the field n of a row, from its column or from _extra.
func valueOf(b *record.Batch, row int) string {
	if b.Schema.Index("n") >= 0 && cell(b, row, "n") != "null" {
		if b.Schema[b.Schema.Index("n")].Type.Kind == record.Double {
			return "double " + cell(b, row, "n")
		}
		return "column " + cell(b, row, "n") // whatever the type is now, its text stays
	}
	if extra := cell(b, row, "_extra"); extra != `{"n":null}` {
		return "_extra " + extra
	}
	return "_extra null" // a null is no value
}

// However records are cut into requests, the same columns of the same types come of
// them, and every value is there as it was sent.
func TestEvolveChangesNoValue(t *testing.T) {
	kinds := []string{`1`, `0`, `-7`, `9223372036854775807`, `9223372036854775808`, `99999999999999999999999999999999999999999`, `1.5`, `1.50`, `1.0`, `1e2`, `-0`, `0.1`, `1e400`,
		`0.12345678901234567890`, `9007199254740993`, `true`, `false`, `"007"`, `"+1"`, `"1"`, `"1.0"`, `"true"`, `"x"`, `""`, `{"a":1}`, `[1,"2"]`, `null`}
	def := Definition{UnknownFields: UnknownEvolve}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 10))
		lines := make([]string, 1+r.IntN(12))
		for i := range lines {
			lines[i] = `{"n":` + kinds[r.IntN(len(kinds))] + `}`
		}
		wantDef, want := evolvedBy(t, def, lines, []int{len(lines)})
		for range 5 {
			sizes := []int{1 + r.IntN(3), 1 + r.IntN(5), 1}
			gotDef, got := evolvedBy(t, def, lines, sizes)
			a, _ := json.Marshal(wantDef)
			b, _ := json.Marshal(gotDef)
			if string(a) != string(b) || !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s in sections of %v\ngot  %s\n     %s\nwant %s\n     %s", seed, lines, sizes, b, got, a, want)
			}
		}
		for i, line := range lines {
			sent := strings.TrimSuffix(strings.TrimPrefix(line, `{"n":`), `}`)
			typ, got, _ := strings.Cut(want[i], " ")
			ok := got == sent
			switch typ {
			case "_extra":
				ok = got == line || sent == "null" && got == "null"
			case "column":
				var text string
				if json.Unmarshal([]byte(sent), &text) == nil {
					ok = got == text
				}
			case "double":
				ok = sameNumber(got, sent)
			}
			if !ok {
				t.Errorf("seed %d: %s became %s", seed, line, want[i])
			}
		}
	}
}

// In whatever order values come, they are the same text in the column in the end. Doubles
// alone are not widened.
func TestEvolveGivesOneTextInAnyOrder(t *testing.T) {
	kinds := []string{`1`, `0`, `-7`, `9223372036854775808`, `99999999999999999999999999999999999999999`, `true`, `false`, `"007"`, `"+1"`, `"1"`, `"x"`, `""`, `{"a":1}`, `[1,"2"]`}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 11))
		lines := make([]string, 2+r.IntN(6))
		for i := range lines {
			lines[i] = `{"n":` + kinds[r.IntN(len(kinds))] + `}`
		}
		var first map[string]string
		for range 6 {
			r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			_, values := evolvedBy(t, Definition{UnknownFields: UnknownEvolve}, lines, []int{1 + r.IntN(3), 1})
			found := map[string]string{}
			for i, line := range lines {
				found[line] = values[i]
				if !strings.HasPrefix(values[i], "column ") {
					t.Errorf("seed %d: %s of %s is %s", seed, line, lines, values[i])
				}
			}
			if first == nil {
				first = found
			}
			if !maps.Equal(found, first) {
				t.Fatalf("seed %d: %v became %v and %v", seed, lines, first, found)
			}
		}
	}
}

func TestEvolveWidens(t *testing.T) {
	for values, want := range map[string]string{
		`1 2`: "bigint", `1 9223372036854775808`: "decimal(38,0)", `1 9223372036854775808 "x"`: "varchar", `1 1.5`: "varchar", `1 "007"`: "varchar", `true 1`: "varchar",
		`1.5 2`: "double", `1.5 "x"`: "double", `{} []`: "json", `{} 1`: "varchar", `true {}`: "varchar", `1 99999999999999999999999999999999999999999`: "varchar", `1 null`: "bigint",
	} {
		var lines []string
		for _, v := range strings.Fields(values) {
			lines = append(lines, `{"n":`+v+`}`)
		}
		def, _ := evolvedBy(t, Definition{UnknownFields: UnknownEvolve}, lines, []int{1})
		if got := def.Columns[0].Type; got != want {
			t.Errorf("%s is %s, want %s", values, got, want)
		}
	}
}

func sameNumber(a, b string) bool {
	x, formX := parseNumber([]byte(a))
	y, formY := parseNumber([]byte(b))
	return formX == exactNumber && formY == exactNumber && x == y
}

func TestEvolveGuesses(t *testing.T) {
	for value, want := range map[string]string{
		`1`: "bigint", `-9223372036854775808`: "bigint", `9223372036854775808`: "decimal(38,0)", `1.50`: "double", `1.0`: "double", `1e2`: "double", `-0`: "double",
		`0.12345678901234567890`: "varchar", `1e400`: "varchar", `999999999999999999999999999999999999999`: "varchar",
		`true`: "boolean", `"007"`: "varchar", `"+1"`: "varchar", `{}`: "json", `[]`: "json", `null`: "",
	} {
		b := shaped(t, compiled(t, Definition{UnknownFields: UnknownEvolve}, Options{}), `{"n":`+value+`}`)
		got := ""
		if len(b.Unknown) == 1 {
			got = b.Unknown[0].Type.String()
		}
		if got != want {
			t.Errorf("%s is guessed %q, want %q", value, got, want)
		}
	}
}

// What came within one hour adds so many columns, however it was cut; what comes in
// the next adds more.
func TestEvolveAddsSoManyColumnsAnHour(t *testing.T) {
	def := Definition{UnknownFields: UnknownEvolve, EvolveColumns: 3}
	line := func(from, to int) string {
		var members []string
		for i := from; i < to; i++ {
			members = append(members, fmt.Sprintf(`"c%d":%d`, i, i))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	def, _ = evolvedBy(t, def, []string{line(0, 2), line(2, 9), line(4, 12)}, []int{1})
	if len(def.Columns) != 3 {
		t.Fatalf("columns %v", def.Columns)
	}
	b := shaped(t, compiled(t, def, Options{}), line(0, 5))
	if got, want := cell(b, 0, "c2")+" "+cell(b, 0, "_extra"), `2 {"c3":3,"c4":4}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i := range def.Columns { // as if they had come an hour before
		def.Columns[i].Hour--
	}
	if def, _ = evolvedBy(t, def, []string{line(0, 20)}, []int{1}); len(def.Columns) != 6 {
		t.Errorf("columns %v", def.Columns)
	}
}
