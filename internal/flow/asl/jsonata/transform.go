package jsonata

import "github.com/biwa-data/biwa/internal/flow/value"

// transformNode is |pattern|update,remove|: a function that gives a changed copy of its argument.
type transformNode struct {
	pattern, update, remove        node
	clone                          *variableNode
	position                       int
	updatePosition, removePosition int
}

var transformSignature = mustSignature("<(oa):o>")

func (n *transformNode) eval(_ *run, _ any, env *frame) any {
	return &builtin{signature: transformSignature, arity: 1, apply: func(r *run, args []any) any {
		return n.transform(r, argument(args, 0), env)
	}}
}

func (n *transformNode) transform(r *run, v any, env *frame) any {
	if v == undefined {
		return undefined
	}
	clone := n.clone.eval(r, undefined, env)
	if !isFunction(clone) {
		panic(mistake("T2013", n.position))
	}
	result := r.apply(clone, []any{v}, nil, env, "", 0)
	// What the pattern finds is changed in place if it belongs to the copy; values from elsewhere are everybody's and stay.
	own := map[*value.Object]bool{}
	r.own(result, own)
	for _, match := range r.asList(r.eval(n.pattern, result, env)) {
		object, _ := match.(*value.Object)
		if !own[object] {
			object = nil
		}
		n.set(r, object, match, env)
		if n.remove != nil {
			n.delete(r, object, match, env)
		}
	}
	return result
}

// own collects the objects of a copy.
func (r *run) own(v any, objects map[*value.Object]bool) {
	r.enter()
	defer r.leave()
	r.step()
	if o, ok := v.(*value.Object); ok {
		r.charge(bytesItem)
		objects[o] = true
		for _, item := range o.All() {
			r.own(item, objects)
		}
	}
	for _, item := range r.list(v) {
		r.own(item, objects)
	}
}

func (n *transformNode) set(r *run, object *value.Object, match any, env *frame) {
	v := r.eval(n.update, match, env)
	if v == undefined {
		return
	}
	update, ok := v.(*value.Object)
	if !ok {
		panic(mistake("T2011", n.updatePosition).withValue(v))
	}
	if object == nil {
		return
	}
	for i := range update.Len() {
		r.charge(bytesMember)
		object.Set(update.At(i))
	}
}

func (n *transformNode) delete(r *run, object *value.Object, match any, env *frame) {
	v := r.eval(n.remove, match, env)
	names := r.asList(v)
	if !allStrings(names) {
		panic(mistake("T2012", n.removePosition).withValue(v))
	}
	if object == nil {
		return
	}
	for _, name := range names {
		object.Delete(name.(string))
	}
}

// copied is a deep copy of v, with numbers as their texts have them: that is how $clone makes it.
func (r *run) copied(v any) any {
	r.enter()
	defer r.leave()
	r.step()
	switch v := v.(type) {
	case *value.Object:
		o := value.NewObject(v.Len())
		r.charge(v.Len() * bytesMember)
		members(v, func(name string, item any) { o.Set(name, r.copied(item)) })
		return o
	case missing:
		return nil
	}
	if isArray(v) {
		items := r.list(v)
		if a, ok := v.(*array); ok && a.wholeData {
			return r.copied(items[0])
		}
		r.charge(len(items) * bytesItem)
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = r.copied(item)
		}
		return out
	}
	if isNumber(v) {
		return rounded(v)
	}
	if isFunction(v) {
		return ""
	}
	return v
}
