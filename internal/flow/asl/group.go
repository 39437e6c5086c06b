package asl

import (
	"math"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// inlineConcurrency is how many iterations of an inline Map without MaxConcurrency run at a time, as in AWS.
const inlineConcurrency = 40

// parallel begins the branches.
func (st *stepper) parallel(t *thread, f *frame) *failure {
	s := t.state
	input := f.data
	if s.parameters != nil {
		v, failed := s.parameters.eval(f)
		if failed != nil {
			return failed
		}
		input = v
	}
	if b := st.x.bench; b != nil {
		return b.group(st, t, f, nil, tolerance{})
	}
	st.chain(t, "ParallelStateStarted", Details{Name: s.Name, Path: s.Path})
	g := &group{input: input, results: make([]any, len(s.Machines)), last: t.last, next: len(s.Machines)}
	t.phase, t.group = phaseGroup, g
	for i, m := range s.Machines {
		g.children = append(g.children, st.thread(m, t, i, input, t.last))
	}
	return nil
}

// mapState finds the items of a Map and begins with them.
func (st *stepper) mapState(t *thread, f *frame) *failure {
	s, m := t.state, t.state.mapping
	var items []any
	if m.reader == nil {
		v, failed := m.itemsOf(f)
		if failed != nil {
			return failed
		}
		items = v
		if s.Language == JSONPath {
			st.x.note("afterItemsPath", items)
		}
	}
	concurrency, failed := m.concurrency.eval(f, 0)
	if failed != nil {
		return failed
	}
	if concurrency < 0 {
		return runtimeFailure("MaxConcurrency cannot be negative.")
	}
	st.x.noteNumber("maxConcurrency", m.concurrency, concurrency)
	t.group, t.run = nil, nil
	st.chain(t, "MapStateStarted", Details{Name: s.Name, Path: s.Path, Length: len(items)})
	tolerated, failed := m.tolerance(f)
	if failed != nil {
		return failed
	}
	st.x.noteNumber("toleratedFailureCount", m.toleratedCount, float64(tolerated.count))
	st.x.noteNumber("toleratedFailurePercentage", m.toleratedShare, tolerated.share)
	if b := st.x.bench; b != nil {
		return b.group(st, t, f, items, tolerated)
	}
	if m.distributed {
		return st.mapRun(t, f, items, int(min(concurrency, math.MaxInt32)), tolerated)
	}
	g := &group{input: f.data, items: items, concurrency: int(min(concurrency, math.MaxInt32)), results: make([]any, len(items)), last: t.last}
	if g.concurrency == 0 {
		g.concurrency = inlineConcurrency
	}
	t.phase, t.group = phaseGroup, g
	if len(items) == 0 {
		return st.gathered(t, t.last, t.last)
	}
	failed = st.iterate(t)
	if failed != nil {
		for _, c := range g.children {
			st.cancel(c)
		}
		t.group = nil
	}
	return failed
}

// itemsOf evaluates Items or ItemsPath.
func (m *mapFields) itemsOf(f *frame) ([]any, *failure) {
	if f.s.Language == JSONata {
		return m.itemsJSONata(f)
	}
	v, failed := m.itemsPath.apply(f)
	if failed != nil {
		return nil, failed
	}
	items, ok := v.([]any)
	if !ok {
		text := "$"
		if m.itemsPath != nil && m.itemsPath.compiled != nil && m.itemsPath.compiled.Root() != "$$" {
			text = m.itemsPath.text
		}
		return nil, runtimeFailure(itemsPathCause, text)
	}
	return items, nil
}

func (m *mapFields) itemsJSONata(f *frame) ([]any, *failure) {
	if m.items == nil {
		items, ok := f.input.([]any)
		if !ok {
			return nil, queryFailure("", mapInputCause, value.Text(f.input))
		}
		return items, nil
	}
	v, failed := m.items.eval(f)
	if failed != nil {
		return nil, failed
	}
	if tooLarge(v, maxDataBytes) {
		return nil, dataLimitFailure(f.s.Name)
	}
	items, ok := v.([]any)
	if ok {
		return items, nil
	}
	if part, computed := m.items.part.(*jsonataPart); computed {
		return nil, part.unexpected(v, "array")
	}
	return nil, queryFailure("Items", mapInputCause, value.Text(v))
}

func (m *mapFields) tolerance(f *frame) (tolerance, *failure) {
	count, failed := m.toleratedCount.eval(f, 0)
	if failed != nil {
		return tolerance{}, failed
	}
	if count < 0 {
		return tolerance{}, runtimeFailure("ToleratedFailureCount cannot be negative.")
	}
	share, failed := m.toleratedShare.eval(f, 0)
	if failed != nil {
		return tolerance{}, failed
	}
	if share < 0 || share > 100 {
		failed := runtimeFailure("ToleratedFailurePercentage must be between 0 and 100.")
		if n := m.toleratedShare; n.expression != nil {
			failed = queryFailure(n.field, "ToleratedFailurePercentage must be between 0 and 100.")
		}
		return tolerance{}, failed
	}
	return tolerance{int64(count), share}, nil
}

// iterate begins iterations as long as there are items and room.
func (st *stepper) iterate(t *thread) *failure {
	s, g := t.state, t.group
	f := st.x.frame(t, g.input)
	for g.next < len(g.items) && len(g.children) < g.concurrency && (st.x.live < maxLiveThreads || len(g.children) == 0) {
		input, failed := s.mapping.inputOf(f, g.next, g.items[g.next])
		if failed != nil {
			return failed
		}
		id := st.event(g.last, "MapIterationStarted", Details{Name: s.Name, Path: s.Path, Index: g.next})
		c := st.thread(s.Machines[0], t, g.next, input, id)
		c.item = g.items[g.next]
		g.children = append(g.children, c)
		g.next++
	}
	return nil
}

// inputOf is the input of an iteration: the item, or what ItemSelector makes of it.
func (m *mapFields) inputOf(f *frame, index int, item any) (any, *failure) {
	if m.selector == nil {
		return item, nil
	}
	f.item, f.built = &mapItem{index, item}, nil
	return m.selector.eval(f)
}

// childDone takes the output of a branch or iteration.
func (st *stepper) childDone(c *thread, output any) {
	t := c.parent
	g := t.group
	g.results[c.index] = output
	g.done++
	g.remove(c)
	last := c.last
	if t.state.Type == Map {
		last = st.event(c.last, "MapIterationSucceeded", Details{Name: t.state.Name, Path: t.state.Path, Index: c.index})
		g.last = c.last
		if g.bytes += sizeUpTo(output, maxUnreturnedResultsBytes); g.bytes > maxUnreturnedResultsBytes {
			st.abandon(t, c, &failure{name: ErrorDataLimit, cause: "The state '" + t.state.Name + "' has " + unreturnedResultsTooLarge})
			return
		}
	}
	if g.done == len(g.results) {
		if failed := st.gathered(t, last, last); failed != nil {
			st.fail(t, failed)
		} else {
			st.resumeSoon(t)
		}
		return
	}
	if t.state.Type == Map {
		if failed := st.iterate(t); failed != nil {
			st.abandon(t, c, failed)
		}
	}
}

// gathered leaves the state with the results of all its branches or iterations.
func (st *stepper) gathered(t *thread, previous, last int64) *failure {
	s := t.state
	result := t.group.results
	st.event(previous, string(s.Type)+"StateSucceeded", Details{Name: s.Name, Path: s.Path})
	t.last = last
	if tooLarge(result, maxDataBytes) {
		return dataLimitFailure(s.Name)
	}
	return st.complete(t, st.x.frame(t, t.input), result, true)
}

func (g *group) remove(c *thread) {
	for i := range g.children {
		if g.children[i] == c {
			g.children = append(g.children[:i], g.children[i+1:]...)
			return
		}
	}
}

// childFailed ends a branch or iteration by a failure; with it the whole state fails.
func (st *stepper) childFailed(c *thread, failed *failure) {
	t := c.parent
	if t.state.Type == Map {
		st.event(c.last, "MapIterationFailed", Details{Name: t.state.Name, Path: t.state.Path, Index: c.index, Error: failed.name, Cause: failed.cause})
	} else if c.state != nil && c.state.Type == Task {
		st.event(c.last, eventNames[Task].aborted, Details{Name: c.state.Name, Path: c.state.Path})
	}
	st.abandon(t, c, failed)
}

// abandon stops all children of a state after c has failed, and fails the state.
func (st *stepper) abandon(t, c *thread, failed *failure) {
	for _, other := range t.group.children {
		if other != c {
			st.abort(other)
			if t.state.Type == Map {
				st.event(other.last, "MapIterationAborted", Details{Name: t.state.Name, Path: t.state.Path, Index: other.index})
			}
		}
	}
	st.cancel(c)
	for _, other := range t.group.children {
		st.cancel(other)
	}
	t.group = nil
	t.last = c.last
	st.fail(t, failed)
}

// abort notes that a thread's state is left unfinished.
func (st *stepper) abort(t *thread) {
	if t.group != nil {
		for _, c := range t.group.children {
			st.abort(c)
		}
	}
	if t.state == nil || t.phase == phaseEnter {
		return
	}
	switch t.state.Type {
	case Task, Wait, Parallel, Map:
		t.last = st.event(t.last, eventNames[t.state.Type].aborted, Details{Name: t.state.Name, Path: t.state.Path})
	}
}

// cancel forgets a thread and all below it, and takes back what it waits for.
func (st *stepper) cancel(t *thread) {
	if t.group != nil {
		for _, c := range t.group.children {
			st.cancel(c)
		}
	}
	waits := []int64{t.retryOf}
	if t.task != nil {
		waits = append(waits, t.task.number, t.task.deadline, t.task.pulse)
	}
	if t.run != nil {
		waits = append(waits, t.run.number)
	}
	for _, n := range waits {
		if n != 0 && st.x.waiting[n] == t {
			delete(st.x.waiting, n)
			st.command(Command{Kind: CommandCancel, ID: n, State: t.state})
		}
	}
	if t.state != nil && t.parent != nil {
		st.x.live--
	}
	for i := range st.x.ready {
		if st.x.ready[i] == t {
			st.x.ready = append(st.x.ready[:i], st.x.ready[i+1:]...)
			break
		}
	}
	t.state, t.group, t.run, t.task = nil, nil, nil, nil
}
