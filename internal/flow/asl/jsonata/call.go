package jsonata

// callNode is a call of a function.
type callNode struct {
	procedure         node
	arguments         []node
	token             string // what messages call the function
	isVariable        bool
	meant             *variableNode // the variable of that name, where the procedure is a name without $
	position          int
	procedurePosition int
}

func (n *callNode) eval(r *run, input any, env *frame) any {
	return n.invoke(r, input, env, make([]any, 0, len(n.arguments)))
}

// invoke calls the function with the arguments given and then those of the expression.
func (n *callNode) invoke(r *run, input any, env *frame, args []any) any {
	function := r.eval(n.procedure, input, env)
	if function == undefined {
		n.explain(r, env, "T1005")
	}
	for _, argument := range n.arguments {
		v := r.eval(argument, input, env)
		if isFunction(v) {
			v = &closure{function: v, arity: arity(v)}
		}
		args = append(args, v)
	}
	r.calls = append(r.calls, call{kind: callInvoke, token: n.token, position: n.position})
	if l, ok := function.(*lambda); ok {
		l.token, l.position = n.token, n.position
	}
	v := r.apply(function, args, input, env, n.token, n.position)
	r.calls = r.calls[:len(r.calls)-1]
	return v
}

// explain raises the error of a name that lacks its $.
func (n *callNode) explain(r *run, env *frame, code string) {
	if n.meant != nil && truthy(n.meant.eval(r, undefined, env)) {
		panic(mistake(code, n.position).withToken(n.token))
	}
}

// partialNode is a call with ? for some of its arguments.
type partialNode struct{ call *callNode }

func (n *partialNode) eval(r *run, input any, env *frame) any {
	args := make([]any, len(n.call.arguments))
	for i, argument := range n.call.arguments {
		args[i] = r.eval(argument, input, env)
	}
	function := r.eval(n.call.procedure, input, env)
	if function == undefined {
		n.call.explain(r, env, "T1007")
	}
	if !isFunction(function) {
		e := mistake("T1008", n.call.position)
		if n.call.token != "" {
			e = e.withToken(n.call.token)
		}
		panic(e)
	}
	return r.partially(function, args)
}

// thunkNode is a call in tail position.
type thunkNode struct{ call *callNode }

func (n *thunkNode) eval(_ *run, input any, env *frame) any {
	return &thunk{call: n.call, input: input, env: env}
}

// lambdaNode makes a function.
type lambdaNode struct {
	parameters []int
	signature  *signature
	body       node
}

func (n *lambdaNode) eval(r *run, input any, env *frame) any {
	r.charge(bytesFrame)
	return &lambda{parameters: n.parameters, signature: n.signature, body: n.body, input: input, env: env}
}

// chainNode is ~>.
type chainNode struct {
	of       node
	call     *callNode // a call that takes the value as its first argument
	to       node      // or else a function that is applied to it
	token    string    // what messages call that
	position int
}

func (n *chainNode) eval(r *run, input any, env *frame) any {
	v := r.eval(n.of, input, env)
	if n.call != nil {
		return n.call.invoke(r, input, env, append(make([]any, 0, len(n.call.arguments)+1), v))
	}
	function := r.eval(n.to, input, env)
	if !isFunction(function) {
		panic(mistake("T2006", n.position).withValue(function))
	}
	if isFunction(v) {
		return &builtin{arity: 1, apply: func(r *run, args []any) any {
			return r.call(function, r.call(v, argument(args, 0)))
		}}
	}
	return r.apply(function, []any{v}, nil, env, n.token, n.position)
}
