package asl

import (
	"math/rand/v2"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// Execution is the state of one execution: what [Step] reads and changes. Between steps it can be written out
// (MarshalBinary) and read back (Definition.Restore).
type Execution struct {
	Status Status
	Output any // if it succeeded
	Error  string
	Cause  string

	definition *Definition
	machine    *Machine
	options    StartOptions
	input      any
	rawInput   string
	now        time.Time
	events     int64 // the last event's number
	names      int64 // the last number given to a thread, task, timer or map run
	random     *rand.PCG
	override   any    // the context object, if a test gave one
	bench      *bench // of a test of one state; else nil

	root    *thread
	waiting map[int64]*thread // by the number of what they wait for
	ready   []*thread         // to go on, in order
	live    int               // threads
	limit   int64             // the timer of the definition's TimeoutSeconds
	queries int               // JSONata evaluations in this step
}

// StartOptions name an execution and its surroundings; they appear in the context object.
type StartOptions struct {
	ID          string // ARN of the execution
	Name        string
	MachineID   string // ARN of the state machine
	MachineName string
	Role        string
	Region      string
	Start       time.Time
	Seed        uint64
	Kind        Kind
}

// thread is one walk through a machine: the execution's own, a branch's or an iteration's.
type thread struct {
	number  int64
	machine *Machine
	parent  *thread
	index   int // of the branch or item
	item    any // of an iteration: the item itself, for the context object

	state     *State
	input     any // of the state
	variables *value.Object
	last      int64 // the event that the next one follows
	entered   int64 // the event of entering the state
	before    int64 // the event before that
	since     time.Time

	phase    phase
	attempts []int // of each retrier
	retries  int   // of the state
	retryOf  int64 // the timer of the retry
	task     *taskRun
	group    *group
	run      *mapRun
}

// phase is what a thread does.
type phase uint8

const (
	phaseEnter   phase = iota // about to enter its state
	phaseWork                 // in the state, about to do its work (again)
	phaseTask                 // waits for a task
	phaseWait                 // waits for the timer of a Wait
	phaseRetry                // waits for the timer of a retry
	phaseGroup                // waits for branches or iterations
	phaseMapRun               // waits for the children of a distributed Map
	phaseResults              // waits for their results
)

// taskRun is a task that is out.
type taskRun struct {
	number     int64
	parameters any
	since      time.Time // when the command went out
	scheduled  bool      // its event is in the history
	started    bool
	timeout    int64 // seconds; 0: none
	heartbeat  int64
	deadline   int64     // the timer of the time-out
	pulse      int64     // the timer of the heartbeat
	beat       time.Time // the last heartbeat, or since
}

// group is the branches of a Parallel or the iterations of an inline Map.
type group struct {
	input       any // of the branches
	items       []any
	concurrency int
	next        int // the item that begins next
	done        int
	results     []any
	bytes       int // of the results so far
	children    []*thread
	last        int64 // the event that the next iteration follows
}

// tolerance is how many failures a Map bears.
type tolerance struct {
	count int64
	share float64 // percent
}

// exceeded says whether failed of total items are too many; total is -1 while it is unknown.
func (t tolerance) exceeded(failed, total int64) bool {
	if failed <= t.count {
		return false
	}
	if t.share <= 0 {
		return true
	}
	if total < 0 {
		return false
	}
	return float64(failed)*100 > t.share*float64(total)
}

// NewExecution makes an execution of the definition that has not begun. The input is JSON.
func (d *Definition) NewExecution(input []byte, o StartOptions) (*Execution, error) {
	v, err := value.Parse(input)
	if err != nil {
		return nil, err
	}
	x := d.newExecution(d.Root, v, o)
	x.rawInput = string(input)
	return x, nil
}

// NewChild makes an execution of a block of the definition: of an item of a distributed Map.
func (d *Definition) NewChild(m *Machine, input any, o StartOptions) *Execution {
	return d.newExecution(m, input, o)
}

func (d *Definition) newExecution(m *Machine, input any, o StartOptions) *Execution {
	if o.Kind == "" {
		o.Kind = d.Kind
	}
	return &Execution{
		Status: Running, definition: d, machine: m, options: o, input: input, now: o.Start,
		random: rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15), waiting: map[int64]*thread{},
	}
}

// number gives a new number for something that can be waited for.
func (x *Execution) number() int64 {
	x.names++
	return x.names
}

// variableOf finds a variable in the thread or in those around it.
func (t *thread) variableOf(name string) (any, bool) {
	for ; t != nil; t = t.parent {
		if t.variables != nil {
			if v, ok := t.variables.Get(name); ok {
				return v, true
			}
		}
	}
	return nil, false
}
