package asl

import "strings"

// connect resolves the names of transitions and notes what the graph lacks: targets, an end, ways to a state.
func (p *parser) connect() {
	if p.d == nil {
		return
	}
	for _, m := range p.d.Machines {
		if len(m.States) > 0 {
			p.connectMachine(m)
		}
	}
}

func (p *parser) connectMachine(m *Machine) {
	if !p.loose {
		m.start = p.target(m, m.StartAt, child(orRoot(m.Path), "StartAt"), &node{line: m.Line, column: m.Column})
	}
	ends, unread := false, false
	for _, s := range m.States {
		unread = unread || s.Type == ""
		ends = ends || s.End || s.Type == Succeed || s.Type == Fail
		at := &node{line: s.Line, column: s.Column}
		if s.Next != "" {
			s.next = p.target(m, s.Next, s.Path+"/Next", at)
		}
		if s.choice != nil {
			for i := range s.choice.rules {
				r := &s.choice.rules[i]
				r.next = p.target(m, r.nextName, indexed(s.Path+"/Choices", i)+"/Next", at)
			}
			if s.choice.fallback != "" {
				s.choice.otherwise = p.target(m, s.choice.fallback, s.Path+"/Default", at)
			}
		}
		for i := range s.catch {
			s.catch[i].next = p.target(m, s.catch[i].nextName, indexed(s.Path+"/Catch", i), at)
		}
	}
	switch {
	case p.loose, unread: // what the states that could not be read lead to is unknown
	case !ends:
		p.add(CodeEnd, "", &node{line: m.Line, column: m.Column}, "Workflow has no terminal state")
	case m.start != nil:
		p.reach(m)
	}
}

// target gives the state called name. A state that is tested alone goes on to states nobody knows.
func (p *parser) target(m *Machine, name, place string, at *node) *State {
	if s := m.byName[name]; s != nil {
		return s
	}
	if p.loose {
		return &State{Name: name, Machine: m}
	}
	if name != "" {
		p.add(CodeTarget, place, at, "Missing 'Next' target: %s", name)
	}
	return nil
}

// reach notes the states that no way from the start leads to.
func (p *parser) reach(m *Machine) {
	seen := map[*State]bool{m.start: true}
	for queue := []*State{m.start}; len(queue) > 0; queue = queue[1:] {
		for _, next := range successors(queue[0]) {
			if next != nil && !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	for _, s := range m.States {
		if !seen[s] {
			p.add(CodeTarget, s.Path, &node{line: s.Line, column: s.Column}, `State "%s" is not reachable.`, s.Name)
		}
	}
}

// successors are the states that s can go to; some may be nil, where there is a mistake.
func successors(s *State) []*State {
	all := []*State{s.next}
	if s.choice != nil {
		all = append(all, s.choice.otherwise)
		for i := range s.choice.rules {
			all = append(all, s.choice.rules[i].next)
		}
	}
	for i := range s.catch {
		all = append(all, s.catch[i].next)
	}
	return all
}

func orRoot(place string) string {
	if place == "" {
		return "/"
	}
	return strings.TrimSuffix(place, "/")
}
