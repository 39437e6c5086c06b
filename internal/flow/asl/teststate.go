package asl

import (
	"fmt"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// TestRequest asks to test one state, as the TestState API does. Texts are JSON.
type TestRequest struct {
	Definition      []byte // of the state alone, or of a machine that has it
	StateName       string // in a machine
	Input           []byte // default {}
	InspectionLevel string // INFO (default), DEBUG or TRACE
	Mock            *Mock
	Context         []byte // the context object; default: one that is made up
	Variables       []byte
	Configuration   StateConfiguration
	RevealSecrets   bool
	RoleArn         string
}

// Mock is what the state's task, branches or items give instead of running.
type Mock struct {
	Result              *string
	ErrorOutput         *MockError
	FieldValidationMode string // STRICT (default), PRESENT or NONE
}

// MockError is a mocked failure.
type MockError struct{ Error, Cause string }

// StateConfiguration says what happened to the state before.
type StateConfiguration struct {
	RetrierRetryCount        int
	MapIterationFailureCount int
	ErrorCausedByState       string
	MapItemReaderData        []byte
}

// TestError is a request that is refused.
type TestError struct {
	Code    string // ValidationException or InvalidDefinition
	Message string
}

func (e *TestError) Error() string { return e.Message }

func refused(message string) error { return &TestError{"ValidationException", message} }

// TestResult is what came of the state.
type TestResult struct {
	Status     string // SUCCEEDED, FAILED, RETRIABLE or CAUGHT_ERROR
	Output     any
	HasOutput  bool
	NextState  string
	Error      string
	Cause      string
	Inspection *value.Object // what stood between the steps; nil at level INFO
}

// JSON is the result in the shape of the API's answer.
func (r *TestResult) JSON() *value.Object {
	o := value.ObjectOf("status", r.Status)
	if r.HasOutput {
		o.Set("output", value.Text(r.Output))
	}
	setText(o, "nextState", r.NextState)
	setText(o, "error", r.Error)
	setText(o, "cause", r.Cause)
	if r.Inspection != nil {
		o.Set("inspectionData", r.Inspection)
	}
	return o
}

// TestState runs one state. Of the options those that name the execution's surroundings and Tasks count: a task without
// a mock is given to Tasks.
func TestState(q TestRequest, o RunOptions) (*TestResult, error) {
	s, d, err := testedState(&q)
	if err != nil {
		return nil, err
	}
	if err := checkRequest(&q, s); err != nil {
		return nil, err
	}
	o.complete()
	x, err := testExecution(d, s, &q, &o)
	if err != nil {
		return nil, err
	}
	b := x.bench
	events := []Event{{Kind: EventContinue, At: o.Start}}
	for len(events) > 0 && x.Status == Running && b.refused == nil {
		effects := Step(x, events[0])
		events = events[1:]
		for i := range effects.Commands {
			events = append(events, b.answer(&q, &o, &effects.Commands[i])...)
		}
	}
	if b.refused != nil {
		return nil, b.refused
	}
	return b.finish(x, &q), nil
}

// testedState finds the state: alone, or by its name in a machine.
func testedState(q *TestRequest) (*State, *Definition, error) {
	p := &parser{kind: Standard, names: map[string]bool{}}
	root, bad := readDocument(q.Definition)
	if bad != nil || !root.isObject() {
		return nil, nil, &TestError{"InvalidDefinition", Mistakes{{Code: CodeSchema, Message: "Definition must be a valid JSON object"}}.Error()}
	}
	var s *State
	var d *Definition
	if root.member("States") == nil && root.member("Type") != nil {
		p.loose = true
		p.d = &Definition{Kind: Standard, Language: JSONPath}
		m := &Machine{byName: map[string]*State{}}
		s = &State{Name: "StateName", Path: "/States/StateName", Line: root.line, Column: root.column, Machine: m}
		m.States, m.byName[s.Name], m.start = []*State{s}, s, s
		p.d.Root, p.d.Machines = m, []*Machine{m}
		p.state(s, root)
		d = p.d
	} else {
		d = p.definition(root)
	}
	p.connectTested()
	if len(p.mistakes) > 0 {
		return nil, nil, &TestError{"InvalidDefinition", p.mistakes.Error()}
	}
	for _, m := range d.Machines {
		if found := m.State(q.StateName); found != nil && s == nil {
			s = found
		}
	}
	if s == nil {
		if q.StateName == "" {
			return nil, nil, refused("StateName must be specified when the definition is a state machine")
		}
		return nil, nil, refused(fmt.Sprintf("State not found: %s", q.StateName))
	}
	return s, d, nil
}

// connectTested resolves transitions: inside a single state as in a machine, out of it to names only.
func (p *parser) connectTested() {
	loose := p.loose
	for i, m := range p.d.Machines {
		p.loose = loose && i == 0
		if len(m.States) > 0 {
			p.connectMachine(m)
		}
	}
}

// checkRequest refuses what the API refuses before it runs anything.
func checkRequest(q *TestRequest, s *State) error {
	if q.Mock == nil {
		switch s.Type {
		case Map, Parallel:
			return &TestError{"InvalidDefinition", "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"}
		case Task:
			if i := s.task.integration; i.activity || i.token {
				return refused("TestState supports Activity tasks and the .sync and .waitForTaskToken service integration patterns only when a mock is specified")
			}
			if q.RoleArn == "" {
				return refused("RoleArn must be specified when testing a Task state")
			}
		}
		return nil
	}
	switch {
	case s.Type != Task && s.Type != Map && s.Type != Parallel:
		return refused(fmt.Sprintf("State type '%s' is not supported when a mock is specified", s.Type))
	case q.Mock.Result != nil && q.Mock.ErrorOutput != nil:
		return refused("A test mock should have only one of the following fields: [result, errorOutput].")
	case q.RevealSecrets:
		return refused("TestState does not support RevealSecrets when a mock is specified.")
	case q.Mock.Result == nil:
		return nil
	}
	return checkMock(q, s)
}

func checkMock(q *TestRequest, s *State) error {
	result, err := value.Parse([]byte(*q.Mock.Result))
	if err != nil {
		return refused("Mocked result must be valid JSON")
	}
	_, isArray := result.([]any)
	_, isObject := result.(*value.Object)
	switch {
	case s.Type == Map && s.mapping.writer != nil && !isObject:
		return refused("Mocked result must be a JSON object.")
	case s.Type == Map && s.mapping.writer == nil && !isArray, s.Type == Parallel && !isArray:
		return refused("Mocked result must be an array.")
	case s.Type == Task && q.Mock.FieldValidationMode != "NONE":
		if err := s.task.integration.checkResult(result); err != nil {
			return refused(err.Error())
		}
	}
	return nil
}

// bench is an execution's side of a test: it stops the execution behind the state and notes what stood between its steps.
type bench struct {
	mock          *Mock
	configuration *StateConfiguration
	seen          *value.Object
	details       *value.Object // errorDetails
	result        TestResult
	refused       error
}

// testExecution is an execution that stands before the state.
func testExecution(d *Definition, s *State, q *TestRequest, o *RunOptions) (*Execution, error) {
	texts := map[string][]byte{"input": q.Input, "context": q.Context, "variables": q.Variables}
	values := map[string]any{}
	for name, text := range texts {
		if len(text) == 0 {
			continue
		}
		v, err := value.Parse(text)
		if err != nil {
			return nil, refused(fmt.Sprintf("Invalid JSON in %s: %s", name, err))
		}
		values[name] = v
	}
	if _, ok := values["input"]; !ok {
		values["input"] = value.NewObject(0)
	}
	r := &runner{d: d, o: *o}
	x := d.newExecution(s.Machine, values["input"], r.startOptions(Express, o.Name, o.Seed))
	x.override = values["context"]
	x.bench = &bench{mock: q.Mock, configuration: &q.Configuration, seen: value.ObjectOf("input", value.Text(values["input"]))}
	t := &thread{number: x.number(), machine: s.Machine, state: s, input: values["input"]}
	t.variables, _ = values["variables"].(*value.Object)
	x.root, x.ready, x.live = t, []*thread{t}, 1
	return x, nil
}

// note remembers a value that stands between two steps of a state, as text; tests look at it.
func (x *Execution) note(name string, v any) {
	if x.bench != nil {
		x.bench.seen.Set(name, value.Text(v))
	}
}

// noteNumber remembers a number.
func (x *Execution) noteNumber(name string, n *number, v float64) {
	if x.bench != nil && (n != nil || name == "maxConcurrency") {
		x.bench.seen.Set(name, v)
	}
}

// answer plays the world: tasks give their mock, or what Tasks say; timers fire at once.
func (b *bench) answer(q *TestRequest, o *RunOptions, c *Command) []Event {
	switch c.Kind {
	case CommandTimer:
		if c.Retry > 0 || c.State != nil && c.State.Type == Task {
			return nil
		}
		return []Event{{Kind: EventTimer, At: c.At, ID: c.ID}}
	case CommandTask:
		a := b.task(o, c)
		e := Event{Kind: EventTaskSucceeded, At: o.Start.Add(a.Delay), ID: c.ID, Output: a.Output}
		if a.Error != "" {
			e.Kind, e.Error, e.Cause = EventTaskFailed, a.Error, a.Cause
		}
		return []Event{e}
	}
	return nil
}

func (b *bench) task(o *RunOptions, c *Command) Answer {
	if b.mock == nil {
		return o.Tasks.Run(Call{
			State: c.State.Name, Resource: c.Resource, Parameters: c.Parameters, Input: c.Input, Context: c.Context, Token: c.Token, At: o.Start,
		})
	}
	if e := b.mock.ErrorOutput; e != nil {
		return Answer{Error: e.Error, Cause: e.Cause}
	}
	return Answer{Output: b.mockResult()}
}

func (b *bench) mockResult() any {
	if b.mock.Result == nil {
		return value.NewObject(0)
	}
	v, _ := value.Parse([]byte(*b.mock.Result))
	return v
}

// group gives a Map or Parallel its mock instead of branches.
func (b *bench) group(st *stepper, t *thread, f *frame, items []any, tolerated tolerance) *failure {
	if text := b.configuration.MapItemReaderData; len(text) > 0 && t.state.Type == Map && t.state.mapping.reader != nil {
		read, err := DecodeItems(&t.state.mapping.reader.config, text)
		if err != nil {
			return &failure{name: ErrorItemReader, cause: err.Error()}
		}
		items = read
	}
	if failed := b.selected(st.x, f, items); failed != nil {
		return failed
	}
	count := b.configuration.MapIterationFailureCount
	if t.state.Type == Map && count > len(items) {
		b.refused = refused("Map iteration failure count must be less than or equal to the number of Map iterations")
		st.x.Status = Failed
		return nil
	}
	if e := b.mock.ErrorOutput; e != nil {
		return &failure{name: e.Error, cause: e.Cause}
	}
	if count > 0 && tolerated.exceeded(int64(count), int64(len(items))) {
		return &failure{name: ErrorToleratedFailures, cause: toleratedFailuresCause}
	}
	return st.complete(t, st.x.frame(t, t.input), b.mockResult(), true)
}

// selected notes what ItemSelector makes of the items.
func (b *bench) selected(x *Execution, f *frame, items []any) *failure {
	s := f.s
	if s.Type != Map || s.mapping.selector == nil || s.Language != JSONPath {
		return nil
	}
	inputs := make([]any, len(items))
	for i, item := range items {
		v, failed := s.mapping.inputOf(f, i, item)
		if failed != nil {
			return failed
		}
		inputs[i] = v
	}
	x.note("afterItemSelector", inputs)
	return nil
}

// exited ends the test with the state's output.
func (b *bench) exited(x *Execution, output any, next *State) {
	b.result.Output, b.result.HasOutput = output, true
	if next != nil {
		b.result.NextState = next.Name
	}
	if b.result.Status == "" {
		b.result.Status = "SUCCEEDED"
	}
	x.Status = Succeeded
}

// failing notes the error that the state met, whatever deals with it.
func (b *bench) failing(failed *failure) {
	b.result.Error, b.result.Cause = failed.name, failed.cause
}

func (b *bench) detail(name string, v any) {
	if b.details == nil {
		b.details = value.NewObject(2)
		b.seen.Set("errorDetails", b.details)
	}
	b.details.Set(name, v)
}

// retrying ends the test with another try to come.
func (b *bench) retrying(x *Execution, delay time.Duration) {
	b.detail("retryBackoffIntervalSeconds", float64(int64(delay/time.Second)))
	b.result.Status = "RETRIABLE"
	x.Status = Succeeded
}

// died ends the test with the failure.
func (b *bench) died(x *Execution, failed *failure) {
	b.failing(failed)
	b.result.Status = "FAILED"
	x.Status = Failed
}

func (b *bench) finish(x *Execution, q *TestRequest) *TestResult {
	r := b.result
	if q.InspectionLevel == "DEBUG" || q.InspectionLevel == "TRACE" {
		r.Inspection = b.seen
	}
	if r.Status == "" {
		r.Status = strings.ToUpper(string(x.Status))
	}
	return &r
}
