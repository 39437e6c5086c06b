package intrinsic_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl/intrinsic"
	"github.com/biwa-data/biwa/internal/flow/asl/jsonpath"
	"github.com/biwa-data/biwa/internal/flow/value"
)

const input = `{"name":"Ada","n":2,"list":[1,2,2,3],"none":[],"object":{"a":1,"b":[true,null]},"other":{"b":2,"c":3},"text":"a,b","json":"{\"x\":[1]}",
	"template":"n={}","nil":null,"half":1.5,"items":[1,2],"long":"` + "%s" + `"}`

// env resolves paths in the input, $$ in a context object and $list in variables.
func env() intrinsic.Env {
	document := value.MustParse(fmt.Sprintf(input, strings.Repeat("a", 10_001)))
	roots := map[string]any{
		"$": document, "$$": value.MustParse(`{"StateMachine":{"Id":"arn:1","Name":"one-two"}}`), "$fish": value.MustParse(`["ayu"]`),
	}
	return intrinsic.Env{
		Path: func(text string) (any, error) {
			path := jsonpath.MustCompile(text)
			item, err := path.Lookup(roots[path.Root()])
			var missing *jsonpath.NotFound
			if errors.As(err, &missing) {
				return nil, intrinsic.Missing(text, "<input>")
			}
			return item, err
		},
		Random: func() float64 { return 0.5 },
		UUID:   func() string { return "0d6e4079-e36a-4c5c-8e2c-3f0d0f6b8a0c" },
	}
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ call, want string }{
		{`States.Format('Hello {}', $.name)`, `"Hello Ada"`},
		{`States.Format('{} {} {}', $.name, $.n, true)`, `"Ada 2 true"`},
		{`States.Format('no places')`, `"no places"`},
		{`States.Format($.template, $.n)`, `"n=2"`},
		{`States.Format('Name: \'{}\', \{\} "{}" \\', $.name, $fish[0])`, `"Name: 'Ada', {} \"ayu\" \\"`},
		{`States.Format('{}|{}|{}|{}', $.nil, $.half, $.object, $$.StateMachine)`, `"null|1.5|{a=1, b=[true, null]}|{Id=arn:1, Name=one-two}"`},
		{`States.Format('{}|{}|{}|{}', 1e7, 0.00001, 12345678901, 100.0)`, `"1.0E7|1.0E-5|12345678901|100.0"`},
		{`States.Format('{}|{}', States.StringToJson($.json), States.JsonToString($.object))`, `"{\"x\":[1]}|{\"a\":1,\"b\":[true,null]}"`},
		{`States.StringToJson($.json)`, `{"x":[1]}`}, {`States.StringToJson(' 1.50 ')`, `1.50`}, {`States.StringToJson('')`, `null`},
		{`States.JsonToString($.object)`, `"{\"a\":1,\"b\":[true,null]}"`}, {`States.JsonToString('x')`, `"\"x\""`},
		{`States.Array()`, `[]`}, {`States.Array($.name, -1.5, null, 'a,b)', States.Array(true))`, `["Ada",-1.5,null,"a,b)",[true]]`},
		{`States.ArrayPartition($.list, 3)`, `[[1,2,2],[3]]`}, {`States.ArrayPartition($.list, 2.9)`, `[[1,2],[2,3]]`},
		{`States.ArrayPartition($.none, 3)`, `[]`}, {`States.ArrayPartition($.list, 2147483647)`, `[[1,2,2,3]]`},
		{`States.ArrayContains($.list, 3)`, `true`}, {`States.ArrayContains($.list, 4)`, `false`}, {`States.ArrayContains($.list, '3')`, `true`},
		{`States.ArrayContains(States.Array($.object), $.object)`, `true`}, {`States.ArrayContains(States.Array(1, null), null)`, `true`},
		{`States.ArrayRange(1, 9, 2)`, `[1,3,5,7,9]`}, {`States.ArrayRange(5, 1, -2)`, `[5,3,1]`}, {`States.ArrayRange(5, 1, 1)`, `[]`},
		{`States.ArrayRange(3, 3, -1)`, `[3]`}, {`States.ArrayRange(1.6, 1.4, 1)`, `[1]`}, {`States.ArrayRange(5.4, -0.6, -2.4)`, `[5,3,1]`},
		{`States.ArrayGetItem($.list, 3)`, `3`}, {`States.ArrayGetItem($.list, 1.9)`, `2`}, {`States.ArrayGetItem($.none, 9)`, `null`},
		{`States.ArrayLength($.list)`, `4`}, {`States.ArrayLength($.items[*].none)`, `0`},
		{`States.ArrayUnique($.list)`, `[1,2,3]`}, {`States.ArrayUnique(States.Array('b', 'a', 'b'))`, `["a","b"]`},
		{`States.ArrayUnique(States.Array(true, false, true))`, `[false,true]`}, {`States.ArrayUnique(States.Array(null, 1, null))`, `[null,1]`},
		{`States.ArrayUnique(States.Array(1, '1', 1, '01'))`, `[1,"1","01"]`},
		{`States.ArrayUnique(States.Array(States.Array(1, 2), States.Array(1, 2), States.Array(2, 1)))`, `[[2,1],[1,2]]`},
		{`States.ArrayUnique(States.Array(States.StringToJson('{"a":1,"b":2}'), States.StringToJson('{"b":2,"a":1}')))`, `[{"a":1,"b":2}]`},
		{`States.Base64Encode('Data to encode')`, `"RGF0YSB0byBlbmNvZGU="`}, {`States.Base64Encode('')`, `""`}, {`States.Base64Encode('✓🚀')`, `"4pyT8J+agA=="`},
		{`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `"Data to encode"`}, {`States.Base64Decode(' YWJj!ZA== YQ')`, `"abcd"`},
		{`States.Base64Decode('YWJjZ')`, `"abc"`}, {`States.Base64Decode('')`, `""`}, {`States.Base64Decode('_w==')`, "\"\ufffd\""},
		{`States.Hash('hello', 'MD5')`, `"5d41402abc4b2a76b9719d911017c592"`},
		{`States.Hash('hello', 'SHA-1')`, `"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"`},
		{`States.Hash('', 'SHA-256')`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{`States.Hash(2, 'MD5')`, `"c81e728d9d4c2f636f067f89cc14862c"`}, {`States.Hash('2', 'MD5')`, `"c81e728d9d4c2f636f067f89cc14862c"`},
		{`States.JsonMerge($.object, $.other, false)`, `{"a":1,"b":2,"c":3}`}, {`States.JsonMerge($.object, $.other, 'x')`, `{"a":1,"b":2,"c":3}`},
		{`States.MathRandom(10, 20)`, `15`}, {`States.MathRandom(1.6, 5.4)`, `3`}, {`States.MathRandom(-99999, -9999)`, `-54999`},
		{`States.MathAdd(5, 3)`, `8`}, {`States.MathAdd(1.49, 1.5)`, `3`}, {`States.MathAdd(-1.5, -1.51)`, `-3`}, {`States.MathAdd(-0.5, 0)`, `0`},
		{`States.MathAdd(2147483646, 1)`, `2147483647`}, {`States.MathAdd(States.MathAdd($.n, 1), 2)`, `5`},
		{`States.StringSplit(', , ,', ',')`, `[" "," "]`}, {`States.StringSplit('This.is+a,test=string', '.+,=')`, `["This","is","a","test","string"]`},
		{"States.StringSplit('Hello\nWorld', '\n')", `["Hello","World"]`}, {`States.StringSplit($.text, '')`, `["a,b"]`}, {`States.StringSplit('', ',')`, `[]`},
		{`States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), States.MathAdd(States.ArrayLength(States.StringSplit($$.StateMachine.Name, '-')), -1))`, `"two"`},
		{` States.UUID( ) `, `"0d6e4079-e36a-4c5c-8e2c-3f0d0f6b8a0c"`},
		{`States.ArrayLength($.list[?(@ > 1 && @ != 9)])`, `3`}, {`States.MathAdd($.list.length(),1)`, `5`}, {`States.Array($['name','a,b)'])`, `[{"name":"Ada"}]`},
	} {
		call, err := intrinsic.Parse(c.call)
		if err != nil {
			t.Errorf("%s: %v", c.call, err)
			continue
		}
		got, err := call.Eval(env())
		if err != nil || value.Text(got) != c.want {
			t.Errorf("%s gave %v, %v; want %s", c.call, got, err, c.want)
		}
	}
}

func TestSeededRandomRepeats(t *testing.T) {
	call, err := intrinsic.Parse(`States.MathRandom(0, 1000000, 42)`)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := call.Eval(env())
	second, _ := call.Eval(env())
	if first != second || first != 727563.0 { // java.util.Random(42).nextDouble() is 0.7275636800328681
		t.Errorf("got %v and %v", first, second)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct{ call, reason string }{
		{`States.Format('{}', $.nope)`, `The JsonPath argument for the field '$.nope' could not be found in the input '<input>'`},
		{`States.Format('{}',$.name.deep)`, `The JsonPath argument for the field '$.name.deep' could not be found in the input '<input>'`},
		{`States.Format('{}', States.Format('{}', $.nope))`, `The JsonPath argument for the field '$.nope' could not be found in the input '<input>'`},
		{`States.Format('{}', $$.Nope.Deep)`, `The JsonPath argument for the field '$.Nope.Deep' could not be found in the input '<input>'`},
		{`States.Format('{}', $.items[5])`, `The JsonPath argument for the field '$.items[5]' could not be found in the input '<input>'`},
		{`States.Format('{}', $.n[0])`, `Filter: [0] can only be applied to arrays. Current context is: 2`},
		{`States.Format('{} {}', $.n)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('{}', 1, 2)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format($.n, 1)`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('Hello {', $.n)`, `Invalid template in States.Format: matching '}' not found for '{'.`},
		{`States.Format('Hello {{}}', $.n)`, `Invalid template in States.Format: matching '}' not found for '{'.`},
		{`States.Format('}')`, `Invalid template in States.Format: matching '{' not found for '}'.`},
		{`States.StringToJson($.n)`, `Invalid arguments in States.StringToJson`}, {`States.StringToJson('{x}')`, `Invalid arguments in States.StringToJson`},
		{`States.StringToJson()`, `Invalid arguments in States.StringToJson`}, {`States.JsonToString(1, 2)`, `Invalid arguments in States.JsonToString`},
		{`States.ArrayPartition($.list, 0.9)`, `Invalid arguments in States.ArrayPartition`}, {`States.ArrayPartition('x', 1)`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayContains('x', 1)`, `Invalid arguments in States.ArrayContains`}, {`States.ArrayGetItem($.list, 4)`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayGetItem($.list, -1)`, `Invalid arguments in States.ArrayGetItem`}, {`States.ArrayGetItem($.list, '1')`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayRange(1, 10, 0.49)`, `Invalid arguments in States.ArrayRange`}, {`States.ArrayRange(1, 1001, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayLength($.object)`, `Invalid arguments in States.ArrayLength`}, {`States.ArrayUnique('x')`, `Invalid arguments in States.ArrayUnique`},
		{`States.Base64Encode(1)`, `Invalid arguments in States.Base64Encode`}, {`States.Base64Encode($.long)`, `Invalid arguments in States.Base64Encode`},
		{`States.Base64Decode(1)`, `Invalid arguments in States.Base64Decode`}, {`States.Hash($.long, 'MD5')`, `Invalid arguments in States.Hash`},
		{`States.Hash('x', 'sha-256')`, `Invalid arguments in States.Hash`}, {`States.JsonMerge($.object, $.other, true)`, `Invalid arguments in States.JsonMerge`},
		{`States.JsonMerge($.object, $.list, false)`, `Invalid arguments in States.JsonMerge`}, {`States.MathRandom(1, 1)`, `Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1, 2, null)`, `Invalid arguments in States.MathRandom`}, {`States.MathAdd(2147483647, 1)`, `Invalid arguments in States.MathAdd`},
		{`States.MathAdd('1', 1)`, `Invalid arguments in States.MathAdd`}, {`States.MathAdd(1)`, `Invalid arguments in States.MathAdd`},
		{`States.JsonToString(States.Array(` + strings.Repeat(`$,`, 900) + `$))`, `Invalid arguments in States.Array: together they are longer than 8388608 bytes`},
		{`States.StringSplit($.n, ',')`, `Invalid arguments in States.StringSplit`}, {`States.UUID(1)`, `Invalid arguments in States.UUID`},
	} {
		call, err := intrinsic.Parse(c.call)
		if err != nil {
			t.Errorf("%s: %v", c.call, err)
			continue
		}
		_, err = call.Eval(env())
		if want := "The function '" + c.call + "' had the following error: " + c.reason; err == nil || err.Error() != want {
			t.Errorf("%s gave %v; want %s", c.call, err, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		call string
		at   int
		want string
	}{
		{``, 0, `There is no intrinsic function ""`},
		{`States.Total(1)`, 0, `There is no intrinsic function "States.Total"`},
		{`States.Array(States.format('x'))`, 13, `There is no intrinsic function "States.format"`},
		{`States.Array`, 12, `States.Array needs its arguments in parentheses`},
		{`States.Array(1`, 14, `The parenthesis of States.Array is not closed`},
		{`States.Array(1 2)`, 15, `Expected , or ) after an argument of States.Array`},
		{`States.Array(1,)`, 15, `Expected an argument: a path, a number, a text in single quotes, true, false, null or a call`},
		{`States.Array("x")`, 13, `Expected an argument: a path, a number, a text in single quotes, true, false, null or a call`},
		{`States.Array('x)`, 13, `The text is not closed: a single quote is missing`},
		{`States.Array('a\n')`, 15, `A backslash may stand before ', {, } and \ only`},
		{`States.Array($.a.)`, 13, `Path must not end with a '.' or '..'`},
		{`States.Array(-)`, 13, `A number is written as in JSON`},
		{`States.Array() x`, 15, `Unexpected text after the call: x`},
		{strings.Repeat(`States.Array(`, 11) + strings.Repeat(`)`, 11), 130, `Functions are nested more than 10 levels deep`},
	} {
		_, err := intrinsic.Parse(c.call)
		var syntax *intrinsic.SyntaxError
		if !errors.As(err, &syntax) || err.Error() != c.want || syntax.Position != c.at {
			t.Errorf("%s gave %#v; want %q at %d", c.call, err, c.want, c.at)
		}
	}
	if _, err := intrinsic.Parse(strings.Repeat(`States.Array(`, 10) + strings.Repeat(`)`, 10)); err != nil {
		t.Error(err)
	}
}

func TestPaths(t *testing.T) {
	call, err := intrinsic.Parse(`States.Format('{}{}', $.a, States.Array($$.b, 1, $c['d,e']))`)
	if err != nil || !slices.Equal(call.Paths(), []string{"$.a", "$$.b", "$c['d,e']"}) {
		t.Errorf("%v, %q", err, call.Paths())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`States.Format('a {} \'b\' \{', $.n)`)
	f.Add(`States.ArrayUnique(States.Array(1, 2.5e3, null, $.list[?(@ > 1)], $$.x))`)
	f.Add(`States.Hash(States.JsonToString(States.JsonMerge($.object, $.other, false)), 'MD5')`)
	f.Fuzz(func(t *testing.T, text string) {
		call, err := intrinsic.Parse(text)
		if err != nil {
			var syntax *intrinsic.SyntaxError
			if !errors.As(err, &syntax) || syntax.Message == "" || syntax.Position > len(text) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		e := env()
		var known []string
		e.Path = func(path string) (any, error) {
			known = append(known, path)
			return value.MustParse(`{"a":[1,"x"]}`), nil
		}
		got, err := call.Eval(e)
		var failure *intrinsic.Failure
		if err != nil && !errors.As(err, &failure) {
			t.Fatalf("%q: %#v", text, err)
		}
		if err == nil {
			value.Text(got)
			if !slices.Equal(known, call.Paths()) {
				t.Fatalf("%q asked for %q, has %q", text, known, call.Paths())
			}
		}
	})
}
