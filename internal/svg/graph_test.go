package svg

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// machine is a graph like that of a state machine: mostly a chain, with choices, ways back and a common end.
func machine(states int, seed uint64) Graph {
	random := rand.New(rand.NewPCG(seed, 7))
	g := Graph{Sentence: "A machine."}
	g.Nodes = append(g.Nodes, Node{ID: "start", Shape: Start})
	name := func(i int) string { return fmt.Sprintf("State%d", i) }
	for i := range states {
		n := Node{ID: name(i), Label: name(i)}
		switch random.IntN(5) {
		case 0:
			n.Shape = Choice
		case 1:
			n.Note = "Lambda, three tries"
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.Nodes = append(g.Nodes, Node{ID: "end", Shape: End})
	g.Edges = append(g.Edges, Edge{From: "start", To: name(0)})
	for i := range states {
		to := name(i + 1)
		if i == states-1 {
			to = "end"
		}
		g.Edges = append(g.Edges, Edge{From: name(i), To: to})
		switch random.IntN(6) {
		case 0:
			g.Edges = append(g.Edges, Edge{From: name(i), To: name(random.IntN(states)), Label: "$.count > 3"})
		case 1:
			g.Edges = append(g.Edges, Edge{From: name(i), To: name(min(states-1, i+1+random.IntN(9))), Label: "States.ALL"})
		case 2:
			g.Edges = append(g.Edges, Edge{From: name(i), To: "end", Label: "catch"})
		}
	}
	return g
}

// check reports the first thing that is wrong with a layout: something overlaps or stands outside, or an edge points the wrong way.
func (l *layout) check() error {
	for r, rank := range l.ranks {
		for i, it := range rank {
			if it.order != i || it.rank != r {
				return fmt.Errorf("rank %d: item %d has order %d", r, i, it.order)
			}
			if it.x-it.width/2 < margin-0.01 || it.x+it.width/2 > l.width-margin+0.01 {
				return fmt.Errorf("rank %d: %v stands outside", r, it.x)
			}
			if i > 0 && it.x-it.width/2 < rank[i-1].x+rank[i-1].width/2+lineGap-0.01 {
				return fmt.Errorf("rank %d: items %d and %d overlap", r, i-1, i)
			}
			if it.node != nil && r%2 != 0 {
				return errors.New("a box stands in a rank of labels")
			}
			for _, inner := range it.inside {
				if inner.width > it.width || inner.height > it.height {
					return errors.New("a branch is larger than its box")
				}
				if err := inner.check(); err != nil {
					return err
				}
			}
		}
		if r > 0 && l.tops[r] < l.tops[r-1]+l.heights[r-1]-0.01 {
			return fmt.Errorf("ranks %d and %d overlap", r-1, r)
		}
	}
	for _, ln := range l.lines {
		for i := 1; i < len(ln.chain); i++ {
			if ln.chain[i].rank != ln.chain[i-1].rank+1 {
				return fmt.Errorf("%s to %s leaves out a rank", ln.edge.From, ln.edge.To)
			}
		}
		if !ln.self && !ln.up && ln.chain[0].node.ID != ln.edge.From {
			return fmt.Errorf("%s to %s is not drawn downward", ln.edge.From, ln.edge.To)
		}
	}
	return nil
}

func TestEdgesLeadDownward(t *testing.T) {
	g := Graph{
		Nodes: []Node{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}, {ID: "alone"}},
		Edges: []Edge{{From: "a", To: "b"}, {From: "b", To: "c"}, {From: "a", To: "c"}, {From: "c", To: "a", Label: "again"}, {From: "c", To: "c", Label: "retry"}, {From: "c", To: "d"}, {From: "x", To: "d"}},
	}
	l := arrange(&g)
	if err := l.check(); err != nil {
		t.Fatal(err)
	}
	ranks := map[string]int{}
	for _, it := range l.items {
		if it.node != nil {
			ranks[it.node.ID] = it.rank
		}
	}
	if fmt.Sprint(ranks) != "map[a:0 alone:0 b:2 c:4 d:6]" {
		t.Errorf("ranks %v", ranks)
	}
	up, self := 0, 0
	for _, ln := range l.lines {
		if ln.up {
			up++
		}
		if ln.self {
			self++
		}
	}
	if up != 1 || self != 1 || len(l.lines) != 6 {
		t.Errorf("%d up, %d to itself, %d in all", up, self, len(l.lines))
	}
}

func TestNothingOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 25).Draw(t, "nodes")
		label := rapid.SampledFrom([]string{"", "x", "余呉湖を歩く", strings.Repeat("long ", 20)})
		var g Graph
		for i := range n {
			g.Nodes = append(g.Nodes, Node{ID: fmt.Sprint(i), Label: label.Draw(t, "label"), Note: label.Draw(t, "note"), Shape: rapid.SampledFrom([]Shape{Box, Choice, Start, End}).Draw(t, "shape")})
			if i%7 == 3 {
				g.Nodes[i].Shape = Box
				g.Nodes[i].Inside = []Graph{machine(i, uint64(i)), machine(2, 1)}
			}
		}
		for i := rapid.IntRange(0, 50).Draw(t, "edges"); i > 0 && n > 0; i-- {
			end := rapid.IntRange(0, n-1)
			g.Edges = append(g.Edges, Edge{From: fmt.Sprint(end.Draw(t, "from")), To: fmt.Sprint(end.Draw(t, "to")), Label: label.Draw(t, "label")})
		}
		if err := arrange(&g).check(); err != nil {
			t.Fatal(err)
		}
		first, second := DrawGraph(g), DrawGraph(g)
		if first != second {
			t.Fatal("two drawings of one graph differ")
		}
		parse(t, []byte(first))
	})
}

// parse fails unless text is well-formed and without inline styles.
func parse(t interface{ Fatalf(string, ...any) }, text []byte) {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if element, ok := token.(xml.StartElement); ok {
			for _, a := range element.Attr {
				if a.Name.Local == "style" || strings.Contains(a.Value, "NaN") {
					t.Fatalf("<%s> has %s=%q", element.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestCrossingsAreReduced(t *testing.T) {
	// Two trees whose leaves are interleaved in the given order: without sorting there are crossings, none is needed.
	g := Graph{Nodes: []Node{{ID: "a"}, {ID: "b"}}}
	for i := range 12 {
		g.Nodes = append(g.Nodes, Node{ID: fmt.Sprint(i)})
		g.Edges = append(g.Edges, Edge{From: []string{"a", "b"}[i%2], To: fmt.Sprint(i)})
	}
	l := arrange(&g)
	if n := l.crossings(); n != 0 {
		t.Errorf("%d crossings", n)
	}
	if err := l.check(); err != nil {
		t.Error(err)
	}
}

func TestHundredStatesAreReadable(t *testing.T) {
	for seed := range uint64(5) {
		g := machine(100, seed)
		l := arrange(&g)
		if err := l.check(); err != nil {
			t.Fatal(err)
		}
		if n := l.crossings(); n > 400 {
			t.Errorf("seed %d: %d crossings", seed, n)
		}
		t.Logf("seed %d: %.0f × %.0f, %d crossings", seed, l.width, l.height, l.crossings())
	}
}

func TestTextIsEscaped(t *testing.T) {
	g := Graph{
		Sentence: `a "machine" <b>`,
		Nodes:    []Node{{ID: "1", Label: `<script>&"`, Note: `<i>`, State: `x"y`}, {ID: "2", Label: strings.Repeat("<", 80)}},
		Edges:    []Edge{{From: "1", To: "2", Label: `$.a < 1 && $.b == "x"`}, {From: "2", To: "2", Label: "<"}},
	}
	for _, text := range [][]byte{[]byte(DrawGraph(g)), GraphFile(g)} {
		parse(t, text)
		if bytes.Contains(text, []byte("<script")) || bytes.Contains(text, []byte("<i>")) {
			t.Errorf("not escaped: %s", text)
		}
	}
}

func BenchmarkGraph(b *testing.B) {
	for _, states := range []int{10, 100} {
		g := machine(states, 1)
		b.Run(fmt.Sprint(states), func(b *testing.B) {
			for b.Loop() {
				DrawGraph(g)
			}
		})
	}
}
