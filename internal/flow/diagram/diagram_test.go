package diagram_test

import (
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/diagram"
	"github.com/biwa-data/biwa/internal/svg"
)

const machine = `
StartAt: Check
States:
  Check:
    Type: Choice
    Choices: [{Variable: $.n, NumericGreaterThan: 3, Next: Both}]
    Default: Small
  Both:
    Type: Parallel
    Branches:
      - {StartAt: Mail, States: {Mail: {Type: Task, Resource: "arn:aws:states:::sns:publish", Retry: [{ErrorEquals: [Busy]}], End: true}}}
      - {StartAt: Chat, States: {Chat: {Type: Task, Resource: "arn:aws:states:::lambda:invoke", Next: Log}, Log: {Type: Pass, End: true}}}
    Catch: [{ErrorEquals: [States.TaskFailed], Next: Sorry}]
    Next: Done
  Small: {Type: Wait, Seconds: 5, Next: Check}
  Sorry: {Type: Fail, Error: Sorry}
  Done: {Type: Succeed}
`

func parse(t *testing.T) *asl.Definition {
	t.Helper()
	d, mistakes := asl.Parse([]byte(machine), asl.Standard)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return d
}

func find(t *testing.T, g svg.Graph, id string) svg.Node {
	t.Helper()
	for _, n := range g.Nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("there is no %s", id)
	return svg.Node{}
}

func way(t *testing.T, g svg.Graph, from, to string) svg.Edge {
	t.Helper()
	for _, e := range g.Edges {
		if strings.TrimSpace(e.From) == from && strings.TrimSpace(e.To) == to {
			return e
		}
	}
	t.Fatalf("there is no edge from %s to %s", from, to)
	return svg.Edge{}
}

func TestMachineWithoutRun(t *testing.T) {
	g := diagram.Of("orders", parse(t), nil)
	if g.Sentence != "State machine orders, 8 states." || len(g.Nodes) != 5+2 || len(g.Edges) != 7 {
		t.Errorf("%s: %d nodes, %d edges", g.Sentence, len(g.Nodes), len(g.Edges))
	}
	both := find(t, g, "Both")
	if len(both.Inside) != 2 || both.Note != "Parallel" || both.Way != svg.Unknown || both.State != "" {
		t.Errorf("%+v", both)
	}
	if mail := find(t, both.Inside[0], "Mail"); mail.Note != "sns:publish" {
		t.Errorf("%+v", mail)
	}
	if e := way(t, g, "Check", "Small"); e.Label != "default" {
		t.Errorf("%+v", e)
	}
	if e := way(t, g, "Both", "Sorry"); e.Label != "catch States.TaskFailed" {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(way(t, g, "Check", "Both").Label, "$.n") {
		t.Errorf("%+v", way(t, g, "Check", "Both"))
	}
}

func TestWayOfARun(t *testing.T) {
	d, tries := parse(t), 0
	o, err := asl.Run(d, []byte(`{"n": 5}`), asl.RunOptions{Tasks: asl.TasksFunc(func(c asl.Call) asl.Answer {
		if c.State == "Chat" {
			return asl.Answer{Output: 1.0}
		}
		if tries++; tries == 1 {
			return asl.Answer{Error: "Busy"}
		}
		return asl.Answer{Error: "Broken", Delay: 5e9}
	})})
	if err != nil || o.Status != asl.Failed {
		t.Fatal(o, err)
	}
	g := diagram.Of("orders", d, o)
	if g.Sentence != "State machine orders, 8 states. The run ended as FAILED and entered Check, Both, Sorry." {
		t.Error(g.Sentence)
	}
	both := find(t, g, "Both")
	for id, want := range map[string]svg.Way{"Check": svg.Taken, "Small": svg.Open, "Sorry": svg.Here, "Done": svg.Open} {
		if n := find(t, g, id); n.Way != want {
			t.Errorf("%s: %+v", id, n)
		}
	}
	for id, want := range map[string]string{"Check": "done", "Small": "none", "Sorry": "fail"} {
		if n := find(t, g, id); n.State != want {
			t.Errorf("%s: %+v", id, n)
		}
	}
	if chat := find(t, both.Inside[1], "Chat"); chat.State != "done" || way(t, both.Inside[1], "Chat", "Log").Way != svg.Taken {
		t.Errorf("%+v", chat)
	}
	for _, e := range []struct {
		from, to string
		want     svg.Way
	}{{"start", "Check", svg.Taken}, {"Check", "Both", svg.Taken}, {"Both", "Sorry", svg.Taken}, {"Both", "Done", svg.Open}, {"Check", "Small", svg.Open}, {"Done", "end", svg.Open}} {
		if got := way(t, g, e.from, e.to); got.Way != e.want {
			t.Errorf("%s to %s: %+v", e.from, e.to, got)
		}
	}
	if text := svg.GraphFile(g); !strings.Contains(string(text), `class="box at"`) {
		t.Error("the drawing does not show where the run ended")
	}
}
