package jsonata

import "strconv"

// A % stands for the context of a step further left. Its slot goes from step to step towards the start of the path; every step that
// can have a parent takes one off its level, and where that reaches zero the step is made to keep its context under the slot's label.

// slotLabel is a name that no variable can have.
func slotLabel(n int) string { return "!" + strconv.Itoa(n) }

// seekParent looks for the step of s in x.
func (r *resolver) seekParent(x *syntax, s *slot) {
	switch x.kind {
	case kindName, kindWildcard:
		s.level--
		if s.level > 0 {
			return
		}
		if x.ancestor != nil {
			r.slots[s.index].label = x.ancestor.label
		}
		x.ancestor, x.tuple = s, true
	case kindParent:
		s.level++
	case kindBlock:
		if n := len(x.expressions); n > 0 {
			x.tuple = true
			r.seekParent(x.expressions[n-1], s)
		}
	case kindPath:
		x.tuple = true
		r.seekParent(x.steps[len(x.steps)-1], s)
		for i := len(x.steps) - 2; s.level > 0 && i >= 0; i-- {
			r.seekParent(x.steps[i], s)
		}
	default:
		panic(mistake("S0217", x.position).withToken(string(x.kind)))
	}
}

// resolveAncestry finds the steps of the %s in the last step of a path; those that are not in this path are left to the node around it.
func (r *resolver) resolveAncestry(path *syntax) {
	last := path.steps[len(path.steps)-1]
	slots := last.seeking
	if last.kind == kindParent {
		slots = append(slots, last.slot)
	}
	for _, s := range slots {
		for i := len(path.steps) - 2; s.level > 0; {
			if i < 0 {
				path.seeking = append(path.seeking, s)
				break
			}
			step := path.steps[i]
			i--
			for i >= 0 && step.hasFocus && path.steps[i].hasFocus {
				step = path.steps[i]
				i--
			}
			r.seekParent(step, s)
		}
	}
}
