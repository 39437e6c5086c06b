package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestCellsOverLines(t *testing.T) {
	many := strings.Repeat("2,y\n", 3000)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		// As they are meant to be.
		"text":                         {"n,t\n1,\"Dear all,\nthanks, Bob\"\n2,y\n", []string{`{"n":"1","t":"Dear all,\u000athanks, Bob"}`, `{"n":"2","t":"y"}`}},
		"in the first column":          {"t,n,m\n\"Hello\nBob\",1,2\n\"a\n\n,b\",3,4\n", []string{`{"t":"Hello\u000aBob","n":"1","m":"2"}`, `{"t":"a\u000a\u000a,b","n":"3","m":"4"}`}},
		"two cells, and quotes in one": {"n,t,u\n1,\"a\n\"\"b\"\"\",\"\nc\n\"\n", []string{`{"n":"1","t":"a\u000a\"b\"","u":"\u000ac\u000a"}`}},
		"one column":                   {"t\n\"a\nb\nc\"\nd\n", []string{`{"t":"a\u000ab\u000ac"}`, `{"t":"d"}`}},
		"verses, no figures":           {"who,what,why\nA,\"one, two,\nthree, four\",x\n", []string{`{"who":"A","what":"one, two,\u000athree, four","why":"x"}`}},
		// A quote that does not end, and one in a later row that would fit.
		"inches":                  {"n,t\n1,\"x\n2,y\n3,5\"\n4,z\n", []string{`invalid_row(1,"x)`, `{"n":"2","t":"y"}`, `{"n":"3","t":"5\""}`, `{"n":"4","t":"z"}`}},
		"inches in the next row":  {"n,t\n1,\"x\n3,5\"\n", []string{`invalid_row(1,"x)`, `{"n":"3","t":"5\""}`}},
		"an empty cell in quotes": {"n,t,m\n1,\"x,1\n2,\"\",2\n3,z\",3\n", []string{`invalid_row(1,"x,1)`, `{"n":"2","m":"2"}`, `{"n":"3","t":"z\"","m":"3"}`}},
		"no figures":              {"a,b,c\nx,\"y,z\nx,y,z\nx,y,z\nx,y\",z\n", []string{`invalid_row(x,"y,z)`, `{"a":"x","b":"y","c":"z"}`, `{"a":"x","b":"y","c":"z"}`, `{"a":"x","b":"y\"","c":"z"}`}},
		"figures in rows before":  {"t,n\na,1\n\"b,2\nc,3\nd\",4\n", []string{`{"t":"a","n":"1"}`, `invalid_row("b,2)`, `{"t":"c","n":"3"}`, `{"t":"d\"","n":"4"}`}},
		"far away":                {"n,t\n1,\"x\n" + many + "3,5\"\n", append(append([]string{`invalid_row(1,"x)`}, slices.Repeat([]string{`{"n":"2","t":"y"}`}, 3000)...), `{"n":"3","t":"5\""}`)},
		"nowhere":                 {"n,t\n1,\"x\n" + many, append([]string{`invalid_row(1,"x)`}, slices.Repeat([]string{`{"n":"2","t":"y"}`}, 3000)...)},
	} {
		got, err := read(t, []byte(test.text), "a.csv", Options{})
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %.1000q, %v; want %.1000q", name, got, err, test.want)
		}
	}
}

// Whatever end quote is missing, every other row is there as it was.
func TestAMissingQuoteCostsItsRow(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	words := []string{"alpha", "beta, gamma", "\n", " ", "delta\nepsilon", "\"\"", "zeta,", ""}
	for round := range 500 {
		var text strings.Builder
		var want []string
		text.WriteString("id,text,price\n")
		rows := 3 + random.IntN(40)
		missing := random.IntN(rows)
		for i := range rows {
			var cell strings.Builder
			for range random.IntN(4) {
				cell.WriteString(words[random.IntN(len(words))])
			}
			end := "\""
			if i == missing {
				end = ""
			} else if cell.Len() > 0 {
				want = append(want, fmt.Sprintf(`"id":"%d"`, i))
			}
			fmt.Fprintf(&text, "%d,\"%s%s,%d\n", i, cell.String(), end, i)
		}
		got, err := read(t, []byte(text.String()), "a.csv", Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(got, "\n")
		for _, id := range want {
			if !strings.Contains(all, "{"+id+",") {
				t.Fatalf("round %d: row %s is gone, of\n%s\nas\n%s", round, id, text.String(), all)
			}
		}
		if !strings.Contains(all, fmt.Sprintf("invalid_row(%d,", missing)) {
			t.Fatalf("round %d: row %d was not rejected in\n%s\nas\n%s", round, missing, text.String(), all)
		}
	}
}
