package asl

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Run runs an execution and the children of its distributed Maps to the end, in virtual time: nothing waits, a Wait of a
// week ends at once. The error is about the input or the bounds of the run; how the execution ended is in the outcome.
func Run(d *Definition, input []byte, o RunOptions) (*Outcome, error) {
	o.complete()
	r := &runner{d: d, o: o, outcome: &Outcome{Start: o.Start, Visits: map[string]*Visit{}}}
	x, err := d.NewExecution(input, r.startOptions(d.Kind, o.Name, o.Seed))
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	root := &virtual{x: x, runs: map[int64]*virtualRun{}}
	if o.Stop > 0 {
		r.push(root, Event{Kind: EventStop, At: o.Start.Add(o.Stop)})
	}
	r.push(root, Event{Kind: EventContinue, At: o.Start})
	if err := r.loop(root); err != nil {
		return nil, err
	}
	out := r.outcome
	out.Status, out.Output, out.Error, out.Cause, out.End = x.Status, x.Output, x.Error, x.Cause, r.now
	return out, nil
}

func (o *RunOptions) complete() {
	set := func(field *string, missing string) {
		if *field == "" {
			*field = missing
		}
	}
	set(&o.Name, "execution")
	set(&o.Machine, "machine")
	set(&o.Region, "us-east-1")
	set(&o.Account, "123456789012")
	set(&o.Role, "arn:aws:iam::"+o.Account+":role/"+o.Machine)
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.MaxTransitions == 0 {
		o.MaxTransitions = 1_000_000
	}
	if o.Tasks == nil {
		o.Tasks = TasksFunc(func(c Call) Answer {
			return Answer{Error: ErrorTaskFailed, Cause: "nothing answers the resource " + c.Resource}
		})
	}
}

// runner is one call of Run.
type runner struct {
	d       *Definition
	o       RunOptions
	outcome *Outcome
	queue   eventQueue
	order   int // of events at the same time
	now     time.Time
	entered int
	steps   int
}

// virtual is an execution that runs: the one asked for or a child.
type virtual struct {
	x      *Execution
	parent *virtual
	run    int64 // of the parent
	index  int
	runs   map[int64]*virtualRun
	gone   bool
}

// virtualRun is what the runner keeps for a distributed Map: items read and results.
type virtualRun struct {
	items    []any
	read     bool
	children map[int]*virtual
	results  map[int]childResult
}

type childResult struct {
	output       any
	input        any
	name         string
	error, cause string
}

func (r *runner) startOptions(kind Kind, name string, seed uint64) StartOptions {
	prefix := "arn:aws:states:" + r.o.Region + ":" + r.o.Account
	o := StartOptions{
		ID: prefix + ":execution:" + r.o.Machine + ":" + name, Name: name, MachineID: prefix + ":stateMachine:" + r.o.Machine,
		MachineName: r.o.Machine, Role: r.o.Role, Region: r.o.Region, Start: r.o.Start, Seed: seed, Kind: kind,
	}
	if !r.now.IsZero() {
		o.Start = r.now
	}
	if kind == Express {
		o.ID = strings.Replace(o.ID, ":execution:", ":express:", 1) + ":" + name
	}
	return o
}

// queued is an event on its way.
type queued struct {
	to    *virtual
	event Event
	order int
}

type eventQueue []queued

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].event.At.Equal(q[j].event.At) {
		return q[i].event.At.Before(q[j].event.At)
	}
	return q[i].order < q[j].order
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(e any)   { *q = append(*q, e.(queued)) }
func (q *eventQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (r *runner) push(to *virtual, e Event) {
	r.order++
	heap.Push(&r.queue, queued{to, e, r.order})
}

// loop delivers events in the order of time until the execution is over.
func (r *runner) loop(root *virtual) error {
	for r.queue.Len() > 0 {
		next := heap.Pop(&r.queue).(queued)
		if next.to.gone || next.to.x.Status != Running {
			continue
		}
		r.now = next.event.At
		if err := r.deliver(root, next); err != nil {
			return err
		}
		if root.x.Status != Running {
			return nil
		}
	}
	return errors.New("the execution waits for something that never comes")
}

func (r *runner) deliver(root *virtual, q queued) error {
	effects := Step(q.to.x, q.event)
	for i := range effects.History {
		r.observe(q.to, root, &effects.History[i])
	}
	r.steps++
	if r.entered > r.o.MaxTransitions || r.steps > 10*r.o.MaxTransitions {
		return fmt.Errorf("more than %d states were entered, or ten times as many events came in; does the machine go round without an end?", r.o.MaxTransitions)
	}
	if q.to == root {
		r.outcome.History = append(r.outcome.History, effects.History...)
	}
	for i := range effects.Commands {
		if err := r.carryOut(q.to, &effects.Commands[i]); err != nil {
			return err
		}
	}
	if effects.More {
		r.push(q.to, Event{Kind: EventContinue, At: r.now})
	}
	if x := q.to.x; x.Status != Running && q.to.parent != nil {
		e := Event{Kind: EventChildDone, At: r.now, ID: q.to.run, Index: q.to.index, Output: x.Output, Error: x.Error, Cause: x.Cause}
		if x.Status != Succeeded && e.Error == "" && e.Cause == "" {
			e.Error = ErrorTaskFailed
		}
		delete(q.to.parent.runs[q.to.run].children, q.to.index)
		r.push(q.to.parent, e)
	}
	return nil
}

// observe counts visits and tells the observer.
func (r *runner) observe(of, root *virtual, e *HistoryEvent) {
	if e.Details.Path != "" {
		v := r.outcome.Visits[e.Details.Path]
		if v == nil {
			v = &Visit{}
			r.outcome.Visits[e.Details.Path] = v
		}
		switch {
		case strings.HasSuffix(e.Type, "StateEntered"):
			v.Entered++
			r.entered++
			if e.Type == "FailStateEntered" {
				v.Failed++
			}
		case strings.HasSuffix(e.Type, "StateExited"):
			v.Exited++
			if next := e.Details.Next; next != "" && !contains(v.Next, next) {
				v.Next = append(v.Next, next)
			}
		case strings.HasSuffix(e.Type, "Failed") && e.Type != "MapIterationFailed" && e.Type != "MapRunFailed", strings.HasSuffix(e.Type, "TimedOut"):
			v.Failed++
		}
	}
	if of == root && r.o.Observe != nil {
		r.o.Observe(*e)
	}
}

// carryOut does what a command asks for.
func (r *runner) carryOut(v *virtual, c *Command) error {
	switch c.Kind {
	case CommandTask:
		r.task(v, c)
	case CommandTimer:
		if c.Retry > 0 {
			r.outcome.Retries = append(r.outcome.Retries, RetryWait{State: c.State.Name, Error: c.Error, Attempt: c.Retry, Delay: c.Delay, At: r.now})
		}
		r.push(v, Event{Kind: EventTimer, At: c.At, ID: c.ID})
	case CommandCancel:
		if run := v.runs[c.ID]; run != nil {
			for _, child := range run.children {
				child.gone = true
			}
			delete(v.runs, c.ID)
		}
	case CommandChild:
		r.child(v, c)
	case CommandStore:
		run := v.runOf(c.ID)
		result := run.results[c.Index]
		result.output, result.error, result.cause = c.Output, c.Error, c.Cause
		run.results[c.Index] = result
	case CommandRead:
		r.push(v, r.read(v.runOf(c.ID), c))
	case CommandResults:
		r.push(v, r.results(v, v.runOf(c.ID), c))
	}
	return nil
}

func (v *virtual) runOf(id int64) *virtualRun {
	run := v.runs[id]
	if run == nil {
		run = &virtualRun{children: map[int]*virtual{}, results: map[int]childResult{}}
		v.runs[id] = run
	}
	return run
}

func (r *runner) task(v *virtual, c *Command) {
	a := r.o.Tasks.Run(Call{
		State: c.State.Name, Resource: c.Resource, Parameters: c.Parameters, Input: c.Input, Context: c.Context, Token: c.Token, Attempt: c.Attempt, At: r.now,
	})
	if a.Refused {
		r.push(v, Event{Kind: EventTaskRefused, At: r.now, ID: c.ID, Cause: a.Cause})
		return
	}
	r.push(v, Event{Kind: EventTaskStarted, At: r.now, ID: c.ID, Worker: a.Worker})
	if a.Submitted != nil {
		r.push(v, Event{Kind: EventTaskSubmitted, At: r.now, ID: c.ID, Output: a.Submitted})
	}
	e := Event{Kind: EventTaskSucceeded, At: r.now.Add(a.Delay), ID: c.ID, Output: a.Output}
	if a.Error != "" {
		e.Kind, e.Output, e.Error, e.Cause = EventTaskFailed, nil, a.Error, a.Cause
	}
	r.push(v, e)
}

func (r *runner) child(v *virtual, c *Command) {
	r.outcome.Children++
	run := v.runOf(c.ID)
	name := fmt.Sprintf("%s-%d", c.MapRun[strings.LastIndex(c.MapRun, ":")+1:], c.Index)
	o := r.startOptions(c.ChildKind, name, r.o.Seed^uint64(r.outcome.Children)*0x9e3779b97f4a7c15)
	child := &virtual{x: r.d.NewChild(c.Machine, c.Parameters, o), parent: v, run: c.ID, index: c.Index, runs: map[int64]*virtualRun{}}
	run.children[c.Index] = child
	run.results[c.Index] = childResult{input: c.Parameters, name: name}
	r.push(child, Event{Kind: EventContinue, At: r.now})
}

// read answers a request for items; the objects are read when the first ones are asked for.
func (r *runner) read(run *virtualRun, c *Command) Event {
	e := Event{Kind: EventItemsRead, At: r.now, ID: c.ID, Offset: c.Offset}
	if !run.read {
		items, err := readItems(r.o.Objects, c.Resource, c.Parameters, c.Reader)
		if err != nil {
			e.Error, e.Cause = ErrorItemReader, err.Error()
			return e
		}
		run.items, run.read = items, true
	}
	from := min(int(c.Offset), len(run.items))
	to := min(from+int(c.Count), len(run.items))
	e.Items, e.Done = run.items[from:to], to == len(run.items)
	return e
}

// results answers a request for the results of a run's children, in their order.
func (r *runner) results(v *virtual, run *virtualRun, c *Command) Event {
	e := Event{Kind: EventResultsReady, At: r.now, ID: c.ID}
	indexes := make([]int, 0, len(run.results))
	for i := range run.results {
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	all := make([]childResult, 0, len(indexes))
	for _, i := range indexes {
		all = append(all, run.results[i])
	}
	if c.Writer != nil {
		output, err := writeResults(r.o.Objects, c, all)
		if err != nil {
			e.Error, e.Cause = ErrorResultWriter, err.Error()
		}
		e.Output = output
	} else {
		outputs := []any{}
		for _, result := range all {
			if result.error == "" && result.cause == "" {
				outputs = append(outputs, result.output)
			}
		}
		e.Output = outputs
	}
	delete(v.runs, c.ID)
	return e
}

// textMember is a member of an object that is a text.
func textMember(v any, name string) string {
	o, ok := v.(*value.Object)
	if !ok {
		return ""
	}
	item, _ := o.Get(name)
	text, _ := item.(string)
	return text
}
