package jsonpath_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonpath"
	"github.com/biwa-data/biwa/internal/flow/value"
)

const lake = `{
	"lake": {"name": "Biwa", "depth": 103.58, "inflows": ["Yasu", "Ane", "Echi"], "outflow": null, "odd key": 1, "it's": 2},
	"fish": [
		{"name": "nigorobuna", "kg": 2, "tags": ["carp", "endemic"], "for": "funazushi"},
		{"name": "biwamasu",   "kg": 10, "tags": ["salmon", "endemic"]},
		{"name": "kurobuna",   "kg": 2.5, "tags": []},
		{"name": "isaza",      "kg": 0.1, "tags": ["goby"], "for": "junjun"}
	],
	"limit": 3, "empty": [], "text": "12", "numbers": [3, 1, 2], "nested": [[1, 2], [3, [4]]]
}`

func TestGet(t *testing.T) {
	document := value.MustParse(lake)
	for _, c := range []struct{ path, want string }{
		{`$`, value.Text(document)},
		{`$.limit`, `3`},
		{` $.lake.name `, `"Biwa"`},
		{`$['lake']['name']`, `"Biwa"`},
		{`$["lake"].name`, `"Biwa"`},
		{`$.['lake'].name`, `"Biwa"`},
		{`$.lake['odd key']`, `1`},
		{`$.lake['it\'s']`, `2`},
		{`$.lake["it's"]`, `2`},
		{`$.lake.outflow`, `null`},
		{`$.lake['name','depth','none']`, `{"name":"Biwa","depth":103.58}`},
		{`$.lake['name', 'depth']`, `{"name":"Biwa","depth":103.58}`},
		{`$['lake','fish'].name`, `["Biwa"]`},
		{`$.fish[0].name`, `"nigorobuna"`},
		{`$.fish[-1].name`, `"isaza"`},
		{`$.fish[ 1 ].name`, `"biwamasu"`},
		{`$.fish[9]`, `null`}, {`$.fish[-9]`, `null`},
		{`$.fish[0,2].name`, `["nigorobuna","kurobuna"]`},
		{`$.fish[0, 9].name`, `["nigorobuna"]`},
		{`$.lake.inflows[1:]`, `["Ane","Echi"]`},
		{`$.lake.inflows[:1]`, `["Yasu"]`}, {`$.lake.inflows[:-1]`, `["Yasu","Ane"]`},
		{`$.lake.inflows[-2:]`, `["Ane","Echi"]`}, {`$.lake.inflows[-9:]`, `["Yasu","Ane","Echi"]`},
		{`$.lake.inflows[1:2]`, `["Ane"]`}, {`$.lake.inflows[1:99]`, `["Ane","Echi"]`}, {`$.lake.inflows[2:1]`, `[]`},
		{`$.lake.inflows[-2:1]`, `["Ane","Echi","Yasu"]`},
		{`$.lake.inflows[-2000000000:1]`, `["Yasu","Ane","Echi","Yasu"]`},
		{`$.fish[*].kg`, `[2,10,2.5,0.1]`}, {`$.fish.*.kg`, `[2,10,2.5,0.1]`},
		{`$.fish[*].for`, `["funazushi","junjun"]`},
		{`$.lake.*`, `["Biwa",103.58,["Yasu","Ane","Echi"],null,1,2]`},
		{`$..name`, `["Biwa","nigorobuna","biwamasu","kurobuna","isaza"]`},
		{`$..fish[1].name`, `["biwamasu"]`},
		{`$..[0]`, `["Yasu",{"name":"nigorobuna","kg":2,"tags":["carp","endemic"],"for":"funazushi"},"carp","salmon","goby",3,[1,2],1,3,4]`},
		{`$.nested..*`, `[[1,2],[3,[4]],1,2,3,[4],4]`},
		{`$..['name','kg']`, `[{"name":"nigorobuna","kg":2},{"name":"biwamasu","kg":10},{"name":"kurobuna","kg":2.5},{"name":"isaza","kg":0.1}]`},

		// An indefinite path that meets nothing is empty, however early it gets lost.
		{`$.items[*]`, `[]`}, {`$.item.items[1:]`, `[]`}, {`$.items[*].itemValue`, `[]`}, {`$.item.items[1:5].itemValue`, `[]`},
		{`$.items[?(@.a == 1)]`, `[]`}, {`$.none..x`, `[]`}, {`$.limit[*]`, `[]`}, {`$.empty[*]`, `[]`},
	} {
		path, err := jsonpath.Compile(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		got, err := path.Get(document)
		if err != nil || value.Text(got) != c.want {
			t.Errorf("%s gave %s, %v; want %s", c.path, textOf(got), err, c.want)
		}
	}
}

func textOf(v any) string {
	if v == nil {
		return "null"
	}
	return value.Text(v)
}

func TestFilters(t *testing.T) {
	document := value.MustParse(lake)
	for _, c := range []struct{ condition, want string }{
		{`@.kg == 2`, `["nigorobuna"]`}, {`@.kg == 2.0`, `["nigorobuna"]`}, {`2==@.kg`, `["nigorobuna"]`},
		{`@.kg != 2`, `["biwamasu","kurobuna","isaza"]`},
		{`@.kg < 2.5`, `["nigorobuna","isaza"]`}, {`@.kg <= 2.5`, `["nigorobuna","kurobuna","isaza"]`},
		{`@.kg > $.limit`, `["biwamasu"]`}, {`@.kg>=2.5`, `["biwamasu","kurobuna"]`},
		{`@.name > 'kA'`, `["nigorobuna","kurobuna"]`},
		{`@.name == "isaza"`, `["isaza"]`}, {`@['name'] == 'isaza'`, `["isaza"]`},
		{`@.for`, `["nigorobuna","isaza"]`}, {`!@.for`, `["biwamasu","kurobuna"]`}, {`!(@.for)`, `["biwamasu","kurobuna"]`},
		{`@.for == null`, `[]`}, {`@.for != null`, `["nigorobuna","biwamasu","kurobuna","isaza"]`},
		{`@.kg > 1 && @.for`, `["nigorobuna"]`}, {`@.for||@.kg==10`, `["nigorobuna","biwamasu","isaza"]`},
		{`@.kg > 1 && (@.for || @.kg == 10)`, `["nigorobuna","biwamasu"]`},
		{`!(@.kg > 1 && @.for) && @.kg < 9`, `["kurobuna","isaza"]`},
		{`@.name =~ /.*buna/`, `["nigorobuna","kurobuna"]`}, {`@.name =~ /buna/`, `[]`}, {`@.name =~ /ISA.*/i`, `["isaza"]`},
		{`@.tags =~ /sal.*/`, `["biwamasu"]`},
		{`@.name in ['isaza', 'ayu']`, `["isaza"]`}, {`@.name nin ['isaza']`, `["nigorobuna","biwamasu","kurobuna"]`},
		{`'endemic' in @.tags`, `["nigorobuna","biwamasu"]`},
		{`@.tags contains 'endemic'`, `["nigorobuna","biwamasu"]`}, {`@.name contains 'masu'`, `["biwamasu"]`},
		{`@.tags subsetof ['endemic','carp','goby']`, `["nigorobuna","kurobuna","isaza"]`},
		{`@.tags anyof ["goby", "salmon"]`, `["biwamasu","isaza"]`}, {`@.tags noneof ['endemic']`, `["kurobuna","isaza"]`},
		{`@.tags size 2`, `["nigorobuna","biwamasu"]`}, {`@.name size 5`, `["isaza"]`},
		{`@.tags empty true`, `["kurobuna"]`}, {`@.tags empty false`, `["nigorobuna","biwamasu","isaza"]`},
		{`@.tags == ['goby']`, `["isaza"]`},
		{`@.tags.length() > 1`, `["nigorobuna","biwamasu"]`},
		{`@.tags[0] == 'carp'`, `["nigorobuna"]`}, {`@.tags[9]`, `[]`},
		{`@..[0] anyof ['carp']`, `["nigorobuna"]`},
		{`$.fish[?(@.kg > 5)]`, `["nigorobuna","biwamasu","kurobuna","isaza"]`},
		{`@ == 1`, `[]`}, {`true == true`, `["nigorobuna","biwamasu","kurobuna","isaza"]`}, {`@.kg empty true`, `[]`},
	} {
		path, err := jsonpath.Compile(`$.fish[?(` + c.condition + `)].name`)
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		got, err := path.Get(document)
		if err != nil || value.Text(got) != c.want {
			t.Errorf("%s gave %s, %v; want %s", c.condition, textOf(got), err, c.want)
		}
	}
	// Around the list of fish: strings against numbers, an object itself, items that are no objects, deep scans.
	for _, c := range []struct{ path, want string }{
		{`$.numbers[?(@ > 1)]`, `[3,2]`}, {`$.numbers[?(@ == '2')]`, `[2]`}, {`$[?(@.limit == 3)].text`, `["12"]`},
		{`$[?(@.text == 12)].limit`, `[3]`}, {`$[?(@.text === 12)].limit`, `[]`}, {`$..[?(@.kg == 10)].name`, `["biwamasu"]`},
		{`$.fish[?(@.kg == 2)][?(@.for)]`, `[{"name":"nigorobuna","kg":2,"tags":["carp","endemic"],"for":"funazushi"}]`},
		{`$.fish[?(@.name == 'a\u0062' || @.name == "isaza")].kg`, `[0.1]`},
	} {
		got, err := jsonpath.MustCompile(c.path).Get(document)
		if err != nil || value.Text(got) != c.want {
			t.Errorf("%s gave %s, %v; want %s", c.path, textOf(got), err, c.want)
		}
	}
}

func TestFunctions(t *testing.T) {
	document := value.MustParse(lake)
	for _, c := range []struct{ path, want string }{
		{`$.numbers.min()`, `1.0`}, {`$.numbers.max()`, `3.0`}, {`$.numbers.sum()`, `6.0`}, {`$.numbers.avg()`, `2.0`},
		{`$.numbers.stddev()`, `0.8164965809277263`},
		{`$.numbers.sum(10, $.limit)`, `19.0`}, {`$.sum($.fish[*].kg)`, `14.6`}, {`$..kg.max()`, `10.0`},
		{`$.fish.length()`, `4`}, {`$.lake.length()`, `6`}, {`$.length()`, `7`}, {`$..tags.length()`, `5`}, {`$.fish[*].tags.length()`, `[2,2,0,1]`},
		{`$.fish.size()`, `4`}, {`$.fish[0].keys()`, `["name","kg","tags","for"]`}, {`$.text.length()`, `null`},
		{`$.lake.inflows.concat()`, `"YasuAneEchi"`}, {`$.concat($.lake.name, "-", $.text)`, `"Biwa-12"`}, {`$.concat($.lake.name,"!")`, `"Biwa!"`},
		{`$.numbers.append(4)`, `[3,1,2,4]`}, {`$.numbers.first()`, `3`}, {`$.numbers.last()`, `2`}, {`$.numbers.index(1)`, `1`}, {`$.numbers.index(-2)`, `1`},
	} {
		got, err := jsonpath.MustCompile(c.path).Get(document)
		if err != nil || textOf(got) != c.want {
			t.Errorf("%s gave %s, %v; want %s", c.path, textOf(got), err, c.want)
		}
	}
	if value.Text(document) != value.Text(value.MustParse(lake)) {
		t.Error("a function changed its document")
	}
}

func TestMisses(t *testing.T) {
	document := value.MustParse(lake)
	for _, c := range []struct{ path, want string }{
		{`$.NoSuchInputPath`, `No results for path: $['NoSuchInputPath']`},
		{`$.lake.area`, `No results for path: $['lake']['area']`},
		{`$.fish[0].area`, `No results for path: $['fish'][0]['area']`},
		{`$.a.b.c`, `Missing property in path $['a']`},
		{`$.lake.a.b`, `Missing property in path $['lake']['a']`},
		{`$.a[0]`, `Missing property in path $['a']`},
		{`$.lake.name.x`, `Expected to find an object with property ['x'] in path $['lake']['name'] but found 'java.lang.String'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
		{`$.fish.name`, `Expected to find an object with property ['name'] in path $['fish'] but found 'java.util.ArrayList'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
		{`$.lake.outflow["x"]`, `Expected to find an object with property ["x"] in path $['lake']['outflow'] but found 'null'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
		{`$.lake.outflow[0]`, `The path $['lake']['outflow'] is null`},
	} {
		got, err := jsonpath.MustCompile(c.path).Get(document)
		var missing *jsonpath.NotFound
		if !errors.As(err, &missing) || err.Error() != c.want {
			t.Errorf("%s gave %v, %v; want %s", c.path, got, err, c.want)
		}
	}
	for _, c := range []struct{ path, want string }{
		{`$.limit[0]`, `Filter: [0] can only be applied to arrays. Current context is: 3`},
		{`$.lake[0].x`, `Filter: [0]['x'] can only be applied to arrays. Current context is: ` + lakeText()},
		{`$.text[1:2]`, `Filter: [1:2] can only be applied to arrays. Current context is: "12"`},
		{`$.limit[?(@.a)]`, `Filter: [?] can not be applied to primitives. Current context is: 3`},
		{`$.empty.sum()`, `Aggregation function attempted to calculate value using empty array`},
		{`$.fish[*].kg.sum()`, `Aggregation function attempted to calculate value using empty array`},
		{`$.empty.first()`, `Target index:0 larger than object count:0`},
	} {
		got, err := jsonpath.MustCompile(c.path).Get(document)
		var mismatch *jsonpath.Mismatch
		if !errors.As(err, &mismatch) || err.Error() != c.want {
			t.Errorf("%s gave %v, %v; want %s", c.path, got, err, c.want)
		}
	}
	if got, err := jsonpath.MustCompile(`$.fish[9]`).Lookup(document); err == nil {
		t.Errorf("an index past the end was found: %v", got)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		path string
		at   int
		want string
	}{
		{``, 0, `Path must start with '$'`},
		{`lake`, 0, `Path must start with '$'`},
		{`@.a`, 0, `Path must start with '$'`},
		{`$.`, 2, `Path must not end with a '.' or '..'`},
		{`$.a..`, 5, `Path must not end with a '.' or '..'`},
		{`$...a`, 3, `Character '.' on position 3 is not valid.`},
		{`$.a b`, 3, `Use bracket notion ['my prop'] if your property contains blank characters. position: 2`},
		{`$[`, 1, `Could not parse token starting at position 1. Expected ?, ', 0-9, * `},
		{`$[a]`, 1, `Could not parse token starting at position 1. Expected ?, ', 0-9, * `},
		{`$['a'`, 5, `Property has not been closed - missing closing ]`},
		{`$['a`, 4, `Property has not been closed - missing closing '`},
		{`$['a' 'b']`, 4, `Property must be separated by comma or Property must be terminated close square bracket at index 4`},
		{`$['a',]`, 6, `Found empty property at index 6`},
		{`$[1,x]`, 2, `Failed to parse token in ArrayIndexOperation: x`},
		{`$[1:2:3]`, 2, `Failed to parse SliceOperation: 1:2:3`},
		{`$[:]`, 2, `Failed to parse SliceOperation: :`},
		{`$[99999999999]`, 2, `Failed to parse token in ArrayIndexOperation: 99999999999`},
		{`$[?]`, 3, `Not enough predicates supplied for filter [?] at position 1`},
		{`$[?@.a]`, 3, `Could not parse token starting at position 1. Expected ?, ', 0-9, * `},
		{`$[?(@.a ~ 1)]`, 8, `Filter operator ~ is not supported!`},
		{`$[?(1)]`, 5, `Expected path node`},
		{`$[?(@.a == 'b)]`, 11, `String literal does not have matching quotes. Expected ' in $[?(@.a == 'b)]`},
		{`$[?(@.a =~ /b)]`, 11, `Pattern not closed. Expected / in $[?(@.a =~ /b)]`},
		{`$[?((@.a)]`, 9, `Expected character: )`},
		{`$.a.total()`, 9, `Function with name: total does not exist.`},
		{`$.a.sum(1`, 9, `Arguments to function: 'sum' are not closed properly.`},
	} {
		_, err := jsonpath.Compile(c.path)
		var invalid *jsonpath.InvalidPath
		if !errors.As(err, &invalid) || err.Error() != c.want || invalid.Position != c.at {
			t.Errorf("%s gave %#v; want %q at %d", c.path, err, c.want, c.at)
		}
	}
	if _, err := jsonpath.Compile(`$[?(@.a =~ /(?=b)/)]`); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("lookahead gave %v", err)
	}
}

func TestRootsAndKinds(t *testing.T) {
	for _, c := range []struct {
		path, root          string
		definite, reference bool
	}{
		{`$`, `$`, true, true}, {`$.a[0]['b']`, `$`, true, true}, {`$$`, `$$`, true, true}, {`$$.Execution.Id`, `$$`, true, true},
		{`$name`, `$name`, true, true}, {`$name_2[0].x`, `$name_2`, true, true}, {`$湖.深さ`, `$湖`, true, true},
		{`$['a','b']`, `$`, true, false}, {`$['a','b'].c`, `$`, false, false}, {`$[*]`, `$`, false, false}, {`$..a`, `$`, false, false},
		{`$[0,1]`, `$`, false, false}, {`$[1:]`, `$`, false, false}, {`$[?(@.a)]`, `$`, false, false}, {`$.a.length()`, `$`, true, false},
		{`$..a.length()`, `$`, true, false},
	} {
		path, err := jsonpath.Compile(c.path)
		if err != nil || path.Root() != c.root || path.Definite() != c.definite || path.Reference() != c.reference {
			t.Errorf("%s: %v, %+v", c.path, err, path)
		}
	}
	for _, path := range []string{`$$$`, `$1`, `$a-b`, `$$name`} {
		if _, err := jsonpath.Compile(path); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ document, path, want string }{
		{`{"a":1}`, `$`, `"new"`},
		{`{"a":1}`, `$.b`, `{"a":1,"b":"new"}`},
		{`{"a":1,"b":2}`, `$.a`, `{"a":"new","b":2}`},
		{`{}`, `$.a.b.c`, `{"a":{"b":{"c":"new"}}}`},
		{`{"a":{"x":1}}`, `$['a'].b`, `{"a":{"x":1,"b":"new"}}`},
		{`{"a":[1,2]}`, `$.a[1]`, `{"a":[1,"new"]}`},
		{`{"a":[{"x":1}]}`, `$.a[-1].y`, `{"a":[{"x":1,"y":"new"}]}`},
	} {
		document := value.MustParse(c.document)
		got, err := jsonpath.MustCompile(c.path).Set(document, "new")
		if err != nil || value.Text(got) != c.want {
			t.Errorf("%s in %s gave %v, %v; want %s", c.path, c.document, textOf(got), err, c.want)
		}
		if value.Text(document) != c.document {
			t.Errorf("%s changed its document to %s", c.path, value.Text(document))
		}
	}
	for _, c := range []struct{ document, path, want string }{
		{`"input1"`, `$.someTaskResult`, `Unable to apply ReferencePath $.someTaskResult to input "input1"`},
		{`{"a":1}`, `$.a.b`, `Unable to apply ReferencePath $.a.b to input {"a":1}`},
		{`{"a":[]}`, `$.a[0]`, `Unable to apply ReferencePath $.a[0] to input {"a":[]}`},
		{`{}`, `$.a[*]`, `$.a[*] is not a reference path: it may have names and indexes only`},
	} {
		if _, err := jsonpath.MustCompile(c.path).Set(value.MustParse(c.document), 1.0); err == nil || err.Error() != c.want {
			t.Errorf("%s in %s gave %v", c.path, c.document, err)
		}
	}
}

// Nothing that fits into a path and a payload takes more than a bounded number of looks.
func TestBounds(t *testing.T) {
	deep := value.MustParse(strings.Repeat(`{"a":[`, 400) + strings.Repeat(`]}`, 400))
	wide := value.MustParse(`[` + strings.Repeat(`1,`, 60_000) + `1]`)
	for _, c := range []struct {
		path     string
		document any
	}{
		{`$..*..*..*..*`, deep},
		{`$[?($ anyof [2])]`, wide},
		{`$[?($ == $)]`, wide},
		{`$[?($[?($[*] noneof [2])] == 1)]`, wide},
	} {
		if _, err := jsonpath.MustCompile(c.path).Get(c.document); err == nil || !strings.Contains(err.Error(), "looks at more than") {
			t.Errorf("%s gave %v", c.path, err)
		}
	}
	for _, path := range []string{
		`$[?(` + strings.Repeat(`(`, 5000), `$` + strings.Repeat(`[?(@`, 2000), `$.sum(` + strings.Repeat(`$.sum(`, 1000), `$` + strings.Repeat(`.a`, 6000),
		`$[?(@ =~ /` + strings.Repeat(`a*`, 600) + `/)]`,
	} {
		if _, err := jsonpath.Compile(path); err == nil {
			t.Errorf("%.30s… was taken", path)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, path := range []string{`$`, `$$.a`, `$v[0]`, `$..a[?(@.b == 1 && !@.c || @.d =~ /x/i)].sum(1,$.e)`, `$['a',"b"][1:2][*]`, `$[?(@.a in [1,'b'])]`} {
		f.Add(path, lake)
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		path, err := jsonpath.Compile(text)
		if err != nil {
			var invalid *jsonpath.InvalidPath
			if !errors.As(err, &invalid) || invalid.Message == "" || invalid.Position < 0 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		v, err := value.Parse([]byte(document))
		if err != nil {
			return
		}
		before := value.Text(v)
		got, err := path.Get(v)
		if err == nil && !path.Definite() {
			if _, ok := got.([]any); !ok {
				t.Fatalf("%q gave %v", text, got)
			}
		}
		if changed, err := path.Set(v, "item"); err == nil {
			if got, err := path.Get(changed); err != nil || got != "item" {
				t.Fatalf("%q: set, then got %v, %v", text, got, err)
			}
		}
		if value.Text(v) != before {
			t.Fatalf("%q changed its document", text)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	document := value.MustParse(lake)
	for _, text := range []string{`$.lake.name`, `$.fish[0].name`, `$.fish[?(@.kg > 2)].name`} {
		path := jsonpath.MustCompile(text)
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := path.Get(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func lakeText() string {
	item, _ := value.MustParse(lake).(*value.Object).Get("lake")
	return value.Text(item)
}
