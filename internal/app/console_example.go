package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/shape"
)

// exampleTries is how many examples of a definition are shaped to find one that passes.
const exampleTries = 48

// exampleChoice is which of a definition's examples passes, and whether what biwa.js
// sends does.
type exampleChoice struct {
	number  uint64
	all     bool
	browser bool
}

// Example is a record that a stream takes, with an event time of now and, where records
// are told apart by a key, a new one. It was shaped as one that is sent would be.
func (p pagesOf) Example(ctx context.Context, name string) (console.Example, error) {
	n := p.node
	s, err := n.known(name)
	if err != nil {
		return console.Example{}, err
	}
	g, now := s.newest(), n.clock.Now()
	location, err := time.LoadLocation(g.stored.TimeZone)
	if err != nil {
		return console.Example{}, err
	}
	lookups, err := readSeeds(g.stored.Seeds)
	if err != nil {
		return console.Example{}, err
	}
	examples := shape.Examples{Definition: g.stored.Definition, Location: location, Lookups: lookups}
	choice := g.example.Load()
	if choice == nil {
		if choice, err = n.chooseExample(ctx, s, g, examples, now); err != nil {
			return console.Example{}, fmt.Errorf("an example for %s: %w", name, err)
		}
		g.example.Store(choice)
	}
	return console.Example{Line: string(examples.Make(choice.number, choice.all, now)), Browser: choice.browser}, nil
}

// chooseExample looks for an example that passes: short ones first. Where none does, as
// with a filter that lets nothing through, the first has to do.
func (n *Node) chooseExample(ctx context.Context, s *stream, g *generation, examples shape.Examples, now time.Time) (*exampleChoice, error) {
	choice := &exampleChoice{}
	var err error
	if choice.browser, err = n.passes(ctx, s, g, browserEvent(now), now); err != nil {
		return nil, err
	}
	for number := range uint64(exampleTries) {
		for _, all := range []bool{false, true} {
			ok, err := n.passes(ctx, s, g, examples.Make(number, all, now), now)
			if err != nil {
				return nil, err
			}
			if ok {
				choice.number, choice.all = number, all
				return choice, nil
			}
		}
	}
	return choice, nil
}

// browserEvent is what biwa.js sends when a page is opened.
func browserEvent(now time.Time) []byte {
	return []byte(`{"event_id":"0123456789abcdef0123456789abcdef","ts":` + strconv.Quote(now.UTC().Format("2006-01-02T15:04:05.000Z")) +
		`,"event":"page_view","visitor_id":"0123456789abcdef0123456789abcdef","url":"https://example.com/","title":"example","language":"en"}`)
}

// passes says whether a record would be in the table.
func (n *Node) passes(ctx context.Context, s *stream, g *generation, line []byte, now time.Time) (bool, error) {
	env := &record.Envelope{Shard: n.shard, Seq: n.journal.Last() + 1, Sections: []record.Section{{Stream: s.id, Count: 1, Lines: append(line, '\n'),
		Requests: []record.Request{{Count: 1, ReceivedAt: now.UTC(), Door: record.DoorHTTP}}}}}
	b, err := g.shaper.Shape(ctx, env, &env.Sections[0])
	if err != nil {
		return false, err
	}
	if b.Rows != nil {
		b.Rows.Release()
	}
	return len(b.Rejects) == 0 && b.Filtered.Count == 0, nil
}
