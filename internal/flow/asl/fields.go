package asl

import "time"

// taskFields are the fields of a Task.
type taskFields struct {
	integration integration
	timeout     *number
	heartbeat   *number
	credentials *template
}

// waitFields hold the one way in which a Wait says how long.
type waitFields struct {
	seconds   *number
	timestamp time.Time
	when      *path     // TimestampPath
	computed  *template // Timestamp in JSONata
}

// failFields are the fields of a Fail; each is a template in JSONata and a literal or path in JSONPath.
type failFields struct {
	err, cause         *template
	errPath, causePath *path
}

// choiceFields are the rules of a Choice.
type choiceFields struct {
	rules     []choiceRule
	otherwise *State // Default
	fallback  string // its name
}

// choiceRule is one top-level rule.
type choiceRule struct {
	test     *choiceTest // JSONPath
	when     *template   // Condition, JSONata
	next     *State
	nextName string
	assign   *template
	output   *template
	label    string
}

// mapFields are the fields of a Map.
type mapFields struct {
	distributed    bool
	kind           Kind // of the children of a distributed Map
	items          *template
	itemsPath      *path
	reader         *itemReader
	selector       *template
	batcher        *itemBatcher
	writer         *resultWriter
	concurrency    *number
	toleratedCount *number
	toleratedShare *number // percent
	label          string
}

// itemReader is ItemReader.
type itemReader struct {
	resource   string
	parameters *template
	config     ReaderConfig
	maxItems   *number
}

// itemBatcher is ItemBatcher.
type itemBatcher struct {
	maxItems *number
	maxBytes *number
	input    *template // BatchInput
}

// resultWriter is ResultWriter.
type resultWriter struct {
	resource   string
	parameters *template
	config     WriterConfig
}

// retrier is one entry of Retry.
type retrier struct {
	errors   []string
	interval float64 // seconds
	attempts int
	rate     float64
	maxDelay float64 // seconds; 0: none
	jitter   bool
}

// catcher is one entry of Catch.
type catcher struct {
	errors     []string
	next       *State
	nextName   string
	resultPath *resultPath
	assign     *template
	output     *template
	label      string
}
