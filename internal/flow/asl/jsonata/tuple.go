package jsonata

// tuple is a value on its way through a path, with the variables that steps have bound (@, #) and the contexts that a % needs.
type tuple struct {
	context  any
	bindings []binding
}

// tuples is a stream of them. It only ever goes from one part of a path to another.
type tuples struct{ all []*tuple }

func (t *tuples) contexts() []any {
	out := make([]any, len(t.all))
	for i, one := range t.all {
		out[i] = one.context
	}
	return out
}

// with sets a variable of a tuple that nobody else has.
func (t *tuple) with(name int, v any) {
	if name < 0 {
		return
	}
	for i := range t.bindings {
		if t.bindings[i].name == name {
			t.bindings[i].value = v
			return
		}
	}
	t.bindings = append(t.bindings, binding{name, v})
}

func (r *run) copyTuple(t *tuple) *tuple {
	r.charge(bytesFrame + len(t.bindings)*bytesMember)
	return &tuple{context: t.context, bindings: append([]binding(nil), t.bindings...)}
}

// tupleFrame is a frame with the variables of a tuple.
func (r *run) tupleFrame(outer *frame, t *tuple) *frame {
	f := &frame{outer: outer}
	for _, b := range t.bindings {
		f.bind(b.name, b.value)
	}
	return f
}

// evalTuples evaluates a path some step of which makes tuples.
func (p *pathNode) evalTuples(r *run, input any, env *frame) any {
	if p.absolute || !isArray(input) {
		input = newSequence(input)
	}
	var stream *tuples
	started := false
	for i := range p.steps {
		s := &p.steps[i]
		started = started || s.tuple
		switch {
		case i == 0 && s.cons:
			input = r.eval(s.node, input, env)
		case started:
			stream = p.tupleStep(r, s, input, stream, env)
			continue
		default:
			input = p.step(r, i, input, env)
		}
		if !started && length(input) == 0 {
			break
		}
	}
	if stream == nil {
		if started {
			stream = &tuples{}
		} else {
			return p.finish(r, input, env)
		}
	}
	if p.group != nil {
		return p.group.eval(r, stream, env)
	}
	if p.keepTuples {
		return stream
	}
	return p.finish(r, &array{items: stream.contexts(), sequence: true}, env)
}

func (p *pathNode) tupleStep(r *run, s *step, input any, stream *tuples, env *frame) *tuples {
	var result *tuples
	switch {
	case s.order != nil && stream != nil:
		result = s.order.sort(r, stream, env).(*tuples)
	case s.order != nil:
		result = &tuples{}
		for i, item := range r.list(s.order.sort(r, input, env)) {
			t := &tuple{context: item}
			t.with(s.index, float64(i))
			result.all = append(result.all, t)
		}
	default:
		if stream == nil {
			stream = &tuples{}
			for _, item := range r.list(input) {
				stream.all = append(stream.all, &tuple{context: item})
			}
		}
		result = &tuples{}
		for _, t := range stream.all {
			r.extend(result, s, t, r.eval(s.node, t.context, r.tupleFrame(env, t)))
		}
	}
	for _, stage := range s.stages {
		if stage.filter != nil {
			result = r.filterTuples(stage.filter, result, env)
			continue
		}
		for i, t := range result.all {
			t.with(stage.index, float64(i))
		}
	}
	return result
}

// extend adds to the stream what step s gave for the tuple from.
func (r *run) extend(to *tuples, s *step, from *tuple, v any) {
	if inner, ok := v.(*tuples); ok {
		for _, t := range inner.all {
			added := r.copyTuple(from)
			added.context = t.context
			for _, b := range t.bindings {
				added.with(b.name, b.value)
			}
			to.all = append(to.all, added)
		}
		return
	}
	if v == undefined {
		return
	}
	items := r.list(v)
	if !isArray(v) {
		items = []any{v}
	}
	for i, item := range items {
		r.step()
		added := r.copyTuple(from)
		if s.focus >= 0 {
			added.with(s.focus, item)
		} else {
			added.context = item
		}
		added.with(s.index, float64(i))
		added.with(s.ancestor, from.context)
		to.all = append(to.all, added)
	}
}
