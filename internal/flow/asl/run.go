package asl

import (
	"time"
)

// Call is a task that a runner shall carry out.
type Call struct {
	State      string // the state's name
	Resource   string // as the definition has it
	Parameters any    // what the task gets: the state's input, Parameters or Arguments
	Input      any    // the state's input
	Context    any    // the context object
	Token      string // the task token, for .waitForTaskToken and activities
	Attempt    int    // 0 for the first try
	At         time.Time
}

// Answer is what came of a task. It failed if Error is not "".
type Answer struct {
	Output    any
	Error     string
	Cause     string
	Delay     time.Duration // until the answer comes, in virtual time; a longer one than the time-out is a time-out
	Worker    string        // of an activity
	Submitted any           // what .sync and .waitForTaskToken get at once, before the answer; nil: nothing is noted
	Refused   bool          // the task cannot be scheduled at all (an activity that does not exist); Cause says why
}

// Tasks carries out tasks for [Run]. It is asked when a task begins.
type Tasks interface {
	Run(Call) Answer
}

// TasksFunc is a function as [Tasks].
type TasksFunc func(Call) Answer

// Run carries out one task.
func (f TasksFunc) Run(c Call) Answer { return f(c) }

// Objects is the object store of [Run], for ItemReader and ResultWriter.
type Objects interface {
	Read(bucket, key string) ([]byte, error)          // fs.ErrNotExist if there is none
	List(bucket, prefix string) ([]ObjectInfo, error) // in the order of keys
	Write(bucket, key string, body []byte) error
}

// ObjectInfo is one object of a listing.
type ObjectInfo struct {
	Key      string
	Size     int64
	Modified time.Time
	ETag     string
}

// RunOptions says how [Run] runs. The zero value runs a standard execution without tasks and objects.
type RunOptions struct {
	Name    string    // of the execution; default "execution"
	Machine string    // name of the state machine; default "machine"
	Role    string    // ARN of the role; default one of account 123456789012
	Region  string    // default us-east-1
	Account string    // default 123456789012
	Start   time.Time // default 2026-01-01T00:00:00Z
	Seed    uint64    // of all randomness: jitter, States.UUID, $random

	Tasks   Tasks   // nil: every task fails with States.TaskFailed
	Objects Objects // nil: there are none

	Stop           time.Duration // after how long the execution is stopped from outside; 0: it is not
	MaxTransitions int           // default 1,000,000, counted over all child executions

	Observe func(HistoryEvent) // is told each event of the execution as it happens; nil: nobody is
}

// Outcome is how a run ended.
type Outcome struct {
	Status   Status
	Output   any    // if it succeeded
	Error    string // if it failed
	Cause    string
	Start    time.Time
	End      time.Time // virtual
	History  []HistoryEvent
	Retries  []RetryWait
	Visits   map[string]*Visit // by the state's Path
	Children int               // executions of distributed Maps that were run
}

// RetryWait is one wait before another try.
type RetryWait struct {
	State   string
	Error   string
	Attempt int // from 1
	Delay   time.Duration
	At      time.Time
}

// Visit is what became of a state, all times it was entered taken together.
type Visit struct {
	Entered int
	Exited  int
	Failed  int      // times it ended in an error, caught or not
	Next    []string // states it went on to, each once, in the order of the first time
}
