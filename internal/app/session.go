package app

import (
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/world"
)

// tellSessions lets the engine know how the sessions of each table are told apart, by
// the newest definition of its stream; a stream that left the project has none. The
// caller holds mu.
func (n *Node) tellSessions() {
	n.worlds.Publish(func(d *world.Draft) {
		for _, t := range n.worlds.Current().Tables() {
			var want *world.Session
			if s := n.names[t.Name]; s != nil {
				want = sessionOf(s.newest().shaper)
			}
			if want != nil || t.Session != nil {
				d.Table(t.Name).Session = want
			}
		}
	}, nil)
}

// tellPlanned does it for tables whose columns are renamed, in the same World: a view
// of sessions cannot be without the visitor's column.
func tellPlanned(d *world.Draft, plans []plan) {
	for _, p := range plans {
		if !p.generation.stored.Moves.Empty() {
			d.Table(p.stream.name).Session = sessionOf(p.generation.shaper)
		}
	}
}

func sessionOf(s *shape.Shaper) *world.Session {
	own := s.Session()
	if own == nil {
		return nil
	}
	return &world.Session{Visitor: own.Visitor, Gap: own.Gap, Longest: own.Longest}
}
