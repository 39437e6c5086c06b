package app

import "github.com/biwa-data/biwa/internal/world"

// tellSessions lets the engine know how the sessions of each table are told apart, by
// the newest definition of its stream; a stream that left the project has none. The
// caller holds mu.
func (n *Node) tellSessions() {
	n.worlds.Publish(func(d *world.Draft) {
		for _, t := range n.worlds.Current().Tables() {
			var want *world.Session
			if s := n.names[t.Name]; s != nil {
				if own := s.newest().shaper.Session(); own != nil {
					want = &world.Session{Visitor: own.Visitor, Gap: own.Gap, Longest: own.Longest}
				}
			}
			if want != nil || t.Session != nil {
				d.Table(t.Name).Session = want
			}
		}
	}, nil)
}
