package jsonata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
)

// TestHostileExpressions shows that expressions which would run for ever, or take all memory, end with an error that says why.
func TestHostileExpressions(t *testing.T) {
	forever := `$f := function($n){$f($n + 1)};`
	for name, c := range map[string]struct{ source, code string }{
		"endless tail call":       {`(` + forever + ` $f(0))`, "U1001"},
		"endless recursion":       {`($f := function($n){1 + $f($n + 1)}; $f(0))`, "U1001"},
		"exponential recursion":   {`($f := function($n){$f($n - 1) + $f($n - 1)}; $f(100))`, "U1001"},
		"exponential calls":       {`($f := function($n){$n = 0 ? 1 : $f($n - 1) + $f($n - 1)}; $f(60))`, "U1001"},
		"range that is used":      {`$sum([1..10000000])`, "U1002"},
		"range of ranges":         {`[1..10000000].([1..10000000])`, "U1002"},
		"range too long":          {`[0..10000000]`, "D2014"},
		"wide padding":            {`$pad("x", 1000000000)`, "U1002"},
		"widest padding":          {`$pad("x", -1e308, "abc")`, "U1002"},
		"text that doubles":       {`($f := function($s){$f($s & $s)}; $f("x"))`, "U1002"},
		"array that doubles":      {`($f := function($a){$f($append($a, $a))}; $f([1]))`, "U1002"},
		"shared tree as text":     {`($f := function($x, $n){$n = 0 ? $x : $f([[$x], [$x]], $n - 1)}; $string($f(1, 60)))`, "U1001"},
		"shared tree as result":   {`($f := function($x, $n){$n = 0 ? $x : $f([[$x], [$x]], $n - 1)}; $f(1, 60))`, "U1001"},
		"shared trees compared":   {`($f := function($x, $n){$n = 0 ? $x : $f([[$x], [$x]], $n - 1)}; $f(1, 60) = $f(1, 60))`, "U1001"},
		"deep array":              {`($f := function($x){$f([$x])}; $f(1))`, "U1001"},
		"truth of a deep array":   {`($f := function($x, $n){$n = 0 ? $x : $f([[$x]], $n - 1)}; $boolean($f(1, 200000)))`, "U1001"},
		"object inside itself":    {`{"a": {}} ~> |a|{"self": $}|`, "U1001"},
		"catastrophic pattern":    {`$match($pad("", 40, "a") & "b", /(a+)+$/)`, "U1001"},
		"nested quantifiers":      {`$contains($pad("", 5000, "a"), /(a*)*b/)`, "U1001"},
		"quadratic pattern":       {`$contains($pad("", 200000, "a"), /a*b/)`, "U1001"},
		"join of a range":         {`$join([1..3000000].("0123456789abcdefghijklmnopqrstuvwxyz"))`, "U1002"},
		"replacement that grows":  {`$replace($pad("", 100000, "a"), /a/, $pad("", 100000, "b"))`, "U1002"},
		"sorting without end":     {`$sort([1..100000], function($a, $b){$count([1..$a]) > 0 and $f($b)})`, "T1006"},
		"zip of long ranges":      {`$zip([1..9000000], [1..9000000])`, "U1002"},
		"step range":              {`$range(1, 10000000, 1)`, "U1002"},
		"Roman numeral":           {`$formatInteger(1e300, "I")`, "D1001"},
		"infinite words":          {`$formatInteger(1e308 * 10, "w")`, "D1001"},
		"descent into everything": {`($f := function($x, $n){$n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1)}; $count($f(1, 60).**))`, "U1002"},
		"copy of everything":      {`($f := function($x, $n){$n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1)}; $f(1, 60) ~> |a|{"b": 1}|)`, "U1002"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := jsonata.Compile(c.source)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = e.Eval(jsonata.Undefined, nil, jsonata.Env{Limits: jsonata.Limits{MaxSteps: 2_000_000, MaxBytes: 16 << 20}})
			var mistake *jsonata.Error
			if !errors.As(err, &mistake) || mistake.Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// TestHostileTexts shows that texts which are nested too deeply do not compile, and are not a danger.
func TestHostileTexts(t *testing.T) {
	const deep = 100_000
	for name, source := range map[string]string{
		"parentheses": strings.Repeat("(", deep) + "1" + strings.Repeat(")", deep),
		"brackets":    strings.Repeat("[", deep),
		"braces":      strings.Repeat(`{"a":`, deep),
		"minus":       strings.Repeat("-", deep) + "1",
		"sums":        "1" + strings.Repeat("+1", deep),
		"path":        "a" + strings.Repeat(".a", deep),
		"predicates":  "a" + strings.Repeat("[0]", deep),
		"conditions":  strings.Repeat("a?", deep) + "1",
		"functions":   strings.Repeat("function(){", deep),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jsonata.Compile(source)
			var mistake *jsonata.Error
			if !errors.As(err, &mistake) || mistake.Code != "U1003" {
				t.Errorf("got %.100v, want U1003", err)
			}
		})
	}
	for name, source := range map[string]string{
		"groups":   "/" + strings.Repeat("(", deep) + strings.Repeat(")", deep) + "/",
		"no regex": "/" + strings.Repeat("(", deep) + "/",
	} {
		if _, err := jsonata.Compile(source); err == nil {
			t.Errorf("%s compiled", name)
		}
	}
}

func TestLimitsAreKept(t *testing.T) {
	count := `($f := function($n){$n = 0 ? 0 : $f($n - 1)}; $f(1000))`
	nest := `($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(100))`
	for name, c := range map[string]struct {
		source string
		limits jsonata.Limits
		code   string
	}{
		"steps suffice": {count, jsonata.Limits{MaxSteps: 100_000}, ""},
		"steps":         {count, jsonata.Limits{MaxSteps: 1000}, "U1001"},
		"depth":         {nest, jsonata.Limits{MaxDepth: 100}, "U1001"},
		"depth is free": {count, jsonata.Limits{MaxDepth: 100}, ""},
		"bytes":         {`$pad("", 2000)`, jsonata.Limits{MaxBytes: 1000}, "U1002"},
		"bytes suffice": {`$pad("", 500)`, jsonata.Limits{MaxBytes: 1000}, ""},
	} {
		e, err := jsonata.Compile(c.source)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = e.Eval(nil, nil, jsonata.Env{Limits: c.limits})
		var mistake *jsonata.Error
		if errors.As(err, &mistake) != (c.code != "") || mistake != nil && mistake.Code != c.code {
			t.Errorf("%s: got %v, want %q", name, err, c.code)
		}
	}
}
