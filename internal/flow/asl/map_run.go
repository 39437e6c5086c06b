package asl

import (
	"strings"

	"github.com/biwa-data/biwa/internal/flow/value"
)

const (
	distributedConcurrency = 10_000 // children of a distributed Map without MaxConcurrency, as in AWS
	pageItems              = 1000   // items read at a time
)

// mapRun is a distributed Map at work. It holds no items but those that came in the state's own data, and no results.
type mapRun struct {
	number      int64 // what the commands and events of the run name
	arn         string
	event       int64 // of its start
	input       any   // $ of ItemSelector
	items       []any // without an ItemReader
	reads       bool  // with one
	parameters  any   // of the reader
	maxItems    int64 // 0: all
	concurrency int
	tolerated   tolerance
	batchItems  int64 // items of a batch; 0: no batches, or only limited in bytes
	batchBytes  int64
	batches     bool
	batchInput  any

	next      int64 // the item that comes next
	total     int64 // items there are; -1 while that is not known
	reading   bool
	child     int           // the child that comes next
	running   map[int]int64 // the children that are not done, and their items
	succeeded int64         // items
	failed    int64
}

// mapRun begins a distributed Map.
func (st *stepper) mapRun(t *thread, f *frame, items []any, concurrency int, tolerated tolerance) *failure {
	s, m := t.state, t.state.mapping
	r := &mapRun{input: f.data, items: items, total: int64(len(items)), concurrency: concurrency, tolerated: tolerated, running: map[int]int64{}}
	if r.concurrency == 0 {
		r.concurrency = distributedConcurrency
	}
	if m.reader != nil {
		r.reads, r.total = true, -1
		if failed := r.prepareReader(m.reader, f); failed != nil {
			return failed
		}
	}
	if failed := r.prepareBatches(m.batcher, f); failed != nil {
		return failed
	}
	r.arn = st.x.mapRunARN(m.label)
	st.chain(t, "MapRunStarted", Details{Name: s.Name, Path: s.Path, MapRun: r.arn})
	r.event = t.last
	t.phase, t.run = phaseMapRun, r
	r.number = st.await(t)
	failed := &failure{name: ErrorItemReader, cause: "field MaxItems must be positive"}
	if r.maxItems >= 0 {
		failed = st.pump(t)
	}
	if failed != nil {
		st.runFailed(t, failed)
	}
	return nil
}

func (r *mapRun) prepareReader(reader *itemReader, f *frame) *failure {
	maxItems, failed := reader.maxItems.eval(f, 0)
	if failed != nil {
		return failed
	}
	r.maxItems = int64(maxItems)
	if reader.parameters != nil {
		r.parameters, failed = reader.parameters.eval(f)
	}
	return failed
}

func (r *mapRun) prepareBatches(b *itemBatcher, f *frame) *failure {
	if b == nil {
		return nil
	}
	r.batches = true
	items, failed := b.maxItems.eval(f, 0)
	if failed != nil {
		return failed
	}
	bytes, failed := b.maxBytes.eval(f, maxDataBytes)
	if failed != nil {
		return failed
	}
	r.batchItems, r.batchBytes = int64(items), int64(min(max(bytes, 0), maxDataBytes))
	if b.input != nil {
		r.batchInput, failed = b.input.eval(f)
	}
	return failed
}

// mapRunARN names a run after its state machine and label.
func (x *Execution) mapRunARN(label string) string {
	if label == "" {
		label = x.uuid()
	}
	return strings.Replace(x.options.MachineID, ":stateMachine:", ":mapRun:", 1) + "/" + label + ":" + x.uuid()
}

// mapRunEvent is what a child, the reader or the writer has to say.
func (st *stepper) mapRunEvent(t *thread, e Event) {
	var failed *failure
	switch e.Kind {
	case EventItemsRead:
		failed = st.itemsRead(t, e)
	case EventChildDone:
		failed = st.runChildDone(t, e)
	case EventResultsReady:
		st.resultsReady(t, e)
		return
	}
	if failed == nil && t.phase == phaseMapRun {
		failed = st.pump(t)
	}
	if failed != nil {
		st.runFailed(t, failed)
	}
}

// pump begins children as there is room, asks for more items and notices the end.
func (st *stepper) pump(t *thread) *failure {
	r := t.run
	if !r.reads {
		n, failed := st.hand(t, r.items[r.next:], true)
		if failed != nil {
			return failed
		}
		r.next += n
	}
	free := int64(r.concurrency - len(r.running))
	switch {
	case r.reading:
	case r.total >= 0 && r.next >= r.total:
		if len(r.running) == 0 {
			return st.collect(t)
		}
	case r.reads && (len(r.running) == 0 || free >= min(pageItems, int64(r.concurrency+1)/2)):
		r.reading = true
		st.command(Command{
			Kind: CommandRead, ID: r.number, State: t.state, Resource: t.state.mapping.reader.resource, Parameters: r.parameters,
			Reader: &t.state.mapping.reader.config, Offset: r.next, Count: r.page(free), MapRun: r.arn,
		})
	}
	return nil
}

// page is how many items to ask for: those of the children there is room for.
func (r *mapRun) page(free int64) int64 {
	count := min(free, pageItems)
	if r.batches {
		count = pageItems
		if r.batchItems > 0 {
			count = max(r.batchItems, min(free*r.batchItems, pageItems))
		}
	}
	if r.maxItems > 0 {
		count = min(count, r.maxItems-r.next)
	}
	return count
}

// itemsRead begins children with a page of items. A batch that the page may have cut is read again later.
func (st *stepper) itemsRead(t *thread, e Event) *failure {
	r := t.run
	if !r.reading || e.Offset != r.next {
		return nil
	}
	r.reading = false
	if e.Error != "" {
		return &failure{name: e.Error, cause: e.Cause}
	}
	items, done := e.Items, e.Done
	if r.maxItems > 0 && r.next+int64(len(items)) >= r.maxItems {
		items, done = items[:r.maxItems-r.next], true
	}
	n, failed := st.hand(t, items, done)
	if failed != nil {
		return failed
	}
	r.next += n
	if done && n == int64(len(items)) || len(items) == 0 {
		r.total = r.next
	}
	return nil
}

// hand gives items to new children as long as there is room and says how many it gave. last: no items follow these.
func (st *stepper) hand(t *thread, items []any, last bool) (int64, *failure) {
	r, m := t.run, t.state.mapping
	given := 0
	f := st.x.frame(t, r.input)
	for given < len(items) && len(r.running) < r.concurrency {
		var batch []any
		bytes := int64(0)
		whole := false
		for i := given; i < len(items); i++ {
			item, failed := m.inputOf(f, int(r.next)+i, items[i])
			if failed != nil {
				return 0, failed
			}
			size := int64(sizeUpTo(item, maxDataBytes)) + 1
			if r.batches && len(batch) > 0 && bytes+size > r.batchBytes {
				whole = true
				break
			}
			batch, bytes = append(batch, item), bytes+size
			if !r.batches || int64(len(batch)) == r.batchItems {
				whole = true
				break
			}
		}
		if !whole && !last && given > 0 {
			break
		}
		var input any
		if r.batches {
			o := value.NewObject(2)
			if r.batchInput != nil {
				o.Set("BatchInput", r.batchInput)
			}
			o.Set("Items", batch)
			input = o
		} else {
			input = batch[0]
		}
		r.running[r.child] = int64(len(batch))
		st.transitions++
		st.command(Command{
			Kind: CommandChild, ID: r.number, State: t.state, Index: r.child, Machine: t.state.Machines[0], ChildKind: m.kind, Parameters: input, MapRun: r.arn,
		})
		r.child++
		given += len(batch)
	}
	return int64(given), nil
}

// runChildDone counts a child that ended and sends its result away.
func (st *stepper) runChildDone(t *thread, e Event) *failure {
	r := t.run
	items, runs := r.running[e.Index]
	if !runs {
		return nil
	}
	delete(r.running, e.Index)
	st.command(Command{Kind: CommandStore, ID: r.number, State: t.state, Index: e.Index, Output: e.Output, Error: e.Error, Cause: e.Cause, MapRun: r.arn})
	if e.Error == "" && e.Cause == "" {
		r.succeeded += items
		return nil
	}
	r.failed += items
	if r.tolerated.exceeded(r.failed, r.total) {
		return &failure{name: ErrorToleratedFailures, cause: toleratedFailuresCause}
	}
	return nil
}

// collect asks for the results of all children.
func (st *stepper) collect(t *thread) *failure {
	r, m := t.run, t.state.mapping
	if r.failed > 0 && r.tolerated.exceeded(r.failed, r.total) {
		return &failure{name: ErrorToleratedFailures, cause: toleratedFailuresCause}
	}
	c := Command{Kind: CommandResults, ID: r.number, State: t.state, MapRun: r.arn, Count: int64(r.child)}
	if m.writer != nil {
		f := st.x.frame(t, r.input)
		c.Writer, c.Resource = &m.writer.config, m.writer.resource
		if m.writer.parameters != nil {
			v, failed := m.writer.parameters.eval(f)
			if failed != nil {
				return failed
			}
			c.Parameters = v
		}
	}
	t.phase = phaseResults
	st.command(c)
	return nil
}

// resultsReady leaves the state with what its children gave, or with where that was written.
func (st *stepper) resultsReady(t *thread, e Event) {
	if t.phase != phaseResults {
		return
	}
	r, s := t.run, t.state
	if e.Error != "" {
		st.runFailed(t, &failure{name: e.Error, cause: e.Cause})
		return
	}
	delete(st.x.waiting, r.number)
	t.run = nil
	succeeded := st.event(r.event, "MapRunSucceeded", Details{Name: s.Name, Path: s.Path})
	st.event(succeeded, "MapStateSucceeded", Details{Name: s.Name, Path: s.Path})
	t.last = r.event
	f := st.x.frame(t, t.input)
	var failed *failure
	if tooLarge(e.Output, maxDataBytes) {
		failed = dataLimitFailure(s.Name)
	} else {
		failed = st.complete(t, f, e.Output, true)
	}
	if failed != nil {
		st.fail(t, failed)
		return
	}
	st.resumeSoon(t)
}

// runFailed ends the run by a failure and takes back its children.
func (st *stepper) runFailed(t *thread, failed *failure) {
	r := t.run
	failed = st.x.named(failed, t)
	if st.x.waiting[r.number] == t {
		delete(st.x.waiting, r.number)
		st.command(Command{Kind: CommandCancel, ID: r.number, State: t.state, MapRun: r.arn})
	}
	t.run = nil
	t.last = st.event(r.event, "MapRunFailed", Details{Name: t.state.Name, Path: t.state.Path, Error: failed.name, Cause: failed.cause})
	st.fail(t, failed)
}
