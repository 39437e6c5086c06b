package app

import (
	"github.com/biwa-data/biwa/internal/record"
)

// inflow is where records come in: a stream, by a kind of door.
type inflow struct {
	stream record.StreamID
	door   string
}

// stored is told of each envelope that is on disk, before its senders are answered.
func (n *Node) stored(env *record.Envelope) {
	n.idempotency.Note(env)
	raise(&n.peaks.journal, n.journal.Stats().Bytes)
	for i := range env.Sections {
		s := &env.Sections[i]
		n.last.note(env, s)
		for r := range s.Requests {
			n.inflow.Add(inflow{s.Stream, s.Requests[r].Door}, int64(s.Requests[r].Count))
		}
	}
}
