package jsonata

import (
	"slices"
	"strings"
)

// signature says what arguments a function takes: <s-n?:s> is a text, which is the context if it is left out, and maybe a number.
// It works as the reference implementation's does: the arguments' types, a letter each, are matched against the parameters' types as
// a regular expression would, in which m stands for an argument that is undefined.
type signature struct {
	parameters []parameter
}

type parameter struct {
	letter    byte    // s, n, b, l, o, a, f, j, x; ( for a choice
	accepts   typeSet // of an argument
	least     int     // 0 or 1
	many      bool    // any number of arguments
	lazy      bool    // takes as few arguments as possible
	context   bool    // the context stands in for a missing argument
	contextOf typeSet // what the context must be
	subtype   string  // of an array's items, or a function's
}

// typeSet is a set of argument types, a bit each.
type typeSet uint16

const (
	typeString typeSet = 1 << iota
	typeNumber
	typeBoolean
	typeNull
	typeObject
	typeArray
	typeFunction
	typeMissing

	typesAll = typeString | typeNumber | typeBoolean | typeNull | typeObject | typeArray | typeFunction | typeMissing
)

var typeLetters = map[byte]typeSet{
	's': typeString, 'n': typeNumber, 'b': typeBoolean, 'l': typeNull, 'o': typeObject, 'a': typeArray, 'f': typeFunction,
	'm': typeMissing,
}

// pluralNames are the types as messages call them.
var pluralNames = map[string]any{
	"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings",
}

// typeOf is the type of an argument.
func typeOf(v any) typeSet {
	switch v.(type) {
	case string:
		return typeString
	case float64:
		return typeNumber
	case missing:
		return typeMissing
	case nil:
		return typeNull
	case bool:
		return typeBoolean
	case []any, *array:
		return typeArray
	}
	switch {
	case isNumber(v):
		return typeNumber
	case isFunction(v):
		return typeFunction
	}
	return typeObject
}

// parseSignature reads a signature with its angle brackets. The position of an error is relative to the first one.
func parseSignature(text string) (*signature, *Error) {
	s := &signature{}
	var last *parameter // the one that modifiers apply to
	for i := 1; i < len(text) && text[i] != ':'; i++ {
		c := text[i]
		added := parameter{letter: c, least: 1}
		switch c {
		case 's', 'n', 'b', 'l', 'o':
			added.accepts = typeLetters[c] | typeMissing
		case 'a', 'x':
			added.accepts = typesAll
		case 'j':
			added.accepts = typesAll &^ typeFunction
		case 'f':
			added.accepts = typeFunction
		case '(':
			end := closing(text, i, '(', ')')
			choice := text[i+1 : end]
			if strings.Contains(choice, "<") {
				return nil, mistake("S0402", i).withValue(choice)
			}
			for k := range len(choice) {
				added.accepts |= typeLetters[choice[k]]
			}
			added.accepts |= typeMissing
			i = end
		case '<':
			end := closing(text, i, '<', '>')
			if last == nil || last.letter != 'a' && last.letter != 'f' {
				var letter any = undefined
				if last != nil {
					letter = string(last.letter)
				}
				return nil, mistake("S0401", i).withValue(letter)
			}
			last.subtype = text[i+1 : end]
			i = end
			continue
		default:
			if last != nil {
				last.modify(c)
			}
			continue
		}
		s.parameters = append(s.parameters, added)
		last = &s.parameters[len(s.parameters)-1]
	}
	return s, nil
}

// modify applies -, ? or + to a parameter.
func (p *parameter) modify(c byte) {
	optional := p.least == 0 || p.many
	switch {
	case c == '-':
		p.context, p.contextOf = true, p.accepts
		p.lazy = p.lazy || optional
		p.least = min(p.least, btoi(p.many))
	case c == '?' && optional:
		p.lazy = true
	case c == '?':
		p.least = 0
	case c == '+':
		p.many = true
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// closing is where the bracket that opens at i is closed; the last character if it is not.
func closing(text string, i int, open, end byte) int {
	depth := 1
	for i++; i < len(text)-1; i++ {
		switch text[i] {
		case end:
			if depth--; depth == 0 {
				return i
			}
		case open:
			depth++
		}
	}
	return i
}

// validate checks arguments and puts in the context, arrays around single values and undefined for what is missing.
func (s *signature) validate(args []any, context any) []any {
	if s.plain(args) {
		return args
	}
	types := make([]typeSet, len(args))
	for i, arg := range args {
		types[i] = typeOf(arg)
	}
	counts := make([]int, len(s.parameters))
	if !s.match(types, 0, counts) {
		s.reject(args, types)
	}
	valid := make([]any, 0, len(s.parameters))
	at, taken := 0, 0 // an optional parameter without an argument moves at on as well: so does the reference implementation
	for i := range s.parameters {
		p := &s.parameters[i]
		if counts[i] == 0 {
			if !p.context {
				valid = append(valid, argument(args, at))
				at++
				continue
			}
			if typeOf(context)&p.contextOf == 0 {
				panic(mistake("T0411", 0).withValue(context).with("index", float64(at+1)))
			}
			valid = append(valid, context)
			continue
		}
		group := types[taken : taken+counts[i]]
		taken += counts[i]
		for _, t := range group {
			arg := argument(args, at)
			if p.letter == 'a' {
				arg = p.asArray(arg, t, group, at)
			}
			valid = append(valid, arg)
			at++
		}
	}
	return valid
}

// loosely is validate for a function that is partially applied: the reference implementation then does not look at the arguments at all.
// Here they must be of the right type still, but the items of arrays may be anything.
func (s *signature) loosely(args []any) []any {
	loose := signature{parameters: slices.Clone(s.parameters)}
	for i := range loose.parameters {
		loose.parameters[i].subtype = ""
	}
	return loose.validate(args, nil)
}

func argument(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return undefined
}

// plain tells whether the arguments are, one for one, what the parameters are and need no change.
func (s *signature) plain(args []any) bool {
	if len(args) != len(s.parameters) {
		return false
	}
	for i := range s.parameters {
		p := &s.parameters[i]
		t := typeOf(args[i])
		if t&p.accepts == 0 || p.many || p.letter == 'a' && (t != typeArray || p.subtype != "") || t == typeMissing && p.letter == 'f' {
			return false
		}
	}
	return true
}

// match tells whether the parameters match the types, and how many arguments each of them takes; the greediest way wins.
func (s *signature) match(types []typeSet, from int, counts []int) bool {
	if from == len(s.parameters) {
		return len(types) == 0
	}
	p := &s.parameters[from]
	most := 0
	for most < len(types) && types[most]&p.accepts != 0 && (p.many || most == 0) {
		most++
	}
	for i := 0; i <= most-p.least; i++ {
		n := most - i
		if p.lazy {
			n = p.least + i
		}
		if s.match(types[n:], from+1, counts) {
			counts[from] = n
			return true
		}
	}
	return false
}

// reject finds the first argument that does not fit.
func (s *signature) reject(args []any, types []typeSet) {
	good := 0
	for i := range s.parameters {
		part := signature{parameters: s.parameters[:i+1]}
		best := -1
		counts := make([]int, i+1)
		// The longest run of arguments that these parameters match from the start on.
		for n := len(types); n >= 0 && best < 0; n-- {
			if part.match(types[:n], 0, counts) {
				best = n
			}
		}
		if best < 0 {
			break
		}
		good = best
	}
	panic(mistake("T0410", 0).withValue(argument(args, good)).with("index", float64(good+1)))
}

// asArray makes an array of an argument for a parameter of type a and checks its items.
func (p *parameter) asArray(arg any, t typeSet, group []typeSet, at int) any {
	if t == typeMissing {
		return undefined
	}
	if p.subtype != "" && !p.itemsFit(arg, t, group) {
		plural, ok := pluralNames[p.subtype]
		if !ok {
			plural = undefined
		}
		panic(mistake("T0412", 0).withValue(arg).with("index", float64(at+1)).with("type", plural))
	}
	if t != typeArray {
		return []any{arg}
	}
	return arg
}

func (p *parameter) itemsFit(arg any, t typeSet, group []typeSet) bool {
	if t != typeArray {
		return len(group) == 1 && len(p.subtype) == 1 && typeLetters[p.subtype[0]] == t
	}
	if a, ok := arg.(*array); ok && a.lazy > 0 {
		return p.subtype[0] == 'n'
	}
	items, _ := elements(arg)
	if len(items) == 0 || p.subtype == "" {
		return true
	}
	want := typeLetters[p.subtype[0]]
	for _, item := range items {
		if typeOf(item) != want {
			return false
		}
	}
	return true
}
