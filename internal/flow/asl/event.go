package asl

import "time"

// timeLayout is how times stand in the context object and in histories.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Status is what an execution does or how it ended.
type Status string

const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// EventKind says what an [Event] tells an execution.
type EventKind string

const (
	EventContinue       EventKind = "continue"  // go on, after a step that said More
	EventTaskScheduled  EventKind = "scheduled" // the task ID waits for a worker; the events below imply it
	EventTaskStarted    EventKind = "started"   // a worker has taken the task; may be left out
	EventTaskSubmitted  EventKind = "submitted" // the job of .sync or the message of .waitForTaskToken is out; Output is the answer
	EventTaskSucceeded  EventKind = "succeeded" // Output
	EventTaskFailed     EventKind = "failed"    // Error, Cause
	EventTaskRefused    EventKind = "refused"   // the task cannot be scheduled; Cause says why. The execution fails
	EventTaskHeartbeat  EventKind = "heartbeat"
	EventTimer          EventKind = "timer" // the timer ID has fired
	EventChildDone      EventKind = "child" // the child Index of map run ID ended: Output, or Error and Cause
	EventItemsRead      EventKind = "items" // Items from Offset on for map run ID; Done: there are no more; or Error and Cause
	EventResultsReady   EventKind = "results"
	EventStop           EventKind = "stop"           // from outside: Error, Cause
	EventExecutionLimit EventKind = "execution time" // TimeoutSeconds of the definition is over
)

// Event is something that happened outside. An event about what is over already changes nothing.
type Event struct {
	Kind   EventKind
	At     time.Time
	ID     int64 // the task, timer or map run, as its command named it
	Index  int   // of the child
	Output any
	Error  string
	Cause  string
	Worker string
	Items  []any
	Offset int64
	Done   bool
}

// CommandKind says what a [Command] asks for.
type CommandKind string

const (
	CommandTask    CommandKind = "task"    // carry out Resource with Parameters; answer with the Task events
	CommandTimer   CommandKind = "timer"   // send Timer at At
	CommandCancel  CommandKind = "cancel"  // the task, timer or map run ID and all it started is not needed any more
	CommandChild   CommandKind = "child"   // start an execution of Machine with Parameters as its input, as child Index of map run ID
	CommandRead    CommandKind = "read"    // read at most Count items from Offset on; answer with ItemsRead
	CommandStore   CommandKind = "store"   // keep the Output (or Error and Cause) of child Index of map run ID
	CommandResults CommandKind = "results" // all children of map run ID are done; answer with ResultsReady
)

// Command is something that shall be done outside.
type Command struct {
	Kind       CommandKind
	ID         int64
	State      *State
	At         time.Time     // of a timer; of a task: when it is scheduled
	Delay      time.Duration // of a retry timer
	Retry      int           // the number of the retry that the timer is for, from 1; 0: it is for something else
	Error      string        // of the retry; of a child that failed
	Cause      string
	Resource   string
	Parameters any // of a task, of the reader or writer; the input of a child
	Input      any // the state's input
	Token      string
	Context    any // the context object as the task sees it
	Attempt    int
	Index      int
	Machine    *Machine
	ChildKind  Kind
	Reader     *ReaderConfig
	Writer     *WriterConfig
	Offset     int64
	Count      int64
	Output     any
	MapRun     string // ARN
}

// Effects are what a step brings about.
type Effects struct {
	Commands []Command
	History  []HistoryEvent
	More     bool // call Step again with EventContinue, there is more to do without waiting
}
