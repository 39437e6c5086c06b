package jsonata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
)

func TestVariables(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`1 + 2`, ``},
		{`$states.input.a[0].b`, `states@0[input a]`},
		{`$sum($states.input.items.(price * $rate))`, `states@5[input items] rate@34[]`},
		{`($x := $y; $x + $z)`, `y@7[] z@16[]`},
		{`($x := $x; $x)`, `x@7[]`},
		{`($f := function($n){$n = 0 ? $k : $f($n - 1)}; $f(3))`, `k@29[]`},
		{`($even := function($n){$odd($n)}; $odd := function($n){$even($n)}; $odd(3))`, ``},
		{`($x := 1; ($y := $x); $y)`, `y@22[]`},
		{`a@$v#$i.b[$v.c = $w].{"k": $i}`, `w@17[]`},
		{`$.a & $$.b`, `@0[a] $@6[b]`},
		{`é.$states.input`, `states@3[]`},
		{`$states."input"[$q].x`, `states@0[input] q@16[]`},
		{`$map($list, function($v){$v + $add})`, `list@5[] add@30[]`},
		{`$clone($o) ~> |a|{"b": $c}, $d|`, `o@7[] c@23[] d@28[]`},
		{`$states[0].input`, `states@0[]`},
		{`$eval("1")`, `eval@0[]`},
	} {
		e, err := jsonata.Compile(c.source)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range e.Variables() {
			got = append(got, fmt.Sprintf("%s@%d%v", v.Name, v.Offset, v.Path))
			if !strings.HasPrefix(c.source[v.Offset:], "$"+v.Name) || !strings.HasPrefix(string([]rune(c.source)[v.Rune:]), "$"+v.Name) {
				t.Errorf("%s: %+v is in the wrong place", c.source, v)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.source, got, c.want)
		}
	}
}
