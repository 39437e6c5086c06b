package jsonata

import "math"

// numericNode is + - * / %.
type numericNode struct {
	left, right node
	operator    byte
	position    int
}

func (n *numericNode) eval(r *run, input any, env *frame) any {
	left := r.eval(n.left, input, env)
	right := r.eval(n.right, input, env)
	x, xok := left.(float64)
	y, yok := right.(float64)
	if !xok || !yok || math.IsInf(x, 0) || math.IsInf(y, 0) || x != x || y != y {
		x, xok = n.operand(left, "T2001")
		y, yok = n.operand(right, "T2002")
		if !xok || !yok {
			return undefined
		}
	}
	switch n.operator {
	case '+':
		return x + y
	case '-':
		return x - y
	case '*':
		return x * y
	case '/':
		return x / y
	}
	return math.Mod(x, y)
}

// operand is v as a number; ok is false if it is undefined.
func (n *numericNode) operand(v any, code string) (f float64, ok bool) {
	if v == undefined {
		return 0, false
	}
	if f, ok := value64(v); ok && !math.IsNaN(f) {
		if math.IsInf(f, 0) {
			panic(mistake("D1001", n.position).withToken(string(n.operator)).withValue(f))
		}
		return f, true
	}
	panic(mistake(code, n.position).withToken(string(n.operator)).withValue(v))
}

// negateNode is unary minus.
type negateNode struct {
	of       node
	position int
}

func (n *negateNode) eval(r *run, input any, env *frame) any {
	v := r.eval(n.of, input, env)
	if v == undefined {
		return undefined
	}
	if f, ok := number(v); ok {
		return -f
	}
	panic(mistake("D1002", n.position).withToken("-").withValue(v))
}

// compareNode is < <= > >=.
type compareNode struct {
	left, right node
	operator    string
	position    int
}

func (n *compareNode) eval(r *run, input any, env *frame) any {
	left := r.eval(n.left, input, env)
	right := r.eval(n.right, input, env)
	ls, lText := left.(string)
	rs, rText := right.(string)
	lNumber, rNumber := isNumber(left), isNumber(right)
	if !lText && !lNumber && left != undefined || !rText && !rNumber && right != undefined {
		wrong := right
		if !lText && !lNumber {
			wrong = left
		}
		panic(mistake("T2010", n.position).withToken(n.operator).withValue(wrong))
	}
	if left == undefined || right == undefined {
		return undefined
	}
	if lText != rText {
		panic(mistake("T2009", n.position).withToken(n.operator).withValue(left).with("value2", right))
	}
	if lText {
		return n.holds(float64(compareText(ls, rs)), 0)
	}
	return n.holds(float(left), float(right))
}

func (n *compareNode) holds(x, y float64) bool {
	switch n.operator {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

// logicNode is and / or, whose right side is evaluated only if it matters.
type logicNode struct {
	left, right node
	operator    string
	position    int
}

func (n *logicNode) eval(r *run, input any, env *frame) any {
	left := r.eval(n.left, input, env)
	r.calls = append(r.calls, call{kind: callLogic, token: n.operator, position: n.position})
	holds := r.truth(left)
	if holds == (n.operator == "and") {
		holds = r.truth(r.eval(n.right, input, env))
	}
	r.calls = r.calls[:len(r.calls)-1]
	return holds
}

// binaryNode is = != & .. in.
type binaryNode struct {
	left, right node
	operator    string
	position    int
}

func (n *binaryNode) eval(r *run, input any, env *frame) any {
	left := r.eval(n.left, input, env)
	right := r.eval(n.right, input, env)
	switch n.operator {
	case "=":
		return left != undefined && right != undefined && r.deepEqual(left, right)
	case "!=":
		return left != undefined && right != undefined && !r.deepEqual(left, right)
	case "&":
		return n.concatenate(r, left, right)
	case "..":
		return n.span(left, right)
	}
	if left == undefined || right == undefined {
		return false
	}
	for _, item := range r.asList(right) {
		r.step()
		if identical(item, left) {
			return true
		}
	}
	return false
}

func (n *binaryNode) concatenate(r *run, left, right any) any {
	r.calls = append(r.calls, call{kind: callLogic, token: n.operator, position: n.position})
	var x, y string
	if left != undefined {
		x = r.stringify(left, false)
	}
	if right != undefined {
		y = r.stringify(right, false)
	}
	r.calls = r.calls[:len(r.calls)-1]
	r.charge(len(x) + len(y))
	return joinText(x, y)
}

// maxSpan is how many integers a range may have.
const maxSpan = 10_000_000

// span is the range of integers from left to right.
func (n *binaryNode) span(left, right any) any {
	low, ok := integral(left)
	if !ok && left != undefined {
		panic(mistake("T2003", n.position).withToken("..").withValue(left))
	}
	high, ok := integral(right)
	if !ok && right != undefined {
		panic(mistake("T2004", n.position).withToken("..").withValue(right))
	}
	if left == undefined || right == undefined || low > high {
		return undefined
	}
	size := high - low + 1
	if size > maxSpan {
		panic(mistake("D2014", n.position).withToken("..").withValue(size))
	}
	return &array{first: low, lazy: int(size), sequence: true}
}

// integral is v as a whole number.
func integral(v any) (float64, bool) {
	f, ok := value64(v)
	return f, ok && f == math.Trunc(f) && !math.IsInf(f, 0)
}
