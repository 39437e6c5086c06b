package asl

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// An execution is written out as one JSON object. Names are short, since it is written at every step of a durable
// execution: see the tags. Values stand in it as they are. Threads are nested as they are in each other; which thread
// waits for what is in the threads. The numbers of running children are base64 of varints: the distance to the one
// before and the items of the child.

type savedExecution struct {
	Status  Status          `json:"st"`
	Output  json.RawMessage `json:"out,omitempty"`
	Error   string          `json:"err,omitempty"`
	Cause   string          `json:"why,omitempty"`
	Machine int             `json:"m,omitempty"`
	Options StartOptions    `json:"o"`
	Input   json.RawMessage `json:"in"`
	Raw     string          `json:"raw,omitempty"`
	Now     time.Time       `json:"now"`
	Events  int64           `json:"ev,omitempty"`
	Names   int64           `json:"n,omitempty"`
	Random  []byte          `json:"r"`
	Limit   int64           `json:"lim,omitempty"`
	Root    *savedThread    `json:"t,omitempty"`
	Ready   []int64         `json:"go,omitempty"`
}

type savedThread struct {
	Number    int64           `json:"n"`
	Machine   int             `json:"m,omitempty"`
	Index     int             `json:"i,omitempty"`
	Item      json.RawMessage `json:"it,omitempty"`
	State     string          `json:"s,omitempty"`
	Input     json.RawMessage `json:"in,omitempty"`
	Variables json.RawMessage `json:"v,omitempty"`
	Last      int64           `json:"l,omitempty"`
	Entered   int64           `json:"e,omitempty"`
	Before    int64           `json:"b,omitempty"`
	Since     time.Time       `json:"at"`
	Phase     phase           `json:"p,omitempty"`
	Attempts  []int           `json:"a,omitempty"`
	Retries   int             `json:"r,omitempty"`
	Timer     int64           `json:"w,omitempty"`
	Task      *savedTask      `json:"task,omitempty"`
	Group     *savedGroup     `json:"g,omitempty"`
	Run       *savedRun       `json:"run,omitempty"`
}

type savedTask struct {
	Number     int64           `json:"n"`
	Parameters json.RawMessage `json:"in,omitempty"` // until its event is in the history
	Since      time.Time       `json:"at"`
	Scheduled  bool            `json:"s,omitempty"`
	Started    bool            `json:"go,omitempty"`
	Timeout    int64           `json:"to,omitempty"`
	Heartbeat  int64           `json:"hb,omitempty"`
	Deadline   int64           `json:"d,omitempty"`
	Pulse      int64           `json:"p,omitempty"`
	Beat       time.Time       `json:"b"`
}

type savedGroup struct {
	Input       json.RawMessage `json:"in"`
	Items       json.RawMessage `json:"it,omitempty"`
	Concurrency int             `json:"c,omitempty"`
	Next        int             `json:"n,omitempty"`
	Done        int             `json:"d,omitempty"`
	Results     json.RawMessage `json:"r"`
	Bytes       int             `json:"b,omitempty"`
	Children    []*savedThread  `json:"t,omitempty"`
	Last        int64           `json:"l,omitempty"`
}

type savedRun struct {
	Number      int64           `json:"n"`
	ARN         string          `json:"arn"`
	Event       int64           `json:"e"`
	Input       json.RawMessage `json:"in"`
	Items       json.RawMessage `json:"it,omitempty"`
	Reads       bool            `json:"rd,omitempty"`
	Parameters  json.RawMessage `json:"p,omitempty"`
	MaxItems    int64           `json:"max,omitempty"`
	Concurrency int             `json:"c"`
	Count       int64           `json:"tc,omitempty"`
	Share       float64         `json:"ts,omitempty"`
	BatchItems  int64           `json:"bi,omitempty"`
	BatchBytes  int64           `json:"bb,omitempty"`
	Batches     bool            `json:"ba,omitempty"`
	BatchInput  json.RawMessage `json:"bin,omitempty"`
	Next        int64           `json:"nx"`
	Total       int64           `json:"tot"`
	Reading     bool            `json:"rg,omitempty"`
	Child       int             `json:"ch"`
	Running     []byte          `json:"run,omitempty"`
	Succeeded   int64           `json:"ok,omitempty"`
	Failed      int64           `json:"bad,omitempty"`
}

// MarshalBinary writes the execution out.
func (x *Execution) MarshalBinary() ([]byte, error) {
	random, err := x.random.MarshalBinary()
	if err != nil {
		return nil, err
	}
	s := savedExecution{
		Status: x.Status, Error: x.Error, Cause: x.Cause, Machine: x.machine.index, Options: x.options, Input: raw(x.input),
		Now: x.now, Events: x.events, Names: x.names, Random: random, Limit: x.limit,
	}
	if x.root == nil {
		s.Raw = x.rawInput
	} else {
		s.Root = saveThread(x.root)
	}
	if x.Status == Succeeded {
		s.Output = raw(x.Output)
	}
	for _, t := range x.ready {
		s.Ready = append(s.Ready, t.number)
	}
	return json.Marshal(&s)
}

func raw(v any) json.RawMessage { return value.Append(nil, v) }

func saveThread(t *thread) *savedThread {
	s := &savedThread{
		Number: t.number, Machine: t.machine.index, Index: t.index, Last: t.last, Entered: t.entered, Before: t.before,
		Since: t.since, Phase: t.phase, Attempts: t.attempts, Retries: t.retries, Timer: t.retryOf,
	}
	if t.state != nil {
		s.State, s.Input = t.state.Name, raw(t.input)
	}
	if t.parent != nil && t.parent.state != nil && t.parent.state.Type == Map {
		s.Item = raw(t.item)
	}
	if t.variables != nil {
		s.Variables = raw(t.variables)
	}
	if k := t.task; k != nil {
		s.Task = &savedTask{
			Number: k.number, Since: k.since, Scheduled: k.scheduled, Started: k.started, Timeout: k.timeout, Heartbeat: k.heartbeat,
			Deadline: k.deadline, Pulse: k.pulse, Beat: k.beat,
		}
		if !k.scheduled {
			s.Task.Parameters = raw(k.parameters)
		}
	}
	if g := t.group; g != nil {
		s.Group = &savedGroup{Input: raw(g.input), Concurrency: g.concurrency, Next: g.next, Done: g.done, Results: raw(g.results), Bytes: g.bytes, Last: g.last}
		if g.items != nil {
			s.Group.Items = raw(g.items)
		}
		for _, c := range g.children {
			s.Group.Children = append(s.Group.Children, saveThread(c))
		}
	}
	if t.run != nil {
		s.Run = t.run.save()
	}
	return s
}

func (r *mapRun) save() *savedRun {
	s := &savedRun{
		Number: r.number, ARN: r.arn, Event: r.event, Input: raw(r.input), Reads: r.reads, Parameters: raw(r.parameters), MaxItems: r.maxItems,
		Concurrency: r.concurrency, Count: r.tolerated.count, Share: r.tolerated.share, BatchItems: r.batchItems, BatchBytes: r.batchBytes,
		Batches: r.batches, BatchInput: raw(r.batchInput), Next: r.next, Total: r.total, Reading: r.reading, Child: r.child,
		Succeeded: r.succeeded, Failed: r.failed,
	}
	if !r.reads {
		s.Items = raw(r.items)
	}
	before := 0
	for _, index := range slices.Sorted(maps.Keys(r.running)) {
		s.Running = binary.AppendUvarint(s.Running, uint64(index-before))
		s.Running = binary.AppendUvarint(s.Running, uint64(r.running[index]))
		before = index
	}
	return s
}

// Restore reads an execution of this definition back.
func (d *Definition) Restore(text []byte) (*Execution, error) {
	var s savedExecution
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("execution: %w", err)
	}
	l := &loader{d: d, threads: map[int64]*thread{}}
	m := l.machine(s.Machine)
	x := &Execution{
		Status: s.Status, Error: s.Error, Cause: s.Cause, definition: d, machine: m, options: s.Options, input: l.value(s.Input), rawInput: s.Raw,
		now: s.Now, events: s.Events, names: s.Names, limit: s.Limit, random: rand.NewPCG(0, 0), waiting: map[int64]*thread{},
	}
	l.x = x
	if err := x.random.UnmarshalBinary(s.Random); err != nil {
		return nil, fmt.Errorf("execution: %w", err)
	}
	if s.Output != nil {
		x.Output = l.value(s.Output)
	}
	if s.Root != nil {
		x.root = l.thread(s.Root, nil)
	}
	for _, number := range s.Ready {
		if t := l.threads[number]; t != nil {
			x.ready = append(x.ready, t)
		}
	}
	if l.err != nil {
		return nil, fmt.Errorf("execution: %w", l.err)
	}
	return x, nil
}

// loader rebuilds threads; the first thing that is wrong stays in err.
type loader struct {
	d       *Definition
	x       *Execution
	threads map[int64]*thread
	err     error
}

func (l *loader) machine(i int) *Machine {
	if i < 0 || i >= len(l.d.Machines) {
		l.err = errors.New("it is of another definition")
		return l.d.Root
	}
	return l.d.Machines[i]
}

func (l *loader) value(text json.RawMessage) any {
	if text == nil {
		return nil
	}
	v, err := value.Parse(text)
	if err != nil && l.err == nil {
		l.err = err
	}
	return v
}

func (l *loader) array(text json.RawMessage) []any {
	v, _ := l.value(text).([]any)
	return v
}

func (l *loader) wait(number int64, t *thread) {
	if number != 0 {
		l.x.waiting[number] = t
	}
}

func (l *loader) thread(s *savedThread, parent *thread) *thread {
	t := &thread{
		number: s.Number, machine: l.machine(s.Machine), parent: parent, index: s.Index, item: l.value(s.Item), input: l.value(s.Input),
		last: s.Last, entered: s.Entered, before: s.Before, since: s.Since, phase: s.Phase, attempts: s.Attempts, retries: s.Retries, retryOf: s.Timer,
	}
	l.threads[t.number] = t
	if s.State != "" {
		if t.state = t.machine.State(s.State); t.state == nil {
			l.err = fmt.Errorf("the definition has no state %q", s.State)
			return t
		}
		l.x.live++
	}
	if s.Variables != nil {
		t.variables, _ = l.value(s.Variables).(*value.Object)
	}
	l.wait(t.retryOf, t)
	if k := s.Task; k != nil {
		t.task = &taskRun{
			number: k.Number, parameters: l.value(k.Parameters), since: k.Since, scheduled: k.Scheduled, started: k.Started, timeout: k.Timeout,
			heartbeat: k.Heartbeat, deadline: k.Deadline, pulse: k.Pulse, beat: k.Beat,
		}
		l.wait(k.Number, t)
		l.wait(k.Deadline, t)
		l.wait(k.Pulse, t)
	}
	if g := s.Group; g != nil {
		t.group = &group{
			input: l.value(g.Input), items: l.array(g.Items), concurrency: g.Concurrency, next: g.Next, done: g.Done, results: l.array(g.Results),
			bytes: g.Bytes, last: g.Last,
		}
		for _, c := range g.Children {
			t.group.children = append(t.group.children, l.thread(c, t))
		}
	}
	if s.Run != nil {
		t.run = l.run(s.Run)
		l.wait(s.Run.Number, t)
	}
	return t
}

func (l *loader) run(s *savedRun) *mapRun {
	r := &mapRun{
		number: s.Number, arn: s.ARN, event: s.Event, input: l.value(s.Input), items: l.array(s.Items), reads: s.Reads, parameters: l.value(s.Parameters),
		maxItems: s.MaxItems, concurrency: s.Concurrency, tolerated: tolerance{s.Count, s.Share}, batchItems: s.BatchItems, batchBytes: s.BatchBytes,
		batches: s.Batches, batchInput: l.value(s.BatchInput), next: s.Next, total: s.Total, reading: s.Reading, child: s.Child,
		succeeded: s.Succeeded, failed: s.Failed, running: map[int]int64{},
	}
	index := uint64(0)
	for rest := s.Running; len(rest) > 0; {
		distance, n := binary.Uvarint(rest)
		items, m := binary.Uvarint(rest[max(n, 0):])
		if n <= 0 || m <= 0 {
			l.err = errors.New("the numbers of the running children are damaged")
			return r
		}
		index += distance
		r.running[int(index)] = int64(items)
		rest = rest[n+m:]
	}
	return r
}
