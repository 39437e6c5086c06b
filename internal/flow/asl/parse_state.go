package asl

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// fieldsOf are the fields of each type of state.
var fieldsOf = map[Type][]string{
	Pass:    {"Result", "Parameters", "InputPath", "OutputPath", "ResultPath", "Output", "Assign", "Next", "End"},
	Task:    {"Resource", "Parameters", "Arguments", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "Output", "Assign", "Retry", "Catch", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials", "Next", "End"},
	Wait:    {"Seconds", "SecondsPath", "Timestamp", "TimestampPath", "InputPath", "OutputPath", "Output", "Assign", "Next", "End"},
	Choice:  {"Choices", "Default", "InputPath", "OutputPath", "Output", "Assign"},
	Succeed: {"InputPath", "OutputPath", "Output"},
	Fail:    {"Error", "Cause", "ErrorPath", "CausePath", "InputPath"},
	Parallel: {"Branches", "Parameters", "Arguments", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "Output", "Assign", "Retry", "Catch",
		"Next", "End"},
	Map: {"ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemReader", "ItemSelector", "Parameters", "ItemBatcher", "ResultWriter", "MaxConcurrency",
		"MaxConcurrencyPath", "ToleratedFailureCount", "ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label",
		"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Output", "Assign", "Retry", "Catch", "Next", "End"},
}

// Fields that only one query language has.
var (
	onlyJSONPath = []string{"Result", "Parameters", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "ItemsPath", "SecondsPath", "TimestampPath",
		"TimeoutSecondsPath", "HeartbeatSecondsPath", "ErrorPath", "CausePath", "MaxConcurrencyPath", "ToleratedFailureCountPath",
		"ToleratedFailurePercentagePath", "MaxItemsPath", "MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath", "Variable"}
	onlyJSONata = []string{"Output", "Arguments", "Items", "Condition"}
)

func (p *parser) state(s *State, n *node) {
	s.Language = p.d.Language
	if !n.isObject() {
		p.schema(s.Path, n, "Expected value of type Object")
		return
	}
	p.required(n, s.Path, "Type")
	kind := n.member("Type")
	if kind == nil {
		return
	}
	text, _ := kind.value.(string)
	s.Type = Type(text)
	if !slices.Contains(types, s.Type) {
		p.schema(s.Path+"/Type", kind, "The field 'Type' should have one of these values: [%s]", typeNames())
		s.Type = ""
		return
	}
	s.Comment = p.text(n, s.Path, "Comment")
	s.Language = p.language(n, s.Path, p.d.Language)
	if p.d.Language == JSONata && s.Language == JSONPath {
		p.schema(s.Path, n, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	p.supported(n, s.Path, append([]string{"Type", "Comment", "QueryLanguage"}, fieldsOf[s.Type]...))
	p.inLanguage(s, n, s.Path)
	p.common(s, n)
	switch s.Type {
	case Pass:
		s.parameters = p.payload(s, n, "Parameters")
		if r := n.member("Result"); r != nil {
			s.result = &constant{r.value}
		}
	case Task:
		p.task(s, n)
	case Wait:
		p.wait(s, n)
	case Fail:
		p.fail(s, n)
	case Choice:
		p.choice(s, n)
	case Parallel:
		p.parallel(s, n)
	case Map:
		p.mapState(s, n)
	}
}

func typeNames() string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// inLanguage notes fields that the state's query language does not have.
func (p *parser) inLanguage(s *State, n *node, place string) {
	other, wrong := JSONata, onlyJSONata
	if s.Language == JSONata {
		other, wrong = JSONPath, onlyJSONPath
	}
	for i, name := range n.names {
		if contains(wrong, name.text) {
			at := *n.items[i]
			at.line, at.column = name.line, name.column
			p.schema(place, &at, "The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage", s.Language, name.text, other)
		}
	}
}

// common reads what several types have: paths, results, variables, transitions, retries and catchers.
func (p *parser) common(s *State, n *node) {
	fields := fieldsOf[s.Type]
	if s.Language == JSONPath {
		s.inputPath = p.pathField(n, s.Path, "InputPath", true)
		s.outputPath = p.pathField(n, s.Path, "OutputPath", true)
		s.resultPath = p.resultPath(n, s.Path)
		s.resultSelector = p.payload(s, n, "ResultSelector")
	} else {
		s.output = p.payload(s, n, "Output")
	}
	s.assign = p.assign(s, n, s.Path, "Assign")
	if contains(fields, "Next") {
		s.Next = p.text(n, s.Path, "Next")
		if end := n.member("End"); end != nil {
			s.End, _ = end.value.(bool)
			if _, ok := end.value.(bool); !ok {
				p.schema(s.Path+"/End", end, "Expected value of type Boolean")
			}
		}
		if (s.Next == "") == !s.End && !p.loose {
			p.oneOf(n, s.Path, true, "Next", "End")
			if n.member("End") != nil && !s.End && n.member("Next") == nil {
				p.schema(s.Path, n, "One of the following fields is required: [Next, End]")
			}
		}
	}
	if contains(fields, "Retry") {
		retriers, catchers := p.array(n, s.Path, "Retry", true), p.array(n, s.Path, "Catch", true)
		p.allIsLast(retriers, s.Path+"/Retry")
		p.allIsLast(catchers, s.Path+"/Catch")
		for i, r := range retriers {
			p.retrier(s, r, fmt.Sprintf("%s/Retry[%d]", s.Path, i))
		}
		for i, c := range catchers {
			p.catcher(s, c, fmt.Sprintf("%s/Catch[%d]", s.Path, i), fmt.Sprintf("Catch[%d]", i))
		}
	}
}

func (p *parser) retrier(s *State, n *node, place string) {
	if !n.isObject() {
		p.schema(place, n, "Expected value of type Object")
		return
	}
	p.required(n, place, "ErrorEquals")
	p.supported(n, place, []string{"Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"})
	r := retrier{errors: p.texts(n, place, "ErrorEquals"), interval: 1, attempts: 3, rate: p.float(n, place, "BackoffRate", 1, 1000, 2)}
	if n.member("IntervalSeconds") != nil {
		r.interval = float64(p.integer(n, place, "IntervalSeconds", 1, maxSeconds))
	}
	if n.member("MaxAttempts") != nil {
		r.attempts = int(p.integer(n, place, "MaxAttempts", 0, maxSeconds))
	}
	if n.member("MaxDelaySeconds") != nil {
		r.maxDelay = float64(p.integer(n, place, "MaxDelaySeconds", 1, 31_622_400))
		if r.maxDelay > 0 && r.maxDelay <= r.interval {
			p.schema(place+"/MaxDelaySeconds", n.member("MaxDelaySeconds"), "MaxDelaySeconds must be greater than IntervalSeconds")
		}
	}
	if jitter := n.member("JitterStrategy"); jitter != nil {
		r.jitter = jitter.value == "FULL"
		if !r.jitter && jitter.value != "NONE" {
			p.schema(place+"/JitterStrategy", jitter, "The field 'JitterStrategy' should have one of these values: [FULL, NONE]")
		}
	}
	p.all(r.errors, place, n)
	s.retry = append(s.retry, r)
}

func (p *parser) catcher(s *State, n *node, place, location string) {
	if !n.isObject() {
		p.schema(place, n, "Expected value of type Object")
		return
	}
	p.required(n, place, "ErrorEquals", "Next")
	p.supported(n, place, []string{"Comment", "ErrorEquals", "Next", "ResultPath", "Assign", "Output"})
	p.inLanguage(s, n, place)
	c := catcher{errors: p.texts(n, place, "ErrorEquals"), nextName: p.text(n, place, "Next")}
	c.label = strings.Join(c.errors, ", ")
	if s.Language == JSONPath {
		c.resultPath = p.resultPath(n, place)
	} else {
		c.output = p.template(s, n.member("Output"), place+"/Output", location+"/Output", "Output")
	}
	c.assign = p.template(s, n.member("Assign"), place+"/Assign", location+"/Assign", "Assign")
	p.all(c.errors, place, n)
	s.catch = append(s.catch, c)
}

// all notes States.ALL beside other names.
func (p *parser) all(errors []string, place string, at *node) {
	if len(errors) > 1 && contains(errors, ErrorAll) {
		p.schema(place+"/ErrorEquals", at.member("ErrorEquals"), "'States.ALL' must appear alone in ErrorEquals")
	}
}

// allIsLast notes a retrier or catcher with States.ALL that others follow.
func (p *parser) allIsLast(entries []*node, place string) {
	for i, n := range entries {
		if e := n.member("ErrorEquals"); e != nil && len(e.items) == 1 && e.items[0].value == ErrorAll && i < len(entries)-1 {
			p.schema(indexed(place, i)+"/ErrorEquals", e, "'States.ALL' may only appear in the last entry")
		}
	}
}

func (p *parser) task(s *State, n *node) {
	p.required(n, s.Path, "Resource")
	s.Resource = p.text(n, s.Path, "Resource")
	s.task = &taskFields{integration: integrationOf(s.Resource)}
	if n.member("Resource") != nil {
		p.resource(s, n.member("Resource"))
	}
	s.parameters = p.payload(s, n, "Parameters", "Arguments")
	s.task.timeout = p.number(s, n, s.Path, "TimeoutSeconds", true, 1, maxSeconds)
	s.task.heartbeat = p.number(s, n, s.Path, "HeartbeatSeconds", true, 1, maxSeconds)
	if t, h := s.task.timeout, s.task.heartbeat; t != nil && h != nil && t.literal > 0 && h.literal >= t.literal {
		p.schema(s.Path+"/HeartbeatSeconds", n.member("HeartbeatSeconds"), "HeartbeatSeconds must be smaller than TimeoutSeconds")
	}
	if c := p.object(n, s.Path, "Credentials"); c != nil {
		if c.member("RoleArn") == nil && c.member("RoleArn.$") == nil {
			p.schema(s.Path+"/Credentials", c, "The field 'RoleArn' is required but was missing")
		}
		s.task.credentials = p.payload(s, n, "Credentials")
	}
}

// resource checks a Task's Resource and what a kind of machine cannot do.
func (p *parser) resource(s *State, at *node) {
	i := s.task.integration
	place := s.Path + "/Resource"
	if !i.known() {
		p.schema(place, at, "Value is not a valid resource ARN")
	}
	if p.kind != Express {
		return
	}
	switch {
	case i.activity:
		p.schema(place, at, "Express state machine does not support Activity ARN")
	case i.sync:
		p.schema(place, at, "Express state machine does not support '.sync' service integration")
	case strings.HasSuffix(i.resource, ".waitForTaskToken"):
		p.schema(place, at, "Express state machine does not support '.waitForTaskToken' service integration ")
	}
}

func (p *parser) wait(s *State, n *node) {
	s.wait = &waitFields{}
	p.oneOf(n, s.Path, true, "Seconds", "SecondsPath", "Timestamp", "TimestampPath")
	s.wait.seconds = p.number(s, n, s.Path, "Seconds", true, 0, maxSeconds)
	s.wait.when = p.pathField(n, s.Path, "TimestampPath", false)
	at := n.member("Timestamp")
	if at == nil {
		return
	}
	text, _ := at.value.(string)
	if source, ok := expressionSource(text); ok && s.Language == JSONata {
		s.wait.computed = p.expression(at, s.Path+"/Timestamp", source, "Timestamp")
		return
	}
	when, ok := parseTimestamp(text)
	if !ok {
		p.schema(s.Path+"/Timestamp", at, "Value is not a valid ISO-8601 extended offset date-time format string")
	}
	s.wait.timestamp = when
}

func (p *parser) fail(s *State, n *node) {
	s.fail = &failFields{}
	if s.Language == JSONPath {
		p.oneOf(n, s.Path, false, "Error", "ErrorPath")
		p.oneOf(n, s.Path, false, "Cause", "CausePath")
		s.fail.errPath = p.pathField(n, s.Path, "ErrorPath", false)
		s.fail.causePath = p.pathField(n, s.Path, "CausePath", false)
	}
	p.text(n, s.Path, "Error")
	p.text(n, s.Path, "Cause")
	s.fail.err = p.literalOrExpression(s, n, "Error")
	s.fail.cause = p.literalOrExpression(s, n, "Cause")
}

// literalOrExpression reads a text that JSONPath states take as it is.
func (p *parser) literalOrExpression(s *State, n *node, field string) *template {
	at := n.member(field)
	if at == nil {
		return nil
	}
	text, _ := at.value.(string)
	if source, ok := expressionSource(text); ok && s.Language == JSONata {
		return p.expression(at, s.Path+"/"+field, source, field)
	}
	return &template{constant: text}
}

func (p *parser) parallel(s *State, n *node) {
	p.required(n, s.Path, "Branches")
	s.parameters = p.payload(s, n, "Parameters", "Arguments")
	for i, branch := range p.array(n, s.Path, "Branches", false) {
		place := fmt.Sprintf("%s/Branches[%d]", s.Path, i)
		if !branch.isObject() {
			p.schema(place, branch, "Expected value of type Object")
			continue
		}
		p.required(branch, place, "StartAt", "States")
		p.supported(branch, place, []string{"Comment", "StartAt", "States"})
		s.Machines = append(s.Machines, p.machine(branch, place, s))
	}
}

// parseTimestamp reads an ISO 8601 date and time with an offset.
func parseTimestamp(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func timestampOf(v any) (time.Time, bool) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	return parseTimestamp(text)
}
