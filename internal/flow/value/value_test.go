package value_test

import (
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/value"
)

func TestTextIsKept(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `0`, `-0`, `1`, `1.0`, `1.50`, `1e3`, `1E+3`, `9007199254740993`, `0.1`, `1e-7`, `1e+21`, `123456789012345680000`,
		`"a\"\\\n\u0001 é 琵琶湖"`, `[]`, `{}`, `{"b":1,"a":[1,{"c":null}]}`,
		`{"j":0,"i":1,"h":2,"g":3,"f":4,"e":5,"d":6,"c":7,"b":8,"a":9}`,
	} {
		v, err := value.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := value.Text(v); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, text := range []string{``, `{`, `[1,`, `{"a"}`, `1 2`, `nul`, strings.Repeat("[", 2000)} {
		if v, err := value.Parse([]byte(text)); err == nil {
			t.Errorf("%.20q gave %v", text, v)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1000`, `1e3`, true}, {`1`, `"1"`, false}, {`null`, `false`, false},
		{`{"a":1,"b":[2]}`, `{"b":[2],"a":1}`, true}, {`{"a":1}`, `{"a":1,"b":1}`, false}, {`[1,2]`, `[2,1]`, false},
	} {
		if got := value.Equal(value.MustParse(c.a), value.MustParse(c.b)); got != c.want {
			t.Errorf("Equal(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestObjectMembers(t *testing.T) {
	o := value.NewObject(0)
	for _, name := range strings.Split("abcdefghijklmnop", "") {
		o.Set(name, name)
	}
	c := o.Clone()
	c.Delete("b")
	c.Set("a", 1.0)
	c.Set("b", 2.0)
	if got, want := value.Text(c), `{"a":1,"c":"c","d":"d","e":"e","f":"f","g":"g","h":"h","i":"i","j":"j","k":"k","l":"l","m":"m","n":"n","o":"o","p":"p","b":2}`; got != want {
		t.Errorf("got %s", got)
	}
	if b, _ := o.Get("b"); b != "b" || o.Len() != 16 {
		t.Error("the clone changed its original")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.50,"x",null,true]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := value.Parse(text)
		if err != nil {
			return
		}
		again, err := value.Parse(value.Append(nil, v))
		if err != nil || !value.Equal(v, again) {
			t.Fatalf("%q: %v, %v", text, v, err)
		}
	})
}
