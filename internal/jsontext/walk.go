package jsontext

// Object walks the members of an object in the order they stand. It scans as it
// goes, so a fault shows when the walk has come to it:
//
//	o := NewObject(line)
//	for o.Next() {
//		use(o.Key, o.Value)
//	}
//	code, message := o.Verdict()
type Object struct {
	Key   Value // a String; not set where Met
	Value Value

	// Expect is a caller's guess at the next key, in quotes and without escapes.
	// Where it is right, Met is set and the key need not be scanned.
	Expect []byte
	Met    bool

	text    []byte
	at      int
	started bool
	fault   fault
	other   Kind // what the text is, where it is a value but no object
}

// NewObject prepares to walk the one object that text is.
func NewObject(text []byte) Object { return Object{text: text} }

// Next moves to the next member; false at the end and at a fault.
func (o *Object) Next() bool {
	b, i := o.text, o.at
	want := wantKey
	if !o.started {
		o.started = true
		i = skipSpace(b, 0)
		if i >= len(b) || b[i] != '{' {
			o.other, o.at, o.fault = scanText(b)
			return false
		}
		want = wantKeyOrEnd
		if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
			return o.finish(i + 1)
		}
	} else {
		switch i = skipSpace(b, i); {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == '}':
			return o.finish(i + 1)
		default:
			return o.stop(i, wantCommaOrBrace)
		}
	}
	if i >= len(b) || b[i] != '"' {
		return o.stop(i, want)
	}
	end := i + len(o.Expect)
	if o.Met = end > i && end <= len(b) && string(b[i:end]) == string(o.Expect); !o.Met {
		var escaped bool
		var f fault
		if end, escaped, f = scanString(b, i+1); f != 0 {
			return o.stop(end, f)
		}
		o.Key = Value{Raw: b[i:end], Kind: String, Escaped: escaped}
	}
	if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
		return o.stop(i, wantColon)
	}
	i = skipSpace(b, i+1)
	end, kind, escaped, f := scanValue(b, i, 1)
	if f != 0 {
		return o.stop(end, f)
	}
	o.Value = Value{Raw: b[i:end], Kind: kind, Escaped: escaped}
	o.at = end
	return true
}

func (o *Object) stop(at int, f fault) bool {
	o.at, o.fault = at, f
	return false
}

// finish ends the walk after the closing brace.
func (o *Object) finish(i int) bool {
	if o.at = skipSpace(o.text, i); o.at < len(o.text) {
		o.fault = wantEnd
	}
	return false
}

// Verdict is Check's of the text, once Next has returned false.
func (o *Object) Verdict() (code, message string) {
	if o.fault != 0 {
		return o.fault.verdict(o.text, o.at)
	}
	if o.other != 0 {
		return notObject(o.other)
	}
	return "", ""
}

// Array walks the elements of an array that has been scanned before.
type Array struct {
	Value Value

	text []byte
	at   int
}

// NewArray prepares to walk the elements of v, which is an array.
func NewArray(v *Value) Array { return Array{text: v.Raw, at: 1} }

// Next moves to the next element; false at the end.
func (a *Array) Next() bool {
	i := skipSpace(a.text, a.at)
	if i < len(a.text) && a.text[i] == ',' {
		i = skipSpace(a.text, i+1)
	}
	end, kind, escaped, f := scanValue(a.text, i, 1)
	if f != 0 { // the closing bracket
		return false
	}
	a.Value = Value{Raw: a.text[i:end], Kind: kind, Escaped: escaped}
	a.at = end
	return true
}
