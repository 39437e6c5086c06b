package asl

import "github.com/biwa-data/biwa/internal/flow/value"

// complete leaves a state that has done its work. result is what came of it; its own says whether it is a result in its
// own right (of Task, Parallel, Map, and of Pass in JSONPath), to which ResultSelector and ResultPath apply.
func (st *stepper) complete(t *thread, f *frame, result any, own bool) *failure {
	s := t.state
	if s.Language == JSONata {
		return st.completeJSONata(t, f, result, own, s.output, s.assign, s.next)
	}
	output := result
	if own {
		if s.resultSelector != nil {
			f.data = result
			v, failed := s.resultSelector.eval(f)
			if failed != nil {
				return failed
			}
			result = v
		}
		st.x.note("afterResultSelector", result)
		placed, failed := s.resultPath.put(t.input, result)
		if failed != nil {
			return failed
		}
		output = placed
		st.x.note("afterResultPath", output)
	}
	f.data = output
	output, failed := s.outputPath.apply(f)
	if failed != nil {
		return failed
	}
	f.data = result
	assigned, failed := st.assigned(s.assign, f)
	if failed != nil {
		return failed
	}
	return st.exit(t, output, assigned, s.next)
}

// completeJSONata leaves a state of JSONata by its Output and Assign, which may be those of a choice rule.
func (st *stepper) completeJSONata(t *thread, f *frame, result any, own bool, output, assign *template, next *State) *failure {
	if own {
		f.result, f.hasResult = result, true
	}
	out := result
	if output != nil {
		v, failed := output.eval(f)
		if failed != nil {
			return failed
		}
		out = v
	}
	assigned, failed := st.assigned(assign, f)
	if failed != nil {
		return failed
	}
	return st.exit(t, out, assigned, next)
}

// assigned evaluates an Assign; all its expressions see the variables as they were.
func (st *stepper) assigned(assign *template, f *frame) (*value.Object, *failure) {
	if assign == nil {
		return nil, nil
	}
	v, failed := assign.eval(f)
	if failed != nil {
		return nil, failed
	}
	assigned := v.(*value.Object)
	if assigned.Len() == 0 {
		return nil, nil
	}
	if tooLarge(assigned, maxDataBytes) {
		return nil, dataLimitFailure(f.s.Name)
	}
	return assigned, nil
}

// exit leaves the state with an output and goes on to the next one.
func (st *stepper) exit(t *thread, output any, assigned *value.Object, next *State) *failure {
	s := t.state
	if !same(output, t.input) && tooLarge(output, maxDataBytes) {
		return dataLimitFailure(s.Name)
	}
	if b := st.x.bench; b != nil {
		b.exited(st.x, output, next)
		return nil
	}
	d := Details{Name: s.Name, Path: s.Path, Data: output}
	if next != nil {
		d.Next = next.Name
	}
	if assigned != nil {
		if failed := t.assign(assigned, s); failed != nil {
			return failed
		}
		d.Assigned = shownVariables(assigned)
	}
	st.chain(t, eventNames[s.Type].exited, d)
	t.task, t.group, t.run = nil, nil, nil
	if next == nil {
		st.finish(t, output)
		return nil
	}
	t.state, t.input, t.phase = next, output, phaseEnter
	return nil
}

// same says whether two values are one object or the same simple value, without looking into them.
func same(a, b any) bool {
	switch a := a.(type) {
	case *value.Object:
		b, ok := b.(*value.Object)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		return ok && len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
	}
	return false
}

// assign sets variables of the thread's own scope.
func (t *thread) assign(assigned *value.Object, s *State) *failure {
	variables := value.NewObject(assigned.Len())
	if t.variables != nil {
		variables = t.variables.Clone()
	}
	for name, v := range assigned.All() {
		variables.Set(name, v)
	}
	if tooLarge(variables, maxVariableBytes) {
		return &failure{name: ErrorDataLimit, cause: variablesTooLargeCause}
	}
	t.variables = variables
	return nil
}

// shownVariables are variables as histories show them: each value as JSON text.
func shownVariables(assigned *value.Object) *value.Object {
	shown := value.NewObject(assigned.Len())
	for name, v := range assigned.All() {
		shown.Set(name, value.Text(v))
	}
	return shown
}

// choose takes the way of the first rule that holds.
func (st *stepper) choose(t *thread, f *frame) *failure {
	c := t.state.choice
	for i := range c.rules {
		r := &c.rules[i]
		ok, failed := r.holds(f)
		if failed != nil {
			return failed
		}
		if ok {
			return st.take(t, f, r.output, r.assign, r.next)
		}
	}
	if c.otherwise == nil {
		return runtimeFailure(noChoiceCause)
	}
	return st.take(t, f, t.state.output, t.state.assign, c.otherwise)
}

// holds says whether the rule applies.
func (r *choiceRule) holds(f *frame) (bool, *failure) {
	if r.when == nil {
		return r.test.holds(f)
	}
	v, failed := r.when.eval(f)
	if failed != nil {
		return false, failed
	}
	ok, isBool := v.(bool)
	if part, computed := r.when.part.(*jsonataPart); computed && !isBool {
		return false, part.unexpected(v, "boolean")
	}
	return ok, nil
}

// take leaves a Choice on one of its ways.
func (st *stepper) take(t *thread, f *frame, output, assign *template, next *State) *failure {
	if t.state.Language == JSONata {
		return st.completeJSONata(t, f, t.input, false, output, assign, next)
	}
	data := f.data
	out, failed := t.state.outputPath.apply(f)
	if failed != nil {
		return failed
	}
	f.data = data
	assigned, failed := st.assigned(assign, f)
	if failed != nil {
		return failed
	}
	return st.exit(t, out, assigned, next)
}
