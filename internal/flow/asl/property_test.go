package asl_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

func mustParse(t testing.TB, text string) *asl.Definition {
	t.Helper()
	d, mistakes := asl.Parse([]byte(text), asl.Standard)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	return d
}

// TestAnyOrderOfAnswers answers tasks in random order: the output stays the same.
func TestAnyOrderOfAnswers(t *testing.T) {
	d := mustParse(t, `{"StartAt":"All","States":{"All":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::x:a","Next":"A2"},"A2":{"Type":"Task","Resource":"arn:aws:states:::x:a","ResultPath":"$.two","End":true}}},
		{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":3,"ItemsPath":"$.items","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:::x:b","Retry":[{"ErrorEquals":["Again"]}],"End":true}}},"End":true}}},
		{"StartAt":"D","States":{"D":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{"C":{"Type":"Task","Resource":"arn:aws:states:::x:c","End":true}}},"End":true}}}]}}}`)
	want := ""
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		tried := map[string]bool{}
		tasks := asl.TasksFunc(func(c asl.Call) asl.Answer {
			key := c.State + value.Text(c.Parameters)
			if c.State == "B" && !tried[key] {
				tried[key] = true
				return asl.Answer{Error: "Again", Delay: time.Duration(random.IntN(1000)) * time.Millisecond}
			}
			return asl.Answer{Output: value.ObjectOf("state", c.State, "got", c.Parameters), Delay: time.Duration(random.IntN(100_000)) * time.Millisecond}
		})
		out, err := asl.Run(d, []byte(`{"items":[1,2,3,4,5,6,7]}`), asl.RunOptions{Tasks: tasks})
		if err != nil {
			t.Fatal(err)
		}
		got := string(out.Status) + value.Text(out.Output)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("seed %d: %s, before %s", seed, got, want)
		}
	}
}

// TestStopAndResume writes each recorded execution out and reads it back at every step: the history stays the same.
func TestStopAndResume(t *testing.T) {
	compared := 0
	for _, file := range []string{"asl.jsonl", "asl_services.jsonl"} {
		for _, c := range recorded(t, file) {
			plain, err := stepThrough(c, false)
			if err != nil {
				continue // needs more than this driver gives
			}
			resumed, err := stepThrough(c, true)
			if err != nil {
				t.Errorf("%s: %v", textOf(c, "name"), err)
				continue
			}
			if !slices.Equal(plain, resumed) {
				for i := range plain {
					if i >= len(resumed) || plain[i] != resumed[i] {
						t.Errorf("%s: event %d is %s, without stopping %s", textOf(c, "name"), i, at(resumed, i), plain[i])
						break
					}
				}
			}
			compared++
		}
	}
	t.Logf("%d executions give the same history and commands when written out and read back before each step", compared)
}

func at(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "nothing"
}

// stepThrough drives a case step by step, answering each command at once, and gives all that came out.
func stepThrough(c *value.Object, resume bool) ([]string, error) {
	d, mistakes := asl.Parse(definitionOf(c), asl.Kind(textOf(c, "type")))
	if mistakes != nil {
		return nil, mistakes
	}
	x, err := d.NewExecution(value.Append(nil, member(c, "input")), asl.StartOptions{ID: "x", Name: "x", MachineID: "a:stateMachine:m", Seed: 3})
	if err != nil {
		return nil, err
	}
	tasks := &answerer{objectOf(c, "lambdas"), listOf(c, "history")}
	var trace []string
	events := []asl.Event{{Kind: asl.EventContinue}}
	for n := 0; len(events) > 0 && x.Status == asl.Running; n++ {
		if resume {
			text, err := x.MarshalBinary()
			if err != nil {
				return nil, err
			}
			if x, err = d.Restore(text); err != nil {
				return nil, err
			}
		}
		e := events[0]
		events = events[1:]
		e.At = time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
		effects := asl.Step(x, e)
		for i := range effects.History {
			trace = append(trace, value.Text(effects.History[i].JSON()))
		}
		for i := range effects.Commands {
			k := &effects.Commands[i]
			trace = append(trace, fmt.Sprintf("%s %d %s %s %s", k.Kind, k.ID, value.Text(k.Parameters), value.Text(k.Context), k.At))
			events = append(events, reply(tasks, k)...)
		}
		if n > 10_000 {
			return nil, fmt.Errorf("no end after %d steps", n)
		}
	}
	return append(trace, string(x.Status), value.Text(x.Output), x.Error, x.Cause), nil
}

// reply answers a command at once; children give back their input.
func reply(tasks *answerer, k *asl.Command) []asl.Event {
	switch k.Kind {
	case asl.CommandTask:
		a := tasks.Run(asl.Call{State: k.State.Name, Resource: k.Resource, Parameters: k.Parameters})
		if a.Error != "" || a.Refused {
			return []asl.Event{{Kind: asl.EventTaskStarted, ID: k.ID}, {Kind: asl.EventTaskFailed, ID: k.ID, Error: a.Error, Cause: a.Cause}}
		}
		return []asl.Event{{Kind: asl.EventTaskScheduled, ID: k.ID}, {Kind: asl.EventTaskSucceeded, ID: k.ID, Output: a.Output}}
	case asl.CommandTimer:
		return []asl.Event{{Kind: asl.EventTimer, ID: k.ID}}
	case asl.CommandChild:
		return []asl.Event{{Kind: asl.EventChildDone, ID: k.ID, Index: k.Index, Output: k.Parameters}}
	case asl.CommandRead:
		return []asl.Event{{Kind: asl.EventItemsRead, ID: k.ID, Offset: k.Offset, Items: []any{"item"}, Done: k.Offset > 2}}
	case asl.CommandResults:
		return []asl.Event{{Kind: asl.EventResultsReady, ID: k.ID, Output: []any{}}}
	}
	return nil
}

// TestMillionItems runs a distributed Map over a million items and looks at how large its state gets.
func TestMillionItems(t *testing.T) {
	d := mustParse(t, `{"StartAt":"D","States":{"D":{"Type":"Map","ToleratedFailurePercentage":5,"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}},
		"ItemSelector":{"i.$":"$$.Map.Item.Value"},"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"out"}},
		"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{"C":{"Type":"Pass","End":true}}},"End":true}}}`)
	const items = 1_000_000
	x, err := d.NewExecution([]byte(`{}`), asl.StartOptions{MachineID: "a:stateMachine:m"})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var running []asl.Event
	largest, stored, steps := 0, 0, 0
	events := []asl.Event{{Kind: asl.EventContinue}}
	for x.Status == asl.Running {
		if len(events) == 0 { // the children end in any order
			i := random.IntN(len(running))
			events = append(events, running[i])
			running[i] = running[len(running)-1]
			running = running[:len(running)-1]
		}
		effects := asl.Step(x, events[0])
		events = events[1:]
		for i := range effects.Commands {
			switch k := &effects.Commands[i]; k.Kind {
			case asl.CommandRead:
				page := make([]any, 0, k.Count)
				for n := k.Offset; n < min(k.Offset+k.Count, items); n++ {
					page = append(page, float64(n))
				}
				events = append(events, asl.Event{Kind: asl.EventItemsRead, ID: k.ID, Offset: k.Offset, Items: page, Done: k.Offset+int64(len(page)) == items})
			case asl.CommandChild:
				e := asl.Event{Kind: asl.EventChildDone, ID: k.ID, Index: k.Index, Output: k.Parameters}
				if k.Index%100 == 99 {
					e.Error = "One"
				}
				running = append(running, e)
			case asl.CommandStore:
				stored++
			case asl.CommandResults:
				events = append(events, asl.Event{Kind: asl.EventResultsReady, ID: k.ID, Output: value.ObjectOf("done", float64(k.Count))})
			}
		}
		if effects.More {
			events = append(events, asl.Event{Kind: asl.EventContinue})
		}
		if steps++; steps%9973 == 0 {
			text, err := x.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			largest = max(largest, len(text))
			if steps%99730 == 0 {
				if x, err = d.Restore(text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d items: largest state %d bytes, %d results sent away, %s", items, largest, stored, value.Text(x.Output))
	if x.Status != asl.Succeeded || stored != items || largest >= 64<<10 {
		t.Errorf("%s %s %s; %d stored; largest state %d bytes", x.Status, x.Error, x.Cause, stored, largest)
	}
}

func BenchmarkPassChain(b *testing.B) {
	text := `{"StartAt":"S0","States":{`
	const states = 100
	for i := range states {
		next := fmt.Sprintf(`"Next":"S%d"`, i+1)
		if i == states-1 {
			next = `"End":true`
		}
		text += fmt.Sprintf(`"S%d":{"Type":"Pass","Parameters":{"n.$":"$.n","name":"x"},%s}`, i, next)
		if i < states-1 {
			text += ","
		}
	}
	d := mustParse(b, text+`}}`)
	b.ReportAllocs()
	for b.Loop() {
		x, err := d.NewExecution([]byte(`{"n":1}`), asl.StartOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for e := asl.Step(x, asl.Event{}); e.More; {
			e = asl.Step(x, asl.Event{})
		}
		if x.Status != asl.Succeeded {
			b.Fatal(x.Cause)
		}
	}
	b.ReportMetric(float64(states)*float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
}
