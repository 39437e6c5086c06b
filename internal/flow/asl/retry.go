package asl

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// fail deals with a failure in the thread's state: another try, a catcher, or the end of the thread.
func (st *stepper) fail(t *thread, failed *failure) {
	if b := st.x.bench; b != nil {
		b.failing(failed)
	}
	failed = st.x.named(failed, t)
	if failed.evaluation {
		st.evaluationFailed(t, failed)
	}
	if failed.uncatchable() {
		st.fatal(t, failed)
		return
	}
	if st.retry(t, failed) {
		return
	}
	s := t.state
	if s.Type == Parallel || s.Type == Map {
		st.chain(t, string(s.Type)+"StateFailed", Details{Name: s.Name, Path: s.Path, Error: failed.name, Cause: failed.cause})
	}
	for i := range s.catch {
		if failed.matches(s.catch[i].errors) {
			if b := st.x.bench; b != nil {
				b.result.Status = "CAUGHT_ERROR"
				b.detail("catchIndex", float64(i))
			}
			st.catch(t, &s.catch[i], failed)
			return
		}
	}
	st.died(t, failed)
}

// named puts the state into the cause; a state that is tested alone has entered no history that the cause could name.
func (x *Execution) named(failed *failure, t *thread) *failure {
	if x.bench != nil {
		failed.state = t.state
		return failed
	}
	return failed.named(t.state, t.entered)
}

// evaluationFailed puts the event of a failed expression into the history. AWS lets it follow what came before the state
// if the state has done nothing yet, and what was parsed in vain follow the state's entry.
func (st *stepper) evaluationFailed(t *thread, failed *failure) {
	previous := t.last
	if t.last == t.entered && !failed.parsed {
		previous = t.before
	}
	t.last = st.event(previous, "EvaluationFailed", Details{
		Name: failed.state.Name, Path: failed.state.Path, Error: failed.name, Cause: failed.cause, Location: failed.location,
	})
	failed.evaluation = false
}

// retry starts the wait before another try, if a retrier has one left.
func (st *stepper) retry(t *thread, failed *failure) bool {
	s := t.state
	for i := range s.retry {
		r := &s.retry[i]
		if !failed.matches(r.errors) {
			continue
		}
		if t.attempts == nil {
			t.attempts = make([]int, len(s.retry))
		}
		if b := st.x.bench; b != nil {
			t.attempts[i] = b.configuration.RetrierRetryCount
			b.detail("retryIndex", float64(i))
		}
		if t.attempts[i] >= r.attempts {
			return false
		}
		delay := r.delay(t.attempts[i])
		if b := st.x.bench; b != nil {
			b.retrying(st.x, delay)
			return true
		}
		if r.jitter {
			delay = time.Duration(rand.New(st.x.random).Float64() * float64(delay))
		}
		t.attempts[i]++
		t.retries++
		t.task, t.group, t.run = nil, nil, nil
		t.phase, t.retryOf = phaseRetry, st.await(t)
		st.command(Command{Kind: CommandTimer, ID: t.retryOf, State: s, At: st.x.now.Add(delay), Delay: delay, Retry: t.retries, Error: failed.name, Cause: failed.cause})
		return true
	}
	return false
}

// delay is the wait before a try, without jitter; tries counts the retrier's earlier ones.
func (r *retrier) delay(tries int) time.Duration {
	seconds := r.interval * math.Pow(r.rate, float64(tries))
	if r.maxDelay > 0 {
		seconds = min(seconds, r.maxDelay)
	}
	return time.Duration(min(seconds, 31_622_400) * float64(time.Second))
}

// catch leaves the state on a catcher's way.
func (st *stepper) catch(t *thread, c *catcher, failed *failure) {
	f := st.x.frame(t, t.input)
	f.failed = failed.output()
	output, assigned, problem := st.caught(f, c)
	if problem == nil {
		problem = st.exit(t, output, assigned, c.next)
	}
	if problem != nil {
		problem = st.x.named(problem, t)
		if problem.evaluation {
			st.evaluationFailed(t, problem)
		}
		st.died(t, problem)
		return
	}
	st.resumeSoon(t)
}

// caught is what a catcher makes of an error.
func (st *stepper) caught(f *frame, c *catcher) (any, *value.Object, *failure) {
	if f.s.Language == JSONata {
		var output any = f.failed
		if c.output != nil {
			v, failed := c.output.eval(f)
			if failed != nil {
				return nil, nil, failed
			}
			output = v
		}
		assigned, failed := st.assigned(c.assign, f)
		return output, assigned, failed
	}
	output, failed := c.resultPath.put(f.t.input, f.failed)
	if failed != nil {
		return nil, nil, failed
	}
	f.data = f.failed
	assigned, failed := st.assigned(c.assign, f)
	return output, assigned, failed
}

// resumeSoon makes the thread ready unless it is the one whose turn it is.
func (st *stepper) resumeSoon(t *thread) {
	for _, ready := range st.x.ready {
		if ready == t {
			return
		}
	}
	if st.current != t {
		st.resume(t)
	}
}

// died ends a thread by a failure nobody caught.
func (st *stepper) died(t *thread, failed *failure) {
	if t.parent != nil {
		st.childFailed(t, failed)
		return
	}
	st.fatal(t, failed)
}
