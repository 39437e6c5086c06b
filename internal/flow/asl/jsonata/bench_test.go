package jsonata_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// benchInput is an order of the size that state machines pass around.
const benchInput = `{"order":{"id":"o-1","customer":{"name":"Ada","tier":"gold"},"items":[
	{"sku":"a","price":12.5,"quantity":2,"tags":["x","y"]},{"sku":"b","price":3,"quantity":10,"tags":[]},
	{"sku":"c","price":99.95,"quantity":1,"tags":["z"]},{"sku":"d","price":0.5,"quantity":100,"tags":["x"]}]},"retries":3}`

// benchSources are expressions such as people write in states.
var benchSources = []struct{ name, source string }{
	{"path", `order.customer.name`},
	{"total", `$sum(order.items.(price * quantity))`},
	{"filter", `order.items[price > 2 and quantity < 50].sku`},
	{"object", `{"id": order.id, "gold": order.customer.tier = "gold", "skus": order.items.sku}`},
	{"map", `$map(order.items, function($i, $n) { {"line": $n + 1, "label": $uppercase($i.sku) & ":" & $string($i.price)} })`},
	{"sort", `order.items^(>price).sku`},
	{"group", `order.items{sku: price * quantity}`},
	{"reduce", `$reduce(order.items.price, function($a, $b) { $a + $b })`},
	{"recursion", `($fib := function($n) { $n < 2 ? $n : $fib($n - 1) + $fib($n - 2) }; $fib(10))`},
	{"text", `$join($split("a,b,c,d", ",").$replace($, /[a-c]/, "<$0>"), "-")`},
	{"time", `$fromMillis(1700000000000, "[Y0001]-[M01]-[D01] [H01]:[m01]")`},
}

func BenchmarkEval(b *testing.B) {
	input := value.MustParse(benchInput)
	for _, c := range benchSources {
		b.Run(c.name, func(b *testing.B) {
			e, err := jsonata.Compile(c.source)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := e.Eval(input, nil, jsonata.Env{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, c := range benchSources {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonata.Compile(c.source); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// reference is the reference implementation in an interpreter of ECMAScript, with the expressions compiled and the input parsed.
func reference(b *testing.B) *goja.Runtime {
	b.Helper()
	script, err := exec.Command("testdata/reference").Output()
	if err != nil {
		b.Skipf("SKIPPED: the reference implementation cannot be fetched: %v", err)
	}
	source, err := os.ReadFile(strings.TrimSpace(string(script)))
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	vm := goja.New()
	for name, text := range map[string]string{"source": string(source), "text": benchInput} {
		if err := vm.Set(name, text); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := vm.RunString(`var window = {}, module = {exports: {}}, exports = module.exports;` + string(source) +
		`; var jsonata = module.exports, input = JSON.parse(text), expressions = {};
		function outcome(p) { var o = {}; p.then(function(v) { o.v = v }, function(e) { o.e = e }); return o }
		function prepare(name, text) { expressions[name] = jsonata(text) }
		function start(name) { return outcome(expressions[name].evaluate(input)) }
		function finish(o) { if (o.e) throw new Error(o.e.message); return JSON.stringify(o.v) }`); err != nil {
		b.Fatal(err)
	}
	return vm
}

// BenchmarkReference evaluates the same expressions with jsonata-js in goja, and tells by how much this package is faster ("times").
func BenchmarkReference(b *testing.B) {
	vm := reference(b)
	call := func(b *testing.B, name string, args ...any) goja.Value {
		function, ok := goja.AssertFunction(vm.Get(name))
		if !ok {
			b.Fatalf("no function %s", name)
		}
		values := make([]goja.Value, len(args))
		for i, arg := range args {
			values[i] = vm.ToValue(arg)
		}
		v, err := function(goja.Undefined(), values...)
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	input := value.MustParse(benchInput)
	for _, c := range benchSources {
		b.Run(c.name, func(b *testing.B) {
			call(b, "prepare", c.name, c.source)
			e, err := jsonata.Compile(c.source)
			if err != nil {
				b.Fatal(err)
			}
			result, _, err := e.Eval(input, nil, jsonata.Env{})
			if err != nil {
				b.Fatal(err)
			}
			theirs := call(b, "finish", call(b, "start", c.name)).String()
			if !value.Equal(value.MustParse(theirs), result) {
				b.Fatalf("the reference gives %s, this package %s", theirs, value.Text(result))
			}
			const rounds = 200
			ours := time.Now()
			for range rounds {
				if _, _, err := e.Eval(input, nil, jsonata.Env{}); err != nil {
					b.Fatal(err)
				}
			}
			each := time.Since(ours) / rounds
			for b.Loop() {
				call(b, "start", c.name)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(each), "times")
		})
	}
}
