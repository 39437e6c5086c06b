// Package answer answers the tasks of a state machine from a file of rules, so that the machine can be tried without what it calls.
//
//   - match: {state: Fetch}                # or {resource: "arn:aws:lambda:*"}, or both; * stands for any text
//     answers: [{error: Lambda.TooManyRequestsException}, {delay: 5s, output: {rows: 3}}]
//   - match: {resource: "arn:aws:states:::lambda:invoke*"}
//     exec: [python3, answer.py]
//   - match: {resource: "*"}
//     echo: true
//
// The first rule that matches a task answers it. A rule's answers are given in turn, the last one again and again.
package answer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
)

// Rules are the rules of a file in their order. They remember which answers were given and are used for one run.
type Rules struct {
	rules  []rule
	folder string // commands run there
	ctx    context.Context
	err    error
}

type rule struct {
	state    string // a glob; "" matches every state
	resource string // a glob; "" matches every resource
	answers  []asl.Answer
	given    int // answers so far
	command  []string
	echo     bool
	line     int
}

// In makes the rules' commands run in a folder, until ctx ends.
func (r *Rules) In(ctx context.Context, folder string) *Rules {
	r.ctx, r.folder = ctx, folder
	return r
}

// Err is the first failure of a rule itself: a command that cannot be run or answers with something else than JSON.
func (r *Rules) Err() error { return r.err }

// Run answers a task.
func (r *Rules) Run(c asl.Call) asl.Answer {
	for i := range r.rules {
		one := &r.rules[i]
		if !matches(one.state, c.State) || !matches(one.resource, c.Resource) {
			continue
		}
		switch {
		case one.echo:
			return asl.Answer{Output: c.Parameters}
		case one.command != nil:
			return r.exec(one, c)
		}
		one.given++
		return one.answers[min(one.given, len(one.answers))-1]
	}
	return asl.Answer{Error: "States.TaskFailed", Cause: fmt.Sprintf("no rule answers state %q with resource %s", c.State, c.Resource)}
}

// exec has the rule's command answer. A command that fails is noted: the machine could catch the task's error.
func (r *Rules) exec(one *rule, c asl.Call) asl.Answer {
	answer, err := run(r.ctx, r.folder, one.command, c)
	if err == nil {
		return answer
	}
	if r.err == nil {
		r.err = fmt.Errorf("the rule in line %d: %s: %w", one.line, strings.Join(one.command, " "), err)
	}
	return asl.Answer{Error: "States.TaskFailed", Cause: err.Error()}
}

// matches says whether a text is what a glob describes: * stands for any text, ? for any one character. The empty glob matches everything.
func matches(glob, text string) bool {
	if glob == "" {
		return true
	}
	pattern, rest := []rune(glob), []rune(text)
	star, mark := -1, 0 // the last *, and how far the text was when it began
	p, t := 0, 0
	for t < len(rest) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == rest[t]):
			p++
			t++
		case star >= 0: // the * takes one character more
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// maxDelay is the longest delay of an answer: a standard execution of Step Functions lasts a year at most.
const maxDelay = 366 * 24 * time.Hour
