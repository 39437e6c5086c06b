package asl

import (
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

const (
	stepTransitions = 4096 // states entered in one step before it asks to be called again
	queryCost       = 256  // what an evaluation of JSONata counts as: one may take a second
	turnTransitions = 64   // of one thread before another one has its turn
	maxLiveThreads  = 4096 // above it a Map begins an iteration only if it has none; nested Maps would multiply
)

// Step tells the execution what happened and lets it go on as far as it can without waiting. The first event is
// EventContinue at the start. The execution is changed; write it out before if the old state is still needed.
func Step(x *Execution, e Event) Effects {
	st := &stepper{x: x}
	if e.At.After(x.now) {
		x.now = e.At
	}
	if x.Status != Running {
		return st.effects
	}
	if x.root == nil {
		st.start()
	}
	x.queries = 0
	st.receive(e)
	for len(x.ready) > 0 && x.Status == Running {
		if st.transitions+queryCost*x.queries >= stepTransitions {
			st.effects.More = true
			break
		}
		t := x.ready[0]
		x.ready = x.ready[1:]
		st.turn(t)
	}
	if len(x.ready) == 0 {
		x.ready = nil
	}
	return st.effects
}

// stepper collects what one step brings about.
type stepper struct {
	x           *Execution
	effects     Effects
	transitions int
	current     *thread // whose turn it is
}

func (st *stepper) start() {
	x := st.x
	st.event(0, "ExecutionStarted", Details{Data: x.input, Raw: x.rawInput, Role: x.options.Role})
	t := st.thread(x.machine, nil, 0, x.input, 0)
	x.root = t
	if limit := x.definition.Timeout; limit > 0 && x.machine == x.definition.Root {
		x.limit = x.number()
		st.command(Command{Kind: CommandTimer, ID: x.limit, At: x.now.Add(limit)})
	}
}

// event puts an event into the history.
func (st *stepper) event(previous int64, kind string, d Details) int64 {
	st.x.events++
	st.effects.History = append(st.effects.History, HistoryEvent{ID: st.x.events, Previous: previous, Type: kind, At: st.x.now, Details: d})
	return st.x.events
}

// chain puts an event into the history that follows the thread's last one.
func (st *stepper) chain(t *thread, kind string, d Details) {
	t.last = st.event(t.last, kind, d)
}

func (st *stepper) command(c Command) { st.effects.Commands = append(st.effects.Commands, c) }

// thread begins a walk through a machine.
func (st *stepper) thread(m *Machine, parent *thread, index int, input any, last int64) *thread {
	t := &thread{number: st.x.number(), machine: m, parent: parent, index: index, state: m.start, input: input, last: last}
	st.x.live++
	st.x.ready = append(st.x.ready, t)
	return t
}

// turn lets a thread go on until it waits or ends, or has had its share.
func (st *stepper) turn(t *thread) {
	st.current = t
	defer func() { st.current = nil }()
	for range turnTransitions {
		if st.transitions+queryCost*st.x.queries >= stepTransitions {
			break
		}
		switch t.phase {
		case phaseEnter:
			st.enter(t)
			st.work(t)
		case phaseWork:
			st.transitions++
			st.work(t)
		default:
			return
		}
		if t.phase != phaseEnter && t.phase != phaseWork || st.x.Status != Running || t.state == nil {
			return
		}
	}
	st.x.ready = append(st.x.ready, t)
}

// enter enters the thread's state.
func (st *stepper) enter(t *thread) {
	s := t.state
	st.transitions++
	t.before, t.since = t.last, st.x.now
	t.attempts, t.retries = nil, 0
	st.chain(t, eventNames[s.Type].entered, Details{Name: s.Name, Path: s.Path, Data: t.input})
	t.entered = t.last
	t.phase = phaseWork
}

// eventNames are the names of the events of each type of state.
var eventNames = func() map[Type]*struct{ entered, exited, aborted string } {
	names := map[Type]*struct{ entered, exited, aborted string }{}
	for _, t := range types {
		names[t] = &struct{ entered, exited, aborted string }{string(t) + "StateEntered", string(t) + "StateExited", string(t) + "StateAborted"}
	}
	return names
}()

// work does what the state does, up to where it has to wait.
func (st *stepper) work(t *thread) {
	f := st.x.frame(t, t.input)
	data, failed := t.state.inputPath.apply(f)
	if failed == nil {
		f.data = data
		if s := t.state; s.Language == JSONPath && s.result == nil && s.Type != Parallel {
			st.x.note("afterInputPath", data)
		}
		failed = st.workOn(t, f)
	}
	if failed != nil {
		st.fail(t, failed)
	}
}

func (st *stepper) workOn(t *thread, f *frame) *failure {
	switch t.state.Type {
	case Pass:
		return st.pass(t, f)
	case Task:
		return st.task(t, f)
	case Choice:
		return st.choose(t, f)
	case Wait:
		return st.wait(t, f)
	case Succeed:
		return st.complete(t, f, f.data, false)
	case Fail:
		return st.failState(t, f)
	case Parallel:
		return st.parallel(t, f)
	}
	return st.mapState(t, f)
}

func (st *stepper) pass(t *thread, f *frame) *failure {
	s := t.state
	result := f.data
	switch {
	case s.result != nil:
		result = s.result.value
	case s.parameters != nil:
		v, failed := s.parameters.eval(f)
		if failed != nil {
			return failed
		}
		result = v
	}
	if s.Language == JSONPath {
		if s.result != nil {
			st.x.note("result", result)
		} else {
			st.x.note("afterParameters", result)
		}
	}
	return st.complete(t, f, result, s.Language == JSONPath)
}

// wait computes the time to wait for. What is over already is not waited for.
func (st *stepper) wait(t *thread, f *frame) *failure {
	at, failed := waitUntil(t.state.wait, f)
	if failed != nil {
		return failed
	}
	if !at.After(st.x.now) {
		return st.complete(t, f, f.data, false)
	}
	t.phase, t.retryOf = phaseWait, st.await(t)
	st.command(Command{Kind: CommandTimer, ID: t.retryOf, State: t.state, At: at})
	return nil
}

// await notes that the thread waits for something with a new number.
func (st *stepper) await(t *thread) int64 {
	n := st.x.number()
	st.x.waiting[n] = t
	return n
}

// receive finds whom an event concerns. What nobody waits for is over already.
func (st *stepper) receive(e Event) {
	switch e.Kind {
	case EventContinue:
		return
	case EventStop:
		st.end(Aborted, e.Error, e.Cause)
		st.event(0, "ExecutionAborted", Details{Error: e.Error, Cause: e.Cause})
		return
	}
	if e.Kind == EventTimer && e.ID == st.x.limit && e.ID != 0 {
		st.end(TimedOut, ErrorTimeout, "")
		st.event(0, "ExecutionTimedOut", Details{Error: ErrorTimeout})
		return
	}
	t := st.x.waiting[e.ID]
	if t == nil {
		return
	}
	switch {
	case t.run != nil && e.ID == t.run.number:
		st.mapRunEvent(t, e)
	case e.Kind == EventTimer && e.ID == t.retryOf:
		st.timer(t)
	case t.task != nil:
		st.taskEvent(t, e)
	}
}

// timer goes on after a Wait or before another try.
func (st *stepper) timer(t *thread) {
	delete(st.x.waiting, t.retryOf)
	t.retryOf = 0
	if t.phase == phaseRetry {
		t.phase = phaseWork
		st.x.ready = append(st.x.ready, t)
		return
	}
	f := st.x.frame(t, t.input)
	data, failed := t.state.inputPath.apply(f)
	if failed == nil {
		f.data = data
		failed = st.complete(t, f, data, false)
	}
	if failed != nil {
		st.fail(t, failed)
		return
	}
	st.resume(t)
}

// resume makes a thread ready that has just left a state it waited in.
func (st *stepper) resume(t *thread) {
	if t.state != nil && t.phase == phaseEnter && st.x.Status == Running {
		st.x.ready = append(st.x.ready, t)
	}
}

// end ends the execution and cancels what is out.
func (st *stepper) end(status Status, name, cause string) {
	x := st.x
	x.Status, x.Error, x.Cause = status, name, cause
	if x.root != nil {
		st.cancel(x.root)
	}
	st.noLimit()
	x.ready = nil
}

// noLimit takes back the timer of the definition's TimeoutSeconds.
func (st *stepper) noLimit() {
	if st.x.limit != 0 {
		st.command(Command{Kind: CommandCancel, ID: st.x.limit})
		st.x.limit = 0
	}
}

// fatal fails the whole execution: nothing catches this.
func (st *stepper) fatal(t *thread, failed *failure) {
	if b := st.x.bench; b != nil {
		b.died(st.x, failed)
		return
	}
	last := t.last
	st.end(Failed, failed.name, failed.cause)
	st.event(last, "ExecutionFailed", Details{Error: failed.name, Cause: failed.cause})
}

// finish ends a thread that has come to its end with an output.
func (st *stepper) finish(t *thread, output any) {
	st.x.live--
	t.state = nil
	if t.parent != nil {
		st.childDone(t, output)
		return
	}
	st.x.Status, st.x.Output = Succeeded, output
	st.noLimit()
	st.event(t.last, "ExecutionSucceeded", Details{Data: output})
}

// waitUntil is the time a Wait waits for.
func waitUntil(w *waitFields, f *frame) (time.Time, *failure) {
	switch {
	case w.when != nil:
		v, err := w.when.get(f)
		if err != nil {
			return time.Time{}, runtimeFailure(waitPathMissingCause, "TimestampPath", w.when.text)
		}
		at, ok := timestampOf(v)
		if !ok {
			return time.Time{}, runtimeFailure("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", w.when.text, plainText(v))
		}
		return at, nil
	case w.computed != nil:
		v, failed := w.computed.eval(f)
		if failed != nil {
			return time.Time{}, failed
		}
		at, ok := timestampOf(v)
		if !ok {
			failed := queryFailure("Timestamp", "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: %s", plainText(v))
			failed.parsed = true
			return time.Time{}, failed
		}
		return at, nil
	case w.seconds != nil && w.seconds.path != nil:
		return waitSecondsPath(w.seconds.path, f)
	case w.seconds != nil:
		seconds, failed := w.seconds.eval(f, 0)
		return f.x.now.Add(time.Duration(seconds * float64(time.Second))), failed
	}
	return w.timestamp, nil
}

// waitSecondsPath reads SecondsPath, which has causes of its own.
func waitSecondsPath(p *path, f *frame) (time.Time, *failure) {
	v, err := p.get(f)
	if err != nil {
		return time.Time{}, runtimeFailure(waitPathMissingCause, "SecondsPath", p.text)
	}
	seconds, ok := value.Float(v)
	if !ok || seconds != float64(int64(seconds)) {
		return time.Time{}, runtimeFailure("The SecondsPath parameter cannot be parsed as a long value: %s == %s", p.text, plainText(v))
	}
	if seconds < 0 {
		return time.Time{}, runtimeFailure("The SecondsPath parameter references a negative value: %s == %s", p.text, plainText(v))
	}
	return f.x.now.Add(time.Duration(min(seconds, maxSeconds)) * time.Second), nil
}

// plainText is a text as it is and anything else as JSON.
func plainText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return value.Text(v)
}
