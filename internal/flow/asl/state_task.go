package asl

import "time"

// task sends out a task and waits for its answer.
func (st *stepper) task(t *thread, f *frame) *failure {
	s := t.state
	parameters := f.data
	if s.parameters != nil {
		v, failed := s.parameters.eval(f)
		if failed != nil {
			return failed
		}
		parameters = v
	}
	if s.Language == JSONPath {
		st.x.note("afterParameters", parameters)
	} else {
		st.x.note("afterArguments", parameters)
	}
	run := &taskRun{parameters: parameters, since: st.x.now, beat: st.x.now}
	timeout, failed := s.task.timeout.eval(f, 0)
	if failed != nil {
		return failed
	}
	heartbeat, failed := s.task.heartbeat.eval(f, 0)
	if failed != nil {
		return failed
	}
	run.timeout, run.heartbeat = int64(timeout), int64(heartbeat)
	if !same(parameters, t.input) && tooLarge(parameters, maxDataBytes) {
		return dataLimitFailure(s.Name)
	}
	t.phase, t.task = phaseTask, run
	run.number = st.await(t)
	st.command(Command{
		Kind: CommandTask, ID: run.number, State: s, At: st.x.now, Resource: s.Resource, Parameters: parameters,
		Input: t.input, Token: st.x.token(t), Context: f.context(), Attempt: t.retries,
	})
	if run.timeout > 0 {
		run.deadline = st.await(t)
		st.command(Command{Kind: CommandTimer, ID: run.deadline, State: s, At: st.x.now.Add(time.Duration(run.timeout) * time.Second)})
	}
	if run.heartbeat > 0 {
		st.pulse(t)
	}
	return nil
}

// pulse starts the timer that looks whether the task still has a heartbeat.
func (st *stepper) pulse(t *thread) {
	t.task.pulse = st.await(t)
	st.command(Command{Kind: CommandTimer, ID: t.task.pulse, State: t.state, At: t.task.beat.Add(time.Duration(t.task.heartbeat) * time.Second)})
}

// taskEvent is what a task or one of its timers has to say.
func (st *stepper) taskEvent(t *thread, e Event) {
	run := t.task
	switch {
	case e.Kind == EventTimer && e.ID == run.deadline:
		st.timedOut(t, ErrorTimeout)
	case e.Kind == EventTimer && e.ID == run.pulse:
		delete(st.x.waiting, run.pulse)
		if st.x.now.Before(run.beat.Add(time.Duration(run.heartbeat) * time.Second)) {
			st.pulse(t)
			return
		}
		st.timedOut(t, ErrorHeartbeat)
	case e.ID == run.number:
		st.answered(t, e)
	}
}

func (st *stepper) answered(t *thread, e Event) {
	run, i := t.task, t.state.task.integration
	if e.Kind == EventTaskRefused {
		st.over(t)
		st.fail(t, runtimeFailure("%s", e.Cause))
		return
	}
	st.scheduled(t)
	if e.Kind == EventTaskScheduled {
		return
	}
	if !run.started {
		run.started = true
		run.beat = st.x.now
		d := t.state.taskDetails()
		d.Worker = e.Worker
		st.chain(t, i.prefix()+"Started", d)
	}
	switch e.Kind {
	case EventTaskHeartbeat, EventTaskStarted:
		run.beat = st.x.now
	case EventTaskSubmitted:
		d := t.state.taskDetails()
		d.Data = e.Output
		st.chain(t, "TaskSubmitted", d)
	case EventTaskSucceeded:
		st.succeeded(t, e.Output)
	case EventTaskFailed:
		st.over(t)
		st.taskFailed(t, &failure{name: e.Error, cause: e.Cause})
	}
}

// scheduled notes that the task is out.
func (st *stepper) scheduled(t *thread) {
	run, i := t.task, t.state.task.integration
	if run.scheduled {
		return
	}
	run.scheduled = true
	d := t.state.taskDetails()
	d.Data, d.Timeout, d.Heartbeat = run.parameters, run.timeout, run.heartbeat
	if i.lambda || i.activity {
		d.Resource = i.arn
	} else {
		d.Region = st.x.options.Region
	}
	st.chain(t, i.prefix()+"Scheduled", d)
}

func (st *stepper) succeeded(t *thread, output any) {
	i := t.state.task.integration
	st.over(t)
	if tooLarge(output, maxDataBytes) {
		st.taskFailed(t, dataLimitFailure(i.subject()))
		return
	}
	d := t.state.taskDetails()
	d.Data = output
	st.chain(t, i.prefix()+"Succeeded", d)
	st.x.note("result", output)
	f := st.x.frame(t, t.input)
	if failed := st.complete(t, f, output, true); failed != nil {
		st.fail(t, failed)
		return
	}
	st.resume(t)
}

// taskFailed notes the failure and lets the state deal with it.
func (st *stepper) taskFailed(t *thread, failed *failure) {
	i := t.state.task.integration
	d := t.state.taskDetails()
	d.Error, d.Cause = failed.name, failed.cause
	st.chain(t, i.prefix()+"Failed", d)
	st.fail(t, failed)
}

func (st *stepper) timedOut(t *thread, name string) {
	st.scheduled(t)
	i := t.state.task.integration
	if !t.task.started {
		t.task.started = true
		if !i.activity {
			st.chain(t, i.prefix()+"Started", t.state.taskDetails())
		}
	}
	number := t.task.number
	st.over(t)
	st.command(Command{Kind: CommandCancel, ID: number, State: t.state})
	d := t.state.taskDetails()
	d.Error = name
	st.chain(t, i.prefix()+"TimedOut", d)
	st.fail(t, &failure{name: name})
}

// over forgets the task; its timers are cancelled.
func (st *stepper) over(t *thread) {
	run := t.task
	delete(st.x.waiting, run.number)
	for _, timer := range []int64{run.deadline, run.pulse} {
		if timer != 0 && st.x.waiting[timer] != nil {
			delete(st.x.waiting, timer)
			st.command(Command{Kind: CommandCancel, ID: timer, State: t.state})
		}
	}
	t.task = nil
}
