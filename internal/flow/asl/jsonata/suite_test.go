package jsonata_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// suiteFile holds the recorded test suite of the reference implementation, relative to the repository's root.
const suiteFile = "../shared/conformance/jsonata.jsonl"

// suiteCase is a line of it.
type suiteCase struct {
	Name     string          `json:"name"`
	Text     json.RawMessage `json:"expr"`
	Expr     string          `json:"-"`
	Bindings json.RawMessage `json:"bindings"`
	Depth    *int            `json:"depth"`
	Data     json.RawMessage `json:"data"`
	HasData  bool            `json:"hasdata"`
	Want     string          `json:"want"`
	Result   json.RawMessage `json:"result"`
	Code     string          `json:"code"`
}

// root is the repository's directory.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
}

func suite(t testing.TB) []suiteCase {
	t.Helper()
	file, err := os.Open(filepath.Join(root(t), suiteFile))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: %s is not there", suiteFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []suiteCase
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c suiteCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		c.Expr = unquote(t, c.Text)
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// unquote reads a JSON string as JSONata does, which unlike encoding/json keeps lone surrogates.
func unquote(t testing.TB, text []byte) string {
	t.Helper()
	e, err := jsonata.Compile(string(text))
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := e.Eval(jsonata.Undefined, nil, jsonata.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return s.(string)
}

func (c *suiteCase) data() any {
	if !c.HasData {
		return jsonata.Undefined
	}
	return value.MustParse(string(c.Data))
}

func (c *suiteCase) vars() map[string]any {
	vars := map[string]any{}
	if bindings, ok := value.MustParse(string(c.Bindings)).(*value.Object); ok {
		for name, v := range bindings.All() {
			vars[name] = v
		}
	}
	return vars
}

func (c *suiteCase) eval() (result any, defined bool, err error) {
	e, err := jsonata.Compile(c.Expr)
	if err != nil {
		return nil, false, err
	}
	env := jsonata.Env{Now: time.Date(2025, 3, 4, 5, 6, 7, 89e6, time.UTC)}
	if c.Depth != nil {
		env.Limits.MaxDepth = *c.Depth
	}
	return e.Eval(c.data(), c.vars(), env)
}

// check says what is wrong with the outcome of a case; "" if nothing is.
func (c *suiteCase) check() string {
	result, defined, err := c.eval()
	var mistake *jsonata.Error
	switch {
	case err != nil && !errors.As(err, &mistake):
		return "the error is no *Error: " + err.Error()
	case err != nil && c.Want != "error":
		return "error " + err.Error()
	case err != nil && c.Code != "" && mistake.Code != c.Code:
		return "error " + err.Error() + ", want " + c.Code
	case err != nil && mistake.Message == "":
		return "an error without a message"
	case err != nil:
		return ""
	case c.Want == "error":
		return "no error but " + value.Text(result) + ", want " + c.Code
	case defined != (c.Want == "result"):
		return "got " + value.Text(result) + ", want " + c.Want
	case defined && !near(result, value.MustParse(string(c.Result))):
		return "got " + value.Text(result) + ", want " + string(c.Result)
	}
	return ""
}

// near is value.Equal but for the last digit of a number, where a recorded one has been through another program's arithmetic.
func near(a, b any) bool {
	x, xok := value.Float(a)
	y, yok := value.Float(b)
	if xok && yok {
		return x == y || math.Abs(x-y) <= 1e-15*math.Abs(y)
	}
	if p, ok := a.([]any); ok {
		q, ok := b.([]any)
		if !ok || len(p) != len(q) {
			return false
		}
		for i := range p {
			if !near(p[i], q[i]) {
				return false
			}
		}
		return true
	}
	p, pok := a.(*value.Object)
	q, qok := b.(*value.Object)
	if !pok || !qok {
		return value.Equal(a, b)
	}
	if p.Len() != q.Len() {
		return false
	}
	for name, item := range p.All() {
		other, ok := q.Get(name)
		if !ok || !near(item, other) {
			return false
		}
	}
	return true
}

func TestSuite(t *testing.T) {
	cases := suite(t)
	passed, evals := 0, 0
	for _, c := range cases {
		if strings.Contains(c.Expr, "$eval") {
			evals++
			continue
		}
		if wrong := c.check(); wrong != "" {
			t.Errorf("%s: %s\n\t%s", c.Name, c.Expr, wrong)
			continue
		}
		passed++
	}
	t.Logf("jsonata: %d of %d cases, %d use $eval", passed, len(cases), evals)
}
