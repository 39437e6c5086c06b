package answer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// Bounds of a command, in real time and in bytes of its answer.
const (
	commandTime  = time.Minute
	commandBytes = 4 << 20
)

// run gives a command the task as JSON and reads its answer:
//
//	{"state": …, "resource": …, "input": …, "context": …, "attempt": …}
//	{"output": …} or {"error": …, "cause": …}; either may have "delay"
func run(ctx context.Context, folder string, command []string, c asl.Call) (asl.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = folder
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(value.Text(value.ObjectOf(
		"state", c.State, "resource", c.Resource, "input", c.Parameters, "context", c.Context, "attempt", float64(c.Attempt))))
	var stdout, stderr limited
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case stdout.over:
		return asl.Answer{}, fmt.Errorf("its answer is longer than %d bytes", commandBytes)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return asl.Answer{}, fmt.Errorf("it did not answer within %v", commandTime)
	case err != nil:
		if said := lastLine(stderr.kept.String()); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return asl.Answer{}, err
	}
	answer, err := value.Parse(stdout.kept.Bytes())
	if err != nil {
		return asl.Answer{}, fmt.Errorf("its answer is no JSON: %w", err)
	}
	return fromJSON(answer)
}

// limited keeps the first bytes written to it.
type limited struct {
	kept bytes.Buffer
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	room := commandBytes - l.kept.Len()
	l.over = l.over || len(p) > room
	l.kept.Write(p[:min(room, len(p))])
	return len(p), nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// fromJSON reads an answer.
func fromJSON(v any) (asl.Answer, error) {
	object, ok := v.(*value.Object)
	if !ok {
		return asl.Answer{}, errors.New(`its answer is no object: it is {"output": …} or {"error": …, "cause": …}`)
	}
	var answer asl.Answer
	hasOutput := false
	for name, item := range object.All() {
		if name == "output" {
			answer.Output, hasOutput = item, true
			continue
		}
		if name == "submitted" {
			answer.Submitted = item
			continue
		}
		text, ok := item.(string)
		if !ok {
			return asl.Answer{}, fmt.Errorf("its answer's %s is no text", name)
		}
		if err := setText(&answer, name, text); err != nil {
			return asl.Answer{}, fmt.Errorf("its answer: %w", err)
		}
	}
	return answer, check(&answer, hasOutput)
}

// setText sets a member of an answer that is a text.
func setText(answer *asl.Answer, name, text string) error {
	switch name {
	case "error":
		answer.Error = text
	case "cause":
		answer.Cause = text
	case "worker":
		answer.Worker = text
	case "delay":
		delay, err := parseDelay(text)
		answer.Delay = delay
		return err
	default:
		return fmt.Errorf("%q is no part of an answer; there are %s", name, strings.Join(answerKeys, ", "))
	}
	return nil
}

// answerKeys are the members of an answer.
var answerKeys = []string{"output", "error", "cause", "delay", "worker", "submitted"}

// check says whether an answer is one: an output or an error, not both.
func check(answer *asl.Answer, hasOutput bool) error {
	switch {
	case hasOutput && answer.Error != "":
		return errors.New("an answer has an output or an error, not both")
	case !hasOutput && answer.Error == "" && answer.Cause != "":
		return errors.New("an answer with a cause needs an error")
	case !hasOutput && answer.Error == "":
		return errors.New("an answer needs an output or an error")
	}
	return nil
}

// parseDelay reads a duration such as 5s, 1h30m or 7d.
func parseDelay(text string) (time.Duration, error) {
	days, rest := time.Duration(0), text
	if n, after, ok := strings.Cut(text, "d"); ok {
		whole, err := time.ParseDuration(n + "h")
		if err != nil {
			return 0, fmt.Errorf("%q is no duration; write it as 5s, 1h30m or 7d", text)
		}
		days, rest = whole*24, after
		if rest == "" {
			rest = "0s"
		}
	}
	delay, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration; write it as 5s, 1h30m or 7d", text)
	}
	if delay += days; delay < 0 || delay > maxDelay {
		return 0, fmt.Errorf("a delay of %s is not between 0s and 366d", text)
	}
	return delay, nil
}
