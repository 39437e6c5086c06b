package asl

// failState ends its thread by the failure that the state describes.
func (st *stepper) failState(t *thread, f *frame) *failure {
	fields := t.state.fail
	name, failed := failText(fields.err, fields.errPath, "ErrorPath", f)
	if failed != nil {
		return failed
	}
	cause, failed := failText(fields.cause, fields.causePath, "CausePath", f)
	if failed != nil {
		return failed
	}
	st.died(t, &failure{name: name, cause: cause})
	return nil
}

// failText is Error or Cause, which must be a text.
func failText(literal *template, p *path, field string, f *frame) (string, *failure) {
	var v any
	switch {
	case p != nil:
		found, err := p.get(f)
		if err != nil {
			return "", p.fieldFailure(err, field, f)
		}
		v = found
	case literal != nil:
		computed, failed := literal.eval(f)
		if failed != nil {
			return "", failed
		}
		v = computed
	default:
		return "", nil
	}
	text, ok := v.(string)
	if ok {
		return text, nil
	}
	if part, computed := partOf(literal); computed {
		return "", part.unexpected(v, "string")
	}
	return "", runtimeFailure("The %s field refers to value \"%s\" which is not a string: %s", field, plainText(v), p.text)
}

func partOf(t *template) (*jsonataPart, bool) {
	if t == nil {
		return nil, false
	}
	part, ok := t.part.(*jsonataPart)
	return part, ok
}
