package jsonata_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// addSuite gives a fuzz target the recorded expressions to start from, where they are there, and some in any case.
func addSuite(f *testing.F) {
	for _, source := range []string{
		`$sum(a.b[c > 1].(d * 2))`, `($f := function($x)<n-:n>{$x}; a ~> $f)`, `a@$v#$i.b^(>c){d: %.e}`, `/a(b)*c/i`, `a ~> |b|{"c": 1}, "d"|`,
	} {
		f.Add(source)
	}
	file, err := os.Open(filepath.Join(root(f), suiteFile))
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c suiteCase
		if json.Unmarshal(lines.Bytes(), &c) == nil && json.Unmarshal(c.Text, &c.Expr) == nil && len(c.Expr) < 400 {
			f.Add(c.Expr)
		}
	}
}

// FuzzCompile shows that every text compiles or has an *Error within it.
func FuzzCompile(f *testing.F) {
	addSuite(f)
	f.Fuzz(func(t *testing.T, source string) {
		e, err := jsonata.Compile(source)
		var mistake *jsonata.Error
		switch {
		case err == nil:
			for _, v := range e.Variables() {
				if v.Offset < 0 || v.Offset > len(source) || v.Rune > v.Offset {
					t.Errorf("%q: %+v", source, v)
				}
			}
		case !errors.As(err, &mistake) || mistake.Code == "" || mistake.Message == "":
			t.Errorf("%q: %#v", source, err)
		case mistake.Position < 0 || mistake.Position > len(source)+1:
			t.Errorf("%q: position %d", source, mistake.Position)
		}
	})
}

// FuzzEval shows that every evaluation ends within its limits, and that what it gives is a JSON value.
func FuzzEval(f *testing.F) {
	addSuite(f)
	input := value.MustParse(`{"a":{"b":[{"c":1,"d":"x","e":[[1,2],[3]]},{"c":2.50,"d":"é😀"},null,true]},
		"Account":{"Order":[{"Product":[{"Price":1.5,"SKU":"04"}]}]},"1":[],"0":{}}`)
	f.Fuzz(func(t *testing.T, source string) {
		e, err := jsonata.Compile(source)
		if err != nil {
			return
		}
		before := value.Text(input)
		result, defined, err := e.Eval(input, map[string]any{"v": input}, jsonata.Env{
			Limits: jsonata.Limits{MaxSteps: 100_000, MaxBytes: 4 << 20, MaxDepth: 500},
		})
		var mistake *jsonata.Error
		if err != nil && (!errors.As(err, &mistake) || mistake.Message == "" && mistake.Code != "D3137" && mistake.Code != "D3141") {
			t.Errorf("%q: %#v", source, err)
		}
		if err == nil && defined {
			value.Text(result)
		}
		if value.Text(input) != before {
			t.Errorf("%q changed its input", source)
		}
	})
}
