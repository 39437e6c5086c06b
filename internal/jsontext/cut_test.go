package jsontext

import (
	"testing"
)

func TestCutter(t *testing.T) {
	for _, c := range []struct {
		text   string
		end    int
		broken bool
	}{
		{`{}`, 2, false},
		{` {"a":[1,{"b":null}]} x`, 21, false},
		{"{\n\"a\": \"}\\\"\",\n\"b\":{}}{", 21, false},
		{`{"a":NaN,"b":01}`, 16, false},    // values are not judged
		{`{"a":1,}`, 8, false},             // nor a comma too many
		{`{"a":}`, 6, false},               // nor none at all
		{`{"a":[1,2`, 0, false},            // it may go on
		{`{"a":"x`, 0, false},              // in a string, as long as it is one line
		{"{\"a\":\"x\n", 0, true},          // but not over a line's end
		{"{\"a\":\"x\\\n", 0, true},        // nor escaped
		{`{"a":1]`, 0, true},               // the other bracket
		{`{"a" 1}`, 0, true},               // no colon
		{`{a:1}`, 0, true},                 // no key
		{`{"a":1 "b":2}`, 0, true},         // no comma
		{`{"a":,}`, 0, true},               // no value
		{`{{`, 0, true},                    // an object is no key
		{`x`, 0, true},                     // no object
		{`"{}"`, 0, true},                  // a string is none
		{`}`, 0, true},                     // an end without a beginning
		{`{"a":{"a":{"a":1}}}`, 19, false}, // within one another
	} {
		var whole Cutter
		if end, broken := whole.Feed([]byte(c.text)); end != c.end || broken != c.broken {
			t.Errorf("%q: %d, %t; want %d, %t", c.text, end, broken, c.end, c.broken)
		}
		// Cut anywhere, the pieces say the same.
		for at := range c.text {
			var pieces Cutter
			end, broken := pieces.Feed([]byte(c.text[:at]))
			if end == 0 && !broken {
				if end, broken = pieces.Feed([]byte(c.text[at:])); end > 0 {
					end += at
				}
			}
			if end != c.end || broken != c.broken {
				t.Errorf("%q cut at %d: %d, %t; want %d, %t", c.text, at, end, broken, c.end, c.broken)
			}
		}
	}
}

func TestNextObject(t *testing.T) {
	for text, want := range map[string]int{`{"a":1}{"a":2}`: 7, `{"a":1} {`: 7, `{"a":1}`: 0, `{"a":1} x`: 0, ``: 0, `[{}{}`: 0, `{"a":{`: 0} {
		if got := NextObject([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// Of every valid object Cutter finds the end that the scanner finds, whatever
// follows and however it is cut into pieces.
func FuzzCutter(f *testing.F) {
	for _, s := range []string{`{"a":[1,"]"]}{}`, `{"a":{"b":1e5,"c":"\""}} `, "{\n}", `{"a":1,}`} {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint) {
		var c Cutter
		want, broken := c.Feed(text)
		if end, ok := ValueEnd(text); ok && len(text) > 0 && text[0] == '{' && (want != end || broken) {
			t.Fatalf("the end of %q is %d, not %d (broken %t)", text, end, want, broken)
		}
		at := int(cut % uint(len(text)+1))
		var pieces Cutter
		end, b := pieces.Feed(text[:at])
		if end == 0 && !b {
			if end, b = pieces.Feed(text[at:]); end > 0 {
				end += at
			}
		}
		if end != want || b != broken {
			t.Fatalf("%q cut at %d: %d %t, whole: %d %t", text, at, end, b, want, broken)
		}
	})
}
