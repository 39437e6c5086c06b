package asl

import (
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/value"
)

// HistoryEvent is one event of an execution's history, as GetExecutionHistory has it.
type HistoryEvent struct {
	ID       int64
	Previous int64
	Type     string // ExecutionStarted, PassStateEntered, …
	At       time.Time
	Details  Details
}

// Details are what an event says; which fields count depends on its type. A data field is written as text when it is asked for.
type Details struct {
	Name         string // of the state, of the Map for iterations
	Path         string // the state's place in the definition; ours, not AWS's
	Next         string // the state that an exit leads to; ours
	Data         any    // input, output or parameters
	Raw          string // the text of Data if it came as text
	Assigned     *value.Object
	Error        string
	Cause        string
	Index        int
	Length       int
	Resource     string
	ResourceType string
	Region       string
	Role         string
	Worker       string
	Location     string
	MapRun       string
	Timeout      int64 // seconds; 0: none
	Heartbeat    int64
}

// Text is the event's data as the text that AWS puts into the history.
func (d *Details) Text() string {
	if d.Raw != "" {
		return d.Raw
	}
	return value.Text(d.Data)
}

// JSON is the event in the shape of GetExecutionHistory; times are RFC 3339 with milliseconds.
func (e *HistoryEvent) JSON() *value.Object {
	o := value.ObjectOf("timestamp", e.At.UTC().Format(timeLayout), "type", e.Type, "id", float64(e.ID), "previousEventId", float64(e.Previous))
	if key, details := e.details(); details != nil {
		o.Set(key, details)
	}
	return o
}

// details are the event's own member and its name.
func (e *HistoryEvent) details() (string, *value.Object) {
	d := &e.Details
	switch e.Type {
	case "MapStateStarted":
		return "mapStateStartedEventDetails", value.ObjectOf("length", float64(d.Length))
	case "MapStateSucceeded", "MapStateFailed", "MapStateAborted", "MapRunSucceeded", "MapRunAborted", "LambdaFunctionStarted",
		"ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateAborted",
		"TaskStateAborted", "WaitStateAborted":
		return "", nil
	case "EvaluationFailed":
		o := value.ObjectOf("error", d.Error, "cause", d.Cause)
		setText(o, "location", d.Location)
		o.Set("state", d.Name)
		return "evaluationFailedEventDetails", o
	}
	if strings.HasSuffix(e.Type, "StateEntered") {
		o := value.ObjectOf("name", d.Name)
		setData(o, "input", d)
		return "stateEnteredEventDetails", o
	}
	if strings.HasSuffix(e.Type, "StateExited") {
		o := value.ObjectOf("name", d.Name)
		setData(o, "output", d)
		if d.Assigned != nil {
			o.Set("assignedVariables", d.Assigned)
			o.Set("assignedVariablesDetails", value.ObjectOf("truncated", false))
		}
		return "stateExitedEventDetails", o
	}
	return strings.ToLower(e.Type[:1]) + e.Type[1:] + "EventDetails", e.plain()
}

// plain are the details of executions, tasks, iterations and map runs.
func (e *HistoryEvent) plain() *value.Object {
	d, o := &e.Details, value.NewObject(6)
	setText(o, "resourceType", d.ResourceType)
	setText(o, "resource", d.Resource)
	setText(o, "region", d.Region)
	switch {
	case strings.HasPrefix(e.Type, "MapIteration"):
		o.Set("name", d.Name)
		o.Set("index", float64(d.Index))
		return o
	case e.Type == "TaskScheduled":
		o.Set("parameters", d.Text())
	case e.Type == "ExecutionStarted", strings.HasSuffix(e.Type, "Scheduled"):
		setData(o, "input", d)
	case strings.HasSuffix(e.Type, "Succeeded"), strings.HasSuffix(e.Type, "Submitted"):
		setData(o, "output", d)
	}
	if d.Timeout > 0 {
		o.Set("timeoutInSeconds", float64(d.Timeout))
	}
	if d.Heartbeat > 0 {
		o.Set("heartbeatInSeconds", float64(d.Heartbeat))
	}
	setText(o, "mapRunArn", d.MapRun)
	setText(o, "workerName", d.Worker)
	setText(o, "error", d.Error)
	setText(o, "cause", d.Cause)
	setText(o, "roleArn", d.Role)
	return o
}

func setText(o *value.Object, name, text string) {
	if text != "" {
		o.Set(name, text)
	}
}

// setData sets input or output with its details.
func setData(o *value.Object, name string, d *Details) {
	o.Set(name, d.Text())
	o.Set(name+"Details", value.ObjectOf("truncated", false))
}
