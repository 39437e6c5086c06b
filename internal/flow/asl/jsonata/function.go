package jsonata

import "maps"

// builtins are the functions of the language by their names, without $.
var builtins = allFunctions(
	stringFunctions, matchFunctions, numberFunctions, arrayFunctions, objectFunctions, callbackFunctions, encodingFunctions, timeFunctions,
	stateFunctions,
)

func allFunctions(groups ...map[string]*builtin) map[string]*builtin {
	all := map[string]*builtin{}
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
}

// define makes a function. arity is how many arguments functions such as $map pass to it.
func define(signature string, arity int, apply func(r *run, args []any) any) *builtin {
	return &builtin{signature: mustSignature(signature), arity: arity, apply: apply}
}

func mustSignature(text string) *signature {
	s, err := parseSignature(text)
	if err != nil {
		panic(err)
	}
	return s
}

// given wraps a function whose result is undefined if its first argument is.
func given(apply func(r *run, args []any) any) func(r *run, args []any) any {
	return func(r *run, args []any) any {
		if argument(args, 0) == undefined {
			return undefined
		}
		return apply(r, args)
	}
}

// onNumber wraps a function of one number.
func onNumber(apply func(float64) float64) func(r *run, args []any) any {
	return given(func(_ *run, args []any) any { return apply(float(args[0])) })
}

// onText wraps a function of one text.
func onText(apply func(string) any) func(r *run, args []any) any {
	return given(func(r *run, args []any) any {
		r.work(len(args[0].(string)) / 16)
		v := apply(args[0].(string))
		if s, ok := v.(string); ok {
			r.text(s)
		}
		return v
	})
}

// optional is an argument as a number; ok is false if it is undefined.
func optional(args []any, i int) (f float64, ok bool) {
	return value64(argument(args, i))
}

// textOf is an argument that is a text or undefined.
func textOf(args []any, i int) string {
	s, _ := argument(args, i).(string)
	return s
}
