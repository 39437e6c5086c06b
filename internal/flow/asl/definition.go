package asl

import "time"

// Language is a query language of a state.
type Language string

const (
	JSONPath Language = "JSONPath"
	JSONata  Language = "JSONata"
)

// Type is the type of a state.
type Type string

const (
	Task     Type = "Task"
	Wait     Type = "Wait"
	Pass     Type = "Pass"
	Succeed  Type = "Succeed"
	Fail     Type = "Fail"
	Choice   Type = "Choice"
	Parallel Type = "Parallel"
	Map      Type = "Map"
)

// types are all state types in the order in which AWS names them.
var types = []Type{Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map}

// Kind is the type of a state machine.
type Kind string

const (
	Standard Kind = "STANDARD"
	Express  Kind = "EXPRESS"
)

// Definition is a state machine that has been read, checked and compiled. It is immutable and may be shared.
type Definition struct {
	Comment  string
	Version  string
	Language Language
	Kind     Kind
	Timeout  time.Duration // of the whole execution; 0: none
	Root     *Machine
	Machines []*Machine // Root first, then those inside its states, each before those inside it
}

// Machine is one block of states with a start: the whole, a branch of a Parallel state or the processor of a Map state.
type Machine struct {
	Path    string // the place of the block: "", /States/P/Branches[0], /States/M/ItemProcessor
	StartAt string
	States  []*State // as they stand in the text
	Parent  *State   // the Parallel or Map state around it; nil for the root
	Line    int
	Column  int

	index  int // in Definition.Machines
	byName map[string]*State
	start  *State
}

// State gives the state called name, nil if there is none.
func (m *Machine) State(name string) *State { return m.byName[name] }

// State is one state. What it does is in fields that only the interpreter reads.
type State struct {
	Name     string
	Type     Type
	Comment  string
	Language Language
	Path     string // as AWS prints it: /States/X
	Line     int
	Column   int
	Next     string // "" at the end, and in Choice, Succeed and Fail
	End      bool
	Resource string // of a Task
	Machines []*Machine
	Machine  *Machine // the block it stands in

	next           *State
	inputPath      *path // nil: $
	outputPath     *path // nil: $
	parameters     *template
	result         *constant
	resultSelector *template
	resultPath     *resultPath
	output         *template
	assign         *template
	retry          []retrier
	catch          []catcher
	task           *taskFields
	wait           *waitFields
	fail           *failFields
	choice         *choiceFields
	mapping        *mapFields
}

// constant is a literal value that may be null.
type constant struct{ value any }

// Distributed says whether the state is a Map whose items run as executions of their own.
func (s *State) Distributed() bool { return s.mapping != nil && s.mapping.distributed }

// Transition is an edge of the machine's graph.
type Transition struct {
	To    string
	Kind  string // "next", "choice", "default" or "catch"
	Label string // the rule's condition or the catcher's errors, for people
}

// Transitions are the ways out of the state in the order of the text: choice rules, default, next, catchers.
func (s *State) Transitions() []Transition {
	var all []Transition
	if s.choice != nil {
		for i := range s.choice.rules {
			all = append(all, Transition{To: s.choice.rules[i].next.Name, Kind: "choice", Label: s.choice.rules[i].label})
		}
		if s.choice.otherwise != nil {
			all = append(all, Transition{To: s.choice.otherwise.Name, Kind: "default"})
		}
	}
	if s.next != nil {
		all = append(all, Transition{To: s.next.Name, Kind: "next"})
	}
	for i := range s.catch {
		all = append(all, Transition{To: s.catch[i].next.Name, Kind: "catch", Label: s.catch[i].label})
	}
	return all
}

// ReaderConfig says how an ItemReader's objects become items.
type ReaderConfig struct {
	InputType      string // JSON, JSONL, CSV, PARQUET, MANIFEST; "" for listings
	HeaderLocation string // FIRST_ROW or GIVEN
	Headers        []string
	Delimiter      string // one character
	ItemsPointer   string
	ManifestType   string
	Transformation string // NONE, LOAD_AND_FLATTEN
	MaxItems       int64  // 0: all
}

// WriterConfig says how results are written.
type WriterConfig struct {
	Transformation string // NONE, COMPACT, FLATTEN
	OutputType     string // JSON, JSONL
}
