// Package diagram makes drawings of state machines, with the way that a run took.
package diagram

import (
	"fmt"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/svg"
)

// IDs of the nodes that stand for no state. A name in a definition has no line break at its front.
const (
	startID = "\nstart"
	endID   = "\nend"
)

// Of makes the graph of a definition. With the outcome of a run the way that was taken is highlighted; without (nil) there is none.
func Of(name string, d *asl.Definition, outcome *asl.Outcome) svg.Graph {
	p := &painter{outcome: outcome, retried: map[string]bool{}}
	if outcome != nil {
		for _, wait := range outcome.Retries {
			p.retried[wait.State] = true
		}
	}
	g := p.machine(d.Root)
	g.Sentence = p.sentence(name, d)
	return g
}

type painter struct {
	outcome *asl.Outcome
	retried map[string]bool // by the state's name
}

// sentence says what the drawing shows.
func (p *painter) sentence(name string, d *asl.Definition) string {
	states := 0
	for _, m := range d.Machines {
		states += len(m.States)
	}
	text := fmt.Sprintf("State machine %s, %d states.", name, states)
	if p.outcome == nil {
		return text
	}
	var way []string
	for _, s := range d.Root.States {
		if p.visit(s).Entered > 0 {
			way = append(way, s.Name)
		}
	}
	return text + fmt.Sprintf(" The run ended as %s and entered %s.", p.outcome.Status, strings.Join(way, ", "))
}

func (p *painter) visit(s *asl.State) asl.Visit {
	if p.outcome != nil {
		if v := p.outcome.Visits[s.Path]; v != nil {
			return *v
		}
	}
	return asl.Visit{}
}

// way says whether something was gone through.
func (p *painter) way(taken bool) svg.Way {
	switch {
	case p.outcome == nil:
		return svg.Unknown
	case taken:
		return svg.Taken
	}
	return svg.Open
}

func (p *painter) machine(m *asl.Machine) svg.Graph {
	g := svg.Graph{Nodes: []svg.Node{{ID: startID, Shape: svg.Start}}}
	start := m.State(m.StartAt)
	g.Edges = append(g.Edges, svg.Edge{From: startID, To: m.StartAt, Way: p.way(start != nil && p.visit(start).Entered > 0)})
	ended, ends := false, false
	for _, s := range m.States {
		g.Nodes = append(g.Nodes, p.state(s))
		v := p.visit(s)
		for _, t := range s.Transitions() {
			g.Edges = append(g.Edges, svg.Edge{From: s.Name, To: t.To, Label: label(t), Way: p.way(slices.Contains(v.Next, t.To))})
		}
		if s.End || s.Type == asl.Succeed {
			over := v.Exited > 0 && (len(v.Next) == 0 || v.Exited > v.Failed)
			g.Edges = append(g.Edges, svg.Edge{From: s.Name, To: endID, Way: p.way(over)})
			ends, ended = true, ended || over
		}
	}
	if ends {
		g.Nodes = append(g.Nodes, svg.Node{ID: endID, Shape: svg.End, Way: p.way(ended)})
	}
	return g
}

// label is what stands at an edge: a choice's condition, a catcher's errors.
func label(t asl.Transition) string {
	switch t.Kind {
	case "default":
		return "default"
	case "catch":
		return "catch " + t.Label
	}
	return t.Label
}

func (p *painter) state(s *asl.State) svg.Node {
	n := svg.Node{ID: s.Name, Label: s.Name, Note: note(s)}
	if s.Type == asl.Choice {
		n.Shape, n.Note = svg.Choice, ""
	}
	for _, m := range s.Machines {
		n.Inside = append(n.Inside, p.machine(m))
	}
	if p.outcome == nil {
		return n
	}
	v := p.visit(s)
	n.Way = p.way(v.Entered > 0)
	switch {
	case v.Entered == 0:
		n.State = "none"
	case v.Exited < v.Entered:
		n.State, n.Way = "fail", svg.Here
		if s.Type != asl.Fail && p.outcome.Status == asl.Aborted {
			n.State = "wait"
		}
	case p.retried[s.Name] || v.Failed > 0:
		n.State = "retry"
	default:
		n.State = "done"
	}
	if v.Entered > 1 {
		n.Note = strings.TrimPrefix(fmt.Sprintf("%s, %d times", n.Note, v.Entered), ", ")
	}
	return n
}

// note says what a state does: the end of a task's resource, the type of any other.
func note(s *asl.State) string {
	switch {
	case s.Type == asl.Task:
		parts := strings.Split(s.Resource, ":")
		if len(parts) >= 2 {
			parts = parts[len(parts)-2:]
		}
		return strings.Join(parts, ":")
	case s.Distributed():
		return "Map, distributed"
	case s.Type == asl.Pass:
		return ""
	}
	return string(s.Type)
}
