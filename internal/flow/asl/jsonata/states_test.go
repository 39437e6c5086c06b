package jsonata_test

import (
	"errors"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// TestFunctions covers the functions of Step Functions, what comes from Env, and values that pass through.
func TestFunctions(t *testing.T) {
	env := jsonata.Env{
		Now:    time.Date(2025, 12, 31, 23, 59, 58, 7e6, time.UTC),
		Random: func() float64 { return 0.25 },
		UUID:   func() string { return "11111111-2222-4333-8444-555555555555" },
	}
	vars := map[string]any{"states": value.MustParse(`{"input":{"n":1.50,"big":9007199254740993,"list":[1.0,2]}}`)}
	for _, c := range []struct{ source, want, code string }{
		{`$partition([1,2,3,4,5], 2)`, `[[1,2],[3,4],[5]]`, ""},
		{`$partition([1..4], 2)`, `[[1,2],[3,4]]`, ""},
		{`$partition([], 3)`, `[]`, ""},
		{`$partition(7, 3)`, `[[7]]`, ""},
		{`$partition([1], 0)`, ``, "D3501"},
		{`$partition([1], 1.5)`, ``, "D3501"},
		{`$partition([1], "a")`, ``, "T0410"},
		{`$range(0, 10, 5)`, `[0,5,10]`, ""},
		{`$range(1, 8, 3)`, `[1,4,7]`, ""},
		{`$range(5, 1, -2)`, `[5,3,1]`, ""},
		{`$range(1, 5, -1)`, `[]`, ""},
		{`$range(1, 5, 0)`, ``, "D3502"},
		{`$range(1, 5.5, 1)`, ``, "D3503"},
		{`$hash("input data", "SHA-1")`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`, ""},
		{`$hash("", "MD5")`, `"d41d8cd98f00b204e9800998ecf8427e"`, ""},
		{`$hash("abc", "SHA-256")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`, ""},
		{`$length($hash("abc", "SHA-384")) & "," & $length($hash("abc", "SHA-512"))`, `"96,128"`, ""},
		{`$hash("abc", "CRC")`, ``, "D3504"},
		{`$random()`, `0.25`, ""},
		{`$random(42) = $random(42) and $random(42) != $random(43)`, `true`, ""},
		{`$random(0)`, `0.730967787376657`, ""},
		{`$uuid()`, `"11111111-2222-4333-8444-555555555555"`, ""},
		{`$parse('{"b":[1.0,null],"a":"x"}')`, `{"b":[1.0,null],"a":"x"}`, ""},
		{`$parse("{")`, ``, "D3505"},
		{`$parse(missing)`, ``, ""},
		{`$now()`, `"2025-12-31T23:59:58.007Z"`, ""},
		{`$millis() = $toMillis($now())`, `true`, ""},
		{`$exists($eval)`, `false`, ""},
		{`$states.input`, `{"n":1.50,"big":9007199254740993,"list":[1.0,2]}`, ""},
		{`$states.input.list[0]`, `1.0`, ""},
		{`[$states.input.list]`, `[1.0,2]`, ""},
		{`$states.input.n + 0`, `1.5`, ""},
		{`$string($states.input.n)`, `"1.5"`, ""},
		{`$states.input.n = 1.5`, `true`, ""},
		{`{"f": $sum, "g": [$sum]}`, `{"g":[null]}`, ""},
		{`$replace("a😀b", /./, "$0")`, `"a😀b"`, ""},
		{`$join($split("a😀b", ""))`, `"a😀b"`, ""},
		{`$sum`, ``, ""},
		{`nothing`, ``, ""},
		{`null`, `null`, ""},
		{`$formatNumber(0, "0.0e0") & $formatNumber(-1234, "0.0e0")`, `"0.0e0-1.2e3"`, ""},
	} {
		e, err := jsonata.Compile(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		result, defined, err := e.Eval(jsonata.Undefined, vars, env)
		var mistake *jsonata.Error
		switch {
		case errors.As(err, &mistake):
			if mistake.Code != c.code {
				t.Errorf("%s: %v, want %s%s", c.source, err, c.want, c.code)
			}
		case c.code != "" || defined != (c.want != "") || defined && value.Text(result) != c.want:
			t.Errorf("%s: got %v %s, want %s%s", c.source, defined, value.Text(result), c.want, c.code)
		}
	}
}

func TestInputs(t *testing.T) {
	for _, c := range []struct{ source, input, want string }{
		{`$`, `[1]`, `[1]`},
		{`$$`, `[[1,2]]`, `[[1,2]]`},
		{`$[0]`, `[4,5]`, `4`},
		{`a.b`, `[{"a":{"b":1}},{"a":{"b":[2,3]}}]`, `[1,2,3]`},
		{`*`, `{"b":1,"2":2,"1":3}`, `[3,2,1]`},
		{`$keys($)`, `{"b":1,"10":2,"9":3,"01":4}`, `["9","10","b","01"]`},
	} {
		e, err := jsonata.Compile(c.source)
		if err != nil {
			t.Fatal(err)
		}
		result, _, err := e.Eval(value.MustParse(c.input), nil, jsonata.Env{})
		if err != nil || value.Text(result) != c.want {
			t.Errorf("%s of %s: got %s, %v, want %s", c.source, c.input, value.Text(result), err, c.want)
		}
	}
}

// TestPositions shows where errors are said to be, and in which words.
func TestPositions(t *testing.T) {
	for _, c := range []struct {
		source, code, token, message string
		position                     int
	}{
		{`"abc`, "S0101", "", `String literal must be terminated by a matching quote`, 4},
		{`a + "\q"`, "S0103", "q", `Unsupported escape sequence: \"q"`, 6},
		{`a ! b`, "S0204", "!", `Unknown operator: "!"`, 3},
		{`(1, 2)`, "S0202", ",", `Expected ")", got ","`, 3},
		{`[1, 2`, "S0203", "(end)", `Expected "]" before end of expression`, 5},
		{`1 2`, "S0201", "2", `Syntax error: "2"`, 3},
		{`a := 1`, "S0212", "a", `The left side of := must be a variable name (start with $)`, 1},
		{`😀.1`, "S0213", "", `The literal value 1 cannot be used as a step within a path expression`, 4},
		{`/(/`, "S0302", "", `No terminating / in regular expression`, 3},
		{`/a{2,1}/`, "S0303", "", ``, 1},
		{`"a" + 1`, "T2001", "+", `The left side of the "+" operator must evaluate to a number`, 5},
		{`$sum("a")`, "T0412", "sum", `Argument 1 of function "sum" must be an array of "numbers"`, 5},
		{`$substring("a")`, "T0410", "substring", `Argument 2 of function "substring" does not match function signature`, 11},
		{`sum([1])`, "T1005", "sum", `Attempted to invoke a non-function. Did you mean $sum?`, 4},
		{`$error("stop here")`, "D3137", "error", `stop here`, 7},
		{`{"a": 1}.(-$)`, "D1002", "-", `Cannot negate a non-numeric value: {"a":1}`, 11},
	} {
		e, err := jsonata.Compile(c.source)
		if err == nil {
			_, _, err = e.Eval(jsonata.Undefined, nil, jsonata.Env{})
		}
		var mistake *jsonata.Error
		if !errors.As(err, &mistake) {
			t.Errorf("%s: no error", c.source)
			continue
		}
		if mistake.Code != c.code || mistake.Token != c.token || mistake.Position != c.position || c.message != "" && mistake.Message != c.message {
			t.Errorf("%s: got %s %q at %d: %s", c.source, mistake.Code, mistake.Token, mistake.Position, mistake.Message)
		}
	}
}
